/**
 * Contents that arrive in parts, because the messages they were sent in turned out to be too large
 * (rule LK21 of docs/specs/link.md).
 *
 * Invariant: the runs that have arrived are sorted and do not touch; there are at most `runsMax`.
 */

/** Runs of one content that are told apart; a part that would make more is dropped. */
const runsMax = 64

interface Run {
  readonly start: number
  readonly end: number
}

/** One content of known length, of which parts have come. */
export class PartAssembly {
  readonly bytes: Uint8Array
  #runs: readonly Run[] = []

  /** At most 65,535 bytes; who makes one counts them. */
  constructor(totalBytes: number) {
    this.bytes = new Uint8Array(totalBytes)
  }

  /** Every byte has come. */
  get isComplete(): boolean {
    const [first] = this.#runs
    return first !== undefined && first.start === 0 && first.end === this.bytes.length
  }

  /** Takes a part that lies within the content; false when it is dropped. */
  add(offset: number, part: Uint8Array): boolean {
    let joined: Run = { start: offset, end: offset + part.length }
    const apart: Run[] = []
    for (const run of this.#runs) {
      if (run.end < joined.start || run.start > joined.end) apart.push(run)
      else {
        joined = { start: Math.min(run.start, joined.start), end: Math.max(run.end, joined.end) }
      }
    }
    if (apart.length >= runsMax) return false
    apart.push(joined)
    this.#runs = apart.toSorted((left, right) => left.start - right.start)
    this.bytes.set(part, offset)
    return true
  }
}
