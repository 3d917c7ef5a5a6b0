import { expect, test } from 'vitest'

import { encodePeerId } from '../identity/peer-id.ts'
import {
  lostDestinationsMax,
  packetOverheadBytes,
  parkedBytesMax,
  parkedBytesTotalMax,
  Parking,
  parkingMs,
} from './parking.ts'

function peerOf(number: number) {
  return encodePeerId(Uint8Array.of(0, 0, 0, 0, 0, 0, number >> 8, number & 0xff))
}

function packet(bytes: number) {
  return { length: bytes - packetOverheadBytes }
}

test('[MP9] a destination takes packets for two seconds after its loss, and none before', () => {
  const parking = new Parking()
  expect(parking.park(peerOf(1), packet(100), 0)).toBe('not-lost-lately')
  parking.open(peerOf(1), 0)
  expect(parking.park(peerOf(1), packet(100), parkingMs - 1)).toBe('parked')
  expect(parking.park(peerOf(1), packet(100), parkingMs)).toBe('not-lost-lately')
  expect(parking.nextDeadlineMs()).toBe(parkingMs)
  expect(parking.expire(parkingMs - 1)).toHaveLength(0)
  expect(parking.expire(parkingMs)).toHaveLength(1)
  expect(parking.bytes).toBe(0)
  expect(parking.nextDeadlineMs()).toBe(Infinity)
})

test('[MP9] a destination is bounded in bytes, but takes one packet of any size', () => {
  const parking = new Parking()
  parking.open(peerOf(1), 0)
  expect(parking.park(peerOf(1), packet(parkedBytesMax - 100), 0)).toBe('parked')
  expect(parking.park(peerOf(1), packet(101), 0)).toBe('full')
  expect(parking.park(peerOf(1), packet(100), 0)).toBe('parked')
  parking.open(peerOf(2), 0)
  expect(parking.park(peerOf(2), packet(parkedBytesMax + 1), 0)).toBe('parked')
})

test('[MP9] all destinations together are bounded in bytes', () => {
  const parking = new Parking()
  const count = parkedBytesTotalMax / parkedBytesMax
  for (let number = 0; number <= count; number += 1) parking.open(peerOf(number), 0)
  for (let number = 0; number < count; number += 1) {
    expect(parking.park(peerOf(number), packet(parkedBytesMax), 0)).toBe('parked')
  }
  expect(parking.park(peerOf(count), packet(100), 0)).toBe('full')
  expect(parking.close(peerOf(0))).toHaveLength(1)
  expect(parking.park(peerOf(count), packet(100), 0)).toBe('parked')
})

test('[MP9] the destination lost first gives way, with its packets', () => {
  const parking = new Parking()
  parking.open(peerOf(0), 0)
  parking.park(peerOf(0), packet(100), 0)
  for (let number = 1; number < lostDestinationsMax; number += 1) {
    expect(parking.open(peerOf(number), 0)).toHaveLength(0)
  }
  expect(parking.open(peerOf(lostDestinationsMax), 0)).toHaveLength(1)
  expect(parking.park(peerOf(0), packet(100), 0)).toBe('not-lost-lately')
  expect(parking.bytes).toBe(0)
})
