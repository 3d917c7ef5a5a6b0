/** Bytes of other peers meet the decoders. `pnpm fuzz` runs the same for millions of inputs. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

import { nodeCryptography } from '../../driver/node-cryptography.ts'
import { DecoderFuzz, examplesOf } from './decoder-fuzz.ts'
import { fuzzedDecoders } from './decoders.ts'

const vectorsFolder = join(import.meta.dirname, '../../../../../docs/specs/vectors')
const examples = examplesOf(
  readdirSync(vectorsFolder).map((file): unknown =>
    JSON.parse(readFileSync(join(vectorsFolder, file), 'utf8')),
  ),
)
const seed = Math.floor(Math.random() * 2 ** 32)

describe(`decoders, seed ${seed}`, () => {
  test.each(fuzzedDecoders(nodeCryptography))('$name', (decoder) => {
    const fuzz = new DecoderFuzz(decoder, examples, seed)
    fuzz.run(4_000)
    const { accepted, inputs, violations } = fuzz.result()
    expect(violations).toEqual([])
    // Neither side of the decoder goes unvisited.
    expect(accepted).toBeGreaterThan(20)
    if (decoder.name !== 'close reason') expect(inputs - accepted).toBeGreaterThan(20)
  })
})

describe('the fuzzer itself', () => {
  const guarded = (bytes: Uint8Array): Uint8Array => {
    if (bytes[0] === 3 && bytes.length > 40) throw new RangeError('too long for a three')
    return bytes
  }

  test('finds an exception behind a condition', () => {
    const fuzz = new DecoderFuzz({ name: 'guarded', decode: guarded }, [Uint8Array.of(3, 1)], 1)
    fuzz.run(20_000)
    expect(fuzz.result().violations[0]).toMatch(/guarded: RangeError: too long for a three: 03/)
  })

  test('finds a value that changes on the way back', () => {
    const decode = (bytes: Uint8Array): number | undefined => bytes[0]
    const encode = (value: unknown): Uint8Array => Uint8Array.of(Math.min(Number(value), 200))
    const fuzz = new DecoderFuzz({ name: 'clamped', decode, encode }, [Uint8Array.of(3)], 1)
    fuzz.run(20_000)
    expect(fuzz.result().violations[0]).toMatch(/what came back/)
  })
})
