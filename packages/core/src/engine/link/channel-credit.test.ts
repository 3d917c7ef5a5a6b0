import { describe, expect, test } from 'vitest'

import { ChannelCredit, controlMessageBytesMax } from './channel-credit.ts'
import { DrainRate } from './drain-rate.ts'
import { priorityIndexes } from './frame.ts'
import type { PriorityIndex } from './frame.ts'
import { HelloLoss } from './hello-loss.ts'
import { outstandingBytesMax } from './outstanding.ts'

/** A credit, and a channel that drains at a steady rate and reports each millisecond. */
function channel({ bytesPerMs = 20, startBytesPerMs = 20, messageBytes = 65_535 } = {}) {
  const credit = new ChannelCredit(startBytesPerMs)
  let sentBytes = 0
  let drainedBytes = 0
  let nowMs = 0
  return {
    credit,
    /** Sends frames of that priority as far as they are allowed; gives the length of the messages. */
    fill(priority: PriorityIndex): number[] {
      const lengths: number[] = []
      for (;;) {
        const allowance = credit.allowance(messageBytes)
        if (!allowance || allowance.lowest < priority) return lengths
        lengths.push(allowance.contentsBytes)
        credit.sent(allowance.contentsBytes, nowMs)
        sentBytes += allowance.contentsBytes
        expect(credit.outstandingBytes).toBeLessThanOrEqual(outstandingBytesMax)
      }
    },
    wait(ms: number, during: () => void = () => {}) {
      for (let passed = 0; passed < ms; passed += 1) {
        nowMs += 1
        drainedBytes = Math.min(sentBytes, drainedBytes + bytesPerMs)
        credit.drained(drainedBytes, nowMs)
        during()
      }
    },
  }
}

describe('[LK11] credit', () => {
  test('lets as much wait as drains in 100, 130, 165 and 200 ms, from bulk to control', () => {
    for (const bytesPerMs of [30, 100, 1000]) {
      const slow = channel({ bytesPerMs })
      slow.wait(3000, () => slow.fill(3))
      const limits = priorityIndexes.map((priority) => slow.credit.limitBytes(priority))
      for (const [priority, ms] of [200, 165, 130, 100].entries()) {
        expect(limits[priority]! / (ms * bytesPerMs)).toBeGreaterThan(0.98)
        expect(limits[priority]! / (ms * bytesPerMs)).toBeLessThan(1.1)
      }
      expect(slow.credit.bandwidthBytesPerSecond! / (bytesPerMs * 1000)).toBeCloseTo(1, 1)
    }
  })

  test('never falls below 2 KiB of bulk data, nor rises beyond 256 KiB in all', () => {
    const crawling = channel({ bytesPerMs: 1 })
    crawling.wait(10_000, () => crawling.fill(3))
    expect(priorityIndexes.map((priority) => crawling.credit.limitBytes(priority))).toEqual([
      4096, 3379, 2662, 2048,
    ])
    const fast = channel({ bytesPerMs: 100_000 })
    fast.wait(100, () => fast.fill(3))
    expect(priorityIndexes.map((priority) => fast.credit.limitBytes(priority))).toEqual([
      262_144, 253_952, 249_856, 245_760,
    ])
  })

  test('keeps room for each more urgent priority, at last for control frames in short messages', () => {
    const still = channel({ bytesPerMs: 0, startBytesPerMs: 1000 })
    const lengths = ([3, 2, 1, 0] as const).map((priority) => still.fill(priority))
    for (const messages of lengths) expect(messages.length).toBeGreaterThan(0)
    for (const length of lengths[3]!) expect(length).toBeLessThanOrEqual(controlMessageBytesMax)
    expect(still.credit.outstandingBytes).toBeGreaterThan(195_000)
  })

  test('cuts messages so that some bulk data drains while more follows', () => {
    const slow = channel({ bytesPerMs: 60 })
    slow.wait(1000, () => slow.fill(3))
    slow.wait(200)
    const lengths = slow.fill(3)
    expect(lengths.length).toBeGreaterThan(2)
    expect(lengths[0]).toBeLessThanOrEqual(2048)
    expect(channel({ bytesPerMs: 60, messageBytes: 20 }).fill(3)[0]).toBe(20)
  })

  test('lets bulk data go on when half of its share has drained, and urgent frames as soon as they fit', () => {
    const slow = channel({ bytesPerMs: 20 })
    slow.fill(3)
    let refills = 0
    slow.wait(1000, () => {
      if (slow.fill(3).length > 0) refills += 1
    })
    expect(refills).toBeGreaterThan(15)
    expect(refills).toBeLessThan(25)
    slow.fill(1)
    expect(slow.credit.allowance(1024)?.lowest ?? 0).toBe(0)
    slow.wait(50)
    expect(slow.credit.allowance(1024)?.lowest).toBeGreaterThan(0)
    expect(slow.credit.allowance(1024)?.lowest).toBeLessThan(3)
  })

  test('is not taken back by hosts that report late, but all at once', () => {
    const credit = new ChannelCredit(80)
    let sentBytes = 0
    for (let nowMs = 0; nowMs < 20_000; nowMs += 500) {
      for (;;) {
        const allowance = credit.allowance(65_535)
        if (allowance?.lowest !== 3) break
        credit.sent(allowance.contentsBytes, nowMs)
        sentBytes += allowance.contentsBytes
      }
      // The page was busy for half a second, and then its channel took everything.
      credit.drained(sentBytes, nowMs + 500)
    }
    expect(credit.limitBytes(3)).toBeGreaterThanOrEqual(8000)
    expect(credit.bandwidthBytesPerSecond).toBe(undefined)
  })

  test('grows to its most within a few reports of a channel that takes what it gets', () => {
    const credit = new ChannelCredit(80)
    let reports = 0
    let sentBytes = 0
    for (; credit.limitBytes(3) < 240 * 1024; reports += 1) {
      for (;;) {
        const allowance = credit.allowance(65_535)
        if (allowance?.lowest !== 3) break
        credit.sent(allowance.contentsBytes, reports)
        sentBytes += allowance.contentsBytes
      }
      credit.drained(sentBytes, reports + 0.5)
    }
    expect(reports).toBeLessThan(4)
  })
})

describe('[LK28] the rate at which a channel drains', () => {
  test('is known once something was left over, and follows the channel', () => {
    const rate = new DrainRate()
    rate.sent(100, 0)
    rate.drained(100, 5)
    expect(rate.isKnown).toBe(false)
    rate.sent(1_000_000, 10)
    for (let nowMs = 11; nowMs <= 500; nowMs += 1) rate.drained(50, nowMs)
    expect(rate.isKnown).toBe(true)
    expect(rate.bytesPerMs).toBe(50)
    for (let nowMs = 501; nowMs <= 2000; nowMs += 1) rate.drained(10, nowMs)
    expect(rate.bytesPerMs).toBe(10)
  })

  test('is of the time in which there was something to drain', () => {
    const rate = new DrainRate()
    for (let round = 0; round < 5; round += 1) {
      const startMs = round * 10_000
      rate.sent(10_000, startMs)
      for (let passedMs = 1; passedMs <= 200; passedMs += 1) rate.drained(40, startMs + passedMs)
      rate.drained(2000, startMs + 250)
    }
    expect(rate.bytesPerMs).toBe(40)
  })
})

describe('[LK28] hellos that are missing', () => {
  test('are a share of the last thirty-two', () => {
    const loss = new HelloLoss()
    for (let number = 0; number < 7; number += 1) loss.received(number)
    expect(loss.ratio).toBe(undefined)
    loss.received(7)
    expect(loss.ratio).toBe(0)
    loss.received(16)
    expect(loss.ratio).toBeCloseTo(8 / 17)
    for (let number = 17; number < 17 + 32; number += 1) loss.received(number % 256)
    expect(loss.ratio).toBe(0)
  })

  test('are counted across the end of the numbers, and not by repetitions', () => {
    const loss = new HelloLoss()
    for (let number = 240; number < 280; number += 2) loss.received(number % 256)
    expect(loss.ratio).toBe(0.5)
    const before = loss.ratio
    loss.received(22)
    loss.received(10)
    expect(loss.ratio).toBe(before)
    loss.received(100)
    expect(loss.ratio).toBeCloseTo(31 / 32)
  })
})
