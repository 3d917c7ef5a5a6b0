/** The WebRTC transport but for what makes peer connections. */

import { DialFailure } from '@fieldmesh/core/transport'
import type {
  Channel,
  ChannelTraits,
  Transport,
  TransportCapabilities,
  TransportHost,
} from '@fieldmesh/core/transport'
import { HandedOverChannel, PipeChannel, TransportRun } from '@fieldmesh/core/transport-kit'
import type { DialOutcome, StoppableChannel } from '@fieldmesh/core/transport-kit'
import type { ConnectionFacts, Connector, IceServer } from './connection.ts'
import { Meetings } from './meeting/meetings.ts'
import { Session } from './session.ts'
import { decodeSignal, encodeSignal } from './signal.ts'

/** Open channels beyond which offers are refused; a page holds 500 peer connections at most. */
const channelsMax = 128
/** Sessions of others that are not channels yet; further offers are refused. */
const answeringMax = 32
/** The same for one peer. */
const answeringPerPeerMax = 8

export interface WebRtcTransportOptions {
  readonly iceServers: readonly IceServer[]
  /** Whether data channels go to the engine's thread where they can. */
  readonly handsOver: boolean
  /** Loads what makes peer connections; rejects with a sentence where there is none. */
  readonly load: () => Promise<Connector>
}

/** A dial under way; when both ends dial, its session may become an answer to the other's. */
interface Dial {
  readonly peer: string
  readonly outcome: DialOutcome
  session: Session | undefined
}

/** A session that another end began. A dial of ours that comes later may take it over. */
interface Answering {
  readonly peer: string
  readonly takeOver: (dial: Dial) => void
}

export class WebRtcTransport implements Transport {
  readonly name = 'webrtc'
  readonly capabilities: TransportCapabilities = {
    canListen: true,
    canDial: true,
    needsUserGesture: false,
    needsSignalling: true,
  }
  readonly meetings: Meetings
  readonly #options: WebRtcTransportOptions
  readonly #run = new TransportRun('webrtc', channelsMax)
  /** Sessions that signals may be for, open ones included, by peer and session id. */
  readonly #sessions = new Map<string, Session>()
  /** Sessions begun by others that are no channels yet and answer no dial. */
  readonly #answering = new Map<Session, Answering>()
  readonly #dials = new Set<Dial>()
  #connect: Connector | undefined

  constructor(options: WebRtcTransportOptions) {
    this.#options = options
    this.meetings = new Meetings({
      run: this.#run,
      iceServers: options.iceServers,
      handsOver: options.handsOver,
      connector: () => this.#connect,
      open: (facts) => this.#open(facts),
    })
  }

  async start(host: TransportHost): Promise<void> {
    this.#run.begin(host)
    try {
      this.#connect = await this.#options.load()
    } catch (error) {
      await this.#run.end()
      throw error
    }
  }

  async stop(): Promise<void> {
    // First, while there is a host to tell the other ends.
    for (const session of this.#answering.keys()) session.end('cancelled', 'stopped')
    await this.#run.end()
    this.#connect = undefined
  }

  dial(address: string, signal: AbortSignal): Promise<Channel> {
    return this.#run.dial(signal, (outcome) => {
      const { host } = this.#run
      if (!/^[0-9a-f]{16}$/.test(address) || address === host?.localPeer) {
        outcome.fail(new DialFailure('bad-address', `${address} is not the id of another peer`))
        return () => undefined
      }
      const dial: Dial = { peer: address, outcome, session: undefined }
      dial.session = this.#takeOver(dial) ?? this.#begin(address, randomSessionId(), true, dial)
      this.#dials.add(dial)
      return () => {
        this.#dials.delete(dial)
        const obstacle = dial.session?.obstacle
        dial.session?.end('cancelled', 'given up')
        if (obstacle === undefined) return undefined
        return new DialFailure('timeout', `Peer ${address}: no path was found`, { obstacle })
      }
    })
  }

  receiveSignal(peer: string, bytes: Uint8Array): void {
    const { host } = this.#run
    const signal = decodeSignal(bytes)
    if (!host || !this.#connect || !signal) return
    const { session: id, body } = signal
    const session = this.#sessions.get(keyOf(peer, id))
    if (session) {
      session.receive(body)
      return
    }
    if (body.type !== 'offer') return
    const dial = [...this.#dials].find((dial) => dial.peer === peer && dial.session?.initiator)
    // Both ends dial each other. The offer of the smaller id wins; both dials get its channel.
    if (dial && host.localPeer < peer) {
      dial.session?.repeat()
      return
    }
    if (!dial && this.#mustRefuse(peer)) {
      const refusal = encodeSignal({ session: id, body: { type: 'end' } })
      if (refusal) host.sendSignal(peer, refusal)
      return
    }
    const superseded = dial?.session
    const answer = this.#begin(peer, id, false, dial)
    if (dial) dial.session = answer
    superseded?.end('cancelled', 'superseded')
    answer.receive(body)
  }

  #mustRefuse(peer: string): boolean {
    if (this.#run.full || this.#answering.size >= answeringMax) return true
    const ofPeer = [...this.#answering.values()].filter((other) => other.peer === peer)
    return ofPeer.length >= answeringPerPeerMax
  }

  /**
   * The session of the other end that a dial gets the channel of: its offer, which wins over ours,
   * came a moment before the dial.
   */
  #takeOver(dial: Dial): Session | undefined {
    const { host } = this.#run
    if (!host || host.localPeer < dial.peer) return undefined
    for (const [session, { peer, takeOver }] of this.#answering) {
      if (peer !== dial.peer) continue
      takeOver(dial)
      this.#answering.delete(session)
      return session
    }
    return undefined
  }

  /** Begins a session. Its outcome is the dial's, if there is one, else a channel to accept. */
  #begin(peer: string, id: string, initiator: boolean, firstDial: Dial | undefined): Session {
    let dial = firstDial
    const key = keyOf(peer, id)
    const host = this.#run.host as TransportHost
    const session: Session = new Session({
      id,
      initiator,
      connect: this.#connect as Connector,
      iceServers: this.#options.iceServers,
      handOver: this.#options.handsOver ? host.handOver : undefined,
      send: (signal) => {
        host.sendSignal(peer, signal)
      },
      opened: (facts) => {
        this.#answering.delete(session)
        const channel = this.#open(facts, () => this.#sessions.delete(key))
        if (dial) {
          this.#dials.delete(dial)
          dial.outcome.succeed(channel)
        } else host.accepted(channel)
      },
      failed: (failure, message, options) => {
        this.#answering.delete(session)
        this.#sessions.delete(key)
        // A dial whose session was superseded goes on with the other.
        if (dial?.session !== session) return
        this.#dials.delete(dial)
        dial.outcome.fail(new DialFailure(failure, `Peer ${peer}: ${message}`, options))
      },
    })
    this.#sessions.set(key, session)
    if (!dial) {
      const takeOver = (taking: Dial) => {
        dial = taking
      }
      this.#answering.set(session, { peer, takeOver })
    }
    return session
  }

  /** The channel of an open connection; `gone` is called when nothing of it is left. */
  #open({ messageBytesMax, binding, pipe }: ConnectionFacts, gone?: () => void): Channel {
    const traits: ChannelTraits = {
      messageBytesMax,
      reliable: true,
      ordered: true,
      encrypted: true,
      binding,
      // Without servers, only addresses of the networks at hand are tried.
      cost: { class: this.#options.iceServers.length === 0 ? 'lan' : 'wan', metered: false },
    }
    const ended = (channel: StoppableChannel) => {
      gone?.()
      this.#run.remove(channel)
    }
    const channel =
      pipe.at === 'transport'
        ? new PipeChannel({ pipe: pipe.pipe, traits, gone: ended })
        : new HandedOverChannel({ pipe: pipe.pipe, traits, gone: ended })
    this.#run.add(channel)
    return channel
  }
}

function keyOf(peer: string, session: string): string {
  return `${peer}/${session}`
}

function randomSessionId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
