/**
 * One connection, from its first handshake to its end: streams both ways, under whatever keys it has
 * at the time (docs/specs/connection.md).
 *
 * Its keys are those of a `PacketSpace`. Without one it rests: streams take what they are given, and
 * nothing is sent until `resume` brings other keys. Whether the connection lasts is decided here.
 */

import { assert } from '../assert.ts'
import type { EngineContext } from '../context.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { PacketPort } from '../mesh/packet-port.ts'
import {
  closeCodes,
  type CloseCode,
  type ConnectionOutputs,
  type DisconnectReason,
} from './connection-output.ts'
import type { LastingParts } from './connection-parts.ts'
import { DatagramQueue } from './datagram-queue.ts'
import { keyLimits, type KeyLimits } from './key-phases.ts'
import type { MessageSendResult } from './message-port.ts'
import { PacketSpace, type ConnectionKeys, type PacketVerdict } from './packet-space.ts'
import type { ConnectionId, Packet } from './packet.ts'
import { Parking, tellResumed } from './parking.ts'
import type { Arrival } from './received-packets.ts'
import type { StreamHeader } from './stream-header.ts'
import type { StreamHandle, StreamRefusal } from './stream-port.ts'
import type { StreamSet } from './stream-set.ts'

export interface ConnectionOptions extends ConnectionKeys {
  readonly peer: PeerId
  /** Of the other end. */
  readonly epoch: number
  readonly streams: StreamSet
  /** Smaller ones in tests. */
  readonly limits?: KeyLimits | undefined
}

/** Sizes of what a connection holds in memory and has under way. */
export interface ConnectionMeasure {
  readonly sendBufferBytes: number
  readonly receiveBufferBytes: number
  /** Bytes that applications were told of and have not taken. */
  readonly unconsumedBytes: number
  /** What is left of the peer's credit, on the stream or over all that has least of it. */
  readonly unusedCreditBytes: number
  /** Streams of applications that are not forgotten. */
  readonly openStreams: number
  readonly bytesInFlight: number
  readonly packetsInFlight: number
  /** Of the default congestion controller. */
  readonly windowBytes: number
  /** Of the scavenger. */
  readonly bulkWindowBytes: number
  readonly smoothedRttMs: number
}

/** Why a connection ended, and what its last packet said. */
export interface ConnectionEnd {
  readonly reason: DisconnectReason
  readonly code: CloseCode | 'none'
}

/** What a resting connection holds beside the bytes of its streams: tables, counts and a ticket. */
const restingBytesBase = 4096

/** The same for each stream of an application. */
const restingStreamBytes = 2048

/** One end of one connection. */
export class Connection {
  readonly peer: PeerId
  readonly epoch: number
  readonly #lasting: LastingParts
  readonly #limits: KeyLimits
  #space: PacketSpace | undefined
  #localId: ConnectionId
  #formerId: ConnectionId | undefined
  #isConfirmed = false
  #ended: ConnectionEnd | undefined
  #closePacket: Uint8Array | undefined

  constructor(
    context: EngineContext,
    packets: PacketPort,
    outputs: ConnectionOutputs,
    options: ConnectionOptions,
  ) {
    const { peer, epoch, streams, limits = keyLimits } = options
    this.peer = peer
    this.epoch = epoch
    const datagrams = new DatagramQueue()
    this.#lasting = { context, peer, packets, outputs, streams, datagrams, parking: new Parking() }
    this.#limits = limits
    this.#localId = options.localId
    this.#space = new PacketSpace(this.#lasting, options, limits)
  }

  /** Of the keys in use, or of those that were given up last. */
  get localId(): ConnectionId {
    return this.#localId
  }

  /** Of the keys before these: packets that still come with it are late. */
  get formerId(): ConnectionId | undefined {
    return this.#formerId
  }

  /** Of the keys in use. */
  get remoteId(): ConnectionId | undefined {
    return this.#space?.remoteId
  }

  /** Set once the connection is over; it must not be used any more. */
  get ended(): ConnectionEnd | undefined {
    return this.#ended
  }

  /** The packet that said farewell, for repeating to a peer that missed it. */
  get closePacket(): Uint8Array | undefined {
    return this.#closePacket
  }

  /** The mesh refused a packet; `packetsWritable` is to be called when it takes some again. */
  get isBlocked(): boolean {
    return this.#space?.isBlocked === true
  }

  /** There is no route: nothing is sent. */
  get isParked(): boolean {
    return this.#lasting.parking.isParked
  }

  /** There are no keys: nothing is sent until `resume`. */
  get isResting(): boolean {
    return this.#space === undefined && this.#ended === undefined
  }

  /** The other end has, or had, the latest keys for certain, and so knows their ticket. */
  get isConfirmed(): boolean {
    return this.#space?.isConfirmed ?? this.#isConfirmed
  }

  /** Packets have gone unanswered: word that the peer knows no such connection is credible. */
  get isSilent(): boolean {
    return this.#space?.isSilent === true
  }

  /** Memory of a resting connection. */
  get restingBytes(): number {
    const { streams } = this.#lasting
    const bytes = streams.sendBufferBytes + streams.receiveBufferBytes
    return bytes + restingBytesBase + streams.openCount * restingStreamBytes
  }

  /** Sizes of what is held in memory and under way, for the recorder and the tests of bounds. */
  measure(): ConnectionMeasure {
    const { streams } = this.#lasting
    const nothing = {
      bytesInFlight: 0,
      packetsInFlight: 0,
      windowBytes: 0,
      bulkWindowBytes: 0,
      smoothedRttMs: 0,
    }
    return {
      sendBufferBytes: streams.sendBufferBytes,
      receiveBufferBytes: streams.receiveBufferBytes,
      unconsumedBytes: streams.unconsumedBytes,
      unusedCreditBytes: streams.unusedCreditBytes,
      openStreams: streams.openCount,
      ...(this.#space?.measure() ?? nothing),
    }
  }

  /** Begins to send; called once, when the layer above has been told. */
  start(nowMs: number): void {
    this.#space?.start(nowMs)
  }

  send(rank: number, message: Uint8Array, nowMs: number): MessageSendResult {
    const { context, streams } = this.#lasting
    const { connection } = context.recorder
    if (!streams.queue(rank, message)) {
      connection.messagesRefused.add()
      return 'full'
    }
    connection.messagesSent.add()
    connection.messageBytesSent.add(message.length)
    this.#flush(nowMs)
    return 'accepted'
  }

  openStream(header: StreamHeader, nowMs: number): StreamHandle | StreamRefusal {
    const opened = this.#lasting.streams.open(header)
    this.#flush(nowMs)
    return opened
  }

  /** Something about streams has changed from above: sends what there is to send. */
  streamsChanged(nowMs: number): void {
    this.#flush(nowMs)
  }

  /** A resting connection drops it: it would be out of date. */
  sendDatagram(key: string, payload: Uint8Array, nowMs: number): void {
    const { context, datagrams } = this.#lasting
    const dropped = this.#space === undefined ? 1 : datagrams.put(key, payload)
    context.recorder.connection.datagramsDropped.add(dropped)
    this.#flush(nowMs)
  }

  /** The packet is one with `localId`. */
  packetReceived(packet: Packet & { type: 'protected' }, arrival: Arrival, nowMs: number): void {
    const verdict = this.#space?.packetReceived(packet, arrival, nowMs)
    if (verdict !== undefined) this.#judge(verdict, nowMs)
    else this.#restIfUsedUp(nowMs)
  }

  /** Something unproven came from the peer: what it may not have got is repeated soon. */
  hinted(nowMs: number): void {
    this.#space?.hinted(nowMs)
  }

  /** The mesh takes packets again. */
  packetsWritable(nowMs: number): void {
    this.#space?.packetsWritable(nowMs)
    this.#restIfUsedUp(nowMs)
  }

  /** No route: keeps everything for `parkMsMax`, then its streams until `restMsMax`. */
  peerUnreachable(nowMs: number): void {
    this.#space?.peerUnreachable(nowMs)
  }

  /** A route again: goes on where it stopped, if it has keys. */
  peerReachable(nowMs: number): void {
    this.#space?.peerReachable(nowMs)
    this.#restIfUsedUp(nowMs)
  }

  /**
   * Another path: nothing is known of its capacity. Streams are not affected. `isFormerGone`: what
   * was under way on the former one is lost.
   */
  pathChanged(isFormerGone: boolean, nowMs: number): void {
    this.#lasting.context.recorder.connection.pathChanged.record(this.peer)
    this.#space?.pathChanged(isFormerGone, nowMs)
    this.#restIfUsedUp(nowMs)
  }

  /** Goes on with these keys, whatever it had; what was under way is due again. */
  resume(keys: ConnectionKeys, nowMs: number): void {
    assert(this.#ended === undefined, 'a connection that has ended is over')
    const { streams, parking } = this.#lasting
    this.#formerId = this.#localId
    this.#localId = keys.localId
    this.#isConfirmed = false
    streams.everythingInFlightIsLost()
    this.#space = new PacketSpace(this.#lasting, keys, this.#limits)
    tellResumed(this.#lasting, parking.end(nowMs))
    this.#space.start(nowMs)
  }

  /** Ends the connection from this side, in good order. */
  close(code: CloseCode, nowMs: number): void {
    if (this.#ended !== undefined) return
    this.#closePacket = this.#space?.close(code, nowMs)
    this.#end('local', code)
  }

  /** Ends it without a word: another one takes its place, or there is no room for it. */
  abandon(reason: 'restarted' | 'replaced' | 'expired'): void {
    if (this.#ended === undefined) this.#end(reason, 'none')
  }

  nextDeadlineMs(): number {
    return this.#space?.nextDeadlineMs() ?? this.#lasting.parking.restDeadlineMs
  }

  handleDeadline(nowMs: number): void {
    if (nowMs < this.nextDeadlineMs()) return
    const { parking } = this.#lasting
    if (nowMs >= parking.restDeadlineMs) return this.#end('expired', 'none')
    if (nowMs >= parking.parkDeadlineMs && this.#space !== undefined)
      return this.#rest('parked', nowMs)
    this.#space?.handleDeadline(nowMs)
    this.#restIfUsedUp(nowMs)
  }

  #flush(nowMs: number): void {
    this.#space?.flush(nowMs)
    this.#restIfUsedUp(nowMs)
  }

  #restIfUsedUp(nowMs: number): void {
    if (this.#space?.isUsedUp === true) this.#rest('used-up', nowMs)
  }

  /** Gives up keys and packet numbers; streams stay. */
  #rest(reason: 'parked' | 'used-up', nowMs: number): void {
    const { context, streams, datagrams, parking } = this.#lasting
    this.#isConfirmed = this.isConfirmed
    this.#space = undefined
    parking.begin(nowMs)
    streams.everythingInFlightIsLost()
    context.recorder.connection.datagramsDropped.add(datagrams.clear())
    context.recorder.connection.rests.add()
    context.recorder.connection.rested.record(this.peer, reason)
  }

  // Ending

  #judge(verdict: PacketVerdict, nowMs: number): void {
    if (verdict.type === 'closed') {
      const code = closeCodes[verdict.wireCode] ?? 'protocol'
      this.#end(code === 'closed' || code === 'stopping' ? 'remote' : 'protocol', code)
      return
    }
    // The peer broke a rule: it is told which.
    this.#closePacket = this.#space?.close(verdict.code, nowMs)
    this.#lasting.context.recorder.connection.violations.add()
    this.#end('protocol', verdict.code)
  }

  #end(reason: DisconnectReason, code: CloseCode | 'none'): void {
    const { context, outputs, streams } = this.#lasting
    this.#ended = { reason, code }
    this.#space = undefined
    streams.connectionEnded()
    context.recorder.connection.disconnected.record(this.peer, reason, code)
    outputs.push({ type: 'disconnected', peer: this.peer, reason })
  }
}
