import { sha256 } from '@noble/hashes/sha2.js'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteReader } from '../bytes/reader.ts'
import { ByteWriter } from '../bytes/writer.ts'
import type { Cryptography } from '../crypto/cryptography.ts'
import type { PeerId } from '../identity/peer-id.ts'
import {
  deliveryBytesMax,
  readChange,
  readChangePart,
  updateBytesMax,
  writeChange,
  writeChangePart,
} from './change-codec.ts'
import type { Change, ChangePart } from './change.ts'
import { readDelivery, writeDelivery } from './delivery-codec.ts'
import { addDigests, emptyDigest, partDigest, subtractDigests } from './digest.ts'
import {
  collectionBytesMax,
  compareDocumentKeys,
  documentIdBytesMax,
  documentKeyText,
  readDocumentKey,
  writeDocumentKey,
} from './document-key.ts'
import { readHead, writeHead } from './head-codec.ts'
import type { Delivery } from './replica-port.ts'
import { readVersion, writeVersion } from './version-codec.ts'
import {
  compareWriters,
  entryOf,
  holds,
  mergeVersions,
  versionDigest,
  withEntry,
} from './version-operations.ts'
import type { Version, VersionEntry } from './version.ts'
import { parseWriteId, writeIdOf } from './write-id.ts'

// Only hashing is asked of it here.
const cryptography = { sha256 } as unknown as Cryptography

const peer = fc
  .uint8Array({ minLength: 8, maxLength: 8 })
  .map((bytes) => Buffer.from(bytes).toString('hex') as PeerId)
const writer = fc.record({ peer, epoch: fc.integer({ min: 0, max: 1_000_000 }) })
const key = fc.record({
  collection: fc.string({ unit: 'grapheme', maxLength: 8 }),
  id: fc.string({ unit: 'grapheme', maxLength: 24 }),
})
const digest = fc.uint8Array({ minLength: 16, maxLength: 16 })
const updates = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 4 })
const content = fc.oneof(
  fc.record({ type: fc.constant('update' as const), updates }),
  fc.record({ type: fc.constant('delete' as const) }),
)
const change: fc.Arbitrary<Change> = fc
  .tuple(
    writer,
    fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    fc.uniqueArray(
      fc.record({
        document: key,
        fraction: fc.double({ min: 0, max: 0.999, noNaN: true }),
        incarnation: fc.nat(),
        content,
      }),
      { minLength: 1, maxLength: 4, selector: (part) => documentKeyText(part.document) },
    ),
  )
  .map(([author, seq, parts]) => ({
    ...author,
    seq,
    parts: parts.map(({ fraction, document, incarnation, content }) => ({
      document,
      previous: Math.floor(fraction * seq),
      incarnation,
      content,
    })),
  }))
const entry: fc.Arbitrary<VersionEntry> = fc.record({
  peer,
  epoch: fc.integer({ min: 0, max: 3 }),
  seq: fc.integer({ min: 1, max: 1_000_000 }),
  digest,
})
const version: fc.Arbitrary<Version> = fc
  .uniqueArray(entry, { maxLength: 6, selector: (entry) => `${entry.peer}-${entry.epoch}` })
  .map((entries) => entries.sort(compareWriters))
const head = fc
  .record({ incarnation: fc.nat(), deleted: fc.boolean(), version })
  .map((head) => ({ ...head, digest: versionDigest(head.version) }))
const delivery: fc.Arbitrary<Delivery> = fc.oneof(
  fc.record({ type: fc.constant('change' as const), change }),
  fc.record({ type: fc.constant('checkpoint' as const), document: key, head, updates }),
)

interface Codec<Value> {
  readonly name: string
  readonly values: fc.Arbitrary<Value>
  readonly write: (writer: ByteWriter, value: Value) => void
  readonly read: (reader: ByteReader) => Value | undefined
}

function codec<Value>(codec: Codec<Value>): Codec<unknown> {
  return codec as unknown as Codec<unknown>
}

const codecs = [
  codec({
    name: '[SY3] document keys',
    values: key,
    write: writeDocumentKey,
    read: readDocumentKey,
  }),
  codec({
    name: '[SY4] change parts',
    values: change.map((change) => ({ ...change.parts[0]!, previous: 0 })),
    write: (writer, part: ChangePart) => writeChangePart(writer, part, 7),
    read: (reader) => readChangePart(reader, 7),
  }),
  codec({ name: '[SY5] changes', values: change, write: writeChange, read: readChange }),
  codec({ name: '[SY6] versions', values: version, write: writeVersion, read: readVersion }),
  codec({ name: '[SY7] heads', values: head, write: writeHead, read: readHead }),
  codec({ name: '[SY8] deliveries', values: delivery, write: writeDelivery, read: readDelivery }),
]

function encode<Value>(codec: Codec<Value>, value: Value): Uint8Array {
  const writer = new ByteWriter()
  codec.write(writer, value)
  return writer.finish()
}

describe.each(codecs)('$name', (codec) => {
  test('come back as they were written', () => {
    fc.assert(
      fc.property(codec.values, (value) => {
        const reader = new ByteReader(encode(codec, value))
        expect(codec.read(reader)).toEqual(value)
        expect(reader.finished).toBe(true)
      }),
    )
  })

  test('have one encoding: what is read is written with the same bytes', () => {
    const damaged = fc
      .tuple(codec.values, fc.nat(), fc.nat({ max: 255 }), fc.nat())
      .map(([value, position, byte, cut]) => {
        const bytes = encode(codec, value)
        bytes[position % bytes.length] = byte
        return cut % 4 === 0 ? bytes.subarray(0, cut % (bytes.length + 1)) : bytes
      })
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 200 })), (bytes) => {
        const reader = new ByteReader(bytes)
        const value = codec.read(reader)
        expect(reader.failed).toBe(value === undefined)
        if (value === undefined) return
        const used = bytes.subarray(0, bytes.length - reader.remaining)
        expect(encode(codec, value)).toEqual(used)
      }),
      { numRuns: 500 },
    )
  })
})

const alice = { peer: '00000000000000aa' as PeerId, epoch: 1 }
const note = { collection: '', id: 'notes/today' }

function readsChange(change: Change): boolean {
  const writer = new ByteWriter()
  writeChange(writer, change)
  return readChange(new ByteReader(writer.finish())) !== undefined
}

function changeOf(...parts: readonly ChangePart[]): Change {
  return { ...alice, seq: 3, parts }
}

function partOf(...updates: readonly Uint8Array[]): ChangePart {
  return { document: note, previous: 2, incarnation: 1, content: { type: 'update', updates } }
}

describe('bounds', () => {
  test('[SY3] a name over its bound is refused', () => {
    const reads = (document: ChangePart['document']) =>
      readsChange(changeOf({ ...partOf(), document }))
    expect(reads({ collection: 'c'.repeat(collectionBytesMax), id: 'x' })).toBe(true)
    expect(reads({ collection: 'c'.repeat(collectionBytesMax + 1), id: 'x' })).toBe(false)
    expect(reads({ collection: '', id: 'x'.repeat(documentIdBytesMax) })).toBe(true)
    expect(reads({ collection: '', id: 'x'.repeat(documentIdBytesMax + 1) })).toBe(false)
  })

  test('[SY4] an update over 64 KiB is refused', () => {
    expect(readsChange(changeOf(partOf(new Uint8Array(updateBytesMax))))).toBe(true)
    expect(readsChange(changeOf(partOf(new Uint8Array(updateBytesMax + 1))))).toBe(false)
  })

  test('[SY5] a change names each document once and has at least one part', () => {
    expect(readsChange(changeOf())).toBe(false)
    expect(readsChange(changeOf(partOf()))).toBe(true)
    expect(readsChange(changeOf(partOf(), partOf()))).toBe(false)
  })

  test('[SY8] a change over the bound on deliveries is refused', () => {
    const count = Math.floor(deliveryBytesMax / updateBytesMax)
    const updates = Array.from({ length: count }, () => new Uint8Array(updateBytesMax))
    expect(readsChange(changeOf(partOf(...updates.slice(1))))).toBe(true)
    expect(readsChange(changeOf(partOf(...updates, new Uint8Array(1))))).toBe(false)
  })

  test('[SY4] what is read holds no view of the message', () => {
    const writer = new ByteWriter()
    writeChange(writer, changeOf(partOf(Uint8Array.of(1, 2))))
    const content = readChange(new ByteReader(writer.finish()))?.parts[0]?.content
    expect(content?.type === 'update' && content.updates[0]?.buffer.byteLength).toBe(2)
  })
})

describe('digests', () => {
  test('[SY1] sums form a commutative group', () => {
    fc.assert(
      fc.property(digest, digest, digest, (a, b, c) => {
        expect(addDigests(a, b)).toEqual(addDigests(b, a))
        expect(addDigests(addDigests(a, b), c)).toEqual(addDigests(a, addDigests(b, c)))
        expect(addDigests(a, emptyDigest())).toEqual(a)
        expect(subtractDigests(addDigests(a, b), b)).toEqual(a)
      }),
    )
  })

  test('[SY1] sums are those of big-endian integers modulo 2^128', () => {
    const integer = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
    fc.assert(
      fc.property(digest, digest, (a, b) => {
        expect(integer(addDigests(a, b))).toBe((integer(a) + integer(b)) % (1n << 128n))
      }),
    )
  })

  test('[SY2] everything that a part says changes its digest', () => {
    const part = partOf(Uint8Array.of(1))
    const digests = [
      partDigest(cryptography, alice, 3, part),
      partDigest(cryptography, { ...alice, epoch: 2 }, 3, part),
      partDigest(cryptography, { ...alice, peer: '00000000000000ab' as PeerId }, 3, part),
      partDigest(cryptography, alice, 4, part),
      partDigest(cryptography, alice, 3, { ...part, previous: 1 }),
      partDigest(cryptography, alice, 3, { ...part, incarnation: 2 }),
      partDigest(cryptography, alice, 3, { ...part, document: { ...note, collection: 'x' } }),
      partDigest(cryptography, alice, 3, { ...part, content: { type: 'delete' } }),
      partDigest(cryptography, alice, 3, partOf(Uint8Array.of(2))),
    ]
    expect(new Set(digests.map(String)).size).toBe(digests.length)
    expect(digests.every((digest) => digest.length === 16)).toBe(true)
  })
})

describe('versions', () => {
  test('an entry replaces the one of its writer and keeps the order', () => {
    fc.assert(
      fc.property(version, entry, (version, entry) => {
        const changed = withEntry(version, entry)
        expect(entryOf(changed, entry)).toEqual(entry)
        expect(holds(changed, entry, entry.seq)).toBe(true)
        expect(holds(changed, entry, entry.seq + 1)).toBe(false)
        expect(changed).toEqual([...changed].sort(compareWriters))
        const others = (version: Version) =>
          version.filter((other) => compareWriters(other, entry) !== 0)
        expect(others(changed)).toEqual(others(version))
      }),
    )
  })

  test('merging keeps the longer prefix of each writer, whatever the order', () => {
    // Small sequence numbers of few writers, each with the digest that its number implies.
    const prefixes = fc
      .uniqueArray(fc.tuple(fc.nat({ max: 5 }), fc.integer({ min: 1, max: 4 })), {
        selector: ([writer]) => writer,
      })
      .map((pairs) =>
        pairs
          .map(([epoch, seq]) => ({ ...alice, epoch, seq, digest: new Uint8Array(16).fill(seq) }))
          .sort(compareWriters),
      )
    fc.assert(
      fc.property(prefixes, prefixes, (left, right) => {
        const merged = mergeVersions(left, right)
        expect(merged).toEqual(mergeVersions(right, left))
        for (const entry of [...left, ...right]) {
          expect(holds(merged ?? [], entry, entry.seq)).toBe(true)
        }
        for (const entry of merged ?? []) {
          expect([entryOf(left, entry), entryOf(right, entry)]).toContainEqual(entry)
        }
      }),
    )
  })

  test('merging contradicting versions gives nothing', () => {
    const entry = { ...alice, seq: 4, digest: emptyDigest() }
    const other = { ...entry, digest: new Uint8Array(16).fill(1) }
    expect(mergeVersions([entry], [other])).toBeUndefined()
    expect(mergeVersions([entry], [{ ...other, seq: 5 }])).toEqual([{ ...other, seq: 5 }])
  })
})

test('document keys are ordered by collection, then id', () => {
  fc.assert(
    fc.property(key, key, (left, right) => {
      expect(compareDocumentKeys(left, right)).toBe(-compareDocumentKeys(right, left) + 0)
      const equal = documentKeyText(left) === documentKeyText(right)
      expect(compareDocumentKeys(left, right) === 0).toBe(equal)
    }),
  )
})

test('write ids name their change, and nothing else is one', () => {
  fc.assert(
    fc.property(writer, fc.integer({ min: 1, max: 1e14 }), (writer, seq) => {
      expect(parseWriteId(writeIdOf(writer, seq))).toEqual({ writer, seq })
    }),
  )
  for (const text of ['', '-1-1', '00000000000000aa-1-0', '00000000000000aa-01-1', 'x']) {
    expect(parseWriteId(text)).toBeUndefined()
  }
})
