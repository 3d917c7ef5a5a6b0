import { describe, expect, test } from 'vitest'

import { AcknowledgementTiming } from './acknowledgement-timing.ts'
import { DeliveryRate } from './delivery-rate.ts'
import { LossLevel } from './loss-level.ts'
import { Pacer } from './pacer.ts'
import { RateWindow, underWayBytesMax } from './rate-window.ts'
import { Reordering } from './reordering.ts'
import { RoundTrip } from './round-trip.ts'
import { SendPace } from './send-pace.ts'

describe('[LK22] the share of messages that are lost', () => {
  /** Judges so many messages, of which some were lost. */
  function judge(level: LossLevel, messages: number, lost: number): void {
    level.arrived(messages - lost)
    for (let count = 0; count < lost; count += 1) level.lost()
    level.judge()
  }

  test('is known after 64 messages, and smoothed by a quarter', () => {
    const level = new LossLevel()
    judge(level, 63, 10)
    expect(level.smoothed).toBe(undefined)
    judge(level, 37, 0)
    expect(level.smoothed).toBe(0.1)
    judge(level, 100, 14)
    expect(level.smoothed).toBeCloseTo(0.1 + (0.14 - 0.1) / 4)
    judge(level, 10, 10)
    expect(level.smoothed).toBeCloseTo(0.11)
  })

  test('does not count those that came after all', () => {
    const level = new LossLevel()
    for (let count = 0; count < 20; count += 1) level.lost()
    level.arrived(90)
    level.lostInVain(10)
    level.judge()
    expect(level.smoothed).toBe(0.1)
    level.lostInVain(5)
    level.arrived(100)
    level.judge()
    expect(level.smoothed).toBeCloseTo(0.075)
  })

  test('[LK23] leaves the window alone up to 15 in a hundred', () => {
    const level = new LossLevel()
    for (let round = 0; round < 20; round += 1) judge(level, 100, 15)
    expect(level.isHeldDown).toBe(false)
    // What is always lost takes a part of what is under way.
    expect(level.windowShare).toBeCloseTo(1 / 0.85, 2)
  })

  test('[LK23] shrinks the window by fifths to a half beyond that, and lets it grow when it helps', () => {
    const level = new LossLevel()
    const shares: number[] = []
    for (let round = 0; round < 4; round += 1) {
      judge(level, 100, 30)
      shares.push(level.windowShare)
    }
    expect(shares.map((share) => share.toFixed(3))).toEqual(['0.800', '0.640', '0.512', '0.500'])
    expect(level.isHeldDown).toBe(true)
    for (let round = 0; round < 3; round += 1) judge(level, 100, 0)
    expect(level.windowShare).toBeCloseTo(0.5 * 1.1 ** 3)
    for (let round = 0; round < 6; round += 1) judge(level, 100, 0)
    expect(level.windowShare).toBe(1)
    expect(level.isHeldDown).toBe(false)
  })

  test('[LK23] counts as chance when it stays as it is with half the window', () => {
    const level = new LossLevel()
    for (let round = 0; round < 6; round += 1) judge(level, 100, 30)
    expect(level.windowShare).toBeCloseTo(0.5 / 0.7)
    for (let round = 0; round < 10; round += 1) judge(level, 100, 30)
    expect(level.isHeldDown).toBe(false)
    expect(level.windowShare).toBeCloseTo(1 / 0.7)
    // Half as much again is more than chance once more.
    judge(level, 100, 46)
    expect(level.isHeldDown).toBe(true)
  })

  test('[LK23] is never taken for chance beyond a half', () => {
    const level = new LossLevel()
    for (let round = 0; round < 50; round += 1) judge(level, 100, 90)
    expect(level.windowShare).toBeLessThanOrEqual(1)
  })
})

/** A window that is fed by a path of that rate and round trip, one acknowledgement a millisecond. */
function pathWindow(bytesPerMs: number, rttMs: number) {
  const window = new RateWindow()
  let nowMs = 0
  return {
    window,
    run(forMs: number, { rate = bytesPerMs, rtt = rttMs, isLimited = false } = {}) {
      for (let passedMs = 0; passedMs < forMs; passedMs += 1) {
        nowMs += 1
        const progress = {
          bytes: rate,
          messages: 1,
          rttMs: rtt,
          sample: { bytesPerMs: rate, isLimited },
          smoothedRttMs: rtt,
          underWayBytes: rate * rtt,
        }
        window.acknowledged(progress, nowMs)
      }
    },
  }
}

describe('[LK23] the window', () => {
  test('begins with sixteen messages, at most 32 KiB, and grows by what is acknowledged', () => {
    expect(new RateWindow().bytes(1200)).toBe(16 * 1200)
    expect(new RateWindow().bytes(8952)).toBe(4 * 8952)
    expect(new RateWindow().bytes(4000)).toBe(32 * 1024)
    expect(new RateWindow().bytes(20)).toBe(1024)
    const { window, run } = pathWindow(100, 50)
    run(50)
    expect(window.bytes(1200)).toBe(16 * 1200 + 50 * 100)
    expect(window.bandwidthBytesPerSecond).toBe(undefined)
  })

  test('then takes what the path carries in its round trip, and a queue', () => {
    for (const [rttMs, queueMs] of [
      [10, 20],
      [200, 50],
      [1000, 100],
    ] as const) {
      const { window, run } = pathWindow(100, rttMs)
      run(rttMs * 10)
      expect(window.bandwidthBytesPerSecond).toBe(100_000)
      expect(window.leastRttMs).toBe(rttMs)
      expect(window.bytes(500)).toBe(100 * (rttMs + queueMs) + 500)
    }
  })

  test('keeps within its bounds', () => {
    const fast = pathWindow(100_000, 50)
    fast.run(500)
    expect(fast.window.bytes(1200)).toBe(underWayBytesMax)
    const slow = pathWindow(1, 10)
    slow.run(500)
    expect(slow.window.bytes(1200)).toBe(4800)
    expect(slow.window.bytes(20)).toBe(1024)
  })

  test('believes a slower path after ten round trips, and not a sender that has little to send', () => {
    const { window, run } = pathWindow(100, 50)
    run(1000)
    run(400, { rate: 40 })
    expect(window.bandwidthBytesPerSecond).toBe(100_000)
    run(200, { rate: 40 })
    expect(window.bandwidthBytesPerSecond).toBe(40_000)
    run(3000, { rate: 10, isLimited: true })
    expect(window.bandwidthBytesPerSecond).toBe(40_000)
    run(100, { rate: 60, isLimited: true })
    expect(window.bandwidthBytesPerSecond).toBe(60_000)
  })

  test('ends its start when a queue grows', () => {
    const { window, run } = pathWindow(100, 50)
    run(60)
    expect(window.bandwidthBytesPerSecond).toBe(undefined)
    run(200, { rtt: 90 })
    expect(window.bandwidthBytesPerSecond).toBe(100_000)
  })

  test('ends its start before the round is over when most of eight samples show a queue', () => {
    const { window, run } = pathWindow(100, 50)
    run(60)
    for (let count = 0; count < 12; count += 1) run(1, { rtt: count % 3 === 0 ? 90 : 50 })
    expect(window.bandwidthBytesPerSecond).toBe(undefined)
    run(4, { rtt: 90 })
    expect(window.bandwidthBytesPerSecond).toBe(100_000)
  })

  test('ends its start when much is lost, and goes on with the part that is left', () => {
    const { window, run } = pathWindow(100, 50)
    run(60)
    for (let count = 0; count < 40; count += 1) window.lost()
    run(60)
    expect(window.bandwidthBytesPerSecond).toBe(100_000)
    expect(window.bytes(500)).toBeCloseTo(100 * 70 * 0.8 + 500)
    window.lostInVain(0)
    expect(window.lossRatio).toBeGreaterThan(0.2)
  })

  test('shrinks after ten seconds to see the round trip without its own queue', () => {
    const { window, run } = pathWindow(100, 50)
    run(1000)
    // The path has become longer, or is it a queue?
    run(9_900, { rtt: 80 })
    expect(window.bytes(500)).toBe(100 * 70 + 500)
    run(500, { rtt: 80 })
    expect(window.bytes(500)).toBe(100 * 50 * 0.75)
    run(200, { rate: 20, rtt: 80 })
    expect(window.leastRttMs).toBe(80)
    expect(window.bytes(500)).toBe(100 * 100 + 500)
  })

  test('is not misled by some samples that are far too short', () => {
    const window = new RateWindow()
    for (let nowMs = 1; nowMs < 2000; nowMs += 1) {
      const rttMs = nowMs % 10 < 2 ? 5 : 50
      const sample = { bytesPerMs: 100, isLimited: false }
      const others = { bytes: 100, messages: 1, smoothedRttMs: 50, underWayBytes: 5000 }
      window.acknowledged({ ...others, rttMs, sample }, nowMs)
    }
    expect(window.leastRttMs).toBe(50)
  })

  test('tells how fast to send: two windows a round trip at first, then a quarter above the rate', () => {
    const { window, run } = pathWindow(100, 50)
    expect(window.pacingBytesPerMs(1200)).toBe(undefined)
    run(60)
    expect(window.pacingBytesPerMs(1200)).toBe((window.bytes(1200) / 50) * 2)
    run(1000)
    expect(window.pacingBytesPerMs(1200)).toBe(125)
  })
})

describe('[LK23] pacing', () => {
  test('lets four messages or 5 ms go at once, and then as many as the rate allows', () => {
    for (const [bytesPerMs, burstBytes] of [
      [100, 4 * 1000],
      [2000, 5 * 2000],
    ] as const) {
      const pacer = new Pacer()
      let leftBytes = 0
      const send = (nowMs: number): void => {
        while (pacer.allows(1000, bytesPerMs, nowMs)) {
          pacer.left(1000)
          leftBytes += 1000
        }
      }
      send(1000)
      expect(leftBytes).toBeGreaterThanOrEqual(burstBytes)
      expect(leftBytes).toBeLessThan(burstBytes + 1000)
      expect(pacer.allowsAtMs(bytesPerMs)).toBeGreaterThanOrEqual(1001)
      for (let nowMs = 1001; nowMs <= 1100; nowMs += 1) send(nowMs)
      expect(leftBytes / (burstBytes + 100 * bytesPerMs)).toBeCloseTo(1, 1)
      expect(pacer.allows(1000, bytesPerMs, 1100)).toBe(false)
      // A clock that goes back gives nothing.
      expect(pacer.allows(1000, bytesPerMs, 900)).toBe(false)
    }
  })

  test('waits until the debt of a long message is paid', () => {
    const pacer = new Pacer()
    expect(pacer.allows(1000, 10, 0)).toBe(false)
    expect(pacer.allows(1000, 10, 100)).toBe(true)
    pacer.left(3000)
    expect(pacer.allows(1000, 10, 100)).toBe(false)
    expect(pacer.allowsAtMs(10)).toBe(300)
    expect(pacer.allows(1000, 10, 299)).toBe(false)
    expect(pacer.allows(1000, 10, 301)).toBe(true)
    expect(pacer.allowsAtMs(10)).toBe(Number.NEGATIVE_INFINITY)
  })

  test('does nothing while no rate is known', () => {
    const pacer = new Pacer()
    for (let count = 0; count < 100; count += 1) {
      expect(pacer.allows(1000, undefined, 0)).toBe(true)
      pacer.left(1000)
    }
  })

  test('has a deadline only for who waits', () => {
    const pace = new SendPace()
    const progress = {
      messages: 1,
      bytes: 1000,
      longestBytes: 1000,
      parted: undefined,
      newest: undefined,
      rttMs: 10,
      inVain: 0,
    }
    for (let nowMs = 1; nowMs < 60; nowMs += 1) pace.progressed(progress, 10, 0, nowMs)
    while (pace.allows(1000, 100)) pace.sent(1000)
    expect(pace.nextDeadlineMs(1000)).toBeGreaterThan(100)
    expect(pace.nextDeadlineMs(1000)).toBeLessThan(110)
    pace.handleDeadline()
    expect(pace.nextDeadlineMs(1000)).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('[LK22] the delivery rate', () => {
  test('is what was delivered over the longer of sending and acknowledging', () => {
    const rate = new DeliveryRate()
    rate.filling(true)
    const snapshots = Array.from({ length: 10 }, (_, index) => rate.snapshot(index === 0, index))
    // Sent within 9 ms, acknowledged within 20.
    rate.delivered(5000, 30)
    expect(rate.sample(snapshots[4]!, 10)).toEqual({ bytesPerMs: 5000 / 30, isLimited: false })
    rate.delivered(5000, 50)
    expect(rate.sample(snapshots[9]!, 10)).toEqual({ bytesPerMs: 10_000 / 50, isLimited: false })
    // Sent slowly, acknowledged at once.
    const slow = [rate.snapshot(true, 100), rate.snapshot(false, 200)]
    rate.delivered(2000, 205)
    expect(rate.sample(slow[1]!, 10)).toEqual({ bytesPerMs: 2000 / 105, isLimited: false })
  })

  test('is not told over less than a round trip', () => {
    const rate = new DeliveryRate()
    const snapshot = rate.snapshot(true, 0)
    rate.delivered(1000, 5)
    expect(rate.sample(snapshot, 6)).toBe(undefined)
    expect(rate.sample(snapshot, 5)).toEqual({ bytesPerMs: 200, isLimited: true })
    const atOnce = rate.snapshot(true, 5)
    rate.delivered(1000, 5)
    expect(rate.sample(atOnce, 0)).toBe(undefined)
  })

  test('is limited by the sender until something was held back, and again when nothing is left', () => {
    const rate = new DeliveryRate()
    expect(rate.snapshot(true, 0).isLimited).toBe(true)
    rate.filling(true)
    expect(rate.snapshot(false, 1).isLimited).toBe(false)
    rate.filling(false)
    expect(rate.snapshot(false, 2).isLimited).toBe(true)
  })
})

describe('[LK20] time to wait', () => {
  test('for an answer is the round trip, four times its variation, and the delay', () => {
    const roundTrip = new RoundTrip()
    expect(roundTrip.timeoutMs(25)).toBe(325)
    expect(roundTrip.smoothedMs).toBe(undefined)
    roundTrip.sample(40)
    expect(roundTrip.smoothedMs).toBe(40)
    expect(roundTrip.timeoutMs(25)).toBe(40 + 80 + 25)
    for (let count = 0; count < 100; count += 1) roundTrip.sample(40)
    expect(roundTrip.timeoutMs(25)).toBeCloseTo(40 + 1 + 25)
    roundTrip.sample(80)
    expect(roundTrip.smoothedMs).toBe(45)
    expect(roundTrip.patienceMs).toBe(80)
    roundTrip.sample(20)
    expect(roundTrip.patienceMs).toBeCloseTo(41.875)
  })

  test('for a message that was overtaken is a quarter round trip, and what was seen', () => {
    const reordering = new Reordering()
    expect(reordering.graceMs(100, 0, 1)).toBe(25)
    expect(reordering.graceMs(4, 0, 1)).toBe(2)
    expect(reordering.graceMs(1, 0, 1)).toBe(2)
    // Where none came late, three that overtook it are proof enough.
    expect(reordering.graceMs(100, 0, 2)).toBe(25)
    expect(reordering.graceMs(100, 0, 3)).toBe(2)
    reordering.observe(40, 100, 0)
    reordering.observe(10, 100, 0)
    expect(reordering.graceMs(100, 100, 1)).toBe(50)
    expect(reordering.graceMs(100, 100, 9)).toBe(50)
    expect(reordering.graceMs(45, 100, 1)).toBe(45)
    // Remembered for 32 to 64 round trips.
    expect(reordering.graceMs(100, 3300, 1)).toBe(50)
    expect(reordering.graceMs(100, 6500, 1)).toBe(25)
  })

  test('is forgotten after a second at the earliest, on channels that are fast', () => {
    const reordering = new Reordering()
    reordering.observe(4, 5, 0)
    expect(reordering.graceMs(5, 999, 1)).toBe(5)
    expect(reordering.graceMs(5, 1500, 1)).toBe(5)
    expect(reordering.graceMs(5, 2501, 1)).toBe(2)
  })
})

describe('[LK19] when an acknowledgement is due', () => {
  const message = (sequence: number, bytes: number, isUrgent = false) => ({
    sequence,
    attempt: 0,
    bytes,
    isUrgent,
  })

  test('after 25 ms, or 512 bytes in two to sixteen messages, or at once', () => {
    for (const [bytes, count] of [
      [1000, 2],
      [256, 2],
      [128, 4],
      [20, 16],
    ] as const) {
      const timing = new AcknowledgementTiming()
      for (let sequence = 1; sequence < count; sequence += 1) {
        timing.arrived(message(sequence, bytes), 10)
        expect(timing.dueAtMs).toBe(35)
      }
      timing.arrived(message(count, bytes), 20)
      expect(timing.dueAtMs).toBe(20)
      expect(timing.latest).toEqual({ sequence: count, attempt: 0, atMs: 20 })
    }
    const timing = new AcknowledgementTiming()
    timing.arrived(message(1, 20, true), 10)
    expect(timing.dueAtMs).toBe(10)
  })

  test('never within a millisecond of the last one', () => {
    const timing = new AcknowledgementTiming()
    expect(timing.isPending).toBe(false)
    timing.arrived(message(1, 20, true), 10)
    expect(timing.isPending).toBe(true)
    timing.told(10)
    expect(timing.isPending).toBe(false)
    expect(timing.dueAtMs).toBe(Number.POSITIVE_INFINITY)
    timing.arrived(message(2, 20, true), 10.2)
    expect(timing.dueAtMs).toBe(11)
  })

  test('without delay at the end, but for nothing', () => {
    const timing = new AcknowledgementTiming()
    timing.hurry(5)
    expect(timing.dueAtMs).toBe(Number.POSITIVE_INFINITY)
    timing.arrived(message(1, 20), 10)
    timing.hurry(12)
    expect(timing.dueAtMs).toBe(12)
  })
})
