/** Handshakes that this end opens: repeated until the peer answers, or its route is gone. */

import type { PacketPort } from '../mesh/packet-port.ts'
import type { HandshakeReports } from './handshake-reports.ts'
import { InitiatorHandshake, type Established, type LocalParty } from './handshake.ts'
import type { Packet } from './packet.ts'
import { loseRoute, type Opening, type PeerEntry } from './peer-entry.ts'

/** First repetition of an opening, doubling up to the longest pause. */
const openRepeatMs = 500
const openRepeatMsMax = 8000

/** An opening unanswered for this long is reported, once; it goes on while there is a route. */
export const handshakeReportMs = 30_000

/** The initiator's side of all handshakes; each lives in its peer's entry. */
export class Openings {
  readonly #party: LocalParty
  readonly #packets: PacketPort
  readonly #reports: HandshakeReports

  constructor(party: LocalParty, packets: PacketPort, reports: HandshakeReports) {
    this.#party = party
    this.#packets = packets
    this.#reports = reports
  }

  /** Opens when a connection is wanted, none is under way, and there is a route. */
  startIfDue(entry: PeerEntry, nowMs: number): void {
    const underWay = entry.connection ?? entry.opening ?? entry.answering
    if (!entry.wanted || underWay !== undefined || entry.unreachableSinceMs !== undefined) return
    this.start(entry, nowMs)
  }

  /** Opens, beside a connection that is there; nothing when an opening is under way. */
  start(entry: PeerEntry, nowMs: number): void {
    if (entry.opening !== undefined) return
    this.#party.context.recorder.connection.handshakeStarted.record(entry.peer)
    entry.opening = {
      handshake: new InitiatorHandshake(this.#party, entry.peer),
      sinceMs: nowMs,
      repeatMs: openRepeatMs,
      deadlineMs: nowMs,
      spoilt: false,
      reported: false,
      unsent: false,
    }
    this.#send(entry, entry.opening, nowMs)
  }

  /** Sends the opening again when its time has come. */
  handleDeadline(entry: PeerEntry, nowMs: number): void {
    const { opening } = entry
    if (opening === undefined || opening.deadlineMs > nowMs) return
    if (nowMs - opening.sinceMs >= handshakeReportMs && !opening.reported) {
      opening.reported = true
      this.#reports.unanswered(entry.peer, handshakeReportMs)
    }
    if (opening.spoilt) {
      opening.handshake = new InitiatorHandshake(this.#party, entry.peer)
      opening.spoilt = false
    }
    this.#send(entry, opening, nowMs)
  }

  /** The mesh takes packets again: sends the opening that it refused. */
  packetsWritable(entry: PeerEntry, nowMs: number): void {
    if (entry.opening?.unsent === true) this.#send(entry, entry.opening, nowMs)
  }

  /** Takes the answer to an opening; what it establishes, if it does. */
  answerReceived(
    entry: PeerEntry,
    packet: Packet & { type: 'handshake-answer' },
    nowMs: number,
  ): Established | undefined {
    const { peer, opening } = entry
    if (opening === undefined) return undefined
    if (opening.spoilt || opening.handshake.connection !== packet.connection) return undefined
    const result = opening.handshake.answerReceived(packet.message)
    if (result.type === 'failed') {
      opening.spoilt = true
      this.#reports.failed(peer, result.reason, nowMs)
      return undefined
    }
    this.#party.context.recorder.connection.handshakeMs.observe(nowMs - opening.sinceMs)
    return result.established
  }

  /** Unproven, so it is told and changes nothing: the opening goes on. */
  refusalReceived(entry: PeerEntry, packet: Packet & { type: 'refusal' }): void {
    const { peer, opening } = entry
    if (opening === undefined || opening.handshake.connection !== packet.connection) return
    if (opening.reported) return
    opening.reported = true
    this.#reports.refusedByPeer(peer, packet.reason)
  }

  #send(entry: PeerEntry, opening: Opening, nowMs: number): void {
    const { openPacket } = opening.handshake
    const result = this.#packets.send(entry.peer, 'control', openPacket, nowMs)
    opening.unsent = result === 'full'
    if (result === 'no-route') return loseRoute(entry, nowMs)
    opening.deadlineMs = nowMs + opening.repeatMs
    if (result === 'accepted') opening.repeatMs = Math.min(opening.repeatMs * 2, openRepeatMsMax)
  }
}
