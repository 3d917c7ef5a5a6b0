/**
 * Counters, gauges and histograms: all values in a few typed arrays, allocated once.
 *
 * The arrays are sized from the registry; nothing grows afterwards.
 */

import type { Counter, Gauge, Histogram } from './instrument.ts'
import {
  bucketCount,
  bucketOf,
  bucketOrigin,
  bucketsEnd,
  bucketValue,
} from './histogram-buckets.ts'

/** What a histogram knows, as plain data. */
export interface HistogramSnapshot {
  readonly count: number
  readonly sum: number
  /** Zero while `count` is. */
  readonly min: number
  readonly max: number
  readonly median: number
  readonly percentile90: number
  readonly percentile99: number
}

/** A counter or gauge: one cell of an array that it shares with all others. */
export class ValueCell implements Counter, Gauge {
  readonly #values: Float64Array
  readonly #index: number

  constructor(values: Float64Array, index: number) {
    this.#values = values
    this.#index = index
  }

  get value(): number {
    return this.#values[this.#index]!
  }

  add(amount = 1): void {
    this.#values[this.#index]! += amount
  }

  set(value: number): void {
    this.#values[this.#index] = value
  }
}

/** Cells beside the buckets of each histogram. */
const statistics = { sum: 0, min: 1, max: 2, below: 3, above: 4, count: 5 } as const

/** Bytes that one histogram takes: 640 of buckets and 40 beside them. */
export const histogramBytes = bucketCount * 4 + statistics.count * 8

/** Buckets and statistics of all histograms. */
export class HistogramTable {
  readonly buckets: Uint32Array
  readonly statistics: Float64Array

  constructor(histogramCount: number) {
    this.buckets = new Uint32Array(histogramCount * bucketCount)
    this.statistics = new Float64Array(histogramCount * statistics.count)
  }
}

/**
 * One histogram. A value below `lowest`, a negative one or NaN counts as zero; one beyond the
 * buckets counts as the largest value seen.
 */
export class HistogramCells implements Histogram {
  readonly #buckets: Uint32Array
  readonly #statistics: Float64Array
  readonly #lowest: number
  readonly #end: number
  readonly #origin: number

  constructor(table: HistogramTable, index: number, lowest: number) {
    this.#buckets = table.buckets.subarray(index * bucketCount, (index + 1) * bucketCount)
    this.#statistics = table.statistics.subarray(
      index * statistics.count,
      (index + 1) * statistics.count,
    )
    this.#lowest = lowest
    this.#end = bucketsEnd(lowest)
    this.#origin = bucketOrigin(lowest)
    this.#statistics[statistics.min] = Infinity
  }

  observe(value: number): void {
    const cells = this.#statistics
    if (value >= this.#lowest && value < this.#end) {
      this.#buckets[bucketOf(value, this.#origin)]! += 1
    } else if (value >= this.#end) {
      cells[statistics.above]! += 1
    } else {
      cells[statistics.below]! += 1
      if (!(value >= 0)) {
        cells[statistics.min] = 0
        return
      }
    }
    cells[statistics.sum]! += value
    if (value < cells[statistics.min]!) cells[statistics.min] = value
    if (value > cells[statistics.max]!) cells[statistics.max] = value
  }

  /** Linear in the number of buckets. */
  get count(): number {
    let count = this.#statistics[statistics.below]! + this.#statistics[statistics.above]!
    for (const bucket of this.#buckets) count += bucket
    return count
  }

  /** The value that a share from 0 to 1 of all values does not exceed; zero when there is none. */
  quantile(share: number): number {
    const cells = this.#statistics
    const rank = Math.max(1, Math.ceil(share * this.count))
    let seen = cells[statistics.below]!
    if (seen >= rank || this.count === 0) return 0
    for (let bucket = 0; bucket < bucketCount; bucket += 1) {
      seen += this.#buckets[bucket]!
      if (seen < rank) continue
      const value = bucketValue(bucket, this.#lowest)
      return Math.min(Math.max(value, cells[statistics.min]!), cells[statistics.max]!)
    }
    return cells[statistics.max]!
  }

  snapshot(): HistogramSnapshot {
    const count = this.count
    return {
      count,
      sum: this.#statistics[statistics.sum]!,
      min: count === 0 ? 0 : this.#statistics[statistics.min]!,
      max: this.#statistics[statistics.max]!,
      median: this.quantile(0.5),
      percentile90: this.quantile(0.9),
      percentile99: this.quantile(0.99),
    }
  }
}
