import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { concatBytes } from '../bytes/compare.ts'
import { encodeHex } from '../bytes/hex.ts'
import { nobleCryptography as cryptography } from '../crypto/noble.ts'
import { Identity } from '../identity/identity.ts'
import { encodePeerId } from '../identity/peer-id.ts'
import { boundedProfile, presenceContentOf } from './presence-content.ts'
import {
  decodePresenceRecord,
  emptyPresenceContent,
  encodePresenceRecord,
  isOfLaterVersion,
  peekPresenceRecord,
  presenceRecordBytesMax,
  verifyPresenceRecord,
  type PresenceContent,
} from './presence-record.ts'

const identity = new Identity(new Uint8Array(32).fill(1), cryptography)
const version = { epoch: 4, sequence: 9 }
const empty = emptyPresenceContent
const capabilities = {
  canDial: true,
  canListen: false,
  needsSignalling: false,
  needsUserGesture: true,
}
const lan = { class: 'lan', metered: false } as const

/** Any UTF-16 code unit, so that lone surrogates occur. */
const codeUnit = fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit))

/** Decoding does not verify, so a property about the format need not pay for signatures. */
const unsigning = { ...keysOf(identity), sign: () => new Uint8Array(64) }

function keysOf({ peer, publicKey }: Identity) {
  return { peer, publicKey }
}

function encode(changes: Partial<PresenceContent>): Uint8Array {
  return encodePresenceRecord({ ...empty, ...changes }, version, false, identity)
}

function decode(changes: Partial<PresenceContent>) {
  return decodePresenceRecord(encode(changes), cryptography)
}

function peerAt(index: number) {
  return encodePeerId(Uint8Array.of(0, 0, 0, 0, 0, 0, 1, index))
}

function neighbours(count: number): PresenceContent['neighbours'] {
  const transport = 'w'.repeat(32)
  return Array.from({ length: count }, (_, index) => {
    return { peer: peerAt(index), transport, cost: lan, rttStep: 12, qualityStep: 4 }
  })
}

describe('[PR3] bounds of a record', () => {
  test('every list at its bound is accepted, one more is not', () => {
    const metadata = (count: number) =>
      Object.fromEntries(
        Array.from({ length: count }, (_, index) => [`key ${index + 10}`, 'v'.repeat(250)]),
      )
    const transports = (count: number) =>
      Array.from({ length: count }, (_, index) => ({
        name: `${index}`.padStart(32, 't'),
        ...capabilities,
      })).sort((left, right) => (left.name < right.name ? -1 : 1))
    const full = {
      name: '☕'.repeat(64),
      platform: 'p'.repeat(32),
      libraryVersion: '1'.repeat(32),
      metadata: metadata(16),
      transports: transports(8),
      neighbours: neighbours(64),
    }
    expect(decode(full)).toMatchObject(full)
    expect(encode(full).length).toBeLessThan(presenceRecordBytesMax)
    expect(decode({ name: 'n'.repeat(65) })).toBeUndefined()
    expect(decode({ metadata: metadata(17) })).toBeUndefined()
    expect(decode({ metadata: { key: 'v'.repeat(253) } })).toBeDefined()
    expect(decode({ metadata: { key: 'v'.repeat(254) } })).toBeUndefined()
    expect(decode({ transports: transports(9) })).toBeUndefined()
    expect(decode({ neighbours: neighbours(65) })).toBeUndefined()
    const [one] = neighbours(1)
    expect(decode({ neighbours: [{ ...one!, transport: 'w'.repeat(33) }] })).toBeUndefined()
    expect(decode({ neighbours: [{ ...one!, rttStep: 13 }] })).toBeUndefined()
    expect(decode({ neighbours: [{ ...one!, qualityStep: 5 }] })).toBeUndefined()
    expect(decode({ platform: 'p'.repeat(33) })).toBeUndefined()
    expect(decode({ libraryVersion: '1'.repeat(33) })).toBeUndefined()
  })

  test('own content is cut to what others accept', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: codeUnit, maxLength: 100 }),
        fc.dictionary(
          fc.string({ unit: codeUnit }),
          fc.string({ unit: codeUnit, maxLength: 300 }),
          {
            maxKeys: 30,
          },
        ),
        fc.nat(100),
        (name, metadata, count) => {
          const links = neighbours(count).map(({ peer, transport }) => ({
            description: {
              peer,
              publicKey: new Uint8Array(32),
              transport,
              cost: lan,
              rttMs: 1,
              isSuspect: false,
            },
            rttStep: 1,
            qualityStep: 1,
          }))
          const transports = [{ name: 'x'.repeat(40), ...capabilities }]
          const [platform, libraryVersion] = [name.slice(0, 40), name.slice(40)]
          const profile = boundedProfile({ name, platform, libraryVersion, metadata })
          const content = presenceContentOf(profile, transports, links)
          const bytes = encodePresenceRecord(content, version, false, unsigning)
          expect(decodePresenceRecord(bytes, cryptography)).toMatchObject(content)
        },
      ),
      { numRuns: 50 },
    )
  })

  test('metadata named like a prototype is data', () => {
    const metadata = Object.fromEntries([['__proto__', 'x']])
    const decoded = decode({ metadata })!
    expect(Object.entries(decoded.metadata)).toEqual([['__proto__', 'x']])
  })
})

test('[PR2] unsorted or doubled entries are refused: a record has one encoding', () => {
  const [one, two] = neighbours(2)
  expect(decode({ neighbours: [one!, two!] })).toBeDefined()
  expect(decode({ neighbours: [two!, one!] })).toBeUndefined()
  expect(decode({ neighbours: [one!, one!] })).toBeUndefined()
  const a = { name: 'a', ...capabilities }
  expect(decode({ transports: [a, a] })).toBeUndefined()
})

test('[PR2] the signature covers every byte', () => {
  const bytes = encode({ name: 'Till', neighbours: neighbours(1) })
  expect(verifyPresenceRecord(bytes, cryptography)).toBe(true)
  for (let offset = 0; offset < bytes.length; offset += 7) {
    const changed = bytes.slice()
    changed[offset]! ^= 1
    expect(verifyPresenceRecord(changed, cryptography)).toBe(false)
  }
})

test('[PR2] a signature for another purpose is none', () => {
  const body = encode({}).subarray(0, -64)
  const record = concatBytes(body, identity.sign(body))
  expect(verifyPresenceRecord(record, cryptography)).toBe(false)
})

test('[PR4] random and shortened bytes decode to nothing and never throw', () => {
  const good = encode({ name: 'Till', metadata: { role: 'till' }, neighbours: neighbours(2) })
  for (let length = 0; length < good.length; length += 1) {
    expect(decodePresenceRecord(good.subarray(0, length), cryptography)).toBeUndefined()
    expect(verifyPresenceRecord(good.subarray(0, length), cryptography)).toBe(false)
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      peekPresenceRecord(bytes, cryptography)
      expect(decodePresenceRecord(Uint8Array.of(3, ...bytes), cryptography)).toBeUndefined()
      verifyPresenceRecord(bytes, cryptography)
    }),
  )
})

test('[PR16] what a later maker of this version adds is signed, held whole and ignored', () => {
  const { peer, publicKey } = identity
  const plain = encode({ name: 'Till', platform: 'node' })
  const body = concatBytes(plain.subarray(0, -64), Uint8Array.of(1, 2, 3))
  const domain = new TextEncoder().encode('fieldmesh presence record 1\n')
  const record = concatBytes(body, identity.sign(concatBytes(domain, body)))
  expect(verifyPresenceRecord(record, cryptography)).toBe(true)
  const key = encodeHex(publicKey)
  const known = { peer, publicKey: key, ...version, name: 'Till', platform: 'node' }
  expect(decodePresenceRecord(record, cryptography)).toMatchObject(known)
})

test('[PR16] a later version is told from what is malformed', () => {
  expect(isOfLaterVersion(encode({}))).toBe(false)
  expect(isOfLaterVersion(new Uint8Array(0))).toBe(false)
  expect(isOfLaterVersion(Uint8Array.of(1))).toBe(false)
  expect(isOfLaterVersion(Uint8Array.of(3))).toBe(true)
})

test('peeking tells who and which version', () => {
  const header = { peer: identity.peer, ...version }
  expect(peekPresenceRecord(encode({ name: 'x' }), cryptography)).toEqual(header)
})
