/**
 * A peer of a simulated path: the engine's layers from links to connections, joined as the engine
 * joins them, under a driver made of scheduled events.
 */

import { unreachable } from '../../../engine/assert.ts'
import type { ConnectionOutput } from '../../../engine/connection/connection-output.ts'
import { Connections } from '../../../engine/connection/connections.ts'
import type { EngineContext } from '../../../engine/context.ts'
import type { Cryptography } from '../../../engine/crypto/cryptography.ts'
import { SeededRandom } from '../../../engine/crypto/random.ts'
import { Identity } from '../../../engine/identity/identity.ts'
import type { PeerId } from '../../../engine/identity/peer-id.ts'
import type { ChannelId, DialId } from '../../../engine/input.ts'
import { Neighbourhood } from '../../../engine/link/neighbourhood.ts'
import type { NeighbourhoodOutput } from '../../../engine/link/neighbourhood-output.ts'
import { Mesh, type MeshOutput } from '../../../engine/mesh/mesh.ts'
import { createFlightRecorder, type FlightRecorder } from '../../../recorder/recorder.ts'
import type { ChannelTraits } from '../../../transport/channel.ts'
import type { PathChannel, PathChannelEnd, PathClock } from './path-channel.ts'
import { StaticRouter } from './static-router.ts'

export interface PathPeerOptions {
  readonly name: string
  /** Tells its key and its random numbers from those of others. */
  readonly keyByte: number
  readonly seed: number
  readonly cryptography: Cryptography
  /** Routes are laid down by the test; else the peer finds them. */
  readonly hasStaticRoutes: boolean
  /** Counts the boots of the peer with that key; 1 by default. */
  readonly epoch?: number
}

/** Passes between the layers within one event; more is a loop without progress. */
const settleRoundsMax = 1_000_000

/** The transport of all channels for which a test names no other. */
export const usualTransport = 'path'
const capabilities = {
  canListen: true,
  canDial: true,
  needsUserGesture: false,
  needsSignalling: false,
}
const app = 'paths'
const secret = new Uint8Array(32).fill(9)

export class PathPeer {
  readonly name: string
  readonly id: PeerId
  readonly flight: FlightRecorder
  readonly neighbourhood: Neighbourhood
  readonly mesh: Mesh
  readonly connections: Connections
  /** Set when routes are laid down by the test. */
  readonly router: StaticRouter | undefined
  /** Told of what its connections tell. */
  readonly listeners: ((output: ConnectionOutput) => void)[] = []
  /** Its layers have come to rest after an event. */
  onSettled: () => void = () => {}
  /** Its neighbourhood dials an address. */
  onDial: (dial: DialId, address: string) => void = () => {}
  readonly #clock: PathClock
  readonly #channels = new Map<ChannelId, { readonly end: PathChannelEnd; channel: PathChannel }>()
  readonly #transports = new Set<string>()
  /** What happened to it while it sleeps. */
  #missed: ((nowMs: number) => void)[] | undefined
  #nextChannel = 1
  #armedAtMs = Number.POSITIVE_INFINITY

  constructor(clock: PathClock, options: PathPeerOptions) {
    const { name, keyByte, seed, cryptography } = options
    this.name = name
    this.#clock = clock
    this.flight = createFlightRecorder({ eventBytesMax: 65_536 })
    const key = new Uint8Array(32).fill(keyByte)
    const identity = new Identity(key, cryptography)
    this.id = identity.peer
    const context: EngineContext = {
      random: new SeededRandom(cryptography.sha256(Uint8Array.of(keyByte, seed, seed >> 8))),
      cryptography,
      recorder: this.flight.recorder,
    }
    const { epoch = 1 } = options
    this.neighbourhood = new Neighbourhood(context, { identity, app, secret, epoch })
    const router = options.hasStaticRoutes ? new StaticRouter() : undefined
    this.router = router
    const meshOptions = { identity, epoch, name, platform: 'node', metadata: {} }
    this.mesh = new Mesh(
      context,
      router === undefined ? meshOptions : { ...meshOptions, router: () => router },
      this.neighbourhood,
    )
    this.connections = new Connections(context, { identity, app, secret, epoch }, this.mesh)
  }

  /** A counter or gauge, by its room and name. */
  count(instrument: string): number {
    const { counters, gauges } = this.flight.snapshot()
    return counters[instrument] ?? gauges[instrument] ?? 0
  }

  /** Does something to the layers, and lets them pass on what follows. */
  do(action: (nowMs: number) => void): void {
    if (this.#missed !== undefined) {
      this.#missed.push(action)
      return
    }
    this.flight.recorder.setTime(this.#clock.nowMs)
    action(this.#clock.nowMs)
    this.#settle()
  }

  get isAsleep(): boolean {
    return this.#missed !== undefined
  }

  /** Its timers stand still, and what comes to it waits. For ever, if it has crashed. */
  sleep(): void {
    this.#missed ??= []
  }

  /** Goes on with all that happened meanwhile, in its order. */
  wake(): void {
    const missed = this.#missed ?? []
    this.#missed = undefined
    for (const action of missed) this.do(action)
  }

  /** Has channels of that transport from now on. Idempotent. */
  startTransport(transport: string): void {
    if (this.#transports.has(transport)) return
    this.#transports.add(transport)
    this.do((nowMs) => this.neighbourhood.transportStarted(transport, capabilities, nowMs))
  }

  /** Dials the address whenever its link is down. */
  dial(transport: string, address: string): void {
    this.do((nowMs) => this.neighbourhood.addressFound(transport, address, nowMs))
  }

  /** A dial opened nothing. */
  dialFailed(dial: DialId): void {
    this.do((nowMs) => this.neighbourhood.dialFailed(dial, 'unreachable', '', nowMs))
  }

  /** One end of a channel that is to be made; `open` follows. */
  makeEnd(): PathChannelEnd {
    const channel = this.#nextChannel
    this.#nextChannel += 1
    return {
      channel,
      received: (bytes) =>
        this.do((nowMs) => this.neighbourhood.channelReceived(channel, bytes, nowMs)),
      drained: (totalBytes) =>
        this.do((nowMs) => this.neighbourhood.channelDrained(channel, totalBytes, nowMs)),
      closed: (reason) => {
        this.#channels.delete(channel)
        this.do((nowMs) => this.neighbourhood.channelClosed(channel, reason, nowMs))
      },
    }
  }

  /** The channel is made; `dial` where this end dialled it. */
  open(
    end: PathChannelEnd,
    channel: PathChannel,
    transport: string,
    traits: ChannelTraits,
    dial?: DialId,
  ): void {
    this.#channels.set(end.channel, { end, channel })
    const opening = { channel: end.channel, transport, traits, ...(dial !== undefined && { dial }) }
    this.do((nowMs) => this.neighbourhood.channelOpened(opening, nowMs))
  }

  #settle(): void {
    const { nowMs } = this.#clock
    let rounds = 0
    while (this.#passOne(nowMs)) {
      rounds += 1
      if (rounds > settleRoundsMax) throw new Error(`the layers of ${this.name} do not settle`)
    }
    this.onSettled()
    this.#arm()
  }

  #arm(): void {
    const deadlineMs = Math.min(
      this.neighbourhood.nextDeadlineMs(),
      this.mesh.nextDeadlineMs(),
      this.connections.nextDeadlineMs(),
    )
    if (deadlineMs >= this.#armedAtMs || deadlineMs === Number.POSITIVE_INFINITY) return
    this.#armedAtMs = deadlineMs
    this.#clock.at(Math.max(deadlineMs, this.#clock.nowMs), () => {
      if (this.#armedAtMs !== deadlineMs) return
      this.#armedAtMs = Number.POSITIVE_INFINITY
      this.do((nowMs) => {
        this.neighbourhood.handleDeadline(nowMs)
        this.mesh.handleDeadline(nowMs)
        this.connections.handleDeadline(nowMs)
      })
    })
  }

  #passOne(nowMs: number): boolean {
    const fromLinks = this.neighbourhood.pollEvent()
    if (fromLinks !== undefined) {
      this.#fromLinks(fromLinks, nowMs)
      return true
    }
    const fromMesh = this.mesh.poll()
    if (fromMesh !== undefined) {
      this.#fromMesh(fromMesh, nowMs)
      return true
    }
    const fromConnections = this.connections.poll()
    if (fromConnections !== undefined) {
      for (const listener of this.listeners) listener(fromConnections)
      return true
    }
    const message = this.neighbourhood.poll()
    if (message === undefined) return false
    this.#fromLinks(message, nowMs)
    return true
  }

  #fromLinks(output: NeighbourhoodOutput, nowMs: number): void {
    switch (output.type) {
      case 'channel-send': {
        const open = this.#channels.get(output.channel)
        open?.channel.send(open.end, output.bytes)
        return
      }
      case 'close-channel': {
        const open = this.#channels.get(output.channel)
        open?.channel.close(open.end)
        return
      }
      case 'link-up':
        this.mesh.linkUp(output.link, nowMs)
        return
      case 'link-changed':
        this.mesh.linkChanged(output.link, output.arePacketsGivenUp, nowMs)
        return
      case 'link-down':
        this.mesh.linkDown(output.peer, nowMs)
        return
      case 'frame':
        this.mesh.frameReceived(output.peer, output.kind, output.payload, nowMs)
        return
      case 'link-writable':
        this.mesh.linkWritable(output.peer, nowMs)
        return
      case 'dial':
        this.onDial(output.dial, output.address)
        return
      case 'cancel-dial':
      case 'dial-given-up':
      case 'target-changed':
      case 'target-gone':
      case 'problem':
      case 'woke':
      case 'meeting-ended':
        return
      default:
        unreachable(output)
    }
  }

  #fromMesh(output: MeshOutput, nowMs: number): void {
    switch (output.type) {
      case 'packet':
        this.connections.packetReceived(output.from, output.payload, output, nowMs)
        return
      case 'peer-reachable':
        this.connections.peerReachable(output.peer, nowMs)
        return
      case 'path-changed':
        this.connections.pathChanged(output.peer, output.isFormerGone, nowMs)
        return
      case 'peer-unreachable':
        this.connections.peerUnreachable(output.peer, nowMs)
        return
      case 'packets-writable':
        this.connections.packetsWritable(nowMs)
        return
      case 'presence-changed':
      case 'want-link':
      case 'unwant-link':
      case 'drop-link':
      case 'hold-address':
        return
      default:
        unreachable(output)
    }
  }
}
