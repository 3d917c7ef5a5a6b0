/** Takes in the frames about streams, and tells when the peer breaks a rule with one. */

import { unreachable } from '../assert.ts'
import type { ApplicationStream } from './application-stream.ts'
import type { CloseCode } from './connection-output.ts'
import type { ConnectionCredit } from './connection-credit.ts'
import type { Frame } from './frame.ts'
import type { MessageStream } from './message-stream.ts'
import type { StreamIds } from './stream-ids.ts'
import type { StreamNotices } from './stream-notices.ts'
import { streamRefusedCode } from './stream-port.ts'
import type { StreamSender } from './stream-sender.ts'
import type { StreamTable } from './stream-table.ts'

/** Frames that concern one stream. */
export type OneStreamFrame = Frame & {
  readonly type: 'stream' | 'stream-credit' | 'reset-stream' | 'stop-sending'
}

/** What the streams of a connection have in common, and what they do with what came in. */
export interface StreamIntakeParts {
  readonly table: StreamTable
  readonly ids: StreamIds
  readonly credit: ConnectionCredit
  readonly sender: StreamSender
  readonly notices: StreamNotices
  /** Makes a stream that the other end opens. */
  readonly add: (id: number) => ApplicationStream
  /** Whole messages may have come. */
  readonly tellMessages: (stream: MessageStream) => void
  /** Credit may have moved on, or the stream ended. */
  readonly settle: (stream: ApplicationStream) => void
}

/** See the file header. */
export class StreamIntake {
  readonly #parts: StreamIntakeParts

  constructor(parts: StreamIntakeParts) {
    this.#parts = parts
  }

  /** Takes one frame. A code when the peer broke a rule. */
  received(frame: OneStreamFrame): CloseCode | undefined {
    const { table } = this.#parts
    const wellKnown = table.wellKnown[frame.stream]
    if (wellKnown !== undefined) return this.#wellKnownReceived(wellKnown, frame)
    const stream = table.opened.get(frame.stream) ?? this.#unknownReceived(frame.stream)
    if (stream === undefined || typeof stream === 'string') return stream
    const { receiving } = stream
    const highestBefore = receiving.highestOffset
    const violation =
      this.#streamReceived(stream, frame) ??
      this.#parts.credit.received(receiving.highestOffset - highestBefore)
    if (violation === undefined) this.#parts.settle(stream)
    return violation
  }

  #wellKnownReceived(stream: MessageStream, frame: OneStreamFrame): CloseCode | undefined {
    const { sender, notices, tellMessages } = this.#parts
    switch (frame.type) {
      case 'stream': {
        if (frame.fin) return 'stream'
        const violation = stream.receiving.receive(frame.offset, frame.data, false)
        tellMessages(stream)
        if (stream.receiving.takeCreditDue()) {
          notices.add({ type: 'stream-credit', stream: frame.stream })
        }
        return violation
      }
      case 'stream-credit':
        stream.sending.raiseLimit(frame.limit)
        sender.update(stream)
        return undefined
      // These streams live as long as the connection, in both directions (ST10).
      case 'reset-stream':
      case 'stop-sending':
        return 'stream'
      default:
        return unreachable(frame)
    }
  }

  #streamReceived(stream: ApplicationStream, frame: OneStreamFrame): CloseCode | undefined {
    const { sender, notices } = this.#parts
    const reset = { type: 'reset-stream', stream: frame.stream } as const
    switch (frame.type) {
      case 'stream':
        return stream.received(frame.offset, frame.data, frame.fin)
      case 'stream-credit':
        stream.sending.raiseLimit(frame.limit)
        sender.update(stream)
        return undefined
      case 'reset-stream': {
        const violation = stream.resetReceived(frame.code, frame.finalSize)
        if (stream.isNameless && stream.reset(streamRefusedCode)) notices.add(reset)
        return violation
      }
      case 'stop-sending':
        if (stream.stopReceived(frame.code)) notices.add(reset)
        return undefined
      default:
        return unreachable(frame)
    }
  }

  /** The stream when it is new; nothing when it is forgotten; a code when it must not be. */
  #unknownReceived(id: number): ApplicationStream | CloseCode | undefined {
    const { ids, table, add } = this.#parts
    const meaning = ids.meaningOf(id)
    switch (meaning) {
      case 'local':
      case 'remote':
        return undefined
      case 'unopened':
        return 'stream'
      case 'excess':
        return 'stream-limit'
      case 'new':
        for (const opened of ids.openUpTo(id)) add(opened).expectHeader()
        return table.opened.get(id)
      default:
        return unreachable(meaning)
    }
  }
}
