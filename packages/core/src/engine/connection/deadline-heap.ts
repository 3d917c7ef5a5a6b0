/**
 * Who has to be served when: a binary heap of deadlines (rule CN43). The next one costs nothing to
 * find, changing one takes time logarithmic in their number.
 *
 * Items of equal deadlines come in the order in which they were first set, so that the same calls
 * always give the same order.
 */

interface Node<Item> {
  readonly item: Item
  readonly order: number
  deadlineMs: number
  index: number
}

/** See the file header. Items without a deadline are not in it. */
export class DeadlineHeap<Item> {
  readonly #nodes: Node<Item>[] = []
  readonly #nodesByItem = new Map<Item, Node<Item>>()
  #nextOrder = 0

  get size(): number {
    return this.#nodes.length
  }

  /** The earliest deadline; `Infinity` when there is none. */
  get nextMs(): number {
    return this.#nodes[0]?.deadlineMs ?? Number.POSITIVE_INFINITY
  }

  /** Sets the item's deadline in place of the one it had; `Infinity` takes it out. */
  set(item: Item, deadlineMs: number): void {
    const known = this.#nodesByItem.get(item)
    if (deadlineMs === Number.POSITIVE_INFINITY) {
      if (known !== undefined) this.#remove(known)
      return
    }
    if (known === undefined) {
      const node = { item, order: this.#nextOrder++, deadlineMs, index: this.#nodes.length }
      this.#nodesByItem.set(item, node)
      this.#nodes.push(node)
      this.#rise(node)
      return
    }
    if (known.deadlineMs === deadlineMs) return
    known.deadlineMs = deadlineMs
    this.#rise(known)
    this.#sink(known)
  }

  /** Takes out all items that are due by `nowMs`, earliest first. */
  takeDue(nowMs: number): Item[] {
    const due: Item[] = []
    for (;;) {
      const first = this.#nodes[0]
      if (first === undefined || first.deadlineMs > nowMs) return due
      this.#remove(first)
      due.push(first.item)
    }
  }

  #remove(node: Node<Item>): void {
    this.#nodesByItem.delete(node.item)
    const last = this.#nodes.pop()!
    if (last === node) return
    this.#place(last, node.index)
    this.#rise(last)
    this.#sink(last)
  }

  #rise(node: Node<Item>): void {
    while (node.index > 0) {
      const parent = this.#nodes[(node.index - 1) >> 1]!
      if (!isBefore(node, parent)) return
      this.#swap(node, parent)
    }
  }

  #sink(node: Node<Item>): void {
    for (;;) {
      const left = this.#nodes[node.index * 2 + 1]
      const right = this.#nodes[node.index * 2 + 2]
      if (left === undefined) return
      const child = right !== undefined && isBefore(right, left) ? right : left
      if (!isBefore(child, node)) return
      this.#swap(child, node)
    }
  }

  #swap(one: Node<Item>, other: Node<Item>): void {
    const { index } = one
    this.#place(one, other.index)
    this.#place(other, index)
  }

  #place(node: Node<Item>, index: number): void {
    node.index = index
    this.#nodes[index] = node
  }
}

function isBefore<Item>(one: Node<Item>, other: Node<Item>): boolean {
  if (one.deadlineMs !== other.deadlineMs) return one.deadlineMs < other.deadlineMs
  return one.order < other.order
}
