/**
 * The virtual connections of one engine: at most one to each peer, opened, answered, replaced and
 * parked here (docs/specs/connection.md). Calls go down, events come up through `poll`.
 *
 * `PeerTable` holds what goes on with each peer, `Openings` and `Answers` the two sides of
 * handshakes; an established one becomes a `Connection`.
 */

import { assert, unreachable } from '../assert.ts'
import type { EngineContext } from '../context.ts'
import { CertificateVerifier, type Identity } from '../identity/identity.ts'
import { deriveJoinKeys } from '../identity/join-keys.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { priorities, type Priority } from '../link/link-port.ts'
import type { PacketPort } from '../mesh/packet-port.ts'
import { Answers } from './answers.ts'
import { Connection, type ConnectionMeasure } from './connection.ts'
import type { CloseReason, ConnectionOutput, ConnectionOutputs } from './connection-output.ts'
import { Farewells } from './farewells.ts'
import { HandshakeReports } from './handshake-reports.ts'
import type { Established } from './handshake.ts'
import { messageBytesMax, type MessagePort, type MessageSendResult } from './message-port.ts'
import { Openings } from './openings.ts'
import { decodePacket, encodePacket, type ConnectionId, type Packet } from './packet.ts'
import { entryDeadlineMs, isForgotten, loseRoute, type PeerEntry } from './peer-entry.ts'
import { connectionsMax, PeerTable } from './peer-table.ts'
import type { Arrival } from './received-packets.ts'
import { StreamCalls } from './stream-calls.ts'
import { StreamDirectory } from './stream-directory.ts'
import type { StreamPort } from './stream-port.ts'
import { StreamSet } from './stream-set.ts'

/** Largest datagram taken, in bytes. */
export const datagramBytesMax = 64 * 1024

export interface ConnectionsOptions {
  readonly identity: Identity
  readonly app: string
  /** 32 bytes. */
  readonly secret: Uint8Array
  readonly epoch: number
}

/** See the file header. Every method is to be followed by draining `poll`. */
export class Connections implements MessagePort {
  readonly #context: EngineContext
  readonly #localPeer: PeerId
  readonly #packets: PacketPort
  readonly #peers: PeerTable
  readonly #openings: Openings
  readonly #answers: Answers
  readonly #reports: HandshakeReports
  readonly #farewells = new Farewells()
  readonly #directory: StreamDirectory
  /** Of applications. Every call is to be followed by draining `poll`. */
  readonly streams: StreamPort
  readonly #outputs: ConnectionOutputs = []
  #outputHead = 0

  constructor(context: EngineContext, options: ConnectionsOptions, packets: PacketPort) {
    this.#context = context
    this.#packets = packets
    const { identity, app, secret, epoch } = options
    this.#localPeer = identity.peer
    const party = {
      context,
      identity,
      epoch,
      presharedKey: deriveJoinKeys(app, secret, context.cryptography).presharedKey,
      verifier: new CertificateVerifier(context.cryptography),
    }
    this.#peers = new PeerTable(packets)
    this.#directory = new StreamDirectory(context)
    this.streams = new StreamCalls(this.#peers, this.#directory)
    this.#reports = new HandshakeReports(context, this.#outputs)
    this.#openings = new Openings(party, packets, this.#reports)
    this.#answers = new Answers(party, packets, this.#peers, this.#reports)
  }

  /** Begins a handshake unless there is a connection or one is under way; waits for a route. */
  open(peer: PeerId, nowMs: number): void {
    const known = this.#peers.get(peer)
    if (known === undefined && this.#peers.isFull) {
      this.#reports.noRoom(peer, connectionsMax)
      return
    }
    const entry = known ?? this.#peers.add(peer, nowMs)
    entry.wanted = true
    this.#openings.startIfDue(entry, nowMs)
  }

  /** Nobody waits for the peer any more: forgets one that has neither a route nor a connection. */
  giveUp(peer: PeerId): void {
    const entry = this.#peers.get(peer)
    if (entry === undefined || entry.unreachableSinceMs === undefined) return
    if (entry.connection !== undefined) return
    entry.wanted = false
    this.#peers.removeIfIdle(entry)
  }

  /** Ends what there is with the peer, and tells it. */
  close(peer: PeerId, reason: CloseReason, nowMs: number): void {
    const entry = this.#peers.get(peer)
    if (entry === undefined) return
    entry.wanted = false
    entry.opening = undefined
    this.#answers.stop(entry)
    entry.connection?.close(reason, nowMs)
    this.#settle(entry, nowMs)
  }

  /** Ends all connections: this peer is stopping. */
  closeAll(nowMs: number): void {
    for (const { peer } of this.#peers) this.close(peer, 'stopping', nowMs)
  }

  /** A packet came in; `from` is what the packet says, unproven. The payload is only read. */
  packetReceived(from: PeerId, payload: Uint8Array, arrival: Arrival, nowMs: number): void {
    const packet = decodePacket(payload)
    if (packet === undefined) {
      this.#context.recorder.connection.packetsMalformed.add()
      return
    }
    switch (packet.type) {
      case 'protected':
        return this.#protectedReceived(from, packet, arrival, nowMs)
      case 'handshake-open':
        return this.#answers.openReceived(from, packet, nowMs)
      case 'handshake-answer':
        return this.#answerReceived(from, packet, nowMs)
      case 'handshake-finish':
        return this.#finishReceived(from, packet, nowMs)
      case 'refusal':
        return this.#refusalReceived(from, packet)
      case 'unknown-connection':
        return this.#unknownReceived(from, packet, nowMs)
      default:
        unreachable(packet)
    }
  }

  /** The mesh takes packets again. */
  packetsWritable(nowMs: number): void {
    const waiting = [...this.#peers].filter(
      ({ opening, connection }) => opening?.unsent === true || connection?.isBlocked === true,
    )
    for (const entry of waiting) {
      this.#peers.moveToEnd(entry)
      this.#openings.packetsWritable(entry, nowMs)
      entry.connection?.packetsWritable(nowMs)
      this.#settle(entry, nowMs)
    }
  }

  /** There is a route to the peer. */
  peerReachable(peer: PeerId, nowMs: number): void {
    const entry = this.#peers.get(peer)
    if (entry === undefined) return
    entry.unreachableSinceMs = undefined
    entry.connection?.peerReachable(nowMs)
    this.#openings.startIfDue(entry, nowMs)
    this.#settle(entry, nowMs)
  }

  /** The route to the peer is gone. */
  peerUnreachable(peer: PeerId, nowMs: number): void {
    const entry = this.#peers.get(peer)
    if (entry !== undefined) loseRoute(entry, nowMs)
  }

  /** The route to the peer is another one now; `isFormerGone`: the former one was lost. */
  pathChanged(peer: PeerId, isFormerGone: boolean, nowMs: number): void {
    const entry = this.#peers.get(peer)
    if (entry?.connection === undefined) return
    entry.connection.pathChanged(isFormerGone, nowMs)
    this.#settle(entry, nowMs)
  }

  send(peer: PeerId, stream: Priority, message: Uint8Array, nowMs: number): MessageSendResult {
    assert(
      message.length > 0 && message.length <= messageBytesMax,
      `a message has 1 to ${messageBytesMax} bytes, not ${message.length}`,
    )
    const entry = this.#peers.get(peer)
    if (entry?.connection === undefined) return 'no-connection'
    return entry.connection.send(priorities.indexOf(stream), message, nowMs)
  }

  sendDatagram(peer: PeerId, key: string, payload: Uint8Array, nowMs: number): void {
    const { connection: instruments } = this.#context.recorder
    const connection = this.#peers.get(peer)?.connection
    if (connection === undefined) instruments.datagramsDropped.add()
    else if (payload.length > datagramBytesMax) instruments.datagramsTooLarge.add()
    else connection.sendDatagram(key, payload, nowMs)
  }

  /** When `handleDeadline` has to be called; `Infinity` for never. Linear in the number of peers. */
  nextDeadlineMs(): number {
    let deadlineMs = Number.POSITIVE_INFINITY
    for (const entry of this.#peers) deadlineMs = Math.min(deadlineMs, entryDeadlineMs(entry))
    return deadlineMs
  }

  handleDeadline(nowMs: number): void {
    for (const entry of this.#peers) {
      if (entryDeadlineMs(entry) > nowMs) continue
      if (this.#answers.handleDeadline(entry, nowMs)) this.#openings.startIfDue(entry, nowMs)
      this.#openings.handleDeadline(entry, nowMs)
      entry.connection?.handleDeadline(nowMs)
      if (isForgotten(entry, nowMs)) entry.wanted = false
      this.#settle(entry, nowMs)
    }
  }

  /** The next thing to tell the layer above, in order; `undefined` when there is nothing more. */
  poll(): ConnectionOutput | undefined {
    const output = this.#outputs[this.#outputHead]
    if (output === undefined) {
      this.#outputs.length = 0
      this.#outputHead = 0
      return undefined
    }
    this.#outputHead += 1
    return output
  }

  /** How much is held for all peers together, for the tests of bounds. */
  census(): { readonly peers: number; readonly farewells: number; readonly streams: number } {
    const { size: farewells } = this.#farewells
    return { peers: this.#peers.size, farewells, streams: this.#directory.size }
  }

  /** Sizes of what each connection holds. */
  measureAll(): readonly ConnectionMeasure[] {
    return [...this.#peers].flatMap(({ connection }) => connection?.measure() ?? [])
  }

  /** Sizes of what the connection to a peer holds; `undefined` without one. */
  measure(peer: PeerId): ConnectionMeasure | undefined {
    return this.#peers.get(peer)?.connection?.measure()
  }

  // Packets

  #protectedReceived(
    from: PeerId,
    packet: Packet & { type: 'protected' },
    arrival: Arrival,
    nowMs: number,
  ): void {
    const entry = this.#peers.get(from)
    if (entry?.connection?.localId === packet.connection) {
      entry.connection.packetReceived(packet, arrival, nowMs)
      this.#settle(entry, nowMs)
      return
    }
    this.#context.recorder.connection.packetsUnknown.add()
    // It has overtaken the last packet of its handshake, or that was lost: both come again.
    if (entry?.answering?.handshake.connection === packet.connection) return
    const farewell = this.#farewells.find(packet.connection, from, nowMs)
    if (farewell !== undefined) {
      this.#packets.send(from, 'control', farewell, nowMs)
      return
    }
    this.#sendUnknown(from, packet.connection, nowMs)
  }

  #answerReceived(
    from: PeerId,
    packet: Packet & { type: 'handshake-answer' },
    nowMs: number,
  ): void {
    const entry = this.#peers.get(from)
    if (entry === undefined) return
    const established = this.#openings.answerReceived(entry, packet, nowMs)
    if (established !== undefined) this.#established(entry, established, 'initiator', nowMs)
  }

  #finishReceived(
    from: PeerId,
    packet: Packet & { type: 'handshake-finish' },
    nowMs: number,
  ): void {
    const entry = this.#peers.get(from)
    // A repetition: the connection is up, and its first packet on the way.
    if (entry?.connection?.localId === packet.connection) return
    const answering = entry?.answering
    if (entry === undefined || answering?.handshake.connection !== packet.connection) {
      this.#context.recorder.connection.packetsUnknown.add()
      this.#sendUnknown(from, packet.connection, nowMs)
      return
    }
    const established = this.#answers.finishReceived(entry, answering, packet.message, nowMs)
    if (established === undefined) {
      this.#openings.startIfDue(entry, nowMs)
      this.#settle(entry, nowMs)
      return
    }
    this.#established(entry, established, 'responder', nowMs)
  }

  #refusalReceived(from: PeerId, packet: Packet & { type: 'refusal' }): void {
    const entry = this.#peers.get(from)
    if (entry !== undefined) this.#openings.refusalReceived(entry, packet)
  }

  /** Unproven, so it counts only when the connection is silent; and then it costs one handshake. */
  #unknownReceived(
    from: PeerId,
    packet: Packet & { type: 'unknown-connection' },
    nowMs: number,
  ): void {
    const entry = this.#peers.get(from)
    const connection = entry?.connection
    if (entry === undefined || connection?.remoteId !== packet.connection) return
    if (!connection.isSilent || entry.answering !== undefined) return
    this.#openings.start(entry, nowMs)
  }

  #sendUnknown(to: PeerId, connection: ConnectionId, nowMs: number): void {
    const packet = encodePacket({ type: 'unknown-connection', connection })
    this.#packets.send(to, 'control', packet, nowMs)
  }

  // Peers

  #established(
    entry: PeerEntry,
    established: Established,
    role: 'initiator' | 'responder',
    nowMs: number,
  ): void {
    const { peer } = entry
    const former = entry.connection
    former?.abandon(former.epoch === established.epoch ? 'replaced' : 'restarted')
    entry.opening = undefined
    this.#answers.stop(entry)
    entry.wanted = true
    entry.unreachableSinceMs = undefined
    const connection = new Connection(this.#context, this.#packets, this.#outputs, {
      peer,
      ...established,
      streams: new StreamSet(this.#context, this.#outputs, this.#directory, {
        peer,
        opensEven: this.#localPeer < peer,
        credit: established.credit,
      }),
    })
    entry.connection = connection
    this.#context.recorder.connection.connected.record(peer, established.epoch, role)
    this.#outputs.push({ type: 'connected', peer, epoch: established.epoch })
    connection.start(nowMs)
    this.#settle(entry, nowMs)
  }

  /** Tidies up after anything that may have ended a connection. */
  #settle(entry: PeerEntry, nowMs: number): void {
    const { connection } = entry
    if (connection?.ended !== undefined) {
      const { closePacket } = connection
      if (closePacket !== undefined) {
        this.#farewells.keep(connection.localId, entry.peer, closePacket, nowMs)
      }
      entry.connection = undefined
      entry.opening = undefined
      entry.wanted = false
    }
    this.#peers.removeIfIdle(entry)
  }
}
