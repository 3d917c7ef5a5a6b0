/** Puts together, from all that is known of this peer, what keeps it from others. */

import type { FailedDial } from '../driver/dial-log.ts'
import type { PresenceGraph, PresencePeer } from '../engine/mesh/presence-graph.ts'
import type { DialObstacle } from '../transport/transport.ts'
import { remedies, type Diagnosis, type DiagnosisCode, type Finding } from './diagnosis.ts'
import type { MeshEnvironment } from './environment.ts'
import type { MeshProblem } from './mesh.ts'

/** No clock that is right shows less: the project is younger. */
const clockMsMin = Date.UTC(2026, 0, 1)

/** What is known at that moment. */
export interface DiagnosisFacts {
  readonly environment: MeshEnvironment
  readonly graph: PresenceGraph
  readonly failedDials: readonly FailedDial[]
  /** Of the last 32, oldest first. */
  readonly problems: readonly MeshProblem[]
  /** What the permission for the local network is, where there is one. */
  readonly localNetwork: DialObstacle | undefined
  /** False when the system says that there is no network. */
  readonly isOnline: boolean
  /** The wall clock, in milliseconds since 1970. */
  readonly wallMs: number
}

/** See the file header. */
export function diagnose(facts: DiagnosisFacts): Diagnosis {
  const { graph } = facts
  const others = graph.peers.filter(({ peer }) => peer !== graph.local)
  const findings = [
    ...ofThisPeer(facts),
    ...facts.failedDials.map((dial) => ofDial(dial, facts.localNetwork)),
    ...ofProblems(facts.problems),
    ...ofTransports(graph, others),
  ]
  const rank = { fault: 0, hint: 1 } as const
  return {
    findings: findings.toSorted((left, right) => rank[left.severity] - rank[right.severity]),
    linkedPeerCount: others.filter(({ hopCount }) => hopCount === 1).length,
    reachedPeerCount: others.filter(({ hopCount }) => hopCount !== undefined).length,
  }
}

function finding(
  code: DiagnosisCode,
  severity: Finding['severity'],
  message: string,
  about: Pick<Finding, 'transport' | 'address' | 'peer'> = {},
): Finding {
  return { code, severity, message, remedy: remedies[code], ...about }
}

function ofThisPeer({ environment, graph, isOnline, wallMs }: DiagnosisFacts): readonly Finding[] {
  const findings: Finding[] = []
  if (wallMs < clockMsMin) {
    findings.push(finding('clock-wrong', 'fault', `The clock says ${dayOf(wallMs)}.`))
  }
  const own = graph.peers.find(({ peer }) => peer === graph.local)
  if (own?.transports.length === 0) {
    findings.push(finding('no-transport', 'fault', 'No transport of this peer runs.'))
  }
  if (!isOnline) {
    findings.push(finding('offline', 'hint', 'The device says that it is in no network.'))
  }
  for (const { feature, consequence } of environment.missing) {
    if (feature === 'secure-context') findings.push(finding('insecure-page', 'hint', consequence))
    if (feature === 'webrtc') findings.push(finding('webrtc-missing', 'fault', consequence))
  }
  return findings
}

/** A permission that is lacking now explains what failed without a reason. */
function ofDial(dial: FailedDial, localNetwork: DialObstacle | undefined): Finding {
  const { transport, address, message, count } = dial
  const obstacle = dial.obstacle ?? (transport === 'webrtc' ? localNetwork : undefined)
  const times = count === 1 ? '' : ` (${count} times in a row)`
  return finding(obstacle ?? 'unreachable', 'fault', `${message}${times}`, { transport, address })
}

/** Each kind once for each peer: the latest. */
function ofProblems(problems: readonly MeshProblem[]): readonly Finding[] {
  const latest = new Map<string, Finding>()
  for (const { code, message, peer } of problems) {
    if (!isDiagnosisCode(code)) continue
    const severity = code === 'app-mismatch' ? 'hint' : 'fault'
    latest.set(`${code} ${message}`, finding(code, severity, message, peer ? { peer } : {}))
  }
  return [...latest.values()]
}

/** Who shares no transport is reached through others at best. */
function ofTransports(graph: PresenceGraph, others: readonly PresencePeer[]): readonly Finding[] {
  const own = new Set(graph.peers.find(({ peer }) => peer === graph.local)?.transports)
  return others
    .filter(({ transports, hopCount }) => {
      return hopCount !== 1 && transports.length > 0 && !transports.some((name) => own.has(name))
    })
    .map(({ peer, name, transports, hopCount }) => {
      const way = hopCount === undefined ? 'not reached' : `reached over ${hopCount} hops`
      const message = `${name || peer} runs ${transports.join(', ')} and no transport of ours; it is ${way}.`
      const severity = hopCount === undefined ? 'fault' : 'hint'
      return finding('no-common-transport', severity, message, { peer })
    })
}

function isDiagnosisCode(code: string): code is DiagnosisCode {
  return Object.hasOwn(remedies, code)
}

function dayOf(wallMs: number): string {
  return new Date(wallMs).toISOString().slice(0, 10)
}
