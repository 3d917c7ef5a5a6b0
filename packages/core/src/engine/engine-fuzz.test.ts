/**
 * Whatever comes in, the engine neither throws nor grows, counts what it refuses, and goes on serving
 * those who behave. `pnpm fuzz` runs the same for longer.
 */

import { describe, expect, test } from 'vitest'

import { createYjsDocuments } from '../documents/yjs-documents.ts'
import { nodeCryptography } from '../driver/node-cryptography.ts'
import { fuzzChannels, fuzzMember } from '../testing/fuzz/index.ts'

const randomSeed = Math.floor(Math.random() * 2 ** 32)
const messages = 400

function optionsOf(seed: number) {
  return { seed, messages, cryptography: nodeCryptography, documents: createYjsDocuments() }
}

for (const seed of [1, 2, randomSeed]) {
  describe(`pnpm fuzz --runs 1 --messages ${messages} --seed ${seed}`, () => {
    test('[FR10] [LK24] bent, replayed and random channel messages, in and out of handshakes', () => {
      const result = fuzzChannels(optionsOf(seed))
      expect(result.violations).toEqual([])
      expect(result.counters['link.framesMalformed']).toBeGreaterThan(0)
      expect(result.counters['link.handshakesFailed']).toBeGreaterThan(0)
      // On channels that lose, what cannot be is dropped.
      expect(result.counters['link.messagesMalformed']).toBeGreaterThan(0)
    })

    test('[MP3] [CN25] [SY9] [SG2] a member that says hostile things in every layer', () => {
      const result = fuzzMember(optionsOf(seed))
      expect(result.violations).toEqual([])
      const refusals = [
        'mesh.routeFramesMalformed',
        'mesh.packetsDroppedMalformed',
        'connection.violations',
        'sync.messagesMalformed',
        'sync.deliveriesRefused',
      ]
      for (const counter of refusals) {
        expect([counter, result.counters[counter]]).toEqual([counter, expect.any(Number)])
      }
    })
  })
}
