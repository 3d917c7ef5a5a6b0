import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import {
  acknowledgedRangesMax,
  acknowledgementDelayMsMax,
  bulkPacketsPerAcknowledgementMax,
  receivedRangesMax,
  ReceivedPackets,
  type Arrival,
} from './received-packets.ts'

const unmarked: Arrival = { priority: 'interactive', congestionMarked: false }

function receivedOf(numbers: readonly number[]): ReceivedPackets {
  const received = new ReceivedPackets()
  for (const number of numbers) received.received(number, true, unmarked, 0)
  return received
}

describe('replay window', () => {
  test('[CN10] a number is new once', () => {
    const received = receivedOf([0, 1, 5])
    expect([0, 1, 5].map((number) => received.isReplay(number))).toEqual([true, true, true])
    expect([2, 4, 6].map((number) => received.isReplay(number))).toEqual([false, false, false])
  })

  test('[CN10] the window is bounded: beyond it the lowest numbers count as seen', () => {
    const received = new ReceivedPackets()
    for (let index = 0; index <= receivedRangesMax; index += 1)
      received.received(index * 2, true, unmarked, 0)
    expect(received.rangeCount).toBe(receivedRangesMax)
    expect(received.isReplay(0)).toBe(true)
    expect(received.isReplay(1)).toBe(false)
    for (let index = 0; index < 4; index += 1) {
      received.received(1000 + index * 2, true, unmarked, 0)
    }
    expect(received.isReplay(1)).toBe(true)
  })

  test('[CN10] no number is accepted twice, in whatever order they come', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 2000 }), { maxLength: 1500 }), (numbers) => {
        const received = new ReceivedPackets()
        const accepted = new Set<number>()
        for (const number of numbers) {
          if (received.isReplay(number)) continue
          expect(accepted.has(number)).toBe(false)
          accepted.add(number)
          received.received(number, true, unmarked, 0)
        }
      }),
      { numRuns: 50 },
    )
  })
})

describe('acknowledgements', () => {
  test('[RC5] one is owed after two packets at once, after one within 25 ms', () => {
    const received = new ReceivedPackets()
    received.received(0, true, unmarked, 100)
    expect(received.deadlineMs).toBe(100 + acknowledgementDelayMsMax)
    received.received(1, true, unmarked, 110)
    expect(received.deadlineMs).toBe(110)
    received.reported(100)
    expect(received.deadlineMs).toBe(Number.POSITIVE_INFINITY)
  })

  test('[RC5] of bulk that comes fast, one is owed after 2 ms or eight packets', () => {
    const received = new ReceivedPackets()
    let number = 0
    const take = (nowMs: number) => {
      received.received(number++, true, { priority: 'bulk', congestionMarked: false }, nowMs)
      return received.deadlineMs
    }
    expect([take(100), take(100)]).toEqual([100 + acknowledgementDelayMsMax, 100])
    received.reported(100)
    expect([take(100.5), take(101), take(101)]).toEqual([125.5, 102, 102])
    received.reported(102)
    const deadlines = Array.from({ length: bulkPacketsPerAcknowledgementMax }, () => take(102.5))
    expect(deadlines.slice(1)).toEqual([104, 104, 104, 104, 104, 104, 102.5])
    received.reported(102.5)
    // People wait for the other priorities, and loss is found out by gaps.
    received.received(number++, true, unmarked, 103)
    received.received(number++, true, unmarked, 103)
    expect(received.deadlineMs).toBe(103)
    received.reported(103)
    received.received(number + 1, true, { priority: 'bulk', congestionMarked: false }, 103.5)
    expect(received.deadlineMs).toBe(103.5)
  })

  test('[RC5] a gap is told at once', () => {
    const received = new ReceivedPackets()
    received.received(3, true, unmarked, 100)
    expect(received.deadlineMs).toBe(100)
  })

  test('[RC5] packets that ask for none leave nothing owed', () => {
    const received = new ReceivedPackets()
    received.received(0, false, unmarked, 100)
    expect(received.owed).toBe(false)
    expect(received.deadlineMs).toBe(Number.POSITIVE_INFINITY)
  })

  test('[CN15] reports the highest ranges first, and not more than fit', () => {
    const received = receivedOf([0, 1, 2, 7, 5])
    expect(received.report()).toEqual([
      { start: 7, end: 8 },
      { start: 5, end: 6 },
      { start: 0, end: 3 },
    ])
    const gappy = receivedOf(Array.from({ length: 100 }, (_, index) => index * 2))
    expect(gappy.report()).toHaveLength(acknowledgedRangesMax)
    expect(gappy.report()[0]).toEqual({ start: 198, end: 199 })
  })

  test('[RC5] what the peer knows of is not told again, but for stragglers', () => {
    const received = receivedOf([0, 1, 3])
    received.reportAcknowledged(received.reported(100))
    expect(received.report()).toEqual([{ start: 3, end: 4 }])
    received.received(4, true, unmarked, 0)
    received.received(2, true, unmarked, 0)
    expect(received.report()).toEqual([{ start: 2, end: 5 }])
  })

  test('[RC5] a straggler that came after a report survives the confirmation of the report', () => {
    const received = receivedOf([0, 1, 3])
    const report = received.reported(100)
    received.received(2, true, unmarked, 0)
    received.reportAcknowledged(report)
    expect(received.report()).toEqual([{ start: 0, end: 4 }])
  })
})
