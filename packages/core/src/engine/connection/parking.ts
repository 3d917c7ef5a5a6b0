/** A connection without a route: it keeps its state and sends nothing, for a bounded time. */

/** How long a connection keeps its state without a route. */
export const parkMsMax = 10 * 60 * 1000

/** Whether a connection is parked, and since when. */
export class Parking {
  #sinceMs: number | undefined

  get isParked(): boolean {
    return this.#sinceMs !== undefined
  }

  /** When the connection expires; `Infinity` while there is a route. */
  get deadlineMs(): number {
    return this.#sinceMs === undefined ? Number.POSITIVE_INFINITY : this.#sinceMs + parkMsMax
  }

  /** The route is gone. */
  begin(nowMs: number): void {
    this.#sinceMs = nowMs
  }

  /** There is a route again; how long there was none, or `undefined` when it was never gone. */
  end(nowMs: number): number | undefined {
    const sinceMs = this.#sinceMs
    this.#sinceMs = undefined
    return sinceMs === undefined ? undefined : nowMs - sinceMs
  }
}
