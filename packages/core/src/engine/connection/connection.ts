/**
 * One established connection: frames in and out of protected packets, streams both ways.
 *
 * It sends when something gives it a reason: a message, a packet, a deadline, room in the mesh, a
 * route. An idle one has no deadline. The rules are in docs/specs/connection.md. Packets come in
 * through `FrameIntake`, and go out by `PacketBuilder` and `PacketSender`; `Delivery` knows what
 * became of them. Whether the connection lasts is decided here.
 */

import type { EngineContext } from '../context.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { priorities } from '../link/link-port.ts'
import type { PacketPort } from '../mesh/packet-port.ts'
import type { TransportKeys } from '../noise/handshake-state.ts'
import { AdditiveIncrease } from './congestion-default.ts'
import { Scavenger } from './congestion-scavenger.ts'
import {
  closeCodes,
  type CloseCode,
  type ConnectionOutputs,
  type DisconnectReason,
} from './connection-output.ts'
import type { ConnectionParts } from './connection-parts.ts'
import { DatagramQueue } from './datagram-queue.ts'
import { Delivery } from './delivery.ts'
import { FinishRepetition } from './finish-repetition.ts'
import { FrameIntake } from './frame-intake.ts'
import { decodeFrames, isAcknowledgementEliciting } from './frame.ts'
import { LossRecovery } from './loss-recovery.ts'
import type { MessageSendResult } from './message-port.ts'
import { PacketBuilder } from './packet-builder.ts'
import { packetNumberMax } from './packet-number.ts'
import { PacketProtection } from './packet-protection.ts'
import { PacketSender } from './packet-sender.ts'
import type { ConnectionId, Packet } from './packet.ts'
import { ReceivedPackets, type Arrival } from './received-packets.ts'
import { bulkFlow, foregroundFlow } from './sent-packet.ts'
import type { StreamHeader } from './stream-header.ts'
import type { StreamHandle, StreamRefusal } from './stream-port.ts'
import type { StreamSet } from './stream-set.ts'

export interface ConnectionOptions {
  readonly peer: PeerId
  /** Of the other end. */
  readonly epoch: number
  readonly keys: TransportKeys
  readonly localId: ConnectionId
  readonly remoteId: ConnectionId
  readonly streams: StreamSet
  /** Last handshake packet, on the initiator's side: repeated until the responder is heard. */
  readonly finishPacket: Uint8Array | undefined
}

/** Sizes of what a connection holds in memory and has under way. */
export interface ConnectionMeasure {
  readonly sendBufferBytes: number
  readonly receiveBufferBytes: number
  /** Bytes that applications were told of and have not taken. */
  readonly unconsumedBytes: number
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

/** One end of one connection. */
export class Connection {
  readonly peer: PeerId
  readonly epoch: number
  readonly localId: ConnectionId
  readonly remoteId: ConnectionId
  readonly #parts: ConnectionParts
  readonly #delivery: Delivery
  readonly #intake: FrameIntake
  readonly #builder: PacketBuilder
  readonly #sender: PacketSender
  readonly #finish: FinishRepetition
  #ended: { readonly reason: DisconnectReason; readonly code: CloseCode | 'none' } | undefined
  #closePacket: Uint8Array | undefined

  constructor(
    context: EngineContext,
    packets: PacketPort,
    outputs: ConnectionOutputs,
    options: ConnectionOptions,
  ) {
    this.peer = options.peer
    this.epoch = options.epoch
    this.localId = options.localId
    this.remoteId = options.remoteId
    this.#parts = {
      context,
      peer: options.peer,
      packets,
      outputs,
      protection: new PacketProtection(options.keys, options.remoteId),
      streams: options.streams,
      datagrams: new DatagramQueue(),
      received: new ReceivedPackets(),
      recovery: new LossRecovery(priorities.length),
      congestion: [new AdditiveIncrease(), new Scavenger()],
    }
    this.#delivery = new Delivery(this.#parts)
    this.#intake = new FrameIntake(this.#parts, this.#delivery)
    // The responder speaks up, so that the initiator knows its last handshake packet arrived.
    this.#builder = new PacketBuilder(this.#parts, options.finishPacket === undefined)
    this.#sender = new PacketSender(this.#parts, this.#builder, this.#delivery)
    this.#finish = new FinishRepetition(options.finishPacket)
  }

  /** Set once the connection is over; it must not be used any more. */
  get ended():
    { readonly reason: DisconnectReason; readonly code: CloseCode | 'none' } | undefined {
    return this.#ended
  }

  /** The packet that said farewell, for repeating to a peer that missed it. */
  get closePacket(): Uint8Array | undefined {
    return this.#closePacket
  }

  /** The mesh refused a packet; `packetsWritable` is to be called when it takes some again. */
  get isBlocked(): boolean {
    return this.#sender.isBlocked
  }

  get isParked(): boolean {
    return this.#sender.isParked
  }

  /** Packets have gone unanswered: word that the peer knows no such connection is credible. */
  get isSilent(): boolean {
    return this.#finish.isPending || this.#parts.recovery.probeCount > 0
  }

  /** Sizes of what is held in memory and under way, for the recorder and the tests of bounds. */
  measure(): ConnectionMeasure {
    const { streams, recovery, congestion } = this.#parts
    return {
      sendBufferBytes: streams.sendBufferBytes,
      receiveBufferBytes: streams.receiveBufferBytes,
      unconsumedBytes: streams.unconsumedBytes,
      openStreams: streams.openCount,
      bytesInFlight: recovery.bytesInFlight(foregroundFlow) + recovery.bytesInFlight(bulkFlow),
      packetsInFlight: recovery.packetCount,
      windowBytes: congestion[foregroundFlow]!.windowBytes,
      bulkWindowBytes: congestion[bulkFlow]!.windowBytes,
      smoothedRttMs: recovery.roundTrip(foregroundFlow).smoothedMs,
    }
  }

  /** Begins to send; called once, when the layer above has been told. */
  start(nowMs: number): void {
    if (this.#finish.isPending) this.#repeatFinish(nowMs)
    this.#sender.flush(nowMs)
  }

  send(rank: number, message: Uint8Array, nowMs: number): MessageSendResult {
    const { context, streams } = this.#parts
    const { connection } = context.recorder
    if (!streams.queue(rank, message)) {
      connection.messagesRefused.add()
      return 'full'
    }
    connection.messagesSent.add()
    connection.messageBytesSent.add(message.length)
    this.#sender.flush(nowMs)
    return 'accepted'
  }

  openStream(header: StreamHeader, nowMs: number): StreamHandle | StreamRefusal {
    const opened = this.#parts.streams.open(header)
    this.#sender.flush(nowMs)
    return opened
  }

  /** Something about streams has changed from above: sends what there is to send. */
  streamsChanged(nowMs: number): void {
    this.#sender.flush(nowMs)
  }

  sendDatagram(key: string, payload: Uint8Array, nowMs: number): void {
    const { context, datagrams } = this.#parts
    context.recorder.connection.datagramsDropped.add(datagrams.put(key, payload))
    this.#sender.flush(nowMs)
  }

  packetReceived(packet: Packet & { type: 'protected' }, arrival: Arrival, nowMs: number): void {
    const { context, protection, received } = this.#parts
    const { connection } = context.recorder
    const number = protection.numberOf(packet, received.largest)
    if (number > packetNumberMax || received.isReplay(number)) {
      connection.packetsReplayed.add()
      return
    }
    const plaintext = protection.open(packet, number)
    if (plaintext === undefined) {
      connection.packetsForged.add()
      return
    }
    connection.packetsReceived.add()
    connection.packetBytesReceived.add(packet.header.length + packet.ciphertext.length)
    // From here on the peer is answerable for what is in it.
    const frames = decodeFrames(plaintext)
    if (frames === undefined) return this.#violation('protocol', nowMs)
    this.#finish.confirmed()
    let eliciting = false
    for (const frame of frames) {
      if (isAcknowledgementEliciting(frame)) eliciting = true
      if (frame.type === 'close') return this.#closeReceived(frame.code)
      const violation = this.#intake.frameReceived(frame, nowMs)
      if (violation !== undefined) return this.#violation(violation, nowMs)
    }
    received.received(number, eliciting, arrival, nowMs)
    this.#sender.flush(nowMs)
  }

  /** The mesh takes packets again. */
  packetsWritable(nowMs: number): void {
    this.#sender.packetsWritable(nowMs)
  }

  /** No route: keeps everything, sends nothing, for at most `parkMsMax`. */
  peerUnreachable(nowMs: number): void {
    this.#sender.park(nowMs)
  }

  /** A route again: goes on where it stopped. */
  peerReachable(nowMs: number): void {
    this.#sender.resume(nowMs)
  }

  /**
   * Another path: nothing is known of its capacity. Streams are not affected. `isFormerGone`: what
   * was under way on the former one is lost.
   */
  pathChanged(isFormerGone: boolean, nowMs: number): void {
    this.#parts.context.recorder.connection.pathChanged.record(this.peer)
    if (this.isParked) this.#sender.resume(nowMs)
    else this.#sender.restart(isFormerGone, nowMs)
  }

  /** Ends the connection from this side, in good order. */
  close(code: CloseCode, nowMs: number): void {
    if (this.#ended !== undefined) return
    this.#sendClose(code, nowMs)
    this.#end('local', code)
  }

  /** Ends it without a word: another one takes its place. */
  abandon(reason: 'restarted' | 'replaced'): void {
    if (this.#ended === undefined) this.#end(reason, 'none')
  }

  nextDeadlineMs(): number {
    if (this.isParked) return this.#sender.parkDeadlineMs
    return Math.min(
      this.#parts.recovery.deadlineMs(),
      this.#sender.acknowledgementDeadlineMs,
      this.#sender.burstDeadlineMs,
      this.#finish.deadlineMs,
    )
  }

  handleDeadline(nowMs: number): void {
    if (nowMs < this.nextDeadlineMs()) return
    if (this.isParked) return this.#end('expired', 'none')
    if (nowMs >= this.#finish.deadlineMs) this.#repeatFinish(nowMs)
    this.#delivery.handleDeadline(nowMs)
    this.#sender.flush(nowMs)
  }

  #repeatFinish(nowMs: number): void {
    this.#parts.packets.send(this.peer, 'control', this.#finish.take(nowMs), nowMs)
  }

  // Ending

  #closeReceived(wireCode: number): void {
    const code = closeCodes[wireCode] ?? 'protocol'
    this.#end(code === 'closed' || code === 'stopping' ? 'remote' : 'protocol', code)
  }

  #sendClose(code: CloseCode, nowMs: number): void {
    this.#closePacket = this.#builder.buildClose(code)
    this.#sender.sendClose(this.#closePacket, nowMs)
  }

  /** The peer broke a rule: tell it which, and end. */
  #violation(code: CloseCode, nowMs: number): void {
    this.#sendClose(code, nowMs)
    this.#parts.context.recorder.connection.violations.add()
    this.#end('protocol', code)
  }

  #end(reason: DisconnectReason, code: CloseCode | 'none'): void {
    const { context, outputs } = this.#parts
    this.#ended = { reason, code }
    this.#parts.streams.connectionEnded()
    context.recorder.connection.disconnected.record(this.peer, reason, code)
    outputs.push({ type: 'disconnected', peer: this.peer, reason })
  }
}
