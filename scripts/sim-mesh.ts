// `pnpm sim mesh [--peers N] [--degree N] [--diameter N] [--profile NAME] [--minutes N] [--interval MS]
// [--seed S]`: a large mesh of whole engines in virtual time. It joins in any order; then, for some
// minutes, a link breaks or comes back at each interval; then a peer dies. With a diameter it is a long
// one. Ends with one line; exits 1 when next hops formed a circle, peers did not come together, or a
// bound of docs/specs/routing.md was missed.

import { parseArgs } from 'node:util'
import { createYjsDocuments } from '../packages/core/src/documents/yjs-documents.ts'
import { nodeCryptography } from '../packages/core/src/driver/node-cryptography.ts'
import {
  bluetooth,
  diameterOf,
  longTopology,
  MeshRun,
  randomTopology,
  wifi,
} from '../packages/core/src/testing/sim/mesh/index.ts'
import { Dice } from '../packages/core/src/testing/sim/world/dice.ts'

const profiles = { wifi: wifi(), bluetooth: bluetooth() }
/** Peers boot within that time. */
const joinMs = 5_000
const restMs = 60_000
/** Long enough for what is told lazily. */
const settleMs = 20_000

/** Runs what the arguments say; gives the exit code. */
export function runMesh(args: readonly string[]): number {
  const { values } = parseArgs({
    args: [...args],
    options: {
      peers: { type: 'string', default: '100' },
      degree: { type: 'string', default: '6' },
      diameter: { type: 'string' },
      profile: { type: 'string', default: 'wifi' },
      minutes: { type: 'string', default: '10' },
      interval: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '1' },
      verbose: { type: 'boolean', default: false },
    },
  })
  const [peers, degree, minutes] = [values.peers, values.degree, values.minutes].map(Number)
  const seed = Number(values.seed)
  const dice = new Dice(`topology ${seed}`)
  const topology =
    values.diameter === undefined
      ? randomTopology(dice, peers!, degree!)
      : longTopology(dice, peers!, degree!, Number(values.diameter))
  const startedAtMs = performance.now()
  const run = new MeshRun({
    seed,
    cryptography: nodeCryptography,
    documents: createYjsDocuments(),
    topology,
    profile: profiles[values.profile as keyof typeof profiles],
    joinMs,
    ...(values.verbose && { log: console.log }),
  })
  const joinedMs = run.comeTogether()
  console.log(
    `${peers} peers, ${topology.edges.length} ${values.profile} links, diameter ${diameterOf(topology)}: ` +
      `all pairs ${joinedMs} ms after the last peer booted`,
  )
  const resting = run.rest(restMs)
  console.log(`at rest, a peer and second: ${traffic(resting)}`)
  const parts = [`joined in ${joinedMs} ms`, `at rest ${traffic(resting)}`]
  if (minutes! > 0) {
    const churn = run.churn(minutes! * 60_000, Number(values.interval))
    const share = (part: number): string => `${(100 * part).toFixed(3)} %`
    parts.push(
      `${churn.linkEvents} link events: ${traffic(churn)}`,
      `${share(churn.deliverableShare)} of connected pairs deliverable, ` +
        `${share(churn.deliverableShareMin)} at worst, ${share(churn.poorLooksShare)} of looks below 99.5 %`,
    )
  }
  run.rest(settleMs)
  parts.push(`dead peer purged in ${run.loseOne()} ms`)
  for (const { sentence } of run.violations.slice(0, 3)) console.log(sentence)
  console.log(
    `mesh: seed ${seed}, ${peers} peers, ${parts.join('; ')}; ` +
      `${run.watch.nextHopChanges} next hops changed, ${run.watch.loopCount} circles, ` +
      `${run.violations.length} violations, ${((performance.now() - startedAtMs) / 60_000).toFixed(1)} minutes`,
  )
  return run.violations.length > 0 || !Number.isFinite(joinedMs) ? 1 : 0
}

function traffic({ routeBytes, presenceBytes }: { routeBytes: number; presenceBytes: number }) {
  return `${routeBytes.toFixed(0)} B of routes, ${presenceBytes.toFixed(0)} B of presence`
}
