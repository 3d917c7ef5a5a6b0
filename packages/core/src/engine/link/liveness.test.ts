import { expect, test } from 'vitest'
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
