import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import {
  expandPacketNumber,
  overtakingPacketsMax,
  packetNumberBytes,
  packetNumberMax,
} from './packet-number.ts'

test('[CN9] the example of RFC 9000, appendix A.3', () => {
  expect(expandPacketNumber(0x9b32, 2, 0xa82f30ea)).toBe(0xa82f9b32)
})

test('[CN8] the length grows with what is unacknowledged', () => {
  expect(packetNumberBytes(0, -1)).toBe(2)
  expect(packetNumberBytes(24_574, -1)).toBe(2)
  expect(packetNumberBytes(24_575, -1)).toBe(3)
  expect(packetNumberBytes(0x80_0000, -1)).toBe(4)
})

test('[CN9] a number is told from its low bytes although others overtook it', () => {
  fc.assert(
    fc.property(
      fc.nat({ max: packetNumberMax - 1 }),
      fc.nat({ max: 100_000 }),
      fc.nat({ max: overtakingPacketsMax }),
      (number, unacknowledged, overtaking) => {
        const largestAcknowledged = Math.max(-1, number - unacknowledged - 1)
        const bytes = packetNumberBytes(number, largestAcknowledged)
        for (const largestReceived of [largestAcknowledged, number - 1, number + overtaking]) {
          expect(expandPacketNumber(number % 256 ** bytes, bytes, largestReceived)).toBe(number)
        }
      },
    ),
    { numRuns: 1000 },
  )
})
