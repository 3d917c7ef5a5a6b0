/**
 * Whether a queue stands, so that the packets that leave it are to be marked (rule MP10; the idea of
 * CoDel, RFC 8289, section 3).
 *
 * A burst that runs empty again is what queues are for. One in which each packet waited too long for
 * a while does not run empty by itself: its senders have to hear of it.
 */

/** A packet that waited longer stood in a queue that hurts whoever comes behind it. */
export const congestionMarkMs = 25

/** For how long each packet has to have waited so long until they are marked. */
export const standingMs = 50

/** Looks at the packets of one queue, as they leave it. */
export class StandingQueue {
  #sinceMs: number | undefined

  /** A packet leaves that waited so long. True when it is to be marked. */
  leaves(waitedMs: number, nowMs: number): boolean {
    if (waitedMs <= congestionMarkMs) {
      this.#sinceMs = undefined
      return false
    }
    this.#sinceMs ??= nowMs
    return nowMs - this.#sinceMs >= standingMs
  }
}
