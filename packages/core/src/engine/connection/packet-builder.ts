/** Makes packets: picks the frames for each, writes them, seals them. */

import { concatBytes } from '../bytes/compare.ts'
import { ByteWriter } from '../bytes/writer.ts'
import { closeCodes, type CloseCode } from './connection-output.ts'
import type { ConnectionParts } from './connection-parts.ts'
import { encodeFrame, varintBytes } from './frame.ts'
import { protectionBytesMax, type SealedPacket } from './packet-protection.ts'
import { acknowledgedRangesMax } from './received-packets.ts'
import { foregroundFlow, interactiveRank, type SentFrame } from './sent-packet.ts'

/** Rank of datagrams: they carry awareness, which people watch. */
const datagramRank = interactiveRank

type PacketBuilderParts = Pick<
  ConnectionParts,
  'context' | 'protection' | 'streams' | 'datagrams' | 'received' | 'recovery'
>

/** A packet that asks for an acknowledgement, and what of it has to be sent again when it is lost. */
export interface BuiltPacket extends SealedPacket {
  readonly frames: readonly SentFrame[]
}

/** Each packet made uses up a number, so what is made has to be sent. */
export class PacketBuilder {
  readonly #parts: PacketBuilderParts
  readonly #writer = new ByteWriter(2048)
  #pingDue: boolean

  /** `pingDue`: the first packet asks for an acknowledgement, whatever else is in it. */
  constructor(parts: PacketBuilderParts, pingDue: boolean) {
    this.#parts = parts
    this.#pingDue = pingDue
  }

  /** There is something to send at that rank. */
  hasContent(rank: number): boolean {
    const { streams, datagrams } = this.#parts
    if (streams.canSend(rank)) return true
    if (rank === datagramRank && datagrams.size > 0) return true
    return rank === 0 && (this.#pingDue || streams.noticesDue)
  }

  /**
   * A packet of at most `packetBytes` with what the rank has to send; a ping when it has nothing.
   * A datagram that needs more takes what the path has, at most `pathBytes`.
   */
  build(rank: number, packetBytes: number, pathBytes: number, nowMs: number): BuiltPacket {
    const { streams, received, recovery } = this.#parts
    const room = packetBytes - protectionBytesMax
    const frames: SentFrame[] = []
    this.#writer.clear()
    if (received.owed) {
      this.#writeAcknowledgement(packetBytes, nowMs)
      frames.push({ type: 'acknowledgement', report: received.reported(nowMs) })
    }
    const contentStart = this.#writer.length
    const draft = { room, writer: this.#writer, frames }
    streams.writeNotices(draft, recovery.roundTrip(foregroundFlow).smoothedMs, nowMs)
    if (this.#pingDue) encodeFrame({ type: 'ping' }, this.#writer)
    if (rank === datagramRank) this.#writeDatagrams(room, pathBytes - protectionBytesMax)
    streams.writePieces(rank, draft)
    // A probe with nothing to repeat: whatever is answered by an acknowledgement will do.
    if (this.#writer.length === contentStart) encodeFrame({ type: 'ping' }, this.#writer)
    this.#pingDue = false
    return { ...this.#seal(nowMs), frames }
  }

  /** A packet of nothing but an acknowledgement; it is not under way in the sense of recovery. */
  buildAcknowledgement(packetBytes: number, nowMs: number): SealedPacket {
    this.#writer.clear()
    this.#writeAcknowledgement(packetBytes, nowMs)
    return this.#seal(nowMs)
  }

  /** The packet that ends the connection. */
  buildClose(code: CloseCode, nowMs: number): Uint8Array {
    this.#writer.clear()
    encodeFrame({ type: 'close', code: closeCodes.indexOf(code) }, this.#writer)
    return concatBytes(...this.#seal(nowMs).parts)
  }

  #writeAcknowledgement(packetBytes: number, nowMs: number): void {
    const { received } = this.#parts
    // A range takes at most 14 bytes: about half a small packet, so that data fits beside it.
    const countMax = Math.min(acknowledgedRangesMax, Math.floor(packetBytes / 32))
    const ranges = received.report().slice(0, countMax)
    const delayMs = received.delayMs(nowMs)
    const { marks } = received
    encodeFrame({ type: 'acknowledgement', delayMs, ranges, marks }, this.#writer)
  }

  #writeDatagrams(room: number, pathRoom: number): void {
    const { context, datagrams } = this.#parts
    const { connection } = context.recorder
    for (;;) {
      const payload = datagrams.peek()
      if (payload === undefined) return
      const bytes = 1 + varintBytes(payload.length) + payload.length
      const isAlone = this.#writer.length === 0
      if (bytes > (isAlone ? pathRoom : room - this.#writer.length)) {
        // Too large for what is left of this packet, or for any.
        if (bytes <= pathRoom && !isAlone) return
        connection.datagramsTooLarge.add()
        datagrams.shift()
        continue
      }
      datagrams.shift()
      encodeFrame({ type: 'datagram', payload }, this.#writer)
      connection.datagramsSent.add()
    }
  }

  #seal(nowMs: number): SealedPacket {
    const { protection, recovery } = this.#parts
    return protection.seal(this.#writer.view(), recovery.largestAcknowledged, nowMs)
  }
}
