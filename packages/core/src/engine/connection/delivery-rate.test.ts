import { describe, expect, test } from 'vitest'

import { DeliveryRate, packetMsMax } from './delivery-rate.ts'

const pathBytes = 16_365

/** Rounds of 100 ms in which that much arrives. */
function rounds(rate: DeliveryRate, count: number, bytesPerMs: number, fromMs: number): number {
  let nowMs = fromMs
  for (let index = 0; index < count; index += 1) {
    nowMs += 100
    rate.arrived(bytesPerMs * 100, nowMs - 100, true, nowMs)
  }
  return nowMs
}

describe('the size of packets', () => {
  test('[RC21] is 4 KiB at most before anything is known', () => {
    expect(new DeliveryRate().packetBytes(pathBytes)).toBe(4092)
    expect(new DeliveryRate().packetBytes(65_389)).toBe(4087)
    expect(new DeliveryRate().packetBytes(4097)).toBe(2049)
  })

  test('[RC21] is about 512 bytes at first on a narrow path', () => {
    expect(new DeliveryRate().packetBytes(4096)).toBe(512)
    expect(new DeliveryRate().packetBytes(1181)).toBe(591)
  })

  test('[RC21] is what the path takes, or a half of it until that leaves in 5 ms', () => {
    for (const [bytesPerMs, packetBytes] of [
      [20, 1023],
      [125, 1023],
      [1250, 4092],
      [2000, 8183],
      [12_500, pathBytes],
    ] as const) {
      const rate = new DeliveryRate()
      rounds(rate, 5, bytesPerMs, 0)
      expect(rate.packetBytes(pathBytes)).toBe(packetBytes)
      const isShort = packetBytes / bytesPerMs <= packetMsMax
      expect(isShort || packetBytes < 2 * 1000).toBe(true)
    }
  })

  test('[RC21] follows a path that became slower, and not a sender that has less to say', () => {
    const rate = new DeliveryRate()
    let nowMs = rounds(rate, 5, 12_500, 0)
    for (let index = 0; index < 50; index += 1) {
      nowMs += 100
      rate.arrived(100, nowMs - 100, false, nowMs)
    }
    expect(rate.packetBytes(pathBytes)).toBe(pathBytes)
    rounds(rate, 20, 1250, nowMs)
    expect(rate.packetBytes(pathBytes)).toBe(4092)
    rate.reset()
    expect(rate.bytesPerMs).toBeUndefined()
  })
})
