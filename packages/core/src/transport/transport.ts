/**
 * The transport: what opens channels of one kind.
 *
 * Transports run where their host objects are (in a browser: on the page). They decide nothing:
 * whom to dial, and when, is the engine's business.
 */

import type { Channel } from './channel.ts'
import type { HandOver } from './hand-over.ts'

/** What a transport can do; the engine plans with it and conformance suites skip by it. */
export interface TransportCapabilities {
  /** `listen` makes this end reachable for the other. */
  readonly canListen: boolean
  /** `dial` opens a channel. */
  readonly canDial: boolean
  /** A dial needs a click or a touch at hand (Web Bluetooth). */
  readonly needsUserGesture: boolean
  /** Peers are dialled by peer id, and the transport's signals travel through the mesh (WebRTC). */
  readonly needsSignalling: boolean
}

/** Why a dial came to nothing. */
export type DialFailureReason =
  | 'unreachable'
  | 'refused'
  | 'timeout'
  | 'bad-address'
  | 'not-permitted'
  | 'unsupported'
  /** Somebody answers there, with another certificate than the address names. */
  | 'certificate-mismatch'
  | 'cancelled'

/** What stood in the way of a dial, where that is known by name; docs/diagnosis.md has the remedies. */
export type DialObstacle =
  /** A page loaded over https may not open a connection that is not encrypted. */
  | 'mixed-content'
  /** The browser may not let the page reach the local network: it was denied that. */
  | 'local-network-denied'
  /** The same, and somebody has yet to answer whether it may. */
  | 'local-network-unanswered'
  /** The other end told nothing but mDNS names of itself, and none of them led to it. */
  | 'mdns-unresolved'

export interface DialFailureOptions extends ErrorOptions {
  readonly obstacle?: DialObstacle | undefined
}

/** A dial that came to nothing: the reason, and a sentence for a person. */
export class DialFailure extends Error {
  readonly reason: DialFailureReason
  readonly obstacle: DialObstacle | undefined

  constructor(reason: DialFailureReason, message: string, options?: DialFailureOptions) {
    super(message, options)
    this.name = 'DialFailure'
    this.reason = reason
    this.obstacle = options?.obstacle
  }
}

/** How an address was found that nobody configured. */
export interface AddressDiscovery {
  /** The hex id of the peer that answers there, as it says; spares dials to peers that are linked. */
  readonly peer?: string
}

/** What a transport may tell and ask of the mesh. Handed over by `start`. */
export interface TransportHost {
  /** This peer's own id in hex, so that two peers who dial each other agree on who goes first. */
  readonly localPeer: string
  /** A channel that the other end opened. */
  accepted(channel: Channel): void
  /**
   * An address worth dialling was configured, or discovered. What was configured is dialled in any case,
   * what was discovered while links are wanted. Idempotent.
   */
  addressFound(address: string, discovery?: AddressDiscovery): void
  /** An address is gone. Open channels are not affected. */
  addressLost(address: string): void
  /** The networks of this machine are others, or have other addresses, as far as the transport sees. */
  networkChanged(): void
  /**
   * Carry a signal to a peer (hex peer id); at most 16 KiB, and the host's from now on. Lost when the
   * peer cannot be reached.
   */
  sendSignal(peer: string, signal: Uint8Array): void
  /** Moves a channel's bytes to the engine's thread; absent where the transport shares it. */
  readonly handOver?: HandOver
}

/** An end of a channel to be, which waits for the other end. */
export interface OfferedMeeting {
  /** This end for the other: at most 512 bytes, which whoever carries them may read. */
  readonly description: Uint8Array
  /**
   * Takes what the other end has made of it; rejects with `DialFailure` `bad-address`, and goes on
   * waiting, when that is no description. Once one was taken, called no more.
   */
  accept(answer: Uint8Array): Promise<Channel>
}

/** The other end of a channel to be. */
export interface JoinedMeeting {
  /** For the end that offered. */
  readonly description: Uint8Array
  /** Resolves once that has taken it. */
  readonly channel: Promise<Channel>
}

/**
 * Making a channel out of band, where two ends have nothing but a note each that people carry. The
 * signal ends a meeting at any time and without a trace; its reason passes through. Everything else
 * rejects with `DialFailure`.
 */
export interface TransportMeetings {
  /** Describes this end, with all that can be found out about it within seconds. */
  offer(signal: AbortSignal): Promise<OfferedMeeting>
  /** Describes the other end of an offer. Hostile until proven otherwise: `bad-address` if it is none. */
  join(offer: Uint8Array, signal: AbortSignal): Promise<JoinedMeeting>
}

/** One way of opening channels. */
export interface Transport {
  /** Lower-case name, unique in a mesh: `webrtc`, `websocket`, `tcp`. */
  readonly name: string
  readonly capabilities: TransportCapabilities
  /** Begins: listens if configured to, reports configured addresses. Rejects when it cannot. */
  start(host: TransportHost): Promise<void>
  /** Closes every channel and listener and waits until they are gone. Idempotent. */
  stop(): Promise<void>
  /**
   * Opens a channel to an address this transport reported or understands; with `needsSignalling`
   * the address is a hex peer id. Rejects with `DialFailure` (`cancelled` when the transport is not
   * running), or with the signal's own reason. When two peers dial each other by peer id, one
   * channel may answer both dials.
   */
  dial(address: string, signal: AbortSignal): Promise<Channel>
  /** A signal from a peer, as its transport handed it to `sendSignal`. Hostile until proven otherwise. */
  receiveSignal?(peer: string, signal: Uint8Array): void
  /** Absent where a channel takes more than two notes. */
  readonly meetings?: TransportMeetings
}
