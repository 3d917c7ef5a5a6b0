/**
 * Which streams there may be: who opens which ids, and how many (rules ST11 and ST12).
 *
 * The end with the lower peer id opens even ids from 4, the other one odd ids from 5. Each end opens
 * its ids in order, so that all a stream's end leaves behind is a count.
 */

import { priorities } from '../link/link-port.ts'

/**
 * Streams of one end that are open at once: as QUIC's servers have it, about a hundred, some 2 kB each.
 * This end opens no more, whatever it is allowed; beyond what the other end was allowed the connection
 * ends.
 */
export const streamsOpenMax = 128

/** Ids below this are the well-known streams, one of each priority. */
const firstId = priorities.length

/** What an id from the wire means. */
export type StreamIdMeaning =
  /** This end opened it, or may have forgotten it since. */
  | 'local'
  /** The other end opened it. */
  | 'remote'
  /** The other end opens it herewith, and all of its ids below that. */
  | 'new'
  /** The other end opens it beyond its allowance. */
  | 'excess'
  /** Nobody has opened it, and it is not the other end's to open. */
  | 'unopened'

/** Counts of both ends' streams. */
export class StreamIds {
  readonly #localFirst: number
  readonly #remoteFirst: number
  #openedCount = 0
  #closedCount = 0
  /** How many this end may open, in all. */
  #limit: number
  #remoteOpenedCount = 0
  #remoteClosedCount = 0
  /** How many the other end was told that it may open, in all. */
  #remoteLimit = streamsOpenMax

  /** `limit`: what the peer allows at first. */
  constructor(opensEven: boolean, limit: number) {
    this.#localFirst = firstId + (opensEven ? 0 : 1)
    this.#remoteFirst = firstId + (opensEven ? 1 : 0)
    this.#limit = limit
  }

  /** This end may open another stream. */
  get mayOpen(): boolean {
    const openCount = this.#openedCount - this.#closedCount
    return this.#openedCount < this.#limit && openCount < streamsOpenMax
  }

  /** The next id of this end; only while it may open. */
  open(): number {
    const id = this.#localFirst + 2 * this.#openedCount
    this.#openedCount += 1
    return id
  }

  /** The peer allows that many, in all; limits never shrink. */
  raiseLimit(limit: number): void {
    this.#limit = Math.max(this.#limit, limit)
  }

  /** For ids from 4. */
  meaningOf(id: number): StreamIdMeaning {
    const isLocal = (id - this.#localFirst) % 2 === 0
    const index = Math.floor((id - firstId) / 2)
    if (isLocal) return index < this.#openedCount ? 'local' : 'unopened'
    if (index < this.#remoteOpenedCount) return 'remote'
    return index < this.#remoteLimit ? 'new' : 'excess'
  }

  /** The ids that a new one opens, in order; it is the last of them. */
  *openUpTo(id: number): Iterable<number> {
    for (;;) {
      const next = this.#remoteFirst + 2 * this.#remoteOpenedCount
      if (next > id) return
      this.#remoteOpenedCount += 1
      yield next
    }
  }

  /** A stream is over and forgotten. */
  closed(id: number): void {
    if ((id - this.#remoteFirst) % 2 === 0) this.#remoteClosedCount += 1
    else this.#closedCount += 1
  }

  /**
   * The other end should be told that it may open more. Not worth a frame while it may open half of
   * what it ever may at once.
   */
  get isAllowanceDue(): boolean {
    return (
      this.#remoteLimit - this.#remoteOpenedCount < streamsOpenMax / 2 &&
      this.#remoteLimit < this.#remoteClosedCount + streamsOpenMax
    )
  }

  /** Moves the other end's allowance on, and returns it for announcement. */
  allow(): number {
    this.#remoteLimit = this.#remoteClosedCount + streamsOpenMax
    return this.#remoteLimit
  }
}
