/**
 * One meeting: from the description of this end to an open channel, or to nothing (rules IV9 to IV11
 * of docs/specs/invitation.md). How long it waits for the other end is for whoever began it.
 */

import { DialFailure } from '@fieldmesh/core/transport'
import type { HandOver } from '@fieldmesh/core/transport'
import type { Connection, ConnectionFacts, Connector, IceServer } from '../connection.ts'
import type { PeerSignal } from '../signal.ts'
import { encodeDescription } from './description.ts'
import type { Description } from './description.ts'
import {
  candidateLines,
  candidateLinesOf,
  describe,
  sessionDescription,
} from './session-description.ts'

/** Time in which candidates are looked for; those found by then are told. STUN servers may be silent. */
const gatherMs = 5_000
/** Candidates of this end that are looked at; further ones are ignored. */
const ownCandidatesMax = 64
/** How often the other end is looked for again: NATs and firewalls forget a way after some 30 s. */
const retryMs = 10_000
/** Time in which the channel must be open once this end, which offered, knows the other. */
const connectMs = 30_000

export interface MeetingOptions {
  /** The end that offered; absent when this one does. */
  readonly remote: Description | undefined
  readonly connect: Connector
  readonly iceServers: readonly IceServer[]
  readonly handOver?: HandOver | undefined
  /** Its pipe is to be listened to at once. */
  readonly opened: (facts: ConnectionFacts) => void
  readonly failed: (failure: DialFailure) => void
  /** Called once: it is a channel, or nothing of it is left. */
  readonly over: () => void
}

/** See the file header. */
export class Meeting {
  /** Resolves when this end is described; never rejects: `failed` is called then. */
  readonly description: Promise<Uint8Array>
  readonly #options: MeetingOptions
  readonly #connection: Connection
  readonly #gatherTimer: ReturnType<typeof setTimeout>
  #retryTimer: ReturnType<typeof setInterval> | undefined
  #connectTimer: ReturnType<typeof setTimeout> | undefined
  #ownSdp = ''
  readonly #ownCandidates: string[] = []
  #resolveDescription!: (description: Uint8Array) => void
  #isOver = false

  constructor(options: MeetingOptions) {
    this.#options = options
    this.description = new Promise((resolve) => {
      this.#resolveDescription = resolve
    })
    const { remote, connect, iceServers, handOver } = options
    const initiator = remote === undefined
    this.#connection = connect(
      { initiator, iceServers, isPatient: true, ...(handOver && { handOver }) },
      {
        signal: (signal) => this.#found(signal),
        gathered: () => this.#describe(),
        opened: (facts) => {
          if (this.#settle()) options.opened(facts)
        },
        failed: (error) => this.#fail('unreachable', `No path was found: ${error.message}`),
      },
    )
    this.#gatherTimer = setTimeout(() => this.#describe(), gatherMs)
    if (remote) this.#meet('offer', remote)
  }

  /** The other end, of a meeting that this one offered. The first one counts. */
  accept(remote: Description): void {
    if (this.#isOver || this.#connectTimer !== undefined) return
    this.#connectTimer = setTimeout(() => {
      this.#fail('timeout', `No channel was open ${connectMs} ms after the answer`)
    }, connectMs)
    this.#meet('answer', remote)
  }

  /** Ends what is no channel yet, without a trace. */
  end(): void {
    if (this.#settle()) this.#connection.destroy()
  }

  #meet(type: 'offer' | 'answer', remote: Description): void {
    this.#connection.signal({ type, sdp: sessionDescription(type, remote) })
    const lines = candidateLines(remote)
    const tell = () => {
      for (const candidate of lines) {
        const signalled = { candidate, sdpMid: '0', sdpMLineIndex: 0 }
        this.#connection.signal({ type: 'candidate', candidate: signalled })
      }
    }
    tell()
    this.#retryTimer = setInterval(tell, retryMs)
  }

  #found(signal: PeerSignal): void {
    if (signal.type !== 'candidate') {
      this.#ownSdp = signal.sdp
      this.#ownCandidates.push(...candidateLinesOf(signal.sdp))
    } else if (this.#ownCandidates.length < ownCandidatesMax) {
      this.#ownCandidates.push(signal.candidate.candidate)
    }
  }

  #describe(): void {
    clearTimeout(this.#gatherTimer)
    if (this.#isOver) return
    const own = describe(this.#ownSdp, [...new Set(this.#ownCandidates)])
    if (own === undefined || own.candidates.length === 0) {
      this.#fail('unreachable', 'This machine has no address that others could reach')
      return
    }
    this.#resolveDescription(encodeDescription(own))
  }

  #fail(reason: 'unreachable' | 'timeout', message: string): void {
    if (!this.#settle()) return
    this.#connection.destroy()
    this.#options.failed(new DialFailure(reason, message))
  }

  /** True the first time. */
  #settle(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    clearTimeout(this.#gatherTimer)
    clearTimeout(this.#connectTimer)
    clearInterval(this.#retryTimer)
    this.#options.over()
    return true
  }
}
