import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { EditPath } from './edit.ts'
import type { OpenDocument } from './documents-port.ts'
import { equalJson } from './json-value.ts'
import { childPath, keysOfPath } from './field-path.ts'
import { checkValue } from './json-check.ts'
import type { JsonObject, JsonValue } from './query.ts'
import { createYjsDocuments } from './yjs-documents.ts'

const documents = createYjsDocuments()

/** Two peers that hold what `fields` made. */
function pair(fields: JsonObject): [OpenDocument, OpenDocument] {
  const left = documents.create(1)
  const right = documents.create(2)
  left.upsert(fields)
  right.applyUpdates([left.encodeState()])
  return [left, right]
}

/** Exchanges everything; the fields that both have then. */
function merge(left: OpenDocument, right: OpenDocument): JsonObject {
  const [leftState, rightState] = [left.encodeState(), right.encodeState()]
  expect(left.applyUpdates([rightState])).toBe(true)
  expect(right.applyUpdates([leftState])).toBe(true)
  expect(JSON.stringify(left.toJson())).toBe(JSON.stringify(right.toJson()))
  return left.toJson()
}

function set(document: OpenDocument, path: EditPath, value: JsonValue): void {
  expect(document.edit([{ type: 'set', path, value }]).type).toBe('edited')
}

function unset(document: OpenDocument, path: EditPath): void {
  expect(document.edit([{ type: 'unset', path }]).type).toBe('edited')
}

function push(document: OpenDocument, path: EditPath, index: number, value: JsonValue): void {
  const edit = { type: 'splice' as const, path, index, deleteCount: 0, values: [value] }
  expect(document.edit([edit]).type).toBe('edited')
}

const jsonKey = fc.oneof(
  fc.constantFrom('a', 'b', '/', '~', '~1', '', '__proto__', 'constructor', 'a/b'),
  fc.string({ maxLength: 5 }),
)
const { fields } = fc.letrec<{ value: JsonValue; fields: JsonObject }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.oneof(
      fc.constant(null),
      fc.boolean(),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
      fc.string({ unit: 'grapheme', maxLength: 8 }),
    ),
    fc.array(tie('value'), { maxLength: 4 }),
    tie('fields'),
  ),
  fields: fc.dictionary(jsonKey, tie('value'), { maxKeys: 4, noNullPrototype: true }),
}))

describe('one document', () => {
  test('[DO5] gives back the fields it was made of', () => {
    fc.assert(
      fc.property(fields, (value) => {
        expect(checkValue(value, [])).toBeUndefined()
        const document = documents.create(1)
        document.upsert(value)
        expect(equalJson(document.toJson(), value)).toBe(true)
        const copy = documents.create(2)
        copy.applyUpdates([document.encodeState()])
        expect(JSON.stringify(copy.toJson())).toBe(JSON.stringify(document.toJson()))
      }),
    )
  })

  test('[DO6] setting a key to one value after the other leaves the last one', () => {
    fc.assert(
      fc.property(fc.array(fields, { minLength: 1, maxLength: 4 }), (values) => {
        const document = documents.create(1)
        for (const value of values) set(document, ['key'], value)
        expect(equalJson(document.toJson(), { key: values.at(-1)! })).toBe(true)
        unset(document, ['key'])
        expect(document.toJson()).toEqual({})
      }),
    )
  })

  test('upserting what is there already says nothing', () => {
    fc.assert(
      fc.property(fields, (value) => {
        const document = documents.create(1)
        document.upsert(value)
        expect(document.upsert(value)).toBeUndefined()
      }),
    )
  })

  test('upsert merges nested objects and replaces arrays', () => {
    const [document] = pair({ a: { x: 1, y: { z: 2 } }, list: [1, 2, 3] })
    document.upsert({ a: { y: { w: 3 } }, list: [1, 3] })
    expect(document.toJson()).toEqual({ a: { x: 1, y: { w: 3, z: 2 } }, list: [1, 3] })
  })

  test('edits reach into arrays and objects within them', () => {
    const [document] = pair({ items: [{ name: 'tea', sizes: [1] }, 'x'] })
    set(document, ['items', 0, 'name'], 'coffee')
    push(document, ['items', 0, 'sizes'], 1, 2)
    set(document, ['items', 1], { name: 'cake' })
    unset(document, ['items', 1, 'name'])
    expect(document.toJson()).toEqual({ items: [{ name: 'coffee', sizes: [1, 2] }, {}] })
  })

  test('an edit that finds no place is refused with document-changed', () => {
    const paths: EditPath[] = [
      ['a', 'b'],
      ['list', 7],
      ['list', 'x'],
      ['missing', 'x'],
    ]
    for (const path of paths) {
      const [document] = pair({ a: 1, list: [1] })
      const outcome = document.edit([{ type: 'set', path, value: 1 }])
      expect(outcome).toMatchObject({ type: 'refused', problem: { code: 'document-changed' } })
    }
  })

  test('a key named __proto__ is a key like any other', () => {
    const fields = JSON.parse('{"__proto__":{"polluted":1},"list":[{"__proto__":2}]}') as JsonObject
    const [, document] = pair(fields)
    expect(JSON.stringify(document.toJson())).toBe(JSON.stringify(fields))
    expect(Object.getPrototypeOf({})).not.toHaveProperty('polluted')
  })
})

describe('two peers apart', () => {
  test('[DO5] upserts of one new document keep the nested fields of both', () => {
    const left = documents.create(1)
    const right = documents.create(2)
    left.upsert({ customer: { name: 'Ada', address: { city: 'Bern' } } })
    right.upsert({ customer: { phone: '1', address: { street: 'Gasse' } } })
    expect(merge(left, right)).toEqual({
      customer: { address: { city: 'Bern', street: 'Gasse' }, name: 'Ada', phone: '1' },
    })
  })

  test('[DO5] pushes of both survive, also onto arrays that both made', () => {
    const left = documents.create(1)
    const right = documents.create(2)
    for (const document of [left, right]) document.upsert({ order: { items: [] } })
    push(left, ['order', 'items'], 0, { name: 'tea' })
    push(right, ['order', 'items'], 0, { name: 'cake' })
    const { order } = merge(left, right) as { order: { items: { name: string }[] } }
    expect(order.items.map(({ name }) => name).toSorted()).toEqual(['cake', 'tea'])
  })

  test('[DO7] what one adds to an object survives its removal by the other', () => {
    const [left, right] = pair({ address: { city: 'Bern', zip: 1 } })
    unset(left, ['address'])
    set(right, ['address', 'city'], 'Basel')
    expect(merge(left, right)).toEqual({ address: { city: 'Basel' } })
    unset(right, ['address'])
    expect(merge(left, right)).toEqual({})
  })

  test('[DO7] what one pushes survives the removal of the array by the other', () => {
    const [left, right] = pair({ list: [1] })
    unset(left, ['list'])
    push(right, ['list'], 1, 2)
    expect(merge(left, right)).toEqual({ list: [2] })
  })

  test('[DO8] a scalar wins over what is added below the key it replaced', () => {
    const [left, right] = pair({ value: { a: 1 } })
    set(left, ['value'], 'none')
    set(right, ['value', 'b'], 2)
    expect(merge(left, right)).toEqual({ value: 'none' })
  })

  test('random fields merge to the same on both, whoever wrote them', () => {
    fc.assert(
      fc.property(fields, fields, fields, (base, first, second) => {
        const [left, right] = pair(base)
        left.upsert(first)
        for (const key of Object.keys(base)) unset(right, [key])
        right.upsert(second)
        merge(left, right)
      }),
    )
  })
})

describe('what is not ours', () => {
  test('updates that contradict the document are reported, not thrown', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 }))), (mutations) => {
        const [document] = pair({ a: { b: [1, 2, { c: 3 }] } })
        const bytes = document.encodeState().slice()
        for (const [at, value] of mutations) bytes[at % bytes.length] = value
        expect(typeof document.applyUpdates([bytes])).toBe('boolean')
      }),
    )
  })
})

describe('paths', () => {
  test('[DO5] no two paths have one name', () => {
    fc.assert(
      fc.property(fc.array(jsonKey), (keys) => {
        expect(keysOfPath(keys.reduce(childPath, ''))).toEqual(keys)
      }),
    )
  })
})

describe('checkValue', () => {
  test.each([
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    [undefined],
    [() => 1],
    [10n],
    [new Date(0)],
    [new Uint8Array(1)],
    ['\ud800'],
    [{ '\udc00': 1 }],
    [{ ['k'.repeat(257)]: 1 }],
    [Array.from({ length: 2 })],
  ])('refuses %s and names the path', (value) => {
    expect(checkValue({ field: value }, [])).toMatchObject({
      code: 'value-invalid',
      message: expect.stringContaining('"field'),
    })
  })

  test('refuses values nested deeper than the limit', () => {
    let value: unknown = 1
    for (let depth = 0; depth < 40; depth += 1) value = { value }
    expect(checkValue(value, [])?.code).toBe('value-invalid')
  })
})
