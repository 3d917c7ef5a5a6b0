/** What tests of survival have in common: peers that meet, data on their way, and how long paths take. */

import type { ConnectionOutput } from '../../../engine/connection/connection-output.ts'
import type { Cryptography } from '../../../engine/crypto/cryptography.ts'
import type { Priority } from '../../../engine/link/link-port.ts'
import { connect } from './chain.ts'
import { MessageTransfer } from './message-transfer.ts'
import type { PathPeer } from './path-peer.ts'
import { pathProfile } from './path-profile.ts'
import { PathWorld } from './path-world.ts'
import { StreamTransfer } from './stream-transfer.ts'

/** Whatever is waited for happens within this time, or never. */
const patienceMs = 120_000

/** Round trips of which the middle one counts. */
const roundTripCount = 9

/** Packets of connections, in bytes: on a narrow path, and elsewhere at first. */
export const narrowPacketBytes = 1_024
export const packetBytes = 4_096

/** 10 Mbit/s over the internet, and 32 Mbit/s on a local network. */
export const wanProfile = pathProfile('wan', 1_250, 20, 65_535, { jitterMs: 2 })
export const lanProfile = pathProfile('lan', 4_000, 2, 65_535, { jitterMs: 0.5 })

/**
 * What a message of a link takes at the most (LK11): the first window of a connection leaves as one, and
 * none of its bytes is there before the last one.
 */
export const linkMessageMs = 100 / 3

/** A peer whose key depends on the seed, as does which of two peers decides. */
export function addPeer(world: PathWorld, seed: number, name: string, epoch = 1): PathPeer {
  const place = ['left', 'right', 'relay', 'other relay'].indexOf(name)
  return world.addPeer(name, { keyByte: 1 + ((seed * 7 + place * 61) % 250), epoch })
}

/** The two that transfer. */
export function addPair(world: PathWorld, seed: number): readonly [PathPeer, PathPeer] {
  return [addPeer(world, seed, 'left'), addPeer(world, seed, 'right')]
}

/** Lets time pass until the condition holds; how long it took. */
function runUntil(world: PathWorld, what: string, condition: () => boolean): number {
  const fromMs = world.nowMs
  world.run(fromMs + patienceMs, condition)
  if (!condition()) throw new Error(`not within ${patienceMs / 1000} s: ${what}`)
  return world.nowMs - fromMs
}

/** What two ends were told of their connection that matters here. */
class Fortunes {
  connected = 0
  disconnected = 0

  /** Watches these peers from now on. */
  constructor(...peers: readonly PathPeer[]) {
    for (const peer of peers) peer.listeners.push((output) => this.#told(output))
  }

  #told({ type }: ConnectionOutput): void {
    if (type === 'connected') this.connected += 1
    if (type === 'disconnected') this.disconnected += 1
  }
}

/** Connects two peers over whatever path there is, and lets that settle. */
function meet(world: PathWorld, left: PathPeer, right: PathPeer): Fortunes {
  const fortunes = new Fortunes(left, right)
  const { mesh } = left
  runUntil(world, 'a path', () => mesh.reachable().includes(right.id))
  connect(world, left, right)
  world.run(world.nowMs + 5_000)
  return fortunes
}

/** The ways in which data goes from one peer to another here. */
const flowKinds = ['messages', 'stream of bulk', 'urgent stream'] as const
export type FlowKind = (typeof flowKinds)[number]

/** Data that are checked byte by byte as they arrive. */
export interface Flow {
  start(): void
  readonly receivedBytes: number
  readonly isDone: boolean
}

/** That many bytes, on a well-known stream or on one of an application. */
function newFlow(from: PathPeer, to: PathPeer, kind: FlowKind, bytes: number): Flow {
  if (kind === 'messages') return new MessageTransfer(from, to, 'sync', bytes)
  const priority: Priority = kind === 'urgent stream' ? 'interactive' : 'bulk'
  return new StreamTransfer(from, to, kind, { priority, bytes })
}

/** Calls for each kind of transfer, from the left peer and from the right one. */
export function forEachFlow(act: (kind: FlowKind, isFromLeft: boolean) => void): void {
  for (const kind of flowKinds) for (const isFromLeft of [true, false]) act(kind, isFromLeft)
}

/** Two peers, and a transfer between them that must survive. */
export class Scene {
  readonly world: PathWorld
  readonly left: PathPeer
  readonly right: PathPeer
  /** The one whose data flow. */
  readonly from: PathPeer
  readonly flow: Flow
  readonly #fortunes: Fortunes

  /** The peers meet over the path that there is, and the transfer is in full swing. */
  constructor(
    world: PathWorld,
    [left, right]: readonly [PathPeer, PathPeer],
    kind: FlowKind,
    isFromLeft: boolean,
    bytes: { readonly before: number; readonly inAll: number },
  ) {
    this.world = world
    this.left = left
    this.right = right
    this.#fortunes = meet(world, left, right)
    const [from, to] = isFromLeft ? [left, right] : [right, left]
    this.from = from
    this.flow = newFlow(from, to, kind, bytes.inAll)
    this.flow.start()
    this.runUntil('the beginning', () => this.flow.receivedBytes > bytes.before)
  }

  /** The transport of the only link of each. */
  get transports(): readonly (string | undefined)[] {
    return [this.left, this.right].map(({ neighbourhood }) => neighbourhood.links()[0]?.transport)
  }

  /** Each end has a path to the other. */
  get hasPath(): boolean {
    const { left, right } = this
    return left.mesh.reachable().includes(right.id) && right.mesh.reachable().includes(left.id)
  }

  /** Lets so much time pass. */
  runFor(ms: number): void {
    this.world.run(this.world.nowMs + ms)
  }

  /** Lets time pass until the condition holds; how long it took. Throws when it never does. */
  runUntil(what: string, condition: () => boolean): number {
    return runUntil(this.world, what, condition)
  }

  /** How long it takes from now on until the application has a byte more than that. */
  newByteMs(receivedBytes = this.flow.receivedBytes): number {
    return this.runUntil('a new byte', () => this.flow.receivedBytes > receivedBytes)
  }

  /** All comes, and nobody is told that the connection has ended. */
  finish(): void {
    this.runUntil('the end', () => this.flow.isDone)
    const { connected, disconnected } = this.#fortunes
    if (connected !== 2 || disconnected !== 0) throw new Error('the connection has ended')
  }
}

/**
 * What a packet of so many bytes and a short answer take, twice, over a path on which nothing else is under
 * way, in milliseconds: sent as messages that fit a packet, by applications that answer at once. `lay`
 * makes the path between two peers in a world of its own.
 */
export function twoRoundTripsMs(
  cryptography: Cryptography,
  sentBytes: number,
  lay: (world: PathWorld, peers: readonly [PathPeer, PathPeer]) => void,
): number {
  const world = new PathWorld({ cryptography, seed: 1 })
  const peers = addPair(world, 1)
  lay(world, peers)
  return 2 * roundTripMs(world, peers, sentBytes)
}

function roundTripMs(
  world: PathWorld,
  [left, right]: readonly [PathPeer, PathPeer],
  sentBytes: number,
): number {
  meet(world, left, right)
  // Until what is known of the path does not change any more.
  world.run(world.nowMs + 20_000)
  const samplesMs: number[] = []
  let isAnswered = false
  left.listeners.push(({ type }) => (isAnswered ||= type === 'message'))
  right.listeners.push(({ type }) => {
    if (type !== 'message') return
    right.do((nowMs) => {
      right.connections.send(left.id, 'interactive', Uint8Array.of(1), nowMs)
    })
  })
  for (let count = 0; count < roundTripCount; count += 1) {
    world.run(world.nowMs + 1_000)
    isAnswered = false
    const message = new Uint8Array(sentBytes - 100)
    left.do((nowMs) => left.connections.send(right.id, 'interactive', message, nowMs))
    samplesMs.push(runUntil(world, 'an answer', () => isAnswered))
  }
  return samplesMs.toSorted((one, other) => one - other)[Math.floor(roundTripCount / 2)]!
}
