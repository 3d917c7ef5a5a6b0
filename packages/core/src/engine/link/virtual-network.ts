/**
 * A few neighbourhoods joined by channels in virtual time, for the tests of this room. The whole
 * engine has a simulator of its own.
 */

import { nobleCryptography } from '../crypto/noble.ts'
import { SeededRandom } from '../crypto/random.ts'
import { Identity } from '../identity/identity.ts'
import { FlightRecorder } from '../../recorder/recorder.ts'
import { registry } from '../../recorder/registry.ts'
import type { ChannelId, ChannelMeeting, DialId } from '../input.ts'
import { keyLifetime as usualLifetime } from '../noise/key-use.ts'
import type { KeyLifetime } from '../noise/key-use.ts'
import { EventQueue } from '../../testing/sim/world/event-queue.ts'
import type { ChannelCost, ChannelTraits } from '../../transport/channel.ts'
import type { DialFailureReason } from '../../transport/transport.ts'
import { Neighbourhood } from './neighbourhood.ts'
import type { NeighbourhoodOutput } from './neighbourhood-output.ts'
import { noFaults, VirtualPath } from './virtual-network-path.ts'
import type { PathFaults } from './virtual-network-path.ts'

export const lanCost: ChannelCost = { class: 'lan', metered: false }

export const plainTraits: ChannelTraits = {
  messageBytesMax: 65_535,
  reliable: true,
  ordered: true,
  encrypted: false,
  cost: lanCost,
}

export const dialling = {
  canListen: true,
  canDial: true,
  needsUserGesture: false,
  needsSignalling: false,
}

/** One end of a channel. */
export interface ChannelEnd {
  readonly peer: VirtualPeer
  readonly channel: ChannelId
  readonly transport: string
  /** What becomes of what it sends. */
  readonly path: VirtualPath
  other: ChannelEnd | undefined
  /** Nothing it sends arrives any more, and nobody is told. */
  mute: boolean
  /** What it sends counts as drained when it has left; else when the test says so. */
  drains: boolean
  /** What messages take beyond the latency of the network. */
  extraLatencyMs: number
  sentBytes: number
  readonly sent: Uint8Array[]
  closed: boolean
}

/** Drops, replaces or passes a message on its way. */
export type Tamper = (bytes: Uint8Array, from: ChannelEnd) => Uint8Array | undefined

/** What is different about a peer. */
export interface VirtualPeerOptions {
  readonly app?: string
  readonly secretByte?: number
  readonly keyByte?: number
  readonly epoch?: number
  readonly keyLifetime?: KeyLifetime
}

/** A peer of the network: its neighbourhood, and everything that it told. */
export class VirtualPeer {
  readonly name: string
  readonly identity: Identity
  readonly flight = new FlightRecorder(registry, { level: 'debug' })
  readonly neighbourhood: Neighbourhood
  readonly told: NeighbourhoodOutput[] = []
  readonly ends = new Map<ChannelId, ChannelEnd>()
  /** Sleeping: its deadlines and inputs wait. */
  asleep = false

  constructor(name: string, options: VirtualPeerOptions = {}) {
    const { app = 'cafe', secretByte = 1, keyByte = 1, epoch = 1 } = options
    const { keyLifetime = usualLifetime } = options
    this.name = name
    this.identity = new Identity(new Uint8Array(32).fill(keyByte), nobleCryptography)
    const secret = new Uint8Array(32).fill(secretByte)
    const seed = new Uint8Array(32).fill(keyByte)
    seed[0] = epoch
    this.neighbourhood = new Neighbourhood(
      {
        random: new SeededRandom(seed),
        cryptography: nobleCryptography,
        recorder: this.flight.recorder,
      },
      { identity: this.identity, app, secret, epoch, keyLifetime },
    )
  }

  get peer() {
    return this.identity.peer
  }

  counter(name: string): number {
    return this.flight.snapshot().counters[`link.${name}`] ?? Number.NaN
  }

  toldOf<Type extends NeighbourhoodOutput['type']>(type: Type) {
    return this.told.filter(
      (output): output is Extract<NeighbourhoodOutput, { type: Type }> => output.type === type,
    )
  }

  /** Channels that are open at this end. */
  openEnds(): ChannelEnd[] {
    return [...this.ends.values()].filter((end) => !end.closed)
  }
}

/** In a row at one time: more are a loop without progress. */
const happeningsAtOnceMax = 100_000

interface Happening {
  readonly atMs: number
  readonly peer: VirtualPeer
  readonly happen: () => void
}

/** Channels with latency between peers that dial each other by name or peer id. */
export class VirtualNetwork {
  nowMs = 0
  latencyMs = 5
  /** Of all channels, from now on. */
  faults: PathFaults = noFaults
  traits: ChannelTraits = plainTraits
  tamper: Tamper = (bytes) => bytes
  readonly peers: VirtualPeer[] = []
  /** Every dial fails with it, when set. */
  dialFailure: DialFailureReason | undefined
  /** Whom a dialled address reaches. */
  findPeer = (address: string): VirtualPeer | undefined =>
    this.peers.find(({ name, peer }) => name === address || peer === address)
  /** Dials are not answered. */
  dialsHang = false
  readonly #happenings = new EventQueue()
  /** What happened to peers that sleep. */
  #missed: Happening[] = []
  readonly #random: SeededRandom
  readonly #traitsByTransport = new Map<string, ChannelTraits>()
  #nextChannel = 1

  /** Runs with one seed, and the same calls, are equal. */
  constructor(seed = 1) {
    this.#random = new SeededRandom(new Uint8Array(32).fill(seed))
  }

  add(name: string, options: VirtualPeerOptions = {}): VirtualPeer {
    const peer = new VirtualPeer(name, { keyByte: this.peers.length + 1, ...options })
    this.peers.push(peer)
    peer.neighbourhood.transportStarted('virtual', dialling, this.nowMs)
    return peer
  }

  /** One more transport beside `virtual`, which all peers have, with channels of its own. */
  addTransport(name: string, traits: Partial<ChannelTraits>, needsSignalling = false): void {
    this.#traitsByTransport.set(name, { ...plainTraits, ...traits })
    for (const { neighbourhood } of this.peers) {
      neighbourhood.transportStarted(name, { ...dialling, needsSignalling }, this.nowMs)
    }
  }

  /** A peer is gone without a word: a killed process whose channels nobody closes. */
  vanish(peer: VirtualPeer): void {
    this.peers.splice(this.peers.indexOf(peer), 1)
    for (const end of peer.ends.values()) end.mute = true
    peer.asleep = true
  }

  /** Breaks a channel: both ends are told. */
  break(end: ChannelEnd): void {
    for (const side of [end, end.other]) if (side) this.#close(side, 'lost')
  }

  /** Credit for everything sent on that end so far. */
  drain(end: ChannelEnd): void {
    end.peer.neighbourhood.channelDrained(end.channel, end.sentBytes, this.nowMs)
    this.settle(end.peer)
  }

  /** Hands a message to an end as if the other one had sent it. */
  inject(end: ChannelEnd, bytes: Uint8Array): void {
    end.peer.neighbourhood.channelReceived(end.channel, bytes, this.nowMs)
    this.settle(end.peer)
  }

  /** Lets virtual time pass. */
  run(durationMs: number): void {
    const endMs = this.nowMs + durationMs
    const missed = this.#missed
    this.#missed = []
    for (const happening of missed) this.#schedule(happening)
    for (const peer of this.peers) this.settle(peer)
    for (let count = 0; ; count += 1) {
      if (count > happeningsAtOnceMax) throw new Error(`time stands still at ${this.nowMs} ms`)
      const due = this.#peerDue()
      const dueAtMs = due?.neighbourhood.nextDeadlineMs() ?? Number.POSITIVE_INFINITY
      const atMs = Math.min(dueAtMs, this.#happenings.nextAtMs)
      if (atMs > endMs) break
      if (atMs > this.nowMs) count = 0
      this.nowMs = Math.max(this.nowMs, atMs)
      if (due && dueAtMs < this.#happenings.nextAtMs) {
        due.neighbourhood.handleDeadline(this.nowMs)
        this.settle(due)
      } else {
        this.#happenings.pop()?.()
      }
    }
    this.nowMs = endMs
  }

  /** Carries out what a peer decided. */
  settle(peer: VirtualPeer): void {
    const { neighbourhood } = peer
    for (let output = neighbourhood.poll(); output; output = neighbourhood.poll()) {
      switch (output.type) {
        case 'dial':
          this.#dial(peer, output.dial, output.transport, output.address)
          break
        case 'cancel-dial': {
          const { dial } = output
          this.#later(peer, 0, () => neighbourhood.dialFailed(dial, 'cancelled', '', this.nowMs))
          break
        }
        case 'channel-send':
          this.#send(peer.ends.get(output.channel)!, output.bytes)
          break
        case 'close-channel': {
          const end = peer.ends.get(output.channel)!
          this.#close(end, 'local')
          if (end.other) this.#close(end.other, 'remote')
          break
        }
        default:
      }
      if (output.type !== 'channel-send') peer.told.push(output)
    }
  }

  /** Opens a channel between two peers, dialled by the first, or come of a meeting. */
  open(
    from: VirtualPeer,
    to: VirtualPeer,
    dial?: DialId,
    transport = 'virtual',
    meetings?: { readonly from: ChannelMeeting; readonly to: ChannelMeeting },
  ): ChannelEnd {
    const traits = this.#traitsByTransport.get(transport) ?? this.traits
    const [local, remote] = [this.#end(from, transport, traits), this.#end(to, transport, traits)]
    local.other = remote
    remote.other = local
    const { channel } = local
    from.neighbourhood.channelOpened(
      {
        channel,
        transport,
        traits,
        ...(dial !== undefined && { dial }),
        ...(meetings && { meeting: meetings.from }),
      },
      this.nowMs,
    )
    to.neighbourhood.channelOpened(
      { channel: remote.channel, transport, traits, ...(meetings && { meeting: meetings.to }) },
      this.nowMs,
    )
    this.settle(from)
    this.settle(to)
    return local
  }

  #end(peer: VirtualPeer, transport: string, traits: ChannelTraits): ChannelEnd {
    const end: ChannelEnd = {
      peer,
      channel: this.#nextChannel,
      transport,
      path: new VirtualPath(traits, this.#random),
      other: undefined,
      mute: false,
      drains: true,
      extraLatencyMs: 0,
      sentBytes: 0,
      sent: [],
      closed: false,
    }
    this.#nextChannel += 1
    peer.ends.set(end.channel, end)
    return end
  }

  #dial(from: VirtualPeer, dial: DialId, transport: string, address: string): void {
    if (this.dialsHang) return
    this.#later(from, this.latencyMs, () => {
      const to = this.findPeer(address)
      const failure = this.dialFailure ?? (to ? undefined : 'unreachable')
      if (to && !failure) this.open(from, to, dial, transport)
      else {
        const message = `the virtual network says ${failure}`
        from.neighbourhood.dialFailed(dial, failure ?? 'unreachable', message, this.nowMs)
      }
    })
  }

  #send(end: ChannelEnd, bytes: Uint8Array): void {
    end.sentBytes += bytes.length
    end.sent.push(bytes)
    const { peer, channel, other } = end
    const tampered = end.mute || !other ? undefined : this.tamper(bytes.slice(), end)
    const latencyMs = this.latencyMs + end.extraLatencyMs
    const passage = end.path.pass(tampered ?? bytes, this.faults, latencyMs, this.nowMs)
    if (end.drains) {
      const drained = end.sentBytes
      this.#later(peer, passage.leavesAtMs - this.nowMs, () => {
        peer.neighbourhood.channelDrained(channel, drained, this.nowMs)
      })
    }
    if (!tampered || !other) return
    for (const arrival of passage.arrivals) {
      this.#later(other.peer, arrival.atMs - this.nowMs, () => {
        if (other.closed) return
        other.peer.neighbourhood.channelReceived(other.channel, arrival.bytes, this.nowMs)
      })
    }
  }

  #close(end: ChannelEnd, reason: 'local' | 'remote' | 'lost'): void {
    const { peer, channel } = end
    if (reason !== 'local' && end.other?.mute) return
    this.#later(peer, reason === 'local' ? 0 : this.latencyMs, () => {
      if (end.closed) return
      end.closed = true
      peer.neighbourhood.channelClosed(channel, reason, this.nowMs)
    })
  }

  #later(peer: VirtualPeer, afterMs: number, happen: () => void): void {
    this.#schedule({
      atMs: this.nowMs + afterMs,
      peer,
      happen: () => {
        happen()
        this.settle(peer)
      },
    })
  }

  #schedule(happening: Happening): void {
    this.#happenings.push(happening.atMs, () => {
      if (happening.peer.asleep) this.#missed.push(happening)
      else happening.happen()
    })
  }

  /** Of the peers that are awake, the one whose deadline comes first. */
  #peerDue(): VirtualPeer | undefined {
    let first: VirtualPeer | undefined
    for (const peer of this.peers) {
      if (peer.asleep) continue
      const isEarlier =
        !first || peer.neighbourhood.nextDeadlineMs() < first.neighbourhood.nextDeadlineMs()
      if (isEarlier) first = peer
    }
    return first
  }
}
