import { describe, expect, test } from 'vitest'

import { BurstLimit, type FlowSpeed } from './burst-limit.ts'

const speed: FlowSpeed = { windowBytes: 100_000, roundTripMs: 100, packetBytes: 1000 }

/** Sends packets while it may; returns how many. */
function sendAll(limit: BurstLimit): number {
  let count = 0
  for (; limit.allows(); count += 1) limit.sent(speed.packetBytes)
  return count
}

describe('bursts', () => {
  test('[RC22] a new path takes a first window at once, then five quarters of the window a round trip', () => {
    const limit = new BurstLimit()
    limit.begin(64_000)
    limit.timePassed(speed, 0)
    expect(sendAll(limit)).toBe(64)
    let count = 0
    for (let nowMs = 1; nowMs <= 200; nowMs += 1) {
      limit.timePassed(speed, nowMs)
      count += sendAll(limit)
    }
    expect(count).toBe(250)
  })

  test('[RC22] whoever was held back sends what the path takes in 10 ms, three packets at least', () => {
    const limit = new BurstLimit()
    limit.begin(0)
    limit.timePassed(speed, 10_000)
    expect(sendAll(limit)).toBe(13)
    limit.timePassed({ ...speed, windowBytes: 4000 }, 20_000)
    expect(sendAll(limit)).toBe(3)
  })

  test('[RC22] tells when more may leave, in whole milliseconds at the least', () => {
    const limit = new BurstLimit()
    limit.begin(0)
    limit.timePassed(speed, 0)
    expect(limit.opensAtMs(speed)).toBe(1)
    limit.sent(12_500)
    expect(limit.opensAtMs(speed)).toBe(10)
    limit.timePassed(speed, 10.1)
    expect(limit.allows()).toBe(true)
  })

  test('[RC22] a round trip that is too short to be measured is no limit', () => {
    const limit = new BurstLimit()
    limit.begin(0)
    limit.timePassed({ ...speed, roundTripMs: 0 }, 0)
    limit.timePassed({ ...speed, roundTripMs: 0 }, 1)
    expect(sendAll(limit)).toBeGreaterThan(1000)
  })
})
