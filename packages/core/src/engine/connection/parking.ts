/**
 * A connection without a route: for a while it keeps everything and sends nothing, then it rests
 * without keys, then it is given up (rules CN22, CN28 and CN45).
 */

import type { ConnectionParts } from './connection-parts.ts'

/**
 * How long a connection keeps its keys without a route: longer than a lift ride or a dead zone, and than ten
 * minutes that a page sleeps and the longest pause before it is dialled again.
 */
export const parkMsMax = 11 * 60 * 1000

/** How long its streams are kept in all: a day's absence. Then it is given up. */
export const restMsMax = 24 * 60 * 60 * 1000

/** Whether a connection is away from its other end, and since when. */
export class Parking {
  #sinceMs: number | undefined

  get isParked(): boolean {
    return this.#sinceMs !== undefined
  }

  /** When the connection gives up its keys; `Infinity` while there is a route. */
  get parkDeadlineMs(): number {
    return (this.#sinceMs ?? Number.POSITIVE_INFINITY) + parkMsMax
  }

  /** When it is given up; `Infinity` while there is a route. */
  get restDeadlineMs(): number {
    return (this.#sinceMs ?? Number.POSITIVE_INFINITY) + restMsMax
  }

  /** The route or the keys are gone. An absence that has begun goes on. */
  begin(nowMs: number): void {
    this.#sinceMs ??= nowMs
  }

  /** The connection goes on; how long it was away, 0 when that was not noticed. */
  end(nowMs: number): number {
    const awayMs = this.#sinceMs === undefined ? 0 : nowMs - this.#sinceMs
    this.#sinceMs = undefined
    return awayMs
  }
}

/** Tells that a connection goes on after that time. */
export function tellResumed(
  { context, peer, outputs }: Pick<ConnectionParts, 'context' | 'peer' | 'outputs'>,
  awayMs: number,
): void {
  const { connection } = context.recorder
  connection.resumes.add()
  connection.resumed.record(peer, awayMs)
  outputs.push({ type: 'resumed', peer, awayMs })
}
