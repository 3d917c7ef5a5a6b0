import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { encodePeerId, type PeerId } from '../identity/peer-id.ts'
import {
  decodeRouteFrame,
  encodeRouteFrame,
  routeEntriesMax,
  type RouteEntry,
  type RouteFrame,
} from './route-frame.ts'

const entry: fc.Arbitrary<RouteEntry> = fc.record({
  peer: fc.stringMatching(/^[0-9a-f]{16}$/) as fc.Arbitrary<PeerId>,
  metric: fc.integer({ min: 1, max: 65_535 }),
  sizeClass: fc.constantFrom(0, 1, 2, 3),
})
const frame: fc.Arbitrary<RouteFrame> = fc.oneof(
  fc.record({ type: fc.constant('request' as const), epoch: fc.maxSafeNat() }),
  fc.record({
    type: fc.constant('advertisement' as const),
    epoch: fc.maxSafeNat(),
    sequence: fc.integer({ min: 1_000, max: 1_000_000 }),
    base: fc.nat(999),
    entries: fc.array(entry, { maxLength: 20 }),
  }),
)

test('[RT1] a route frame survives its wire form', () => {
  fc.assert(
    fc.property(frame, (frame) => {
      expect(decodeRouteFrame(encodeRouteFrame(frame))).toEqual(frame)
    }),
  )
})

test('[RT3] a frame that is cut short or too long is refused', () => {
  fc.assert(
    fc.property(frame, (frame) => {
      const bytes = encodeRouteFrame(frame)
      for (let length = 0; length < bytes.length; length += 1) {
        expect(decodeRouteFrame(bytes.subarray(0, length))).toBeUndefined()
      }
      expect(decodeRouteFrame(Uint8Array.of(...bytes, 0))).toBeUndefined()
    }),
    { numRuns: 30 },
  )
})

test('[RT3] counts, sequences, metrics and classes keep to their bounds', () => {
  const good: Extract<RouteFrame, { type: 'advertisement' }> = {
    type: 'advertisement',
    epoch: 1,
    sequence: 2,
    base: 1,
    entries: [],
  }
  const entryOf = (index: number): RouteEntry => {
    const peer = encodePeerId(Uint8Array.of(0, 0, 0, 0, 0, 0, index >> 8, index & 0xff))
    return { peer, metric: 20, sizeClass: 1 }
  }
  const entries = (count: number) => Array.from({ length: count }, (_, index) => entryOf(index))
  const accepts = (changes: Partial<typeof good>) =>
    decodeRouteFrame(encodeRouteFrame({ ...good, ...changes })) !== undefined
  expect(accepts({})).toBe(true)
  expect(accepts({ sequence: 0, base: 0 })).toBe(false)
  expect(accepts({ base: 2 })).toBe(false)
  expect(accepts({ entries: entries(routeEntriesMax) })).toBe(true)
  expect(accepts({ entries: entries(routeEntriesMax + 1) })).toBe(false)
  expect(accepts({ entries: [{ ...entryOf(1), metric: 0 }] })).toBe(false)
  expect(accepts({ entries: [{ ...entryOf(1), sizeClass: 4 as 3 }] })).toBe(false)
  expect(decodeRouteFrame(Uint8Array.of(2, 1, 1))).toBeUndefined()
  expect(decodeRouteFrame(Uint8Array.of(1, 2, 1))).toBeUndefined()
})
