/**
 * A set of integers as sorted, disjoint, half-open ranges: packet numbers received, stream bytes
 * acknowledged or lost. Ranges that touch are one range.
 */

/** One run of integers, `start` included, `end` excluded. */
export interface IntegerRange {
  readonly start: number
  readonly end: number
}

/** Adding and removing take time logarithmic in the number of ranges, plus the move of an array. */
export class RangeSet {
  /** start, end, start, end …, strictly increasing. */
  readonly #bounds: number[] = []

  /** How many ranges there are. */
  get size(): number {
    return this.#bounds.length / 2
  }

  /** The range at that place, counted from the lowest; `index` must be below `size`. */
  at(index: number): IntegerRange {
    return { start: this.#bounds[index * 2]!, end: this.#bounds[index * 2 + 1]! }
  }

  /** The lowest range. */
  first(): IntegerRange | undefined {
    return this.size === 0 ? undefined : this.at(0)
  }

  /** The highest range. */
  last(): IntegerRange | undefined {
    return this.size === 0 ? undefined : this.at(this.size - 1)
  }

  /** The range that holds the integer or, without one, the next above it. */
  firstEndingAfter(value: number): IntegerRange | undefined {
    const index = this.#firstEndAbove(value)
    return index < this.size ? this.at(index) : undefined
  }

  /** Whether the integer is in the set. */
  has(value: number): boolean {
    const index = this.#firstEndAbove(value)
    return index < this.size && this.#bounds[index * 2]! <= value
  }

  /** Adds a range; returns how many integers of it were new. */
  add(start: number, end: number): number {
    if (start >= end) return 0
    const bounds = this.#bounds
    const from = this.#firstEndAbove(start - 1)
    let mergedStart = start
    let mergedEnd = end
    let known = 0
    let to = from
    while (to < this.size && bounds[to * 2]! <= end) {
      const rangeStart = bounds[to * 2]!
      const rangeEnd = bounds[to * 2 + 1]!
      known += Math.max(0, Math.min(end, rangeEnd) - Math.max(start, rangeStart))
      mergedStart = Math.min(mergedStart, rangeStart)
      mergedEnd = Math.max(mergedEnd, rangeEnd)
      to += 1
    }
    if (to === from + 1) {
      bounds[from * 2] = mergedStart
      bounds[from * 2 + 1] = mergedEnd
    } else {
      bounds.splice(from * 2, (to - from) * 2, mergedStart, mergedEnd)
    }
    return end - start - known
  }

  /** Removes a range, where it is in the set. */
  remove(start: number, end: number): void {
    if (start >= end) return
    const bounds = this.#bounds
    const from = this.#firstEndAbove(start)
    const kept: number[] = []
    let to = from
    while (to < this.size && bounds[to * 2]! < end) {
      const rangeStart = bounds[to * 2]!
      const rangeEnd = bounds[to * 2 + 1]!
      if (rangeStart < start) kept.push(rangeStart, start)
      if (rangeEnd > end) kept.push(end, rangeEnd)
      to += 1
    }
    if (to > from) bounds.splice(from * 2, (to - from) * 2, ...kept)
  }

  clear(): void {
    this.#bounds.length = 0
  }

  /** Index of the first range whose end is greater than `value`; `size` when there is none. */
  #firstEndAbove(value: number): number {
    const bounds = this.#bounds
    let low = 0
    let high = this.size
    // The highest range is the one asked for nearly always: look there first.
    if (high > 0 && (high === 1 || bounds[high * 2 - 3]! <= value)) low = high - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (bounds[middle * 2 + 1]! > value) high = middle
      else low = middle + 1
    }
    return low
  }
}
