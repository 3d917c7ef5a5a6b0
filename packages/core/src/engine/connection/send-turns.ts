/** Whose turn it is to send: strictly by priority, with a share for whoever waits (rule ST9). */

/**
 * A lower priority goes next once others sent 15 packets' worth while it waited: it gets a
 * sixteenth of the connection at least, and costs the others no more.
 */
const passedOverPacketsMax = 15

/** Counts, for each rank, what went before it. */
export class SendTurns {
  readonly #passedOverBytes: number[]

  constructor(rankCount: number) {
    this.#passedOverBytes = Array.from({ length: rankCount }, () => 0)
  }

  /** The rank has waited for its share. */
  isStarved(rank: number, packetBytes: number): boolean {
    return this.#passedOverBytes[rank]! >= passedOverPacketsMax * packetBytes
  }

  /** A rank has sent; `waits` tells whether another one has something to send too. */
  sent(rank: number, bytes: number, waits: (rank: number) => boolean): void {
    this.#passedOverBytes[rank] = 0
    for (let below = rank + 1; below < this.#passedOverBytes.length; below += 1) {
      this.#passedOverBytes[below] = waits(below) ? this.#passedOverBytes[below]! + bytes : 0
    }
  }
}
