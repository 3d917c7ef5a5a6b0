/** Whose turn it is to send: strictly by priority, with a share for whoever waits (rule ST9). */

/**
 * A lower priority goes next once others sent 15 packets' worth while it waited: it gets a
 * sixteenth of the connection at least, and costs the others no more.
 */
const passedOverPacketsMax = 15

interface Turn {
  /** What went before it while it waited. */
  passedOverBytes: number
  /** The rank that went before it last. */
  passedBy: number
}

/** Counts, for each rank, what went before it. */
export class SendTurns {
  readonly #turns: readonly Turn[]

  constructor(rankCount: number) {
    this.#turns = Array.from({ length: rankCount }, (_, rank) => ({
      passedOverBytes: 0,
      passedBy: rank,
    }))
  }

  /** The rank has waited for its share. */
  isStarved(rank: number, packetBytes: number): boolean {
    return this.#turns[rank]!.passedOverBytes >= passedOverPacketsMax * packetBytes
  }

  /** The rank that went last before one that is starved. */
  passedBy(rank: number): number {
    return this.#turns[rank]!.passedBy
  }

  /** A rank has sent; `waits` tells whether another one has something to send too. */
  sent(rank: number, bytes: number, waits: (rank: number) => boolean): void {
    this.#turns[rank]!.passedOverBytes = 0
    for (let below = rank + 1; below < this.#turns.length; below += 1) {
      const turn = this.#turns[below]!
      turn.passedOverBytes = waits(below) ? turn.passedOverBytes + bytes : 0
      turn.passedBy = rank
    }
  }
}
