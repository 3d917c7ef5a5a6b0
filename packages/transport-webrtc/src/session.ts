/**
 * One session: the way from a first signal to an open channel, or to nothing.
 *
 * A peer connection has no event that says it is over, so every session ends in `end`, here and
 * nowhere else: by its outcome, by its time, by either end giving up.
 */

import type { DialObstacle, HandOver } from '@fieldmesh/core/transport'
import type { Connection, ConnectionFacts, Connector, IceServer } from './connection.ts'
import { encodeSignal } from './signal.ts'
import type { PeerSignal, Signal } from './signal.ts'

/** Time in which a session must have become a channel. ICE gives up by itself after 15 to 30 s. */
const sessionMs = 30_000
/** Candidates taken from the other end; real ones send about ten. Further ones are ignored. */
const candidatesMax = 64

/** Why a session came to nothing. */
export type SessionFailure = 'unreachable' | 'refused' | 'timeout' | 'cancelled'

export interface SessionEnd {
  readonly cause?: Error | undefined
  readonly obstacle?: DialObstacle | undefined
}

export interface SessionOptions {
  readonly id: string
  readonly initiator: boolean
  readonly connect: Connector
  readonly iceServers: readonly IceServer[]
  readonly handOver?: HandOver | undefined
  readonly send: (signal: Uint8Array) => void
  /** The session is a channel now: its pipe is to be listened to at once. */
  readonly opened: (facts: ConnectionFacts) => void
  /** The session came to nothing, and nothing of it is left. */
  readonly failed: (failure: SessionFailure, message: string, options: SessionEnd) => void
}

export class Session {
  readonly initiator: boolean
  readonly #options: SessionOptions
  readonly #connection: Connection
  readonly #timer: ReturnType<typeof setTimeout>
  /** What was said and had no answer yet. */
  readonly #sent: PeerSignal[] = []
  #described = false
  #candidateCount = 0
  /** Candidates of the other end that are no mDNS names, which may lead nowhere. */
  #plainCandidateCount = 0
  #state: 'establishing' | 'open' | 'ended' = 'establishing'

  constructor(options: SessionOptions) {
    this.#options = options
    this.initiator = options.initiator
    const { initiator, iceServers, handOver } = options
    this.#connection = options.connect(
      { initiator, iceServers, ...(handOver && { handOver }) },
      {
        signal: (signal) => {
          this.#send(signal)
        },
        opened: (facts) => {
          this.#open(facts)
        },
        failed: (error) => {
          this.end('unreachable', `No path was found: ${error.message}`, error)
        },
      },
    )
    this.#timer = setTimeout(() => {
      this.end('timeout', `No channel was open after ${sessionMs} ms`)
    }, sessionMs)
  }

  /** What stands in the way of a session that finds no path, as far as it is known. */
  get obstacle(): DialObstacle | undefined {
    const hasNamesAlone = this.#candidateCount > 0 && this.#plainCandidateCount === 0
    return hasNamesAlone ? 'mdns-unresolved' : undefined
  }

  /** Takes what the other end says. */
  receive(body: Signal['body']): void {
    switch (body.type) {
      case 'offer':
      case 'answer':
        // The first one counts: a second could only be a repetition, or an attack.
        if (this.#described || (body.type === 'answer') !== this.initiator) return
        this.#described = true
        this.#sent.length = 0
        this.#connection.signal(body)
        break
      case 'candidate':
        if (this.#state === 'ended' || this.#candidateCount >= candidatesMax) return
        this.#candidateCount++
        if (!isMdnsCandidate(body.candidate.candidate)) this.#plainCandidateCount++
        this.#connection.signal(body)
        break
      case 'end':
        this.end('refused', 'The other end has given up or refuses')
        break
    }
  }

  /** Says everything again that has had no answer: the other end may not have been there. */
  repeat(): void {
    // Encoded anew: bytes that were sent are the host's.
    for (const signal of this.#sent) this.#say(signal)
  }

  /** Ends a session that is no channel yet, without a trace. */
  end(failure: SessionFailure, message: string, cause?: Error): void {
    if (this.#state !== 'establishing') return
    this.#state = 'ended'
    clearTimeout(this.#timer)
    this.#connection.destroy()
    if (failure !== 'refused') this.#say({ type: 'end' })
    const { obstacle } = this
    this.#options.failed(failure, message, { cause, obstacle })
  }

  #open(facts: ConnectionFacts): void {
    if (this.#state !== 'establishing') return
    this.#state = 'open'
    clearTimeout(this.#timer)
    this.#options.opened(facts)
  }

  #send(signal: PeerSignal): void {
    this.#say(signal)
    if (!this.#described && this.#sent.length <= candidatesMax) this.#sent.push(signal)
  }

  #say(body: Signal['body']): void {
    const bytes = encodeSignal({ session: this.#options.id, body })
    if (bytes) this.#options.send(bytes)
  }
}

/** `candidate:FOUNDATION COMPONENT TRANSPORT PRIORITY ADDRESS …` (RFC 8839, section 5.1). */
function isMdnsCandidate(candidate: string): boolean {
  return candidate.split(' ')[4]?.endsWith('.local') === true
}
