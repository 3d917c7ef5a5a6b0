/**
 * A queue whose first item is taken in constant time.
 *
 * `shift` of an array moves all that is behind: one message of 64 KiB with 32,767 frames, taken so,
 * cost 0.9 s. Invariant: at most half of the places are empty once there are 1,024 of them.
 */

/** Places at the front that may be empty before the rest is moved there. */
const emptyMin = 1024

/** First in, first out. Its user bounds it. */
export class Fifo<Item> {
  #items: (Item | undefined)[] = []
  #taken = 0

  get length(): number {
    return this.#items.length - this.#taken
  }

  /** The item so many places behind the first. */
  at(index: number): Item | undefined {
    return this.#items[this.#taken + index]
  }

  push(item: Item): void {
    this.#items.push(item)
  }

  /** Takes the first item. */
  shift(): Item | undefined {
    if (this.#taken === this.#items.length) return undefined
    const item = this.#items[this.#taken]
    // Nothing that was taken is kept alive.
    this.#items[this.#taken] = undefined
    this.#taken += 1
    if (this.#taken === this.#items.length) {
      this.#items = []
      this.#taken = 0
    } else if (this.#taken >= emptyMin && this.#taken * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#taken)
      this.#taken = 0
    }
    return item
  }
}
