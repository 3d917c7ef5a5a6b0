/**
 * The paths that transfers are held to, each with the share of its narrowest hop that they have to
 * reach, and the relays that two connections share.
 */

import type { Priority } from '../../../engine/link/link-port.ts'
import { pathProfile, type PathProfile } from './path-profile.ts'

export interface KnownPath {
  readonly name: string
  readonly hops: readonly PathProfile[]
  /** Undefined where nothing is required. */
  readonly requiredShare: number | undefined
  /** Of keystrokes beside the transfer, the 99th percentile; undefined where nothing is required. */
  readonly keystrokeMsMost: number | undefined
}

/** The same channel, whatever becomes of its messages, as one that promises nothing. */
function unreliable(profile: PathProfile): PathProfile {
  return { ...profile, traits: { ...profile.traits, reliable: false, ordered: false } }
}

/** GATT at 20 kB/s: a connection event every 15 ms or so, and what the stack holds. */
function bluetooth(
  messageBytes: number,
  rest: Parameters<typeof pathProfile>[4] = {},
): PathProfile {
  return pathProfile('bluetooth', 20, 15, messageBytes, { jitterMs: 15, ...rest })
}

const lan = pathProfile('lan', 10_000, 1, 16_384, { jitterMs: 1 })
const tcp = { hostBufferBytes: 64 * 1024, jitterMs: 2 }
const wan = pathProfile('relay', 1_250, 50, 65_535, tcp)
const narrowWan = pathProfile('wan', 500, 10, 65_535, tcp)

/** 10 Mbit/s on which one message in fifty is lost. */
function losing(latencyMs: number, messageBytes: number): PathProfile {
  return unreliable(pathProfile('wan', 1_250, latencyMs, messageBytes, { lossShare: 0.02 }))
}

/** 1 Mbit/s on which one message in twenty comes at another time than the others. */
function reordering(latencyMs: number, rest: Parameters<typeof pathProfile>[4]): PathProfile {
  return unreliable(pathProfile('wan', 125, latencyMs, 65_535, rest))
}

const keystrokeMsMost = 250

export const knownPaths: readonly KnownPath[] = [
  {
    name: 'Bluetooth, 20-byte messages',
    hops: [bluetooth(20)],
    requiredShare: 0.75,
    keystrokeMsMost,
  },
  {
    name: 'Bluetooth, 182-byte messages',
    hops: [bluetooth(182)],
    requiredShare: 0.85,
    keystrokeMsMost,
  },
  {
    name: '10 Mbit/s, 2 % lost, 50 ms each way',
    hops: [losing(50, 1_200)],
    requiredShare: 0.7,
    keystrokeMsMost: undefined,
  },
  {
    name: '10 Mbit/s, 2 % lost, 50 ms there and back',
    hops: [losing(25, 1_200)],
    requiredShare: 0.7,
    keystrokeMsMost: undefined,
  },
  {
    name: '10 Mbit/s, 2 % lost, 50 ms each way, longer messages',
    hops: [losing(50, 65_535)],
    requiredShare: 0.7,
    keystrokeMsMost: undefined,
  },
  {
    name: '1 Mbit/s, 200 ms each way, 5 % as much later',
    hops: [reordering(200, { reorderShare: 0.05, reorderMs: 200 })],
    requiredShare: 0.7,
    keystrokeMsMost: undefined,
  },
  {
    name: '1 Mbit/s, 200 ms there and back, 5 % as much later',
    hops: [reordering(100, { reorderShare: 0.05, reorderMs: 200 })],
    requiredShare: 0.7,
    keystrokeMsMost: undefined,
  },
  {
    name: '1 Mbit/s, 200 ms each way, 5 % at once',
    hops: [reordering(0, { reorderShare: 0.95, reorderMs: 200 })],
    requiredShare: 0.7,
    keystrokeMsMost: undefined,
  },
  {
    name: 'Bluetooth (182), local network, relay',
    hops: [bluetooth(182), lan, wan],
    requiredShare: 0.8,
    keystrokeMsMost,
  },
  {
    name: 'local network, Bluetooth (182), relay',
    hops: [lan, bluetooth(182), wan],
    requiredShare: 0.8,
    keystrokeMsMost,
  },
  {
    name: 'local network, relay, Bluetooth (182)',
    hops: [lan, wan, bluetooth(182)],
    requiredShare: 0.8,
    keystrokeMsMost,
  },
  {
    name: 'local network, 4 Mbit/s, relay',
    hops: [lan, narrowWan, wan],
    requiredShare: 0.8,
    keystrokeMsMost: undefined,
  },
  {
    name: 'local network, Bluetooth (20)',
    hops: [lan, bluetooth(20)],
    requiredShare: 0.75,
    keystrokeMsMost,
  },
  {
    name: 'Bluetooth notifications of 20 bytes, 0.2 % lost',
    hops: [unreliable(bluetooth(20, { lossShare: 0.002 }))],
    requiredShare: undefined,
    keystrokeMsMost,
  },
  {
    name: 'Bluetooth notifications of 20 bytes, 2 % late',
    hops: [unreliable(bluetooth(20, { reorderShare: 0.02, reorderMs: 30 }))],
    requiredShare: undefined,
    keystrokeMsMost,
  },
  {
    name: 'Bluetooth notifications of 182 bytes, 0.2 % lost',
    hops: [unreliable(bluetooth(182, { lossShare: 0.002 }))],
    requiredShare: undefined,
    keystrokeMsMost,
  },
]

export interface KnownRelay {
  readonly name: string
  readonly narrow: PathProfile
  readonly ways: readonly [PathProfile, PathProfile]
  readonly hasGate: boolean
}

const near = lan
const far = pathProfile('wan', 10_000, 75, 65_535, { jitterMs: 2 })

/** Two connections get no less than 40 and no more than 60 parts in a hundred each. */
export const shareLeast = 0.4

export const knownRelays: readonly KnownRelay[] = [
  { name: 'Bluetooth, two neighbours', narrow: bluetooth(182), ways: [near, near], hasGate: false },
  {
    name: 'Bluetooth, one 150 ms further',
    narrow: bluetooth(182),
    ways: [near, far],
    hasGate: false,
  },
  { name: 'Bluetooth, one neighbour', narrow: bluetooth(182), ways: [near, far], hasGate: true },
  { name: '4 Mbit/s, two neighbours', narrow: narrowWan, ways: [near, near], hasGate: false },
  { name: '4 Mbit/s, one 150 ms further', narrow: narrowWan, ways: [near, far], hasGate: false },
  { name: '4 Mbit/s, one neighbour', narrow: narrowWan, ways: [near, far], hasGate: true },
  { name: '10 Mbit/s, one 150 ms further', narrow: wan, ways: [near, far], hasGate: false },
]

/** Priorities that transfers go with. */
export const transferStreams: readonly Priority[] = ['bulk', 'sync']
