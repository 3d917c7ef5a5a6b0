/** What the recorder and the application are told of handshakes that do not come about. */

import type { EngineContext } from '../context.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { ProblemCode } from '../problem.ts'
import type { ConnectionOutputs } from './connection-output.ts'
import type { HandshakeFailureReason } from './handshake.ts'
import { protocolVersion, type RefusalReason } from './packet.ts'

/** A peer whose handshakes fail is reported once in this time. */
const peerReportMs = 60_000

/** Reported peers that are remembered; beyond it all are forgotten and may be reported again. */
const reportedPeersMax = 256

/** Why one end refuses the other's handshake. Refused tickets are nothing to report. */
type HandshakeRefusal = Exclude<RefusalReason, 'ticket'>

/** Each failure is recorded; what anybody can cause is told to the application once a minute. */
export class HandshakeReports {
  readonly #context: EngineContext
  readonly #outputs: ConnectionOutputs
  readonly #reportedAtMs = new Map<PeerId, number>()

  constructor(context: EngineContext, outputs: ConnectionOutputs) {
    this.#context = context
    this.#outputs = outputs
  }

  /** This end has refused the peer's opening. */
  refused(peer: PeerId, reason: HandshakeRefusal, nowMs: number): void {
    if (!this.#mayReport(peer, nowMs)) return
    this.#record(peer, reason)
    if (reason === 'secret') {
      this.#report('secret-mismatch', `peer ${peer} opened with another secret`, peer)
    } else {
      const message = `peer ${peer} opened in another version than ${protocolVersion} of connections`
      this.#report('protocol-version-mismatch', message, peer)
    }
  }

  /** The peer says that it refuses this end's opening. */
  refusedByPeer(peer: PeerId, reason: HandshakeRefusal): void {
    this.#record(peer, reason)
    if (reason === 'secret') {
      this.#report('secret-mismatch', `peer ${peer} refused: its secret is another one`, peer)
    } else {
      const message = `peer ${peer} does not speak version ${protocolVersion} of connections`
      this.#report('protocol-version-mismatch', message, peer)
    }
  }

  /** A message of the handshake was not what it should be. */
  failed(peer: PeerId, reason: HandshakeFailureReason, nowMs: number): void {
    this.#context.recorder.connection.handshakesRefused.add()
    this.#record(peer, reason)
    if (reason !== 'identity' || !this.#mayReport(peer, nowMs)) return
    const message = `who speaks for peer ${peer} has keys of another identity`
    this.#report('identity-mismatch', message, peer)
  }

  /** The peer has a route, and does not answer this end's opening. */
  unanswered(peer: PeerId, silentMs: number): void {
    this.#record(peer, 'unanswered')
    const message = `peer ${peer} has a route but has not answered for ${silentMs} ms`
    this.#report('handshake-failed', message, peer)
  }

  /** The peer did not finish a handshake that this end answered. */
  expired(peer: PeerId): void {
    this.#record(peer, 'expired')
  }

  /** There is no room for another peer. */
  noRoom(peer: PeerId, peersMax: number): void {
    this.#report('limit-reached', `no connection to ${peer}: ${peersMax} peers already`, peer)
  }

  /** Anybody can make a peer look wrong, as often as they like: once a minute is told. */
  #mayReport(peer: PeerId, nowMs: number): boolean {
    const reportedAtMs = this.#reportedAtMs.get(peer)
    if (reportedAtMs !== undefined && nowMs - reportedAtMs < peerReportMs) return false
    if (this.#reportedAtMs.size >= reportedPeersMax) this.#reportedAtMs.clear()
    this.#reportedAtMs.set(peer, nowMs)
    return true
  }

  #record(
    peer: PeerId,
    reason: HandshakeFailureReason | HandshakeRefusal | 'unanswered' | 'expired',
  ): void {
    this.#context.recorder.connection.handshakeFailed.record(peer, reason)
  }

  #report(code: ProblemCode, message: string, peer: PeerId): void {
    this.#outputs.push({ type: 'problem', problem: { code, message }, peer })
  }
}
