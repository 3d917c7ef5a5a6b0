/**
 * A script: all that a run is made of, as plain data. A seed draws one (swarm.ts), a file may hold
 * one, and shrinking takes parts of one away.
 */

import type { KeyLimits } from '../../../engine/connection/key-phases.ts'
import type { KeyLifetime } from '../../../engine/noise/key-use.ts'
import type { Fault } from '../faults/faults.ts'
import type { TransferAction } from '../workload/transfers.ts'
import { profileOf, type LinkProfile, type ProfileSpec } from '../network/profiles.ts'
import type { AddressTransport } from '../network/transports.ts'
import type { DocumentsAction } from '../workload/documents-workload.ts'

/** Something that happens at a time. */
export type Step = { readonly atMs: number } & (Fault | DocumentsAction | TransferAction)

export interface ScriptedDial {
  readonly transport: AddressTransport
  readonly to: string
  readonly profile: ProfileSpec
}

export interface ScriptedPeer {
  readonly name: string
  readonly dials: readonly ScriptedDial[]
  /** It runs the `direct` transport. */
  readonly direct?: ProfileSpec
  readonly clockStandsStill?: boolean
  /** When it boots first; at once by default. */
  readonly bootsAtMs?: number
}

/** What is looked at once a mended mesh agrees, beside what it agrees on. */
export type Check =
  /** Edits in a mesh where all is well are pushed to everybody at once. */
  | 'calm'
  /** Next to nothing is said when nothing happens. */
  | 'idle'
  /** Everybody starts anew, and all is as it was. */
  | 'come-back'
  /** Strangers knock at the first peer. */
  | 'strangers'

export const checks: readonly Check[] = ['calm', 'idle', 'come-back', 'strangers']

export interface Script {
  /** The luck of everything that the script leaves open: jitter, delays of disks, keys. */
  readonly seed: number
  readonly peers: readonly ScriptedPeer[]
  readonly diskDelayMsMax: number
  /** How much one key of a link seals; the usual by default. */
  readonly linkKeyLifetime?: KeyLifetime
  /** How much the keys of a connection seal; the usual by default. */
  readonly connectionKeyLimits?: KeyLimits
  /** When everything is mended. */
  readonly faultyMs: number
  readonly checks: readonly Check[]
  /** In the order of time. */
  readonly steps: readonly Step[]
}

/** Messages that need no proof are so long, where datagrams travel; a longer one is tried so often. */
const safeBytes = 1_200
const probesPerSize = 5

/** Names of the peers that a step needs. */
export function peersOf(step: Step): readonly string[] {
  return 'peer' in step ? [step.peer] : [step.from, step.to]
}

/** Pairs of peers that dial each other. */
export function pairsOf(peers: readonly ScriptedPeer[]): readonly (readonly [string, string])[] {
  return peers.flatMap(({ name, dials }) => dials.map(({ to }) => [name, to] as const))
}

/** What the slowest pipe between two peers passes, in bytes a millisecond. */
export function narrowestBytesPerMs(peers: readonly ScriptedPeer[]): number {
  return Math.min(...profilesOf(peers).map(({ bytesPerMs }) => bytesPerMs))
}

/**
 * What the most inquisitive channel spends in a minute on finding out how long messages may be: once
 * all is still, five probes each way of a length that is safe elsewhere (LK26 of docs/specs/link.md).
 */
export function probeBytesPerMinute(peers: readonly ScriptedPeer[]): number {
  const bytes = profilesOf(peers)
    .filter(({ passedBytesMax, traits }) => passedBytesMax < traits.messageBytesMax)
    .map(({ traits }) => Math.min(traits.messageBytesMax, safeBytes))
  return 2 * probesPerSize * Math.max(0, ...bytes)
}

function profilesOf(peers: readonly ScriptedPeer[]): readonly LinkProfile[] {
  const specs = peers.flatMap(({ dials, direct }) => [
    ...dials.map(({ profile }) => profile),
    ...(direct ? [direct] : []),
  ])
  return specs.map((spec) => profileOf(spec))
}

/** Most hops between two peers, over those that dial each other. */
export function diameterOf(peers: readonly ScriptedPeer[]): number {
  const pairs = pairsOf(peers)
  let diameter = 0
  for (const { name } of peers) {
    const hopsByPeer = new Map([[name, 0]])
    // A map is iterated over what is added meanwhile: breadth first.
    for (const [peer, hops] of hopsByPeer) {
      diameter = Math.max(diameter, hops)
      for (const pair of pairs) {
        const other = pair[0] === peer ? pair[1] : pair[1] === peer ? pair[0] : undefined
        if (other !== undefined && !hopsByPeer.has(other)) hopsByPeer.set(other, hops + 1)
      }
    }
  }
  return diameter
}
