/**
 * One established connection: frames in and out of protected packets, four streams each way.
 *
 * It sends when something gives it a reason: a message, a packet, a deadline, room in the mesh, a
 * route. An idle one has no deadline. The rules are in docs/specs/connection.md.
 */

import { assert, unreachable } from '../assert.ts'
import { ByteWriter } from '../bytes/writer.ts'
import type { EngineContext } from '../context.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { priorities } from '../link/link-port.ts'
import type { PacketPort } from '../mesh/packet-port.ts'
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
  isAcknowledgementEliciting,
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
import { packetNumberMax } from './packet-number.ts'
import { PacketProtection, protectionBytesMax, type SealedPacket } from './packet-protection.ts'
import type { ConnectionId, Packet } from './packet.ts'
import { acknowledgedRangesMax, ReceivedPackets } from './received-packets.ts'
import { SendTurns } from './send-turns.ts'
import { StreamSet, type InitialCredit } from './stream-set.ts'

const rankCount: number = priorities.length

/** Largest packet made, in bytes: what a mesh packet carries at the most. */
const packetBytesMax = 64 * 1024

/** Below this a path takes no useful packet, and counts as none. */
const packetBytesMin = 256

/** How long a connection keeps its state without a route. */
export const parkMsMax = 10 * 60 * 1000

/** First repetition of the handshake's last packet, and the longest pause between repetitions. */
const finishRepeatMs = 500
const finishRepeatMsMax = 8000

/** Rank of datagrams: they carry awareness, which people watch. */
const datagramRank = priorities.indexOf('interactive')

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
  readonly #protection: PacketProtection
  readonly #writer = new ByteWriter(2048)
  readonly #streams: StreamSet
  readonly #datagrams = new DatagramQueue()
  readonly #received = new ReceivedPackets()
  readonly #recovery = new LossRecovery(rankCount)
  readonly #congestion: CongestionController = new AdditiveIncrease()
  readonly #turns = new SendTurns(rankCount)

  #packetBytes = 0
  #pingDue: boolean
  /** Ranks whose next packet may leave although the congestion window is full. */
  readonly #probeDue: boolean[] = priorities.map(() => false)
  readonly #held: (HeldPacket | undefined)[] = priorities.map(() => undefined)
  /** The mesh answered `full` for this rank: it and those below wait for `packetsWritable`. */
  #blockedRank = rankCount
  /** The congestion window was what ended the last sending. */
  #windowLimited = false

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
    this.#protection = new PacketProtection(options.keys, options.remoteId)
    this.#streams = new StreamSet(options.credit)
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
    return this.#blockedRank < rankCount
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
      sendBufferBytes: this.#streams.sendBufferBytes,
      receiveBufferBytes: this.#streams.receiveBufferBytes,
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
    if (!this.#streams.queue(rank, message)) {
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
    const number = this.#protection.numberOf(packet, this.#received.largest)
    if (number > packetNumberMax || this.#received.isReplay(number)) {
      recorder.connection.packetsReplayed.add()
      return
    }
    const plaintext = this.#protection.open(packet, number)
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
    this.#blockedRank = rankCount
    this.#flush(nowMs)
  }

  /** No route: keeps everything, sends nothing, for at most `parkMsMax`. */
  peerUnreachable(nowMs: number): void {
    if (this.isParked) return
    this.#parkedAtMs = nowMs
    this.#blockedRank = rankCount
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
        this.#streams.raiseLimit(frame.limit)
        return
      case 'stream-credit':
        if (!this.#streams.raiseStreamLimit(frame.stream, frame.limit)) {
          this.#violation('stream', nowMs)
        }
        return
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
    const { connection } = this.#context.recorder
    const messages: Uint8Array[] = []
    const violation = this.#streams.received(id, offset, data, messages)
    for (const message of messages) {
      connection.messagesReceived.add()
      connection.messageBytesReceived.add(message.length)
      this.#outputs.push({ type: 'message', peer: this.peer, stream: priorities[id]!, message })
    }
    if (violation !== undefined) this.#violation(violation, nowMs)
  }

  #acknowledgementReceived(frame: Frame & { type: 'acknowledgement' }, nowMs: number): void {
    const findings = this.#recovery.acknowledge(
      frame.ranges,
      frame.delayMs,
      this.#protection.nextNumber,
      nowMs,
    )
    if (findings === undefined) return this.#violation('protocol', nowMs)
    for (const packet of findings.arrived) {
      this.#congestion.acknowledged(packet.bytes, packet.sentAtMs!, this.#windowLimited)
      for (const sent of packet.frames) {
        this.#streams.acknowledged(sent)
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

  #sendAgain(packet: SentPacket): void {
    for (const frame of packet.frames) this.#streams.lost(frame)
  }

  // Sending

  #restart(nowMs: number): void {
    this.#blockedRank = rankCount
    this.#congestion.reset()
    this.#probe(this.#recovery.restart(nowMs))
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
    for (const [rank, stream] of priorities.entries()) {
      if (!this.#streams.takeWritable(rank)) continue
      this.#outputs.push({ type: 'stream-writable', peer: this.peer, stream })
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
      if (this.#turns.isStarved(rank, this.#packetBytes)) return rank
      next ??= rank
    }
    return next
  }

  #hasWork(rank: number): boolean {
    if (this.#probeDue[rank] || this.#streams.canSend(rank)) return true
    if (rank === datagramRank && this.#datagrams.size > 0) return true
    return rank === 0 && (this.#pingDue || this.#streams.creditDue)
  }

  /** Makes and sends one packet of that rank; false when no rank can send any more. */
  #sendPacket(rank: number, nowMs: number): boolean {
    const room = this.#packetBytes - protectionBytesMax
    const frames: SentFrame[] = []
    this.#writer.clear()
    if (this.#received.owed) {
      this.#writeAcknowledgement(nowMs)
      frames.push({ type: 'acknowledgement', report: this.#received.reported() })
    }
    const contentStart = this.#writer.length
    this.#streams.writeCredit(this.#recovery.roundTrip.smoothedMs, this.#writer, frames, nowMs)
    if (this.#pingDue) encodeFrame({ type: 'ping' }, this.#writer)
    if (rank === datagramRank) this.#writeDatagrams(room)
    this.#streams.writePieces(rank, room, this.#writer, frames)
    // A probe with nothing to repeat: whatever is answered by an acknowledgement will do.
    if (this.#writer.length === contentStart) encodeFrame({ type: 'ping' }, this.#writer)
    this.#pingDue = false
    this.#probeDue[rank] = false
    const { number, bytes } = this.#seal()
    this.#turns.sent(rank, bytes.length, (waiting) => this.#streams.canSend(waiting))
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
    this.#writer.clear()
    this.#writeAcknowledgement(nowMs)
    const { bytes } = this.#seal()
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
    this.#writer.clear()
    encodeFrame({ type: 'close', code: closeCodes.indexOf(code) }, this.#writer)
    this.#closePacket = this.#seal().bytes
    if (this.#packets.send(this.peer, 'control', this.#closePacket, nowMs) === 'accepted') {
      this.#countSent(this.#closePacket)
    }
  }

  #writeAcknowledgement(nowMs: number): void {
    // A range takes at most 14 bytes: about half a small packet, so that data fits beside it.
    const countMax = Math.min(acknowledgedRangesMax, Math.floor(this.#packetBytes / 32))
    const ranges = this.#received.report().slice(0, countMax)
    const delayMs = this.#received.delayMs(nowMs)
    encodeFrame({ type: 'acknowledgement', delayMs, ranges }, this.#writer)
  }

  #writeDatagrams(room: number): void {
    const { connection } = this.#context.recorder
    for (;;) {
      const payload = this.#datagrams.peek()
      if (payload === undefined) return
      const bytes = 1 + varintBytes(payload.length) + payload.length
      if (bytes > room - this.#writer.length) {
        // Too large for what is left of this packet, or for any.
        if (bytes <= room && this.#writer.length > 0) return
        connection.datagramsTooLarge.add()
        this.#datagrams.shift()
        continue
      }
      this.#datagrams.shift()
      encodeFrame({ type: 'datagram', payload }, this.#writer)
      connection.datagramsSent.add()
    }
  }

  #seal(): SealedPacket {
    return this.#protection.seal(this.#writer.view(), this.#recovery.largestAcknowledged)
  }

  #countSent(bytes: Uint8Array): void {
    this.#context.recorder.connection.packetsSent.add()
    this.#context.recorder.connection.packetBytesSent.add(bytes.length)
  }

  // Ending

  /** The peer broke a rule: tell it which, and end. */
  #violation(code: CloseCode, nowMs: number): void {
    this.#sendClose(code, nowMs)
    this.#context.recorder.connection.violations.add()
    this.#end('protocol', code)
  }

  #end(reason: DisconnectReason, code: CloseCode | 'none'): void {
    this.#ended = { reason, code }
    this.#context.recorder.connection.disconnected.record(this.peer, reason, code)
    this.#outputs.push({ type: 'disconnected', peer: this.peer, reason })
  }
}
