/**
 * Which records were taken already (RFC 6347, section 4.1.2.6): werift would take a copy as often as
 * it comes, and copies of an association's beginning make SCTP take old messages for new ones.
 */

/** Records that may overtake each other: twice what SCTP has under way. */
const windowRecords = 512

/** See the file header. */
export class ReplayWindow {
  #highest = -1
  /** At the place of each number, the last one there that was taken. */
  readonly #taken = new Float64Array(windowRecords).fill(-1)

  /** Whether a record of that number may still come. */
  isNew(number: number): boolean {
    return number > this.#highest - windowRecords && this.#taken[number % windowRecords] !== number
  }

  /** Remembers an authenticated record; returns whether its number is the highest so far. */
  take(number: number): boolean {
    this.#taken[number % windowRecords] = number
    if (number <= this.#highest) return false
    this.#highest = number
    return true
  }
}
