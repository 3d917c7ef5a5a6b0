/**
 * Handshakes and resumptions that this end opens: repeated until the peer answers, or its route is
 * gone (rules CN11, CN24, CN32 and CN42).
 */

import type { PacketPort } from '../mesh/packet-port.ts'
import type { HandshakeReports } from './handshake-reports.ts'
import { InitiatorHandshake, type Established, type LocalParty, type NewKeys } from './handshake.ts'
import type { Packet } from './packet.ts'
import { loseRoute, mayResume, openingDueMs, type Opening, type PeerEntry } from './peer-entry.ts'
import { Repetition } from './repetition.ts'
import { InitiatorResumption } from './resumption-handshake.ts'

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

  /** Opens when a connection, or keys for one, are wanted, and nothing else comes first. */
  startIfDue(entry: PeerEntry, nowMs: number): void {
    if (openingDueMs(entry) <= nowMs) this.#start(entry, false, nowMs)
  }

  /** Opens beside a connection that has become silent; nothing when an opening is under way. */
  doubt(entry: PeerEntry, nowMs: number): void {
    if (entry.opening === undefined)
      this.#start(entry, entry.connection?.isResting === false, nowMs)
  }

  /** The peer is alive, whatever it said: what it has not answered is repeated soon. */
  heard(entry: PeerEntry, nowMs: number): void {
    entry.opening?.repetition.heard(nowMs)
  }

  /** The peer has been heard under the keys of its connection: doubt has lost its point. */
  doubtOver(entry: PeerEntry): void {
    if (entry.opening?.isDoubt === true) entry.opening = undefined
  }

  /** Sends the opening again when its time has come. */
  handleDeadline(entry: PeerEntry, nowMs: number): void {
    const { opening } = entry
    if (opening === undefined || opening.repetition.deadlineMs > nowMs) return
    if (nowMs - opening.sinceMs >= handshakeReportMs && !opening.reported) {
      opening.reported = true
      this.#reports.unanswered(entry.peer, handshakeReportMs)
    }
    this.#send(entry, opening, nowMs)
  }

  /** The mesh takes packets again: sends the opening that it refused. */
  packetsWritable(entry: PeerEntry, nowMs: number): void {
    if (entry.opening?.unsent === true) this.#send(entry, entry.opening, nowMs)
  }

  /** Takes the answer to a handshake's opening; what it establishes, if it does. */
  answerReceived(
    entry: PeerEntry,
    packet: Packet & { type: 'handshake-answer' },
    nowMs: number,
  ): Established | undefined {
    const { peer, opening, resumption } = entry
    if (opening === undefined) return undefined
    const { attempt } = opening
    if (attempt instanceof InitiatorResumption) return undefined
    if (attempt.connection !== packet.connection) return undefined
    const result = attempt.answerReceived(packet.message, resumption?.name)
    if (result.type === 'failed') {
      this.#reports.failed(peer, result.reason, nowMs)
      return undefined
    }
    this.#party.context.recorder.connection.handshakeMs.observe(nowMs - opening.sinceMs)
    return result.established
  }

  /** Takes the answer to a resumption's opening; the keys that come of it, if they do. */
  resumptionAnswerReceived(
    { opening }: PeerEntry,
    packet: Packet & { type: 'resumption-answer' },
    nowMs: number,
  ): NewKeys | undefined {
    if (opening === undefined) return undefined
    const { attempt, sinceMs } = opening
    if (!(attempt instanceof InitiatorResumption)) return undefined
    if (attempt.connection !== packet.connection) return undefined
    const keys = attempt.answerReceived(packet.message)
    const { connection } = this.#party.context.recorder
    if (keys === undefined) connection.packetsForged.add()
    else connection.resumptionMs.observe(nowMs - sinceMs)
    return keys
  }

  /** Unproven: what is wrong is told, and the opening goes on; a ticket that is refused is not used. */
  refusalReceived(entry: PeerEntry, packet: Packet & { type: 'refusal' }, nowMs: number): void {
    const { peer, opening, resumption } = entry
    if (opening === undefined || opening.attempt.connection !== packet.connection) return
    if (packet.reason !== 'ticket') {
      if (opening.reported) return
      opening.reported = true
      this.#reports.refusedByPeer(peer, packet.reason)
      return
    }
    if (!(opening.attempt instanceof InitiatorResumption)) return
    this.#party.context.recorder.connection.ticketsRefused.add()
    resumption?.refused()
    entry.opening = undefined
    this.#start(entry, opening.isDoubt, nowMs)
  }

  #start(entry: PeerEntry, isDoubt: boolean, nowMs: number): void {
    const { peer, resumption } = entry
    const { connection } = this.#party.context.recorder
    let attempt: Opening['attempt']
    if (mayResume(entry) && resumption !== undefined) {
      connection.resumptionStarted.record(peer)
      attempt = resumption.open()
    } else {
      connection.handshakeStarted.record(peer)
      entry.handshake ??= new InitiatorHandshake(this.#party, peer)
      attempt = entry.handshake
    }
    entry.opening = {
      attempt,
      sinceMs: nowMs,
      repetition: new Repetition(),
      isDoubt,
      reported: false,
      unsent: false,
    }
    this.#send(entry, entry.opening, nowMs)
  }

  #send(entry: PeerEntry, opening: Opening, nowMs: number): void {
    const { openPacket } = opening.attempt
    const result = this.#packets.send(entry.peer, 'control', openPacket, nowMs)
    opening.unsent = result === 'full'
    if (result === 'no-route') return loseRoute(entry, nowMs)
    if (result === 'accepted') opening.repetition.sent(nowMs)
    else opening.repetition.postponed(nowMs)
  }
}
