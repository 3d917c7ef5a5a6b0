import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { bucketCount, bucketsEnd, lowestOfUnit } from './histogram-buckets.ts'
import { HistogramCells, histogramBytes, HistogramTable } from './value-table.ts'

const lowests = [lowestOfUnit('ms'), lowestOfUnit('bytes')] as const

/** 5.9 percent. */
const errorMax = 0.059

function histogramFrom(lowest: number): HistogramCells {
  return new HistogramCells(new HistogramTable(1), 0, lowest)
}

test('a histogram has 160 buckets and takes 680 bytes', () => {
  expect(bucketCount).toBe(160)
  expect(histogramBytes).toBe(680)
})

test.each(lowests)('from %d on, every value is told within 5.9 percent', (lowest) => {
  const value = fc.double({ min: lowest, max: bucketsEnd(lowest), maxExcluded: true, noNaN: true })
  fc.assert(
    fc.property(value, value, (first, second) => {
      const histogram = histogramFrom(lowest)
      const [low, high] = [Math.min(first, second), Math.max(first, second)]
      histogram.observe(high)
      histogram.observe(low)
      // Two values, so that neither is told exactly by being least and largest at once.
      expect(Math.abs(histogram.quantile(0.5) - low)).toBeLessThan(errorMax * low)
      expect(Math.abs(histogram.quantile(1) - high)).toBeLessThan(errorMax * high)
    }),
    { numRuns: 1_000 },
  )
})

test('every quantile of many values is within 5.9 percent of the true one', () => {
  const values = fc.array(fc.double({ min: 0.0625, max: 60_000, noNaN: true }), { minLength: 1 })
  fc.assert(
    fc.property(values, fc.double({ min: 0.01, max: 1, noNaN: true }), (values, share) => {
      const histogram = histogramFrom(0.0625)
      for (const value of values) histogram.observe(value)
      const truth = [...values].sort((left, right) => left - right)[
        Math.ceil(share * values.length) - 1
      ]!
      expect(Math.abs(histogram.quantile(share) - truth)).toBeLessThan(errorMax * truth)
    }),
  )
})

test('values outside the buckets are counted, as zero or as the largest', () => {
  const histogram = histogramFrom(1)
  for (const value of [-1, Number.NaN, 0, 0.5, 2 ** 20, 2 ** 30]) histogram.observe(value)
  expect(histogram.snapshot()).toEqual({
    count: 6,
    sum: 0.5 + 2 ** 20 + 2 ** 30,
    min: 0,
    max: 2 ** 30,
    median: 0,
    percentile90: 2 ** 30,
    percentile99: 2 ** 30,
  })
})

test('an empty histogram is all zeros', () => {
  expect(histogramFrom(1).snapshot()).toEqual({
    count: 0,
    sum: 0,
    min: 0,
    max: 0,
    median: 0,
    percentile90: 0,
    percentile99: 0,
  })
})
