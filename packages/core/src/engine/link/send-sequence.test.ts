import { describe, expect, test } from 'vitest'

import { windowMessagesMax } from './receive-sequence.ts'
import { repeatTimeoutMsMax, SendSequence, unacknowledgedBytesMax } from './send-sequence.ts'
import type { OffsetRange } from './sequence-header.ts'

/** A sending half with a clock, and what it lost. */
function sender() {
  const lost: number[] = []
  const sequence = new SendSequence({ messageLost: (message) => lost.push(message.sequence) })
  let nowMs = 0
  const snapshot = () => ({
    deliveredBytes: 0,
    deliveredAtMs: 0,
    firstSentAtMs: 0,
    sentAtMs: nowMs,
    isLimited: false,
  })
  return {
    lost,
    sequence,
    send(count = 1, bytes = 100) {
      for (let index = 0; index < count; index += 1) {
        sequence.sent(new Uint8Array(bytes), bytes + 3, snapshot())
      }
    },
    repeat(): number | undefined {
      const due = sequence.repeatDue()
      if (due) sequence.repeated(due.message, 103, 0, snapshot())
      return due?.message.sequence
    },
    /** Everything below `next` and in the ranges came, the named message last. */
    acknowledge(
      next: number,
      named: readonly [sequence: number, attempt: number],
      ranges: OffsetRange[] = [],
    ) {
      const [latest, latestAttempt] = named
      const told = {
        next: next % 65_536,
        delayMs: 0,
        latestOffset: latest - next,
        latestAttempt,
        ranges,
      }
      return sequence.acknowledge(told, false, nowMs)
    },
    wait(ms: number) {
      const endMs = nowMs + ms
      while (sequence.nextDeadlineMs() <= endMs) {
        nowMs = Math.max(nowMs, sequence.nextDeadlineMs())
        sequence.handleDeadline(nowMs)
        if (sequence.repeatDue()) return
      }
      nowMs = endMs
    },
    get nowMs() {
      return nowMs
    },
  }
}

describe('[LK20] losses', () => {
  test('a message that others overtook is lost after a round trip and its grace, not before', () => {
    const from = sender()
    from.send(3)
    from.wait(80)
    from.acknowledge(0, [2, 0], [{ start: 1, end: 3 }])
    expect(from.lost).toEqual([])
    expect(from.sequence.nextDeadlineMs()).toBe(100)
    from.wait(30)
    expect(from.lost).toEqual([0])
    expect(from.nowMs).toBe(100)
    expect(from.repeat()).toBe(0)
    expect(from.sequence.underWayBytes).toBe(103)
  })

  test('one that three overtook is lost after the round trip, where none has come late', () => {
    const from = sender()
    from.send(4)
    from.wait(100)
    from.acknowledge(0, [3, 0], [{ start: 1, end: 4 }])
    from.wait(1)
    expect(from.lost).toEqual([])
    from.wait(1)
    expect(from.lost).toEqual([0])
  })

  test('one that nothing overtook is not lost, but asked for with back-off', () => {
    const from = sender()
    from.send(2)
    const waitsMs: number[] = []
    let sinceMs = 0
    for (let round = 0; round < 6; round += 1) {
      from.wait(10_000)
      waitsMs.push(from.nowMs - sinceMs)
      sinceMs = from.nowMs
      expect(from.sequence.repeatDue()).toMatchObject({ isProbe: true })
      expect(from.repeat()).toBe(1)
      expect(from.repeat()).toBe(0)
      expect(from.repeat()).toBe(undefined)
    }
    expect(waitsMs).toEqual([325, 325, 650, 1300, 2000, 2000])
    expect(waitsMs.at(-1)).toBe(repeatTimeoutMsMax)
    expect(from.lost).toEqual([])
    expect(from.sequence.timeouts).toBe(6)
  })

  test('new messages do not put off the question forever', () => {
    const from = sender()
    for (let index = 0; index < 10; index += 1) {
      from.send()
      from.wait(100)
      if (from.sequence.repeatDue()) break
    }
    expect(from.repeat()).toBe(3)
    expect(from.repeat()).toBe(0)
    expect(from.nowMs).toBe(325)
  })

  test('the answer to a repeat tells which attempt came, and measures that', () => {
    for (const [attempt, rttMs] of [
      [0, 400],
      [1, 75],
    ] as const) {
      const from = sender()
      from.send()
      from.wait(10_000)
      expect(from.repeat()).toBe(0)
      from.wait(75)
      expect(from.acknowledge(1, [0, attempt])).toMatchObject({
        rttMs,
        inVain: attempt === 0 ? 1 : 0,
      })
      expect(from.sequence.isDelivered).toBe(true)
    }
  })

  test('a message that is acknowledged beside the one that is named shows too what was overtaken', () => {
    const from = sender()
    from.send(5)
    from.wait(80)
    const ranges = [
      { start: 4, end: 5 },
      { start: 1, end: 2 },
    ]
    expect(from.acknowledge(0, [1, 0], ranges)).toMatchObject({ messages: 2, longestBytes: 103 })
    from.wait(30)
    expect(from.lost).toEqual([0])
    expect(from.repeat()).toBe(0)
    // Two overtook the others, which is no proof yet.
    from.wait(30)
    expect(from.lost).toEqual([0, 2, 3])
  })

  test('one that was repeated shows nothing where it is not named', () => {
    const from = sender()
    from.send(2)
    from.wait(10_000)
    expect([from.repeat(), from.repeat()]).toEqual([1, 0])
    from.wait(10)
    from.send(1)
    from.wait(50)
    expect(from.acknowledge(0, [2, 0], [{ start: 1, end: 3 }])).toMatchObject({
      messages: 2,
      rttMs: 50,
      inVain: 0,
    })
    // The first one was repeated before the third was sent: it is lost in time.
    from.wait(1000)
    expect(from.lost).toEqual([0])
  })

  test('a channel that reorders is soon given the time it takes, a round trip at most', () => {
    const from = sender()
    let inVain = 0
    // Each tenth message comes 60 ms after the others.
    for (let round = 0; round < 40; round += 1) {
      const start = from.sequence.next
      from.send(10)
      from.wait(100)
      from.acknowledge(start, [start + 9, 0], [{ start: 1, end: 10 }])
      const wasLost = from.lost.length
      from.wait(60)
      const repeated = from.repeat()
      const progress = from.acknowledge(start + 10, [start, 0])
      if (progress === 'impossible') throw new Error('it was sent')
      inVain += progress.inVain
      expect(repeated === undefined).toBe(from.lost.length === wasLost)
      from.wait(1)
    }
    expect(inVain).toBeGreaterThan(0)
    expect(inVain).toBeLessThan(8)
    expect(from.sequence.reordering.graceMs(100, from.nowMs, 1)).toBeGreaterThan(55)
    expect(from.sequence.reordering.graceMs(100, from.nowMs, 1)).toBeLessThanOrEqual(75)
    expect(from.sequence.reordering.graceMs(50, from.nowMs, 1)).toBe(50)
  })
})

describe('[LK18] the window of a sender', () => {
  test('ends at so many messages, or so many bytes, from the first missing one', () => {
    const small = sender()
    while (small.sequence.hasRoom(1)) small.send(1, 1)
    expect(small.sequence.next).toBe(windowMessagesMax)
    small.acknowledge(0, [windowMessagesMax - 1, 0], [{ start: 1, end: windowMessagesMax }])
    expect(small.sequence.hasRoom(1)).toBe(false)
    small.acknowledge(windowMessagesMax, [0, 0])
    expect(small.sequence.hasRoom(1)).toBe(true)
    const large = sender()
    while (large.sequence.hasRoom(10_000)) large.send(1, 10_000)
    expect(large.sequence.unacknowledgedBytes).toBeLessThanOrEqual(unacknowledgedBytesMax)
    expect(large.sequence.unacknowledgedBytes).toBeGreaterThan(unacknowledgedBytesMax - 10_000)
  })

  test('moves on beyond 65,536 messages', () => {
    const from = sender()
    for (let sequence = 0; sequence < 70_000; sequence += 1) {
      from.send(1, 1)
      if (sequence % 100 === 99) {
        from.wait(1)
        expect(from.acknowledge(sequence + 1, [sequence, 0])).toMatchObject({ messages: 100 })
      }
    }
    expect(from.sequence.isDelivered).toBe(true)
    expect(from.lost).toEqual([])
  })
})

describe('[LK24] acknowledgements that cannot be', () => {
  test.each([
    ['of a message that was never sent', 11, [10, 0], []],
    ['of a range that was never sent', 5, [7, 0], [{ start: 2, end: 6 }]],
    ['that name a message that was never sent', 5, [10, 0], []],
    ['that name an attempt that was never made', 5, [7, 1], [{ start: 2, end: 3 }]],
    ['that name a message before the first', 0, [-1, 0], []],
  ] as const)('%s count for nothing', (_name, next, named, ranges) => {
    const from = sender()
    from.send(10)
    from.wait(50)
    expect(from.acknowledge(next, named, [...ranges])).toBe('impossible')
    expect(from.sequence.underWayBytes).toBe(10 * 103)
    expect(from.acknowledge(10, [9, 0])).toMatchObject({ messages: 10, rttMs: 50 })
  })

  test('one that comes late, or again, changes nothing', () => {
    const from = sender()
    from.send(10)
    from.wait(50)
    from.acknowledge(8, [7, 0])
    expect(from.acknowledge(3, [2, 0], [{ start: 2, end: 4 }])).toMatchObject({
      messages: 0,
      rttMs: undefined,
    })
    expect(from.acknowledge(8, [7, 0])).toMatchObject({ messages: 0, rttMs: undefined })
    expect(from.sequence.underWayBytes).toBe(2 * 103)
  })

  test('a lie about what came never makes a message come back, or contents be kept for ever', () => {
    const from = sender()
    from.send(10)
    from.wait(50)
    from.acknowledge(0, [9, 0], [{ start: 5, end: 10 }])
    // An honest receiver would say 10.
    from.acknowledge(5, [4, 0])
    expect(from.sequence.isDelivered).toBe(true)
    expect(from.sequence.unacknowledgedBytes).toBe(0)
    expect(from.sequence.repeatDue()).toBe(undefined)
  })
})
