/** What is to happen in a simulated world, in the order of time and, at one time, of scheduling. */

interface ScheduledEvent {
  readonly atMs: number
  readonly order: number
  readonly action: () => void
}

/** A binary heap of actions. Equal times keep their order: that makes runs repeatable. */
export class EventQueue {
  readonly #heap: ScheduledEvent[] = []
  #order = 0

  get size(): number {
    return this.#heap.length
  }

  /** When the next action is due; `Infinity` when there is none. */
  get nextAtMs(): number {
    return this.#heap[0]?.atMs ?? Number.POSITIVE_INFINITY
  }

  push(atMs: number, action: () => void): void {
    const event = { atMs, order: this.#order++, action }
    this.#heap.push(event)
    this.#siftUp(this.#heap.length - 1)
  }

  /** Removes and returns the next action. */
  pop(): (() => void) | undefined {
    const first = this.#heap[0]
    const last = this.#heap.pop()
    if (first === undefined || last === undefined) return undefined
    if (this.#heap.length > 0) {
      this.#heap[0] = last
      this.#siftDown()
    }
    return first.action
  }

  #siftUp(start: number): void {
    let child = start
    while (child > 0) {
      const parent = (child - 1) >> 1
      if (!this.#isBefore(child, parent)) return
      this.#swap(child, parent)
      child = parent
    }
  }

  #siftDown(): void {
    let parent = 0
    for (;;) {
      let least = parent
      for (const child of [2 * parent + 1, 2 * parent + 2]) {
        if (child < this.#heap.length && this.#isBefore(child, least)) least = child
      }
      if (least === parent) return
      this.#swap(least, parent)
      parent = least
    }
  }

  #isBefore(left: number, right: number): boolean {
    const a = this.#heap[left]!
    const b = this.#heap[right]!
    return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
  }

  #swap(left: number, right: number): void {
    const kept = this.#heap[left]!
    this.#heap[left] = this.#heap[right]!
    this.#heap[right] = kept
  }
}
