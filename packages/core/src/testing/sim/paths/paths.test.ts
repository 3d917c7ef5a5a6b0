/**
 * Transfers over simulated paths in virtual time, with keystrokes beside them: everything is there once
 * and in order, the path is used, nobody who types waits long, and no buffer is larger than its bound.
 */

import { describe, expect, test } from 'vitest'

import { nodeCryptography } from '../../../driver/node-cryptography.ts'
import type { Priority } from '../../../engine/link/link-port.ts'
import { bufferBounds, type Buffers } from './buffer-watch.ts'
import { knownPaths, knownRelays, shareLeast } from './path-catalogue.ts'
import { runPath } from './path-run.ts'
import { runFloodedRelay, runRelay } from './relay-run.ts'

/** Virtual time of a transfer, its start included. */
const transferMs = 30_000
/**
 * The same where a hop is slow or loses: finding the pace of a long path takes seconds, more so where bulk
 * takes losses of its start for a full path, and of a hundred keystrokes on Bluetooth the slowest is one of few.
 */
const slowTransferMs = 60_000
/** A hop of fewer bytes in a millisecond is slow: 4 Mbit/s. */
const slowBytesPerMs = 500

function expectWithinBounds(buffers: Buffers): void {
  for (const [name, bound] of Object.entries(bufferBounds)) {
    expect({ name, bytes: buffers[name as keyof Buffers] }).toSatisfy(
      ({ bytes }: { readonly bytes: number }) => bytes <= bound,
    )
  }
}

describe.each(knownPaths)('$name', ({ hops, requiredShare, keystrokeMsMost }) => {
  test.each<{ readonly stream: Priority; readonly seed: number }>([
    { stream: 'bulk', seed: 1 },
    { stream: 'bulk', seed: 2 },
    { stream: 'sync', seed: 3 },
  ])('[RC6] [RC16] $stream, seed $seed', ({ stream, seed }) => {
    const isSlow = hops.some(
      ({ bytesPerMs, lossShare }) => bytesPerMs < slowBytesPerMs || lossShare > 0,
    )
    const ms = isSlow ? slowTransferMs : transferMs
    const run = runPath({ cryptography: nodeCryptography, seed, hops, stream, ms })
    expect(run.share).toBeGreaterThan(requiredShare ?? 0.6)
    expect(run.share).toBeLessThan(1)
    expect(run.keystrokeMs.p99).toBeLessThan(keystrokeMsMost ?? Number.POSITIVE_INFINITY)
    expectWithinBounds(run.buffers)
  })
})

describe.each(knownRelays)('a relay: $name', (relay) => {
  test.each(['bulk', 'sync'] as const)('[MP8] [RC15] two connections share it: %s', (stream) => {
    const streams = [stream, stream] as const
    const times = { settleMs: 15_000, ms: 20_000 }
    const run = runRelay({ cryptography: nodeCryptography, seed: 1, streams, ...relay, ...times })
    expect(run.share).toBeGreaterThan(shareLeast)
    expect(run.share).toBeLessThan(1 - shareLeast)
    expect(run.used).toBeGreaterThan(0.85)
    expectWithinBounds(run.buffers)
  })
})

test.each([
  { ...knownRelays[0]!, halfMs: 20_000 },
  { ...knownRelays[3]!, halfMs: 5_000 },
])(
  '[MP8] a neighbour that makes up sources takes its share of a relay, and not that of others: $name',
  ({ narrow, halfMs }) => {
    const times = { settleMs: halfMs, ms: halfMs }
    const run = runFloodedRelay({ cryptography: nodeCryptography, seed: 1, narrow, ...times })
    expect(run.share).toBeGreaterThan(shareLeast)
    expectWithinBounds(run.buffers)
  },
)
