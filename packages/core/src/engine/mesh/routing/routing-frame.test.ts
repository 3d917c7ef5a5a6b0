import * as fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

import { decodeHex, encodeHex } from '../../bytes/hex.ts'
import type { PeerId } from '../../identity/peer-id.ts'
import { linkMetricMax, linkMetricMin } from '../metric.ts'
import { entryHash, hopCountMax, sequenceMax, type RouteEntry } from './route-entry.ts'
import {
  decodeRoutingFrame,
  destinationNumberMax,
  encodeRoutingFrame,
  sequenceRequestsMax,
  updateEntriesMax,
  updateEntryBytesMax,
  type RoutingFrame,
  type SequenceRequest,
  type UpdateEntry,
} from './routing-frame.ts'

const file = new URL('../../../../../../docs/specs/vectors/routing.json', import.meta.url)
const vectors = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly frames: readonly { readonly frame: RoutingFrame; readonly bytes: string }[]
  readonly hashes: readonly {
    readonly peer: PeerId
    readonly entry: RouteEntry
    readonly hash: number
  }[]
}

const peer = fc.stringMatching(/^[0-9a-f]{16}$/) as fc.Arbitrary<PeerId>
const path = fc
  .record({
    sequence: fc.integer({ min: 1, max: sequenceMax }),
    hopCount: fc.integer({ min: 0, max: hopCountMax }),
    hopMetric: fc.integer({ min: linkMetricMin, max: linkMetricMax }),
    sizeClass: fc.constantFrom(0, 1, 2, 3),
  })
  .map(({ hopMetric, ...path }) => ({ ...path, metric: hopMetric * path.hopCount }))
const entry: fc.Arbitrary<UpdateEntry> = fc.record({
  number: fc.nat(destinationNumberMax),
  introduced: fc.option(fc.record({ peer, epoch: fc.maxSafeNat() }), { nil: undefined }),
  path: fc.option(path, { nil: undefined }),
})
const request: fc.Arbitrary<SequenceRequest> = fc.record({
  peer,
  epoch: fc.maxSafeNat(),
  sequence: fc.integer({ min: 1, max: sequenceMax }),
  hopLimit: fc.integer({ min: 1, max: hopCountMax }),
})
const frame: fc.Arbitrary<RoutingFrame> = fc.oneof(
  fc.record({ type: fc.constant('table-request' as const) }),
  fc.record({ type: fc.constant('sequence-requests' as const), requests: fc.array(request) }),
  fc.record({
    type: fc.constantFrom('update' as const, 'table' as const),
    digest: fc.nat(0xffff_ffff),
    entries: fc.array(entry),
  }),
)

test('[RO1] frames are laid out as specified', () => {
  expect(vectors.frames.length).toBeGreaterThan(3)
  for (const { frame, bytes } of vectors.frames) {
    const entries = 'entries' in frame ? frame.entries : []
    // JSON leaves out what is undefined.
    const whole = entries.map(({ number, introduced, path }) => ({ number, introduced, path }))
    const expected = 'entries' in frame ? { ...frame, entries: whole } : frame
    expect(encodeHex(encodeRoutingFrame(expected))).toBe(bytes)
    expect(decodeRoutingFrame(decodeHex(bytes)!)).toEqual(expected)
  }
})

test('[RO6] the share of an entry in the digest is as specified', () => {
  expect(vectors.hashes.length).toBeGreaterThan(1)
  for (const { peer, entry, hash } of vectors.hashes) expect(entryHash(peer, entry)).toBe(hash)
})

test('[RO1] a frame survives its wire form, and entries keep to their length', () => {
  fc.assert(
    fc.property(frame, (frame) => {
      const bytes = encodeRoutingFrame(frame)
      expect(decodeRoutingFrame(bytes)).toEqual(frame)
      if ('entries' in frame) {
        expect(bytes.length).toBeLessThanOrEqual(6 + updateEntryBytesMax * frame.entries.length)
      }
    }),
  )
})

test('[RO3] whatever is read is written the same way, and nothing throws', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.constantFrom(0, 1, 2, 3), (body, type) => {
      const bytes = Uint8Array.of(2, type, ...body)
      const frame = decodeRoutingFrame(bytes)
      if (frame !== undefined) expect(encodeRoutingFrame(frame)).toEqual(bytes)
    }),
    { numRuns: 1_000 },
  )
})

test('[RO2] [RO3] numbers, counts, paths and requests keep to their bounds', () => {
  const path = { sequence: 1, hopCount: 2, metric: 40, sizeClass: 1 } as const
  const good: UpdateEntry = { number: 3, introduced: undefined, path }
  const accepts = (...entries: readonly UpdateEntry[]) =>
    decodeRoutingFrame(encodeRoutingFrame({ type: 'update', digest: 1, entries })) !== undefined
  const acceptsPath = (changes: Partial<RouteEntry>) =>
    accepts({ ...good, path: { ...path, ...changes } })
  expect(accepts(good)).toBe(true)
  expect(accepts({ ...good, number: destinationNumberMax + 1 })).toBe(false)
  expect(acceptsPath({ sequence: 0 })).toBe(false)
  expect(acceptsPath({ sequence: sequenceMax + 1 })).toBe(false)
  expect(acceptsPath({ hopCount: 0, metric: 0 })).toBe(true)
  expect(acceptsPath({ hopCount: 0, metric: 16 })).toBe(false)
  expect(acceptsPath({ hopCount: 2, metric: 31 })).toBe(false)
  expect(acceptsPath({ hopCount: hopCountMax, metric: 32 * linkMetricMax })).toBe(true)
  expect(acceptsPath({ hopCount: hopCountMax, metric: 32 * linkMetricMax + 1 })).toBe(false)
  expect(acceptsPath({ hopCount: hopCountMax + 1, metric: 1_000 })).toBe(false)
  expect(accepts(...Array.from({ length: updateEntriesMax }, () => good))).toBe(true)
  expect(accepts(...Array.from({ length: updateEntriesMax + 1 }, () => good))).toBe(false)

  const wish = { peer: '00112233445566ff' as PeerId, epoch: 1, sequence: 2, hopLimit: 32 }
  const acceptsRequests = (...requests: readonly SequenceRequest[]) =>
    decodeRoutingFrame(encodeRoutingFrame({ type: 'sequence-requests', requests })) !== undefined
  expect(acceptsRequests(...Array.from({ length: sequenceRequestsMax }, () => wish))).toBe(true)
  expect(acceptsRequests(...Array.from({ length: sequenceRequestsMax + 1 }, () => wish))).toBe(
    false,
  )
  expect(acceptsRequests({ ...wish, sequence: 0 })).toBe(false)
  expect(acceptsRequests({ ...wish, hopLimit: 0 })).toBe(false)
  expect(acceptsRequests({ ...wish, hopLimit: 33 })).toBe(false)
  expect(decodeRoutingFrame(Uint8Array.of(1, 2))).toBe(undefined)
  expect(decodeRoutingFrame(Uint8Array.of(2, 4))).toBe(undefined)
  expect(decodeRoutingFrame(Uint8Array.of(2, 2, 0))).toBe(undefined)
})
