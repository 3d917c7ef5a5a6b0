/**
 * Two connections of four peers whose packets all pass one relay: how they share the link that leads
 * from there.
 *
 *     sender 1 ──┐                            ┌── receiver 1
 *                ├── (gate) ── relay ── exit ──┤
 *     sender 2 ──┘                            └── receiver 2
 */

import type { Cryptography } from '../../../engine/crypto/cryptography.ts'
import type { Priority } from '../../../engine/link/link-port.ts'
import { encodePeerId } from '../../../engine/identity/peer-id.ts'
import { encodePacket } from '../../../engine/mesh/packet.ts'
import { linkSizeClass } from '../../../engine/mesh/size-class.ts'
import { BufferWatch, type Buffers } from './buffer-watch.ts'
import { connect } from './chain.ts'
import type { PathPeer } from './path-peer.ts'
import { pathProfile, type PathProfile } from './path-profile.ts'
import { PathWorld } from './path-world.ts'
import { Transfer } from './workload.ts'

const messageBytes = 1_000

/** What is not in question is fast. */
const fast = pathProfile('lan', 10_000, 1, 16_384)

/** The second one comes when the first has the link for itself. */
const secondComesMs = 3_000

export interface RelayRunOptions {
  readonly cryptography: Cryptography
  readonly seed: number
  /** Of each connection. */
  readonly streams: readonly [Priority, Priority]
  /** From the relay to the exit. */
  readonly narrow: PathProfile
  /** From each sender to the relay, or to the gate before it: their round trips differ here. */
  readonly ways: readonly [PathProfile, PathProfile]
  /** Both come to the relay from one neighbour. */
  readonly hasGate: boolean
  /** Virtual time until they are looked at, and for which. */
  readonly settleMs: number
  readonly ms: number
}

export interface RelayRun {
  /** Of the first connection, in what both got. */
  readonly share: number
  /** Of both together, in what the link carries. */
  readonly used: number
  readonly buffers: Buffers
}

/** See the file header. */
export function runRelay(options: RelayRunOptions): RelayRun {
  const { cryptography, seed, streams, narrow, ways, hasGate, settleMs, ms } = options
  const world = new PathWorld({ cryptography, seed, hasStaticRoutes: true })
  const [relay, exit] = [world.addPeer('relay'), world.addPeer('exit')]
  const narrowJoint = world.join(relay, exit, narrow)
  const before = hasGate ? [world.addPeer('gate'), relay] : [relay]
  if (before.length > 1) world.join(before[0]!, relay, fast)
  const pairs = ways.map((way, index) => {
    const from = world.addPeer(`sender ${index + 1}`)
    const to = world.addPeer(`receiver ${index + 1}`)
    world.join(from, before[0]!, way)
    world.join(exit, to, fast)
    world.lay([from, ...before, exit, to], linkSizeClass(narrow.traits.cost))
    return { from, to }
  })
  world.run(5_000)
  for (const { from, to } of pairs) connect(world, from, to)
  const watch = new BufferWatch([relay], [narrowJoint])
  const transfers = pairs.map(({ from, to }, index) => {
    const bytes = Number.MAX_SAFE_INTEGER
    return new Transfer(world, from, to, { stream: streams[index]!, bytes, messageBytes })
  })
  const startMs = world.nowMs
  transfers[0]!.start()
  world.run(startMs + secondComesMs)
  transfers[1]!.start()
  world.run(startMs + settleMs)
  const earlier = transfers.map(({ receivedBytes }) => receivedBytes)
  world.run(startMs + settleMs + ms)
  const [first, second] = transfers.map(
    ({ receivedBytes }, index) => receivedBytes - earlier[index]!,
  ) as [number, number]
  return {
    share: first / (first + second),
    used: (first + second) / (narrow.bytesPerMs * ms),
    buffers: watch.greatest,
  }
}

export interface FloodedRelayOptions {
  readonly cryptography: Cryptography
  readonly seed: number
  /** From the relay to the exit. */
  readonly narrow: PathProfile
  /** Virtual time until the transfer is looked at, and for which. */
  readonly settleMs: number
  readonly ms: number
}

/** A packet each millisecond, of a length at which the flood is far more than the link carries. */
const floodMs = 1
const floodBytes = 1_000

/**
 * One connection with a transfer of sync through a relay, whose other neighbour sends it packets without
 * an end, each with another source. `share` is that of the connection in what the link carries.
 */
export function runFloodedRelay(options: FloodedRelayOptions): Omit<RelayRun, 'used'> {
  const { cryptography, seed, narrow, settleMs, ms } = options
  const world = new PathWorld({ cryptography, seed, hasStaticRoutes: true })
  const [relay, exit, from, to, flooder] = ['relay', 'exit', 'sender', 'receiver', 'flooder'].map(
    (name) => world.addPeer(name),
  ) as [PathPeer, PathPeer, PathPeer, PathPeer, PathPeer]
  const narrowJoint = world.join(relay, exit, narrow)
  world.join(from, relay, fast)
  world.join(exit, to, fast)
  world.join(flooder, relay, fast)
  world.lay([from, relay, exit, to], linkSizeClass(narrow.traits.cost))
  world.run(5_000)
  connect(world, from, to)
  const watch = new BufferWatch([relay], [narrowJoint])
  const bytes = Number.MAX_SAFE_INTEGER
  const transfer = new Transfer(world, from, to, { stream: 'sync', bytes, messageBytes })
  const startMs = world.nowMs
  let count = 0
  const flood = (): void => {
    count += 1
    const source = encodePeerId(Uint8Array.of(0xf0, 0, 0, 0, ...bigEndian(count)))
    const flooding = {
      priority: 'sync',
      hopLimit: 9,
      congestionMarked: false,
      source,
      destination: to.id,
      payload: new Uint8Array(floodBytes),
    } as const
    const packet = encodePacket(flooding, { from: flooder.id, to: relay.id })
    flooder.do((nowMs) => flooder.neighbourhood.send(relay.id, 'packet', 'sync', packet, nowMs))
    world.at(world.nowMs + floodMs, flood)
  }
  flood()
  transfer.start()
  world.run(startMs + settleMs)
  const earlierBytes = transfer.receivedBytes
  world.run(startMs + settleMs + ms)
  const share = (transfer.receivedBytes - earlierBytes) / (narrow.bytesPerMs * ms)
  return { share, buffers: watch.greatest }
}

function bigEndian(value: number): readonly number[] {
  return [(value >> 24) & 0xff, (value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff]
}
