/** Handshakes that other peers open: answered or refused, and finished or forgotten. */

import { equalBytes } from '../bytes/compare.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { PacketPort } from '../mesh/packet-port.ts'
import type { HandshakeReports, RefusalReason } from './handshake-reports.ts'
import { ResponderHandshake, type Established, type LocalParty } from './handshake.ts'
import { encodePacket, protocolVersion, type ConnectionId, type Packet } from './packet.ts'
import type { Answering, PeerEntry } from './peer-entry.ts'
import type { PeerTable } from './peer-table.ts'

/** Handshakes answered and not finished. Beyond it openings are dropped until some finish or expire. */
export const answeredHandshakesMax = 64

/** An answered handshake that is not finished in this time is forgotten. */
export const answeredHandshakeMsMax = 10_000

/** The responder's side of all handshakes; each lives in its peer's entry. */
export class Answers {
  readonly #party: LocalParty
  readonly #packets: PacketPort
  readonly #peers: PeerTable
  readonly #reports: HandshakeReports
  #count = 0

  constructor(party: LocalParty, packets: PacketPort, peers: PeerTable, reports: HandshakeReports) {
    this.#party = party
    this.#packets = packets
    this.#peers = peers
    this.#reports = reports
  }

  /** Takes an opening: answers it, refuses it, or drops it. */
  openReceived(from: PeerId, packet: Packet & { type: 'handshake-open' }, nowMs: number): void {
    const { context, identity } = this.#party
    if (from === identity.peer) return
    if (packet.version !== protocolVersion) {
      this.#refuse(from, packet.connection, 'version', nowMs)
      return
    }
    const known = this.#peers.get(from)
    const answering = known?.answering
    if (answering !== undefined && equalBytes(answering.openMessage, packet.message)) {
      this.#packets.send(from, 'control', answering.handshake.answerPacket, nowMs)
      return
    }
    // Both opened at once: the opening of the lower peer id counts, and the other end answers it.
    if (known?.opening !== undefined && identity.peer < from) return
    const isFull =
      (known === undefined && this.#peers.isFull) ||
      (answering === undefined && this.#count >= answeredHandshakesMax)
    if (isFull) {
      context.recorder.connection.handshakesDropped.add()
      return
    }
    const handshake = ResponderHandshake.answer(
      this.#party,
      from,
      packet.connection,
      packet.message,
    )
    if (typeof handshake === 'string') {
      this.#refuse(from, packet.connection, 'secret', nowMs)
      return
    }
    const entry = known ?? this.#peers.add(from, nowMs)
    this.stop(entry)
    entry.opening = undefined
    entry.answering = {
      handshake,
      openMessage: packet.message.slice(),
      expiresAtMs: nowMs + answeredHandshakeMsMax,
    }
    this.#count += 1
    this.#packets.send(from, 'control', handshake.answerPacket, nowMs)
  }

  /** Takes the last message of an answered handshake; what it establishes, if it does. */
  finishReceived(
    entry: PeerEntry,
    answering: Answering,
    message: Uint8Array,
    nowMs: number,
  ): Established | undefined {
    const result = answering.handshake.finishReceived(message)
    if (result.type === 'established') return result.established
    this.stop(entry)
    this.#reports.failed(entry.peer, result.reason, nowMs)
    return undefined
  }

  /** Forgets the handshake when its time is over; true when it did. */
  handleDeadline(entry: PeerEntry, nowMs: number): boolean {
    if (entry.answering === undefined || entry.answering.expiresAtMs > nowMs) return false
    this.#reports.expired(entry.peer)
    this.stop(entry)
    return true
  }

  /** Forgets the handshake: it is finished, or of no use. */
  stop(entry: PeerEntry): void {
    if (entry.answering === undefined) return
    entry.answering = undefined
    this.#count -= 1
  }

  #refuse(to: PeerId, connection: ConnectionId, reason: RefusalReason, nowMs: number): void {
    this.#party.context.recorder.connection.handshakesRefused.add()
    this.#packets.send(to, 'control', encodePacket({ type: 'refusal', connection, reason }), nowMs)
    this.#reports.refused(to, reason, nowMs)
  }
}
