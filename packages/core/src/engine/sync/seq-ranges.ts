/** Which sequence numbers of a writer somebody holds, as a few ranges; bounded, newest kept. */

import type { PeerId } from '../identity/peer-id.ts'
import { writerText } from './version-operations.ts'
import type { Writer } from './version.ts'

/** Ranges kept for one writer; the lowest is forgotten for another. */
const rangesMax = 8

/** Writers kept for one holder; the one unheard of for longest is forgotten for another. */
const writersMax = 64

/** Both ends belong to the range. */
export interface SeqRange {
  readonly from: number
  readonly to: number
}

/** Ascending, disjoint, never adjacent. */
class SeqRanges {
  #ranges: SeqRange[] = []

  get all(): readonly SeqRange[] {
    return this.#ranges
  }

  has(seq: number): boolean {
    return this.#ranges.some(({ from, to }) => from <= seq && seq <= to)
  }

  /** The range that the given one has become part of, or `undefined` when it was held already. */
  add(added: SeqRange): SeqRange | undefined {
    if (this.#ranges.some(({ from, to }) => from <= added.from && added.to <= to)) return undefined
    let { from, to } = added
    const apart: SeqRange[] = []
    for (const range of this.#ranges) {
      if (range.to + 1 < from || range.from > to + 1) {
        apart.push(range)
        continue
      }
      from = Math.min(from, range.from)
      to = Math.max(to, range.to)
    }
    const joined = { from, to }
    this.#ranges = [...apart, joined].sort((left, right) => left.from - right.from)
    if (this.#ranges.length > rangesMax) this.#ranges.shift()
    return joined
  }
}

/** What one peer holds, of every writer. */
export class HeldSeqs {
  readonly #rangesByWriter = new Map<string, { writer: Writer; ranges: SeqRanges }>()

  has(writer: Writer, seq: number): boolean {
    return this.#rangesByWriter.get(writerText(writer))?.ranges.has(seq) ?? false
  }

  /** The range that the given one has become part of, or `undefined` when it was held already. */
  add(writer: Writer, range: SeqRange): SeqRange | undefined {
    const text = writerText(writer)
    const row = this.#rangesByWriter.get(text) ?? {
      writer: { peer: writer.peer, epoch: writer.epoch },
      ranges: new SeqRanges(),
    }
    // The map's order is the order of forgetting.
    this.#rangesByWriter.delete(text)
    this.#rangesByWriter.set(text, row)
    if (this.#rangesByWriter.size > writersMax) {
      const [oldest] = this.#rangesByWriter.keys()
      if (oldest !== undefined) this.#rangesByWriter.delete(oldest)
    }
    return row.ranges.add(range)
  }

  /** Every range of every writer, or of the writers that are boots of `peer`. */
  *ranges(peer?: PeerId): Iterable<{ readonly writer: Writer; readonly range: SeqRange }> {
    for (const { writer, ranges } of this.#rangesByWriter.values()) {
      if (peer !== undefined && writer.peer !== peer) continue
      for (const range of ranges.all) yield { writer, range }
    }
  }
}
