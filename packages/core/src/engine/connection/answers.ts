/**
 * Handshakes and resumptions that other peers open: answered or refused, and finished or forgotten
 * (rules CN11 to CN13, CN31 to CN35).
 */

import { unreachable } from '../assert.ts'
import { equalBytes } from '../bytes/compare.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { PacketPort } from '../mesh/packet-port.ts'
import type { HandshakeReports } from './handshake-reports.ts'
import {
  InitiatorHandshake,
  ResponderHandshake,
  type Established,
  type LocalParty,
} from './handshake.ts'
import type { Offences } from './offences.ts'
import {
  encodePacket,
  protocolVersion,
  type ConnectionId,
  type Packet,
  type RefusalReason,
} from './packet.ts'
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
  readonly #offences: Offences
  #count = 0

  constructor(
    party: LocalParty,
    packets: PacketPort,
    peers: PeerTable,
    reports: HandshakeReports,
    offences: Offences,
  ) {
    this.#party = party
    this.#packets = packets
    this.#peers = peers
    this.#reports = reports
    this.#offences = offences
  }

  /** Handshakes answered and not finished. */
  get count(): number {
    return this.#count
  }

  /** Takes the opening of a handshake: answers it, refuses it, or drops it. */
  openReceived(from: PeerId, packet: Packet & { type: 'handshake-open' }, nowMs: number): void {
    if (!this.#isWelcome(from, packet, nowMs)) return
    const known = this.#peers.get(from)
    const answering = known?.answering
    if (answering !== undefined && equalBytes(answering.openMessage, packet.message)) {
      this.#packets.send(from, 'control', answering.handshake.answerPacket, nowMs)
      return
    }
    const opensHandshake = known?.opening?.attempt instanceof InitiatorHandshake
    if (opensHandshake && this.#isLowerThan(from)) return
    const isFull =
      (known === undefined && !this.#peers.hasRoom) ||
      (answering === undefined && this.#count >= answeredHandshakesMax)
    if (isFull) {
      this.#party.context.recorder.connection.handshakesDropped.add()
      return
    }
    const name = known?.resumption?.name
    const handshake = ResponderHandshake.answer(this.#party, from, packet, name)
    if (handshake === undefined) {
      this.#refuse(from, packet.connection, 'secret', nowMs)
      return
    }
    const entry = known ?? this.#peers.add(from, nowMs)
    this.stop(entry)
    if (opensHandshake) entry.opening = undefined
    entry.answering = {
      handshake,
      openMessage: packet.message.slice(),
      expiresAtMs: nowMs + answeredHandshakeMsMax,
    }
    this.#count += 1
    this.#packets.send(from, 'control', handshake.answerPacket, nowMs)
  }

  /** Takes the opening of a resumption; true when this end should see to it that its own is sent. */
  resumptionReceived(
    from: PeerId,
    packet: Packet & { type: 'resumption-open' },
    nowMs: number,
  ): boolean {
    if (!this.#isWelcome(from, packet, nowMs)) return false
    const entry = this.#peers.get(from)
    if (entry?.resumption === undefined) {
      this.#refuse(from, packet.connection, 'ticket', nowMs)
      return false
    }
    const opensHandshake = entry.opening?.attempt instanceof InitiatorHandshake
    if (opensHandshake && this.#isLowerThan(from)) return false
    const verdict = entry.resumption.openReceived(packet, nowMs)
    switch (verdict.type) {
      case 'answer':
        entry.opening = undefined
        this.#packets.send(from, 'control', verdict.packet, nowMs)
        return false
      case 'open':
        return true
      case 'drop':
        this.#party.context.recorder.connection.ticketsReplayed.add()
        return false
      case 'refuse':
        this.#refuse(from, packet.connection, 'ticket', nowMs)
        return false
      default:
        return unreachable(verdict)
    }
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

  /** Openings of this end itself, of another version and of offenders are not looked into. */
  #isWelcome(
    from: PeerId,
    packet: Packet & { type: 'handshake-open' | 'resumption-open' },
    nowMs: number,
  ): boolean {
    const { context, identity } = this.#party
    if (from === identity.peer) return false
    if (packet.version !== protocolVersion) {
      this.#refuse(from, packet.connection, 'version', nowMs)
      return false
    }
    if (nowMs >= this.#offences.pausedUntilMs(from)) return true
    context.recorder.connection.offendersDropped.add()
    return false
  }

  /** Both opened at once: the opening of the lower peer id counts, and the other end answers it. */
  #isLowerThan(other: PeerId): boolean {
    return this.#party.identity.peer < other
  }

  #refuse(to: PeerId, connection: ConnectionId, reason: RefusalReason, nowMs: number): void {
    this.#packets.send(to, 'control', encodePacket({ type: 'refusal', connection, reason }), nowMs)
    if (reason === 'ticket') return
    this.#party.context.recorder.connection.handshakesRefused.add()
    this.#reports.refused(to, reason, nowMs)
  }
}
