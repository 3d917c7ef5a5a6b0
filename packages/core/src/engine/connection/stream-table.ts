/** The streams of one connection by id: the four well-known ones, and those of applications. */

import { priorities } from '../link/link-port.ts'
import type { ApplicationStream } from './application-stream.ts'
import { MessageStream } from './message-stream.ts'

/** Streams that are over are not in it any more. */
export class StreamTable {
  readonly wellKnown: readonly MessageStream[]
  readonly opened = new Map<number, ApplicationStream>()

  /** `limit`: the peer's first credit on each stream. */
  constructor(limit: number) {
    this.wellKnown = priorities.map((_, rank) => new MessageStream(rank, limit))
  }

  /** The stream, unless it is over. */
  get(id: number): ApplicationStream | MessageStream | undefined {
    return this.wellKnown[id] ?? this.opened.get(id)
  }

  *[Symbol.iterator](): Iterator<ApplicationStream | MessageStream> {
    yield* this.wellKnown
    yield* this.opened.values()
  }

  /** Memory of what waits to be sent or acknowledged. */
  get sendBufferBytes(): number {
    let bytes = 0
    for (const { sending } of this) bytes += sending.heldBytes
    return bytes
  }

  /** Memory of what has arrived incomplete. */
  get receiveBufferBytes(): number {
    let bytes = 0
    for (const { receiveBufferBytes } of this) bytes += receiveBufferBytes
    return bytes
  }

  /** What is left of the peer's credit on the stream that has least of it. */
  get unusedCreditBytes(): number {
    let bytes = Number.POSITIVE_INFINITY
    for (const { sending } of this) bytes = Math.min(bytes, sending.unusedCreditBytes)
    return bytes
  }

  /** Bytes that applications have been told of and have not taken. */
  get unconsumedBytes(): number {
    let bytes = 0
    for (const { receiving } of this.opened.values()) bytes += receiving.unconsumedBytes
    return bytes
  }
}
