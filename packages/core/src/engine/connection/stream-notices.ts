/**
 * Frames about streams that are due: credit, allowance, resets and requests to stop. They are made
 * from the latest state when a packet has room for them, so a lost one is just due again (rule ST19).
 */

import type { ByteWriter } from '../bytes/writer.ts'
import { ApplicationStream } from './application-stream.ts'
import type { ConnectionCredit } from './connection-credit.ts'
import { encodeFrame, type Frame } from './frame.ts'
import type { SentFrame } from './sent-packet.ts'
import type { StreamIds } from './stream-ids.ts'
import type { StreamTable } from './stream-table.ts'

/** Room that the largest of these frames needs: a type and three numbers of 8 bytes. */
const noticeBytes = 25

/** Frames of which only the latest state counts. */
type NoticeFrame = SentFrame & {
  readonly type:
    'connection-credit' | 'stream-allowance' | 'stream-credit' | 'reset-stream' | 'stop-sending'
}

/** A packet as it is being filled. */
export interface PacketDraft {
  /** Bytes of frames that fit. */
  readonly room: number
  readonly writer: ByteWriter
  readonly frames: SentFrame[]
}

/** What is due to be said. Bounded by the number of streams. */
export class StreamNotices {
  readonly #table: StreamTable
  readonly #ids: StreamIds
  readonly #credit: ConnectionCredit
  #connectionCreditDue = false
  #allowanceDue = false
  /** Streams by their ids. */
  readonly #creditDue = new Set<number>()
  readonly #resetsDue = new Set<number>()
  readonly #stopsDue = new Set<number>()

  constructor(table: StreamTable, ids: StreamIds, credit: ConnectionCredit) {
    this.#table = table
    this.#ids = ids
    this.#credit = credit
  }

  get isAnyDue(): boolean {
    return (
      this.#connectionCreditDue ||
      this.#allowanceDue ||
      this.#creditDue.size > 0 ||
      this.#resetsDue.size > 0 ||
      this.#stopsDue.size > 0
    )
  }

  /** The frame is due, or again. What has lost its point by then is not sent. */
  add(frame: NoticeFrame): void {
    switch (frame.type) {
      case 'connection-credit':
        this.#connectionCreditDue = true
        return
      case 'stream-allowance':
        this.#allowanceDue = true
        return
      case 'stream-credit':
        this.#creditDue.add(frame.stream)
        return
      case 'reset-stream':
        this.#resetsDue.add(frame.stream)
        return
      case 'stop-sending':
        this.#stopsDue.add(frame.stream)
    }
  }

  /** All that was ever said and still matters is due again. */
  addAll(): void {
    this.#connectionCreditDue = true
    this.#allowanceDue = true
    for (const stream of this.#table) {
      const { id } = stream.sending
      this.#creditDue.add(id)
      if (!(stream instanceof ApplicationStream)) continue
      this.#resetsDue.add(id)
      this.#stopsDue.add(id)
    }
  }

  /** The stream is forgotten. */
  remove(id: number): void {
    this.#creditDue.delete(id)
    this.#resetsDue.delete(id)
    this.#stopsDue.delete(id)
  }

  /** Appends what is due, as far as there is room. */
  write(draft: PacketDraft, rttMs: number, nowMs: number): void {
    if (this.#connectionCreditDue && hasRoom(draft)) {
      this.#connectionCreditDue = false
      const limit = this.#credit.window.advance(nowMs, rttMs)
      append(draft, { type: 'connection-credit', limit }, { type: 'connection-credit' })
    }
    if (this.#allowanceDue && hasRoom(draft)) {
      this.#allowanceDue = false
      const limit = this.#ids.allow()
      append(draft, { type: 'stream-allowance', limit }, { type: 'stream-allowance' })
    }
    for (const stream of this.#creditDue) {
      if (!hasRoom(draft)) return
      this.#creditDue.delete(stream)
      const receiving = this.#table.get(stream)?.receiving
      if (receiving?.takesCredit !== true) continue
      const limit = receiving.advance(nowMs, rttMs)
      const sent = { type: 'stream-credit', stream } as const
      append(draft, { ...sent, limit }, sent)
    }
    for (const stream of this.#resetsDue) {
      if (!hasRoom(draft)) return
      this.#resetsDue.delete(stream)
      const opened = this.#table.opened.get(stream)
      if (opened?.sending.state !== 'reset-sent') continue
      const sent = { type: 'reset-stream', stream } as const
      const finalSize = opened.sending.sentEnd
      append(draft, { ...sent, code: opened.resetCode, finalSize }, sent)
    }
    for (const stream of this.#stopsDue) {
      if (!hasRoom(draft)) return
      this.#stopsDue.delete(stream)
      const opened = this.#table.opened.get(stream)
      if (opened?.wantsStop !== true) continue
      const sent = { type: 'stop-sending', stream } as const
      append(draft, { ...sent, code: opened.stopCode }, sent)
    }
  }
}

function hasRoom({ room, writer }: PacketDraft): boolean {
  return room - writer.length >= noticeBytes
}

function append({ writer, frames }: PacketDraft, frame: Frame, sent: NoticeFrame): void {
  encodeFrame(frame, writer)
  frames.push(sent)
}
