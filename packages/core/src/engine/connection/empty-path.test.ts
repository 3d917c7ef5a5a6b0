import { describe, expect, test } from 'vitest'

import { EmptyPath } from './empty-path.ts'

function round(path: EmptyPath, samplesMs: readonly number[], isSlowdown = false): boolean {
  for (const sampleMs of samplesMs) path.measured(sampleMs)
  return path.endRound(isSlowdown)
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
    expect(round(path, [200, 400, 402, 401, 404, 403, 400, 401], true)).toBe(true)
    expect(path.baseMs).toBe(400)
    round(path, [300, 390, 390, 390])
    expect(path.baseMs).toBe(390)
  })

  test('a round of fewer than four samples says nothing, and is added to the next', () => {
    const path = new EmptyPath()
    path.begin()
    expect(round(path, [100, 101], true)).toBe(false)
    expect(round(path, [90], true)).toBe(false)
    expect(round(path, [102, 103], true)).toBe(true)
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
      round(path, [sampleMs, sampleMs, sampleMs, sampleMs], true)
      expect(path.baseMs).toBe(baseMs)
    }
  })

  test('[RC15] what round trips vary in a slowdown is no queue, within bounds', () => {
    const path = new EmptyPath()
    path.begin()
    round(path, [100, 100, 140, 160], true)
    expect(path.queueingMs(120)).toBe(0)
    expect(path.queueingMs(200)).toBe(75)
    // Outside of slowdowns variation may be the queue itself.
    round(path, [100, 300, 300, 300])
    expect(path.queueingMs(200)).toBe(75)
    round(path, [100, 100, 1_000, 1_000], true)
    expect(path.queueingMs(300)).toBe(80)
    path.reset()
    expect(path.baseMs).toBe(Number.POSITIVE_INFINITY)
  })
})
