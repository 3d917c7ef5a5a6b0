import { describe, expect, test } from 'vitest'

import { EmptyPath } from './empty-path.ts'

function round(path: EmptyPath, samplesMs: readonly number[]): number | undefined {
  for (const sampleMs of samplesMs) path.measured(sampleMs)
  return path.endRound()
}

/** A round of a slowdown. */
function emptyRound(path: EmptyPath, samplesMs: readonly number[]): boolean {
  for (const sampleMs of samplesMs) path.measured(sampleMs)
  return path.endEmptyRound()
}

describe('[RC15] the round trip of the empty path', () => {
  test('is the least of all before the first slowdown', () => {
    const path = new EmptyPath()
    expect(path.baseMs).toBe(Number.POSITIVE_INFINITY)
    round(path, [90, 60, 100, 120])
    round(path, [70, 80, 90, 100])
    expect(path.baseMs).toBe(60)
    expect(path.queueingMs(75)).toBe(15)
  })

  test('then that of which a quarter of a round is shorter, so that few early packets do not count', () => {
    const path = new EmptyPath()
    round(path, [50, 51, 52, 53])
    path.begin()
    expect(path.baseMs).toBe(50)
    expect(emptyRound(path, [200, 400, 402, 401, 404, 403, 400, 401])).toBe(true)
    expect(path.baseMs).toBe(400)
    round(path, [300, 390, 390, 390])
    expect(path.baseMs).toBe(390)
  })

  test('a round of fewer than four samples says nothing, and is added to the next', () => {
    const path = new EmptyPath()
    path.begin()
    expect(emptyRound(path, [100, 101])).toBe(false)
    expect(emptyRound(path, [90])).toBe(false)
    expect(emptyRound(path, [102, 103])).toBe(true)
    expect(path.baseMs).toBe(100)
  })

  test('[RC17] is forgotten after the third slowdown', () => {
    const path = new EmptyPath()
    for (const [sampleMs, baseMs] of [
      [100, 100],
      [200, 100],
      [210, 100],
      [220, 200],
      [230, 210],
    ] as const) {
      path.begin()
      emptyRound(path, [sampleMs, sampleMs, sampleMs, sampleMs])
      expect(path.baseMs).toBe(baseMs)
    }
  })

  test('[RC15] what round trips vary in a slowdown is no queue, within bounds', () => {
    const path = new EmptyPath()
    path.begin()
    emptyRound(path, [100, 100, 140, 160])
    expect(path.queueingMs(120)).toBe(0)
    expect(path.queueingMs(200)).toBe(75)
    // Outside of slowdowns variation may be the queue itself.
    round(path, [100, 300, 300, 300])
    expect(path.queueingMs(200)).toBe(75)
    emptyRound(path, [100, 100, 1_000, 1_000])
    // The mean of 25 and of the bound.
    expect(path.queueingMs(300)).toBe(127.5)
    path.reset()
    expect(path.baseMs).toBe(Number.POSITIVE_INFINITY)
  })

  test('[RC15] a round trip within one tick of the clock takes longer than nothing', () => {
    const path = new EmptyPath()
    expect(round(path, [0, 0, 0, 0])).toBe(1)
    expect(path.baseMs).toBe(1)
  })

  test('[RC15] a round is compared by its lower quartile, or by its least where all vary', () => {
    const path = new EmptyPath()
    expect(round(path, [])).toBeUndefined()
    expect(round(path, [104, 100])).toBe(100)
    expect(round(path, [102, 101])).toBe(101)
    path.begin()
    emptyRound(path, [100, 100, 102, 104])
    expect(round(path, [140, 130, 150, 120])).toBe(130)
    emptyRound(path, [100, 100, 140, 160])
    expect(round(path, [140, 130, 150, 120])).toBe(120)
  })
})
