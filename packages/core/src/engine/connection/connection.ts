/**
 * One established connection: frames in and out of protected packets, four streams each way.
 *
 * It sends when something gives it a reason: a message, a packet, a deadline, room in the mesh, a
 * route. An idle one has no deadline. The rules are in docs/specs/connection.md.
 */

import { assert, unreachable } from '../assert.ts'
import { concatBytes } from '../bytes/compare.ts'
import { ByteWriter } from '../bytes/writer.ts'
import type { EngineContext } from '../context.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { priorities } from '../link/link-port.ts'
import type { PacketPort } from '../mesh/packet-port.ts'
import { tagBytes } from '../noise/cipher-state.ts'
import type { TransportKeys } from '../noise/handshake-state.ts'
import { AdditiveIncrease, type CongestionController } from './congestion.ts'
import {
  closeCodes,
  type CloseCode,
  type ConnectionOutputs,
  type DisconnectReason,
} from './connection-output.ts'
import { DatagramQueue } from './datagram-queue.ts'
import {
  decodeFrames,
  encodeFrame,
  encodeStreamHead,
  isAcknowledgementEliciting,
  streamHeadBytes,
  varintBytes,
  type Frame,
} from './frame.ts'
import {
  LossRecovery,
  packetsInFlightMax,
  type SentFrame,
  type SentPacket,
} from './loss-recovery.ts'
import type { MessageSendResult } from './message-port.ts'
import { expandPacketNumber, packetNumberBytes, packetNumberMax } from './packet-number.ts'
import {
  encodeProtectedHeader,
  protectedHeaderBytes,
  type ConnectionId,
  type Packet,
} from './packet.ts'
import { acknowledgedRangesMax, ReceivedPackets } from './received-packets.ts'
import { ReceiveStream, streamWindowBytes } from './receive-stream.ts'
import { ReceiveWindow } from './receive-window.ts'
import { SendStream } from './send-stream.ts'

/** Well-known streams, one of each priority: their id is the priority's rank. */
const streamCount: number = priorities.length

/** Two streams may use their first windows in full at once. */
export const connectionWindowBytes = 2 * streamWindowBytes

/** 2 MiB: bounds what all streams' gaps together may hold in memory. */
export const connectionWindowBytesMax = 2 * 1024 * 1024

/** Largest packet made, in bytes: what a mesh packet carries at the most. */
const packetBytesMax = 64 * 1024

/** Below this a path takes no useful packet, and counts as none. */
const packetBytesMin = 256

/** A stream that has data goes next once others sent 15 packets' worth before it: 1/16 at least. */
const starvationPackets = 15

/** How long a connection keeps its state without a route. */
export const parkMsMax = 10 * 60 * 1000

/** First repetition of the handshake's last packet, and the longest pause between repetitions. */
const finishRepeatMs = 500
const finishRepeatMsMax = 8000

/** Rank of datagrams: they carry awareness, which people watch. */
const datagramRank = priorities.indexOf('interactive')

/** The peer's first credit, from its handshake. */
export interface InitialCredit {
  readonly connectionBytes: number
  readonly streamBytes: number
}

export interface ConnectionOptions {
  readonly peer: PeerId
  /** Of the other end. */
  readonly epoch: number
  readonly keys: TransportKeys
  readonly localId: ConnectionId
  readonly remoteId: ConnectionId
  readonly credit: InitialCredit
  /** Last handshake packet, on the initiator's side: repeated until the responder is heard. */
  readonly finishPacket: Uint8Array | undefined
}

/** A packet that the mesh did not take yet. Its number is used up: it must go as it is. */
interface HeldPacket {
  readonly packet: SentPacket
  readonly bytes: Uint8Array
}

/** One end of one connection. */
export class Connection {
  readonly peer: PeerId
  readonly epoch: number
  readonly localId: ConnectionId
  readonly remoteId: ConnectionId
  readonly #context: EngineContext
  readonly #packets: PacketPort
  readonly #outputs: ConnectionOutputs
  readonly #keys: TransportKeys
  readonly #writer = new ByteWriter(2048)

  readonly #sending: readonly SendStream[]
  readonly #receiving: readonly ReceiveStream[]
  readonly #datagrams = new DatagramQueue()
  readonly #received = new ReceivedPackets()
  readonly #recovery = new LossRecovery(streamCount)
  readonly #congestion: CongestionController = new AdditiveIncrease()

  /** Credit for the peer over all streams, and the peer's for this end. */
  readonly #connectionWindow = new ReceiveWindow(connectionWindowBytes, connectionWindowBytesMax)
  #connectionCreditDue = false
  readonly #streamCreditDue: boolean[] = priorities.map(() => false)
  #sendLimit: number
  #sentBytes = 0
  #receivedBytes = 0

  #nextNumber = 0
  #packetBytes = 0
  #pingDue: boolean
  /** Ranks whose next packet may leave although the congestion window is full. */
  readonly #probeDue: boolean[] = priorities.map(() => false)
  readonly #held: (HeldPacket | undefined)[] = priorities.map(() => undefined)
  /** The mesh answered `full` for this rank: it and those below wait for `packetsWritable`. */
  #blockedRank = streamCount
  /** The congestion window was what ended the last sending. */
  #windowLimited = false
  /** Bytes of others that went before each rank while it had something to send. */
  readonly #passedOverBytes: number[] = priorities.map(() => 0)

  #finishPacket: Uint8Array | undefined
  #finishDeadlineMs = Number.POSITIVE_INFINITY
  #finishRepeatMs = finishRepeatMs
  #parkedAtMs: number | undefined
  #ended: { readonly reason: DisconnectReason; readonly code: CloseCode | 'none' } | undefined
  #closePacket: Uint8Array | undefined

  constructor(
    context: EngineContext,
    packets: PacketPort,
    outputs: ConnectionOutputs,
    options: ConnectionOptions,
  ) {
    this.#context = context
    this.#packets = packets
    this.#outputs = outputs
    this.peer = options.peer
    this.epoch = options.epoch
    this.localId = options.localId
    this.remoteId = options.remoteId
    this.#keys = options.keys
    this.#sendLimit = options.credit.connectionBytes
    this.#sending = priorities.map((_, id) => new SendStream(id, options.credit.streamBytes))
    this.#receiving = priorities.map(() => new ReceiveStream())
    this.#finishPacket = options.finishPacket
    // The responder speaks up, so that the initiator knows its last handshake packet arrived.
    this.#pingDue = options.finishPacket === undefined
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
    return this.#blockedRank < streamCount
  }

  get isParked(): boolean {
    return this.#parkedAtMs !== undefined
  }

  /** Packets have gone unanswered: word that the peer knows no such connection is credible. */
  get isSilent(): boolean {
    return this.#finishPacket !== undefined || this.#recovery.probeCount > 0
  }

  /** Sizes of what is held in memory and under way, for the recorder and the tests of bounds. */
  measure(): {
    readonly sendBufferBytes: number
    readonly receiveBufferBytes: number
    readonly bytesInFlight: number
    readonly packetsInFlight: number
    readonly windowBytes: number
    readonly smoothedRttMs: number
  } {
    return {
      sendBufferBytes: this.#sending.reduce((sum, stream) => sum + stream.heldBytes, 0),
      receiveBufferBytes: this.#receiving.reduce((sum, stream) => sum + stream.heldBytes, 0),
      bytesInFlight: this.#recovery.bytesInFlight,
      packetsInFlight: this.#recovery.packetCount,
      windowBytes: this.#congestion.windowBytes,
      smoothedRttMs: this.#recovery.roundTrip.smoothedMs,
    }
  }

  /** Begins to send; called once, when the layer above has been told. */
  start(nowMs: number): void {
    if (this.#finishPacket !== undefined) this.#repeatFinish(nowMs)
    this.#flush(nowMs)
  }

  send(rank: number, message: Uint8Array, nowMs: number): MessageSendResult {
    const { recorder } = this.#context
    if (!this.#sending[rank]!.queue(message)) {
      recorder.connection.messagesRefused.add()
      return 'full'
    }
    recorder.connection.messagesSent.add()
    recorder.connection.messageBytesSent.add(message.length)
    this.#flush(nowMs)
    return 'accepted'
  }

  sendDatagram(key: string, payload: Uint8Array, nowMs: number): void {
    this.#context.recorder.connection.datagramsDropped.add(this.#datagrams.put(key, payload))
    this.#flush(nowMs)
  }

  packetReceived(packet: Packet & { type: 'protected' }, nowMs: number): void {
    const { recorder } = this.#context
    const number = expandPacketNumber(
      packet.truncatedNumber,
      packet.numberBytes,
      this.#received.largest,
    )
    if (number > packetNumberMax || this.#received.isReplay(number)) {
      recorder.connection.packetsReplayed.add()
      return
    }
    const plaintext = this.#keys.receive.openAt(number, packet.header, packet.ciphertext)
    if (plaintext === undefined) {
      recorder.connection.packetsForged.add()
      return
    }
    recorder.connection.packetsReceived.add()
    recorder.connection.packetBytesReceived.add(packet.header.length + packet.ciphertext.length)
    // From here on the peer is answerable for what is in it.
    const frames = decodeFrames(plaintext)
    if (frames === undefined) return this.#violation('protocol', nowMs)
    this.#finishPacket = undefined
    this.#finishDeadlineMs = Number.POSITIVE_INFINITY
    let eliciting = false
    for (const frame of frames) {
      if (isAcknowledgementEliciting(frame)) eliciting = true
      this.#frameReceived(frame, nowMs)
      if (this.#ended !== undefined) return
    }
    this.#received.received(number, eliciting, nowMs)
    this.#flush(nowMs)
  }

  /** The mesh takes packets again. */
  packetsWritable(nowMs: number): void {
    this.#blockedRank = streamCount
    this.#flush(nowMs)
  }

  /** No route: keeps everything, sends nothing, for at most `parkMsMax`. */
  peerUnreachable(nowMs: number): void {
    if (this.isParked) return
    this.#parkedAtMs = nowMs
    this.#blockedRank = streamCount
    this.#context.recorder.connection.parked.record(this.peer)
  }

  /** A route again: goes on where it stopped. */
  peerReachable(nowMs: number): void {
    if (this.#parkedAtMs === undefined) return
    this.#context.recorder.connection.resumed.record(this.peer, nowMs - this.#parkedAtMs)
    this.#parkedAtMs = undefined
    this.#restart(nowMs)
  }

  /** Another path: nothing is known of its capacity. Streams are not affected. */
  pathChanged(nowMs: number): void {
    this.#context.recorder.connection.pathChanged.record(this.peer)
    if (!this.isParked) this.#restart(nowMs)
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
    if (this.#parkedAtMs !== undefined) return this.#parkedAtMs + parkMsMax
    // An acknowledgement that the mesh does not take waits for room, not for time.
    const acknowledgementMs =
      this.#blockedRank > 0 ? this.#received.deadlineMs : Number.POSITIVE_INFINITY
    return Math.min(this.#recovery.deadlineMs(), acknowledgementMs, this.#finishDeadlineMs)
  }

  handleDeadline(nowMs: number): void {
    if (nowMs < this.nextDeadlineMs()) return
    if (this.isParked) return this.#end('expired', 'none')
    if (nowMs >= this.#finishDeadlineMs) this.#repeatFinish(nowMs)
    this.#packetsLost(this.#recovery.handleDeadline(nowMs).lost, nowMs)
    this.#probe(this.#recovery.takeProbes(nowMs))
    this.#flush(nowMs)
  }

  // Receiving

  #frameReceived(frame: Frame, nowMs: number): void {
    switch (frame.type) {
      case 'ping':
      case 'extension':
        return
      case 'acknowledgement':
        return this.#acknowledgementReceived(frame, nowMs)
      case 'stream':
        return this.#streamReceived(frame.stream, frame.offset, frame.data, nowMs)
      case 'connection-credit':
        this.#sendLimit = Math.max(this.#sendLimit, frame.limit)
        return
      case 'stream-credit': {
        const stream = this.#sending[frame.stream]
        if (stream === undefined) return this.#violation('stream', nowMs)
        stream.raiseLimit(frame.limit)
        return
      }
      case 'reset-stream':
      case 'stop-sending':
        // The well-known streams live as long as the connection, in both directions (ST10).
        return this.#violation('stream', nowMs)
      case 'datagram':
        this.#context.recorder.connection.datagramsReceived.add()
        this.#outputs.push({ type: 'datagram', peer: this.peer, payload: frame.payload.slice() })
        return
      case 'close': {
        const code = closeCodes[frame.code] ?? 'protocol'
        return this.#end(code === 'closed' || code === 'stopping' ? 'remote' : 'protocol', code)
      }
      default:
        unreachable(frame)
    }
  }

  #streamReceived(id: number, offset: number, data: Uint8Array, nowMs: number): void {
    const stream = this.#receiving[id]
    if (stream === undefined) return this.#violation('stream', nowMs)
    const { recorder } = this.#context
    const highestBefore = stream.highestOffset
    const readBefore = stream.readOffset
    const messages: Uint8Array[] = []
    const outcome = stream.receive(offset, data, messages)
    for (const message of messages) {
      recorder.connection.messagesReceived.add()
      recorder.connection.messageBytesReceived.add(message.length)
      this.#outputs.push({ type: 'message', peer: this.peer, stream: priorities[id]!, message })
    }
    switch (outcome) {
      case 'ok':
        break
      case 'flow-control':
        return this.#violation('flow-control', nowMs)
      case 'too-many-gaps':
        return this.#violation('gaps', nowMs)
      case 'message-malformed':
        return this.#violation('message', nowMs)
      default:
        unreachable(outcome)
    }
    this.#receivedBytes += stream.highestOffset - highestBefore
    if (this.#receivedBytes > this.#connectionWindow.limit) {
      return this.#violation('flow-control', nowMs)
    }
    const consumed = stream.readOffset - readBefore
    if (stream.window.consume(consumed)) this.#streamCreditDue[id] = true
    if (this.#connectionWindow.consume(consumed)) this.#connectionCreditDue = true
  }

  #acknowledgementReceived(frame: Frame & { type: 'acknowledgement' }, nowMs: number): void {
    const findings = this.#recovery.acknowledge(
      frame.ranges,
      frame.delayMs,
      this.#nextNumber,
      nowMs,
    )
    if (findings === undefined) return this.#violation('protocol', nowMs)
    for (const packet of findings.arrived) {
      this.#congestion.acknowledged(packet.bytes, packet.sentAtMs!, this.#windowLimited)
      for (const sent of packet.frames) {
        if (sent.type === 'stream') this.#sending[sent.stream]!.acknowledged(sent.piece)
        if (sent.type === 'acknowledgement') this.#received.reportAcknowledged(sent.report)
      }
    }
    if (findings.arrived.length > 0) {
      const { smoothedMs } = this.#recovery.roundTrip
      this.#context.recorder.connection.roundTripMs.observe(smoothedMs)
    }
    this.#packetsLost(findings.lost, nowMs)
  }

  #packetsLost(packets: readonly SentPacket[], nowMs: number): void {
    const last = packets.at(-1)
    if (last === undefined) return
    for (const packet of packets) this.#sendAgain(packet)
    this.#congestion.lost(last.sentAtMs!, nowMs)
    const { connection } = this.#context.recorder
    connection.packetsLost.add(packets.length)
    connection.congested.record(this.peer, packets.length, this.#congestion.windowBytes)
  }

  /** What a lost packet carried is due again: streams by offset, credit in its latest form. */
  #sendAgain(packet: SentPacket): void {
    for (const frame of packet.frames) {
      switch (frame.type) {
        case 'stream':
          this.#sending[frame.stream]!.lost(frame.piece)
          break
        case 'connection-credit':
          this.#connectionCreditDue = true
          break
        case 'stream-credit':
          this.#streamCreditDue[frame.stream] = true
          break
        case 'acknowledgement':
          break
        default:
          unreachable(frame)
      }
    }
  }

  // Sending

  #restart(nowMs: number): void {
    this.#blockedRank = streamCount
    this.#congestion.reset()
    this.#probe(this.#recovery.restart(nowMs))
    if (this.#finishPacket !== undefined) this.#repeatFinish(nowMs)
    this.#flush(nowMs)
  }

  #probe(packets: readonly SentPacket[]): void {
    for (const packet of packets) {
      this.#context.recorder.connection.probesSent.add()
      this.#sendAgain(packet)
      this.#probeDue[packet.rank] = true
    }
  }

  #repeatFinish(nowMs: number): void {
    assert(this.#finishPacket !== undefined, 'only an unconfirmed initiator repeats')
    this.#packets.send(this.peer, 'control', this.#finishPacket, nowMs)
    this.#finishDeadlineMs = nowMs + this.#finishRepeatMs
    this.#finishRepeatMs = Math.min(this.#finishRepeatMs * 2, finishRepeatMsMax)
  }

  #flush(nowMs: number): void {
    const pathBytes = this.#packets.payloadBytesMax(this.peer)
    if (this.isParked) {
      if (pathBytes >= packetBytesMin) this.peerReachable(nowMs)
      return
    }
    if (pathBytes < packetBytesMin) return this.peerUnreachable(nowMs)
    this.#packetBytes = Math.min(pathBytes, packetBytesMax)
    this.#congestion.setPacketBytes(this.#packetBytes)
    this.#sendHeld(nowMs)
    // Each round sends a packet, which takes from a bounded queue or window.
    for (;;) {
      const rank = this.#nextRank()
      if (rank === undefined || !this.#sendPacket(rank, nowMs)) break
    }
    if (this.#received.deadlineMs <= nowMs && this.#blockedRank > 0 && !this.isParked) {
      this.#sendAcknowledgement(nowMs)
    }
    for (const [rank, stream] of this.#sending.entries()) {
      if (!stream.takeWritable()) continue
      this.#outputs.push({ type: 'stream-writable', peer: this.peer, stream: priorities[rank]! })
    }
  }

  /** The rank that sends next: the highest, unless one below has waited for its share (ST9). */
  #nextRank(): number | undefined {
    const windowOpen =
      this.#recovery.bytesInFlight < this.#congestion.windowBytes &&
      this.#recovery.packetCount < packetsInFlightMax
    let next: number | undefined
    this.#windowLimited = false
    for (let rank = 0; rank < this.#blockedRank; rank += 1) {
      if (!this.#hasWork(rank)) continue
      if (!windowOpen && !this.#probeDue[rank]) {
        this.#windowLimited = true
        continue
      }
      const starved = this.#passedOverBytes[rank]! >= starvationPackets * this.#packetBytes
      if (starved) return rank
      next ??= rank
    }
    return next
  }

  #hasWork(rank: number): boolean {
    if (this.#probeDue[rank] || this.#sending[rank]!.canSend(this.#connectionCredit())) return true
    if (rank === datagramRank && this.#datagrams.size > 0) return true
    return rank === 0 && (this.#pingDue || this.#creditDue())
  }

  #creditDue(): boolean {
    return this.#connectionCreditDue || this.#streamCreditDue.includes(true)
  }

  #connectionCredit(): number {
    return this.#sendLimit - this.#sentBytes
  }

  /** Makes and sends one packet of that rank; false when the mesh did not take it. */
  #sendPacket(rank: number, nowMs: number): boolean {
    const number = this.#takeNumber()
    const numberBytes = packetNumberBytes(number, this.#recovery.largestAcknowledged)
    const room = this.#packetBytes - protectedHeaderBytes(numberBytes) - tagBytes
    const frames: SentFrame[] = []
    this.#writer.clear()
    if (this.#received.owed) {
      this.#writeAcknowledgement(room, nowMs)
      frames.push({ type: 'acknowledgement', report: this.#received.reported() })
    }
    const contentStart = this.#writer.length
    this.#writeCredit(frames, nowMs)
    if (this.#pingDue) encodeFrame({ type: 'ping' }, this.#writer)
    if (rank === datagramRank) this.#writeDatagrams(room)
    this.#writeStream(this.#sending[rank]!, room, frames)
    // A probe with nothing to repeat: whatever is answered by an acknowledgement will do.
    if (this.#writer.length === contentStart) encodeFrame({ type: 'ping' }, this.#writer)
    this.#pingDue = false
    this.#probeDue[rank] = false
    const bytes = this.#seal(number, numberBytes)
    this.#countPassedOver(rank, bytes.length)
    const packet = { number, rank, bytes: bytes.length, frames, sentAtMs: undefined, sequence: 0 }
    this.#recovery.add(packet)
    return this.#submit({ packet, bytes }, nowMs)
  }

  #submit(held: HeldPacket, nowMs: number): boolean {
    const { packet, bytes } = held
    const result = this.#packets.send(this.peer, priorities[packet.rank]!, bytes, nowMs)
    if (result === 'accepted') {
      this.#held[packet.rank] = undefined
      this.#recovery.accepted(packet, nowMs)
      this.#countSent(bytes)
      return true
    }
    this.#held[packet.rank] = held
    if (result === 'no-route') {
      this.peerUnreachable(nowMs)
      return false
    }
    this.#blockedRank = packet.rank
    return packet.rank > 0
  }

  #sendHeld(nowMs: number): void {
    for (let rank = 0; rank < this.#blockedRank && !this.isParked; rank += 1) {
      const held = this.#held[rank]
      if (held === undefined) continue
      if (held.bytes.length <= this.#packetBytes) {
        this.#submit(held, nowMs)
        continue
      }
      // The path has become narrower meanwhile: cut anew.
      this.#held[rank] = undefined
      this.#recovery.withdraw(held.packet)
      this.#sendAgain(held.packet)
    }
  }

  /** A packet of nothing but an acknowledgement; it is not under way in the sense of recovery. */
  #sendAcknowledgement(nowMs: number): void {
    const number = this.#takeNumber()
    const numberBytes = packetNumberBytes(number, this.#recovery.largestAcknowledged)
    this.#writer.clear()
    this.#writeAcknowledgement(
      this.#packetBytes - protectedHeaderBytes(numberBytes) - tagBytes,
      nowMs,
    )
    const bytes = this.#seal(number, numberBytes)
    const result = this.#packets.send(this.peer, 'control', bytes, nowMs)
    if (result === 'accepted') {
      this.#received.reported()
      this.#countSent(bytes)
    } else if (result === 'full') {
      this.#blockedRank = 0
    } else {
      this.peerUnreachable(nowMs)
    }
  }

  #sendClose(code: CloseCode, nowMs: number): void {
    const number = this.#takeNumber()
    this.#writer.clear()
    encodeFrame({ type: 'close', code: closeCodes.indexOf(code) }, this.#writer)
    this.#closePacket = this.#seal(
      number,
      packetNumberBytes(number, this.#recovery.largestAcknowledged),
    )
    if (this.#packets.send(this.peer, 'control', this.#closePacket, nowMs) === 'accepted') {
      this.#countSent(this.#closePacket)
    }
  }

  #writeAcknowledgement(room: number, nowMs: number): void {
    // A range takes at most 14 bytes; half the room at most, so that data fits beside it.
    const countMax = Math.min(acknowledgedRangesMax, Math.floor(room / 2 / 14))
    const ranges = this.#received.report().slice(0, countMax)
    const delayMs = this.#received.delayMs(nowMs)
    encodeFrame({ type: 'acknowledgement', delayMs, ranges }, this.#writer)
  }

  /** Credit goes along in any packet: at most 60 bytes in all. */
  #writeCredit(frames: SentFrame[], nowMs: number): void {
    if (!this.#creditDue()) return
    const rttMs = this.#recovery.roundTrip.smoothedMs
    if (this.#connectionCreditDue) {
      this.#connectionCreditDue = false
      const limit = this.#connectionWindow.advance(nowMs, rttMs)
      encodeFrame({ type: 'connection-credit', limit }, this.#writer)
      frames.push({ type: 'connection-credit' })
    }
    for (let stream = 0; stream < streamCount; stream += 1) {
      if (!this.#streamCreditDue[stream]) continue
      this.#streamCreditDue[stream] = false
      const limit = this.#receiving[stream]!.window.advance(nowMs, rttMs)
      encodeFrame({ type: 'stream-credit', stream, limit }, this.#writer)
      frames.push({ type: 'stream-credit', stream })
    }
  }

  #writeDatagrams(room: number): void {
    const { connection } = this.#context.recorder
    const overheadMax = protectedHeaderBytes(4) + tagBytes
    for (;;) {
      const payload = this.#datagrams.peek()
      if (payload === undefined) return
      const bytes = 1 + varintBytes(payload.length) + payload.length
      if (bytes > room - this.#writer.length) {
        // Too large for what is left of this packet, or for any.
        if (bytes <= this.#packetBytes - overheadMax && this.#writer.length > 0) return
        connection.datagramsTooLarge.add()
        this.#datagrams.shift()
        continue
      }
      this.#datagrams.shift()
      encodeFrame({ type: 'datagram', payload }, this.#writer)
      connection.datagramsSent.add()
    }
  }

  #writeStream(stream: SendStream, room: number, frames: SentFrame[]): void {
    for (;;) {
      const headBytes = streamHeadBytes(stream.id, stream.sentEnd)
      const lengthMax = room - this.#writer.length - headBytes
      if (lengthMax <= 0) return
      const sentBefore = stream.sentEnd
      const piece = stream.takePiece(lengthMax, this.#connectionCredit())
      if (piece === undefined) return
      this.#sentBytes += stream.sentEnd - sentBefore
      encodeStreamHead(stream.id, piece.offset, piece.length, this.#writer)
      stream.writePiece(piece, this.#writer)
      frames.push({ type: 'stream', stream: stream.id, piece })
    }
  }

  #seal(number: number, numberBytes: number): Uint8Array {
    const header = encodeProtectedHeader(this.remoteId, number, numberBytes)
    return concatBytes(header, this.#keys.send.sealAt(number, header, this.#writer.view()))
  }

  #takeNumber(): number {
    assert(this.#nextNumber < packetNumberMax, 'packet numbers are used up')
    const number = this.#nextNumber
    this.#nextNumber += 1
    return number
  }

  #countPassedOver(rank: number, bytes: number): void {
    this.#passedOverBytes[rank] = 0
    for (let below = rank + 1; below < streamCount; below += 1) {
      const waits = this.#sending[below]!.canSend(this.#connectionCredit())
      this.#passedOverBytes[below] = waits ? this.#passedOverBytes[below]! + bytes : 0
    }
  }

  #countSent(bytes: Uint8Array): void {
    this.#context.recorder.connection.packetsSent.add()
    this.#context.recorder.connection.packetBytesSent.add(bytes.length)
  }

  // Ending

  /** The peer broke a rule: tell it which, and end. */
  #violation(code: CloseCode, nowMs: number): void {
    this.#sendClose(code, nowMs)
    this.#end('protocol', code)
  }

  #end(reason: DisconnectReason, code: CloseCode | 'none'): void {
    this.#ended = { reason, code }
    this.#context.recorder.connection.disconnected.record(this.peer, reason, code)
    this.#outputs.push({ type: 'disconnected', peer: this.peer, reason })
  }
}
