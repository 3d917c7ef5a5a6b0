/**
 * Packets from the mesh, each to what it is for: a connection, a handshake, a resumption. Who sent it
 * is what the packet says, unproven, until something in it deciphers.
 */

import { unreachable } from '../assert.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { PacketPort } from '../mesh/packet-port.ts'
import type { Answers } from './answers.ts'
import type { Farewells } from './farewells.ts'
import type { LocalParty, NewKeys } from './handshake.ts'
import type { Openings } from './openings.ts'
import { PacketProtection } from './packet-protection.ts'
import { decodePacket, encodePacket, type ConnectionId, type Packet } from './packet.ts'
import type { PeerEntry } from './peer-entry.ts'
import type { PeerTable } from './peer-table.ts'
import type { Arrival } from './received-packets.ts'
import type { Upkeep } from './upkeep.ts'

export interface IncomingPacketsParts {
  readonly party: LocalParty
  readonly packets: PacketPort
  readonly peers: PeerTable
  readonly openings: Openings
  readonly answers: Answers
  readonly farewells: Farewells
  readonly upkeep: Upkeep
}

type ProtectedPacket = Packet & { type: 'protected' }

/** See the file header. */
export class IncomingPackets {
  readonly #parts: IncomingPacketsParts

  constructor(parts: IncomingPacketsParts) {
    this.#parts = parts
  }

  /** The payload is only read. */
  received(from: PeerId, payload: Uint8Array, arrival: Arrival, nowMs: number): void {
    const { party, peers, openings, answers, upkeep } = this.#parts
    const packet = decodePacket(payload)
    if (packet === undefined) {
      party.context.recorder.connection.packetsMalformed.add()
      return
    }
    if (packet.type === 'protected') return this.#protectedReceived(from, packet, arrival, nowMs)
    const known = peers.get(from)
    if (known !== undefined) {
      openings.heard(known, nowMs)
      known.connection?.hinted(nowMs)
    }
    switch (packet.type) {
      case 'handshake-open':
        answers.openReceived(from, packet, nowMs)
        break
      case 'handshake-answer':
        this.#answerReceived(known, packet, nowMs)
        break
      case 'handshake-finish':
        this.#finishReceived(from, known, packet, nowMs)
        break
      case 'resumption-open':
        if (answers.resumptionReceived(from, packet, nowMs) && known !== undefined) {
          openings.doubt(known, nowMs)
        }
        break
      case 'resumption-answer':
        this.#resumptionAnswerReceived(known, packet, nowMs)
        break
      case 'refusal':
        if (known !== undefined) openings.refusalReceived(known, packet, nowMs)
        break
      case 'unknown-connection':
        this.#unknownReceived(known, packet, nowMs)
        break
      default:
        unreachable(packet)
    }
    const entry = peers.get(from)
    if (entry !== undefined) upkeep.settle(entry, nowMs)
  }

  #protectedReceived(from: PeerId, packet: ProtectedPacket, arrival: Arrival, nowMs: number): void {
    const { party, packets, peers, openings, farewells, upkeep } = this.#parts
    const { connection: instruments } = party.context.recorder
    const entry = peers.get(from)
    const connection = entry?.connection
    if (entry !== undefined && connection !== undefined) {
      if (connection.localId === packet.connection && !connection.isResting) {
        connection.packetReceived(packet, arrival, nowMs)
        if (!connection.isSilent) openings.doubtOver(entry)
        upkeep.settle(entry, nowMs)
        return
      }
      const unconfirmed = entry.resumption?.unconfirmed
      if (unconfirmed?.localId === packet.connection) {
        this.#unconfirmedReceived(entry, unconfirmed, packet, arrival, nowMs)
        return
      }
      // Late, from before other keys: the other end knows those by now, or will be told.
      if ([connection.localId, connection.formerId].includes(packet.connection)) {
        instruments.packetsUnknown.add()
        return
      }
    }
    instruments.packetsUnknown.add()
    // It has overtaken the last packet of its handshake, or that was lost: both come again.
    if (entry?.answering?.handshake.connection === packet.connection) return
    const farewell = farewells.answer(packet.connection, from, nowMs)
    if (farewell === undefined) this.#sendUnknown(from, packet.connection, nowMs)
    else if (farewell !== 'nothing') packets.send(from, 'control', farewell, nowMs)
  }

  /** Under keys that came of a ticket: when it opens, the other end has them, and they are in force. */
  #unconfirmedReceived(
    entry: PeerEntry,
    keys: NewKeys,
    packet: ProtectedPacket,
    arrival: Arrival,
    nowMs: number,
  ): void {
    const { party, upkeep } = this.#parts
    const protection = new PacketProtection(keys.keys, keys.remoteId)
    const number = protection.numberOf(packet, -1)
    if (protection.open(packet, number, nowMs) === undefined) {
      party.context.recorder.connection.packetsForged.add()
      return
    }
    upkeep.resumed(entry, keys, nowMs)
    entry.connection?.packetReceived(packet, arrival, nowMs)
    upkeep.settle(entry, nowMs)
  }

  #answerReceived(
    entry: PeerEntry | undefined,
    packet: Packet & { type: 'handshake-answer' },
    nowMs: number,
  ): void {
    if (entry === undefined) return
    const established = this.#parts.openings.answerReceived(entry, packet, nowMs)
    if (established === undefined) return
    this.#parts.upkeep.established(entry, established, 'initiator', nowMs)
  }

  #finishReceived(
    from: PeerId,
    entry: PeerEntry | undefined,
    packet: Packet & { type: 'handshake-finish' },
    nowMs: number,
  ): void {
    const { party, answers, upkeep } = this.#parts
    // A repetition: the connection is up, and its first packet on the way.
    if (entry?.connection?.localId === packet.connection) return
    const answering = entry?.answering
    if (entry === undefined || answering?.handshake.connection !== packet.connection) {
      party.context.recorder.connection.packetsUnknown.add()
      this.#sendUnknown(from, packet.connection, nowMs)
      return
    }
    const established = answers.finishReceived(entry, answering, packet.message, nowMs)
    if (established === undefined) return
    if (upkeep.established(entry, established, 'responder', nowMs)) return
    answers.stop(entry)
    this.#sendUnknown(from, packet.connection, nowMs)
  }

  #resumptionAnswerReceived(
    entry: PeerEntry | undefined,
    packet: Packet & { type: 'resumption-answer' },
    nowMs: number,
  ): void {
    if (entry === undefined) return
    const keys = this.#parts.openings.resumptionAnswerReceived(entry, packet, nowMs)
    if (keys !== undefined) this.#parts.upkeep.resumed(entry, keys, nowMs)
  }

  /** Unproven, so it counts only when the connection is silent; and then it costs one handshake. */
  #unknownReceived(
    entry: PeerEntry | undefined,
    packet: Packet & { type: 'unknown-connection' },
    nowMs: number,
  ): void {
    const connection = entry?.connection
    if (entry === undefined || connection?.remoteId !== packet.connection) return
    if (!connection.isSilent || entry.answering !== undefined) return
    if (nowMs < (entry.resumption?.expectedUntilMs ?? 0)) return
    this.#parts.openings.doubt(entry, nowMs)
  }

  #sendUnknown(to: PeerId, connection: ConnectionId, nowMs: number): void {
    const packet = encodePacket({ type: 'unknown-connection', connection })
    this.#parts.packets.send(to, 'control', packet, nowMs)
  }
}
