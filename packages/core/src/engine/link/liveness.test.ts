import { expect, test } from 'vitest'

import { wireMicros } from './hello.ts'
import {
  deadIntervals,
  helloIntervalMs,
  Liveness,
  probeIntervalMs,
  spareHelloIntervalMs,
} from './liveness.ts'

/** A spare that was heard last at 0 and has nothing to say for a while. */
function spare(): Liveness {
  const liveness = new Liveness(helloIntervalMs, 0)
  liveness.takeHello(0)
  liveness.setInterval(spareHelloIntervalMs, 0)
  liveness.takeHello(0)
  const hello = { probe: false, number: 0, intervalMs: spareHelloIntervalMs, sentAtMicros: 0 }
  liveness.received(0)
  liveness.helloReceived(hello, 0)
  return liveness
}

test('[LK5] a spare is alive for 3.5 of its long intervals, whatever it does not say', () => {
  const liveness = spare()
  const deadAtMs = deadIntervals * spareHelloIntervalMs
  expect(liveness.verdict(deadAtMs - 1)).toBe('alive')
  expect(liveness.verdict(deadAtMs)).toBe('dead')
})

test('[LK5] a spare that does not answer is dead as soon as an active channel would be', () => {
  const liveness = spare()
  const askedAtMs = 5_000
  liveness.dataSent(askedAtMs)
  const deadAtMs = askedAtMs + deadIntervals * helloIntervalMs
  for (let nowMs = askedAtMs; nowMs < deadAtMs; nowMs += probeIntervalMs) liveness.takeHello(nowMs)
  expect(liveness.verdict(deadAtMs - 1)).toBe('suspect')
  expect(liveness.nextDeadlineMs(true)).toBeLessThanOrEqual(deadAtMs)
  expect(liveness.verdict(deadAtMs)).toBe('dead')
})

test('[LK5] and one that answers late is not', () => {
  const liveness = spare()
  liveness.dataSent(5_000)
  liveness.received(18_000)
  expect(liveness.verdict(20_000)).toBe('alive')
})

test('[LK4] an echo that cannot be is ignored, and the round trip stays what it was', () => {
  const liveness = new Liveness(helloIntervalMs, 0)
  const hello = { probe: false, number: 1, intervalMs: helloIntervalMs, sentAtMicros: 0 }
  const echoed = (sentAtMs: number, heldMs: number, nowMs: number) =>
    liveness.helloReceived(
      { ...hello, echo: { sentAtMicros: wireMicros(sentAtMs), heldMicros: heldMs * 1000 } },
      nowMs,
    )
  expect(liveness.helloReceived(hello, 10)).toBe('unmeasured')
  expect(echoed(1_000, 5, 1_025)).toBe('measured')
  expect(liveness.rttMs).toBe(20)
  // Held for longer than it was away; sent after it came; longer away than is believed.
  expect(echoed(1_000, 30, 1_025)).toBe('ignored')
  expect(echoed(2_000, 0, 1_999)).toBe('ignored')
  expect(echoed(0, 0, 60_001)).toBe('ignored')
  expect(liveness.rttMs).toBe(20)
  expect(liveness.answeredAtMs).toBe(1_000)
  expect(echoed(70_000, 0, 70_036)).toBe('measured')
  expect(liveness.rttMs).toBe(22)
})
