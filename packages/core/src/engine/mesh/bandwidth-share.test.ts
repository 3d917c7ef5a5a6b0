import { expect, test } from 'vitest'
import { BandwidthShare } from './bandwidth-share.ts'

test('what is sent is paid for with time', () => {
  const share = new BandwidthShare({ share: 0.05 }, 20_000)
  expect(share.bytesPerSecond).toBe(1_000)
  share.pay(500, 10_000)
  expect(share.paidUntilMs).toBe(10_500)
  share.pay(500, 10_000)
  expect(share.paidUntilMs).toBe(11_000)
})

test('a pause is worth a burst at the most', () => {
  const share = new BandwidthShare({ share: 0.05, burstBytesMax: 3_000 }, 20_000)
  share.pay(2_000, 60_000)
  expect(share.paidUntilMs).toBe(59_000)
  expect(share.creditBytes(60_000)).toBe(1_000)
  share.pay(2_000, 60_000)
  expect(share.paidUntilMs).toBe(61_000)
  share.pay(0, 120_000)
  expect(share.creditBytes(120_000)).toBe(3_000)
})

test('the share follows the link, and is never below its least', () => {
  const share = new BandwidthShare({ share: 0.05, bytesPerSecondMin: 64 }, 20_000)
  share.linkChanged(100)
  expect(share.bytesPerSecond).toBe(64)
  share.linkChanged(40_000)
  expect(share.bytesPerSecond).toBe(2_000)
})
