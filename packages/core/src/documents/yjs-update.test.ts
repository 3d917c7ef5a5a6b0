import * as fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import * as Y from 'yjs'
import { splitUpdate } from './yjs-split.ts'
import { checkUpdate, parseUpdate } from './yjs-update.ts'

// Megabytes are cut here; a busy machine takes its time.
vi.setConfig({ testTimeout: 60_000 })

/** What one of several peers does next. */
type Step =
  | { type: 'text'; peer: number; at: number; text: string }
  | { type: 'erase'; peer: number; at: number; length: number }
  | { type: 'set'; peer: number; key: string; value: fc.JsonValue }
  | { type: 'unset'; peer: number; key: string }
  | { type: 'push'; peer: number; at: number; values: fc.JsonValue[] }
  | { type: 'nest'; peer: number; at: number; text: string }
  | { type: 'format'; peer: number; at: number; length: number }
  | { type: 'sync'; peer: number; from: number }

const peers = 3
const peer = fc.integer({ min: 0, max: peers - 1 })
const at = fc.nat({ max: 1000 })
const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
const key = fc.constantFrom('a', 'b', 'c')

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constant('text' as const), peer, at, text }),
  fc.record({ type: fc.constant('erase' as const), peer, at, length: fc.nat({ max: 30 }) }),
  fc.record({ type: fc.constant('set' as const), peer, key, value: fc.jsonValue() }),
  fc.record({ type: fc.constant('unset' as const), peer, key }),
  fc.record({
    type: fc.constant('push' as const),
    peer,
    at,
    values: fc.array(fc.jsonValue({ maxDepth: 1 }), { maxLength: 20 }),
  }),
  fc.record({ type: fc.constant('nest' as const), peer, at, text }),
  fc.record({ type: fc.constant('format' as const), peer, at, length: fc.nat({ max: 30 }) }),
  fc.record({ type: fc.constant('sync' as const), peer, from: peer }),
)

function makeDoc(clientId: number): Y.Doc {
  const doc = new Y.Doc({ guid: '' })
  doc.clientID = clientId
  return doc
}

/** The documents of all peers after the steps. */
function play(steps: readonly Step[]): Y.Doc[] {
  const docs = Array.from({ length: peers }, (_, index) => makeDoc(index * 7 + 1))
  for (const next of steps) {
    const doc = docs[next.peer]!
    const content = doc.getText('text')
    const list = doc.getArray('list')
    const position = 'at' in next ? next.at % (content.length + 1) : 0
    switch (next.type) {
      case 'text':
        content.insert(position, next.text)
        break
      case 'erase':
        content.delete(position, Math.min(next.length, content.length - position))
        break
      case 'format':
        content.format(position, Math.min(next.length, content.length - position), { bold: true })
        break
      case 'set':
        doc.getMap('map').set(next.key, next.value)
        break
      case 'unset':
        doc.getMap('map').delete(next.key)
        break
      case 'push':
        list.insert(next.at % (list.length + 1), next.values)
        break
      case 'nest': {
        const nested = new Y.Map()
        nested.set('text', new Y.Text(next.text))
        list.insert(next.at % (list.length + 1), [nested])
        break
      }
      case 'sync':
        Y.applyUpdate(doc, Y.encodeStateAsUpdate(docs[next.from]!))
        break
    }
  }
  return docs
}

const docs = fc.array(step, { maxLength: 60 }).map((steps) => {
  const all = play(steps)
  const merged = Y.mergeUpdates(all.map((doc) => Y.encodeStateAsUpdate(doc)))
  return { all, merged }
})

function contentOf(doc: Y.Doc): unknown {
  return [
    doc.getText('text').toDelta(),
    doc.getMap('map').toJSON(),
    doc.getArray('list').toJSON(),
    [...Y.encodeStateVector(doc)],
  ]
}

function isSettled(doc: Y.Doc): boolean {
  return doc.store.pendingStructs === null && doc.store.pendingDs === null
}

describe('parseUpdate', () => {
  test('passes every update that Yjs makes', () => {
    fc.assert(
      fc.property(docs, ({ all, merged }) => {
        for (const doc of all) expect(checkUpdate(Y.encodeStateAsUpdate(doc), 1e9)).toBe(true)
        expect(checkUpdate(merged, 1e9)).toBe(true)
      }),
    )
  })

  test('never throws, and what it passes Yjs decodes', () => {
    fc.assert(
      fc.property(
        docs,
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 }),
        fc.nat({ max: 20 }),
        ({ merged }, mutations, cut) => {
          const bytes = merged.slice(0, Math.max(0, merged.length - (cut > 10 ? 0 : cut)))
          for (const [at, value] of mutations)
            if (bytes.length > 0) bytes[at % bytes.length] = value
          if (parseUpdate(bytes) === undefined) return
          expect(() => Y.decodeUpdate(bytes)).not.toThrow()
        },
      ),
      { numRuns: 1000 },
    )
  })

  test('never throws on random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        if (parseUpdate(bytes) !== undefined) {
          expect(() => Y.decodeUpdate(bytes)).not.toThrow()
        }
      }),
      { numRuns: 5000 },
    )
  })

  test('refuses a value nested deeper than its bound', () => {
    const doc = makeDoc(1)
    let value: unknown = 1
    for (let depth = 0; depth < 100; depth += 1) value = [value]
    doc.getArray('list').insert(0, [value])
    expect(checkUpdate(Y.encodeStateAsUpdate(doc), 1e9)).toBe(false)
  })

  test('refuses an update over the limit', () => {
    const doc = makeDoc(1)
    doc.getText('text').insert(0, 'x'.repeat(100))
    expect(checkUpdate(Y.encodeStateAsUpdate(doc), 100)).toBe(false)
  })

  test('refuses an item that refers to itself', () => {
    // One client, one struct: client 5, clock 0, a string whose origin is (5, 0).
    const bytes = Uint8Array.of(1, 1, 5, 0, 0x84, 5, 0, 1, 0x61, 0)
    expect(parseUpdate(bytes)).toBeUndefined()
  })

  test('refuses structs and deletions of nothing, and two lists of one client', () => {
    expect(parseUpdate(Uint8Array.of(1, 1, 5, 0, 0, 3, 0))).toBeDefined()
    expect(parseUpdate(Uint8Array.of(1, 1, 5, 0, 0, 0, 0))).toBeUndefined()
    expect(parseUpdate(Uint8Array.of(0, 1, 5, 1, 0, 2))).toBeDefined()
    expect(parseUpdate(Uint8Array.of(0, 1, 5, 1, 0, 0))).toBeUndefined()
    expect(parseUpdate(Uint8Array.of(2, 1, 5, 0, 0, 3, 1, 6, 3, 0, 3, 0))).toBeDefined()
    expect(parseUpdate(Uint8Array.of(2, 1, 5, 0, 0, 3, 1, 5, 3, 0, 3, 0))).toBeUndefined()
  })

  test('passes subdocuments, and refuses options of theirs that are no object', () => {
    const doc = makeDoc(1)
    doc.getMap('map').set('sub', new Y.Doc({ guid: 'sub' }))
    const update = Y.encodeStateAsUpdate(doc)
    expect(checkUpdate(update, 1e9)).toBe(true)
    // The guid is followed by its options: an object (118) without keys. Null (126) in its place.
    const at = update.lastIndexOf(118)
    const broken = Uint8Array.from([...update.slice(0, at), 126, ...update.slice(at + 2)])
    expect(checkUpdate(broken, 1e9)).toBe(false)
  })
})

describe('splitUpdate', () => {
  const splitAt = fc.constantFrom(60, 100, 200, 400, 2000)

  test('[DO10] the parts make the same document as the whole, and nothing waits in between', () => {
    fc.assert(
      fc.property(docs, splitAt, ({ merged }, bytesMax) => {
        const whole = makeDoc(1000)
        Y.applyUpdate(whole, merged)
        const parted = makeDoc(1001)
        for (const part of splitUpdate(merged, bytesMax)) {
          expect(checkUpdate(part, 1e9)).toBe(true)
          Y.applyUpdate(parted, part)
          expect(isSettled(parted)).toBe(true)
        }
        expect(contentOf(parted)).toEqual(contentOf(whole))
        const snapshots = [parted, whole].map((doc) => Y.snapshot(doc))
        expect(Y.equalSnapshots(snapshots[0]!, snapshots[1]!)).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  test('[DO10] parts of a difference apply where the difference does', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.array(step, { maxLength: 40 }), (a, b) => {
        const before = play(a)[0]!
        before.clientID = 1000
        const later = play([...a, { type: 'sync', peer: 0, from: 1 }, ...b])[0]!
        const difference = Y.encodeStateAsUpdate(later, Y.encodeStateVector(before))
        for (const part of splitUpdate(difference, 80)) {
          Y.applyUpdate(before, part)
          expect(isSettled(before)).toBe(true)
        }
        expect(contentOf(before)).toEqual(contentOf(later))
      }),
    )
  })

  test('[DO10] a long text is cut into parts within the bound, no surrogate pair torn', () => {
    const doc = makeDoc(1)
    doc.getText('text').insert(0, 'x€😀'.repeat(50_000))
    doc.getText('text').insert(75_001, 'middle')
    const update = Y.encodeStateAsUpdate(doc)
    const parts = splitUpdate(update, 65_536)
    expect(parts.length).toBeGreaterThan(5)
    expect(Math.max(...parts.map((part) => part.length))).toBeLessThanOrEqual(65_536)
    const parted = makeDoc(2)
    for (const part of parts) Y.applyUpdate(parted, part)
    expect(parted.getText('text').toJSON()).toBe(doc.getText('text').toJSON())
    expect(Y.encodeStateAsUpdate(parted)).toEqual(update)
  })

  test('[DO10] long lists of values and many deletions stay within the bound', () => {
    const doc = makeDoc(1)
    const list = doc.getArray('list')
    list.insert(
      0,
      Array.from({ length: 8000 }, (_, index) => `value ${index}`),
    )
    doc.transact(() => {
      for (let index = 0; index < 1000; index += 1) list.delete(index, 1)
    })
    const update = Y.encodeStateAsUpdate(doc)
    const parts = splitUpdate(update, 3000)
    expect(Math.max(...parts.map((part) => part.length))).toBeLessThanOrEqual(3000)
    const parted = makeDoc(2)
    for (const part of parts) Y.applyUpdate(parted, part)
    expect(parted.getArray('list').toJSON()).toEqual(list.toJSON())
  })

  test('[DO10] only an item that cannot be cut makes a part larger than the bound', () => {
    const doc = makeDoc(1)
    doc.getMap('map').set('bytes', new Uint8Array(5000))
    doc.getMap('map').set('text', 'y'.repeat(3000))
    const sizes = splitUpdate(Y.encodeStateAsUpdate(doc), 1000).map((part) => part.length)
    expect(sizes.filter((size) => size > 1000).length).toBe(2)
  })

  test('[DO10] an update with a hole is cut as well, and waits like the whole', () => {
    const doc = makeDoc(1)
    const updates: Uint8Array[] = []
    doc.on('update', (update: Uint8Array) => updates.push(update))
    for (let index = 0; index < 30; index += 1) doc.getText('text').insert(index, 'abcdefgh')
    const holed = Y.mergeUpdates(updates.filter((_, index) => index !== 15))
    const parted = makeDoc(2)
    for (const part of splitUpdate(holed, 100)) Y.applyUpdate(parted, part)
    expect(isSettled(parted)).toBe(false)
    Y.applyUpdate(parted, updates[15]!)
    expect(contentOf(parted)).toEqual(contentOf(doc))
  })

  test('takes time in proportion to the size of the update', () => {
    const doc = makeDoc(1)
    doc.getText('text').insert(0, 'x'.repeat(4_000_000))
    expect(splitUpdate(Y.encodeStateAsUpdate(doc), 65_536).length).toBe(62)
  })
})
