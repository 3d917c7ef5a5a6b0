import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Edit } from '../documents/edit.ts'
import type { JsonObject } from '../documents/query.ts'
import { recordEdits } from './draft.ts'
import { MeshError } from './mesh-error.ts'

interface Order {
  _id: string
  status: string
  note?: string
  items: { name: string; count: number }[]
  address: { city: string; lines?: string[] }
}

const order = {
  _id: 'o-1',
  status: 'open',
  items: [
    { name: 'tea', count: 1 },
    { name: 'cake', count: 2 },
  ],
  address: { city: 'Porto', lines: ['a', 'b', 'c'] },
}

function edits(change: (draft: Order) => unknown): readonly Edit[] {
  return recordEdits(order, change, "orders 'o-1'")
}

describe('a draft records', () => {
  test('setting and deleting of keys, at any depth', () => {
    expect(
      edits((draft) => {
        draft.status = 'ready'
        draft.address.city = 'Braga'
        draft.note = 'hot'
        delete draft.note
        delete draft.address.lines
      }),
    ).toEqual([
      { type: 'set', path: ['status'], value: 'ready' },
      { type: 'set', path: ['address', 'city'], value: 'Braga' },
      { type: 'set', path: ['note'], value: 'hot' },
      { type: 'unset', path: ['note'] },
      { type: 'unset', path: ['address', 'lines'] },
    ])
  })

  test('array methods as splices, with the results that arrays give', () => {
    expect(
      edits((draft) => {
        const lines = draft.address.lines!
        expect(lines.push('d', 'e')).toBe(5)
        expect(lines.pop()).toBe('e')
        expect(lines.shift()).toBe('a')
        expect(lines.unshift('z')).toBe(4)
        expect(lines.splice(-2, 1, 'x', 'y')).toEqual(['c'])
        expect(lines).toEqual(['z', 'b', 'x', 'y', 'd'])
        lines.length = 1
      }),
    ).toEqual([
      splice(['address', 'lines'], 3, 0, 'd', 'e'),
      splice(['address', 'lines'], 4, 1),
      splice(['address', 'lines'], 0, 1),
      splice(['address', 'lines'], 0, 0, 'z'),
      splice(['address', 'lines'], 2, 1, 'x', 'y'),
      splice(['address', 'lines'], 1, 4),
    ])
  })

  test('changes of an element where it is by then, and nothing once it is out', () => {
    expect(
      edits((draft) => {
        const [tea, cake] = draft.items
        draft.items.shift()
        cake!.count = 5
        tea!.count = 9
      }),
    ).toEqual([splice(['items'], 0, 1), { type: 'set', path: ['items', 0, 'count'], value: 5 }])
  })

  test('what was inserted as it was then, and later changes of it as such', () => {
    const given = { name: 'pie', count: 1 }
    const recorded = edits((draft) => {
      draft.items.push(given)
      draft.items[2]!.count = 3
      given.count = 99
    })
    expect(recorded).toEqual([
      splice(['items'], 2, 0, { name: 'pie', count: 1 }),
      { type: 'set', path: ['items', 2, 'count'], value: 3 },
    ])
  })

  test('copies of its own parts, not the parts', () => {
    const recorded = edits((draft) => {
      draft.items.push(draft.items[0]!)
      draft.items[0]!.count = 7
    })
    expect(recorded).toEqual([
      splice(['items'], 2, 0, { name: 'tea', count: 1 }),
      { type: 'set', path: ['items', 0, 'count'], value: 7 },
    ])
  })

  test('nothing, when nothing becomes different', () => {
    expect(
      edits((draft) => {
        draft.status = 'open'
        const { address } = draft
        draft.address = address
        draft.items.splice(1, 0)
        delete draft.note
        expect(JSON.parse(JSON.stringify(draft))).toEqual(order)
        expect(draft.items.map((item) => item.count)).toEqual([1, 2])
        expect(Object.keys(draft)).toEqual(Object.keys(order))
        expect(draft.items.includes(draft.items[1]!)).toBe(true)
      }),
    ).toEqual([])
  })

  test('a sort, as settings of the elements that move', () => {
    const recorded = edits((draft) => draft.items.sort((a, b) => b.count - a.count) && undefined)
    expect(applyEdits(order, recorded)).toEqual({ ...order, items: order.items.toReversed() })
  })
})

describe('a draft refuses', () => {
  const refused: Record<string, (draft: Order) => unknown> = {
    'another _id': (draft) => (draft._id = 'o-2'),
    'a missing _id': (draft) => delete (draft as Partial<Order>)._id,
    'a date': (draft) => Object.assign(draft, { at: new Date(0) }),
    'not a number': (draft) => Object.assign(draft, { at: Number.NaN }),
    'a function': (draft) => Object.assign(draft, { at: () => 1 }),
    'a hole in an array': (draft) => (draft.items[5] = { name: 'x', count: 1 }),
    'deleting an element in place': (draft) => Reflect.deleteProperty(draft.items, 0),
    'a value that contains itself': (draft) => {
      const loop: Record<string, unknown> = {}
      loop['self'] = loop
      Object.assign(draft, { loop })
    },
    'an asynchronous function': async () => {},
  }
  for (const [what, change] of Object.entries(refused)) {
    test(`${what}: value-invalid`, () => {
      expect(() => edits(change)).toThrow(MeshError)
      expect(() => edits(change)).toThrow(/o-1/)
    })
  }

  test('a change after the function has returned', () => {
    let kept: Order | undefined
    edits((draft) => {
      kept = draft
    })
    expect(() => (kept!.status = 'late')).toThrow(MeshError)
  })
})

test('the keys that objects inherit are ordinary keys of a draft', () => {
  const recorded = recordEdits(
    { _id: 'x' },
    (draft: Record<string, unknown>) => {
      draft['__proto__'] = { a: 1 }
      draft['constructor'] = 'c'
    },
    'x',
  )
  expect(recorded).toEqual([
    { type: 'set', path: ['__proto__'], value: { a: 1 } },
    { type: 'set', path: ['constructor'], value: 'c' },
  ])
})

test('edits applied to the row give what the function did to the draft', () => {
  fc.assert(
    fc.property(
      rows,
      fc.array(fc.array(fc.nat(1_000), { minLength: 8, maxLength: 8 })),
      (...args) => {
        const [row, script] = args
        let seen: unknown
        const recorded = recordEdits(
          row as JsonObject,
          (draft: Record<string, unknown>) => {
            for (const step of script) act(draft, step)
            seen = JSON.parse(JSON.stringify(draft))
          },
          'row',
        )
        const plain = structuredClone(row) as Record<string, unknown>
        for (const step of script) act(plain, step)
        expect(seen).toEqual(plain)
        expect(applyEdits(row as JsonObject, recorded)).toEqual(plain)
      },
    ),
  )
})

const values = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.integer(),
    fc.string(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__'), tie('value'), {
      noNullPrototype: true,
    }),
  ),
})).value

const rows = fc
  .record({ a: values, b: values, list: fc.array(values) })
  .map((fields) => ({ _id: 'x', ...fields }))

/** One step on a draft or on plain JSON alike: where, what and with which value the numbers say. */
function act(root: Record<string, unknown>, numbers: readonly number[]): void {
  let place: unknown = root
  const [depth = 0, ...rest] = numbers
  for (const turn of rest.slice(0, depth % 4)) {
    const inside = Object.values(place as object).filter(
      (value) => typeof value === 'object' && value !== null,
    ) as unknown[]
    if (inside.length === 0) break
    place = inside[turn % inside.length]
  }
  const [, , , kind = 0, first = 0, second = 0, third = 0] = numbers
  const given = [third, `text ${third}`, { c: third }, [third, { a: 1 }]][third % 4]
  if (!Array.isArray(place)) {
    const object = place as Record<string, unknown>
    const key = ['a', 'b', 'c', 'list'][first % 4]!
    if (kind % 3 === 0) delete object[key]
    else if (kind % 3 === 1) object[key] = given
    else if (Object.hasOwn(object, 'a')) object[key] = copied(object['a'])
    return
  }
  const index = first % (place.length + 1)
  switch (kind % 8) {
    case 0:
      place.push(given, second)
      return
    case 1:
      place.splice(index, second % 3, given)
      return
    case 2:
      place[index] = given
      return
    case 3:
      place.pop()
      return
    case 4:
      place.unshift(given)
      return
    case 5:
      place.reverse()
      return
    case 6:
      place.length = index
      return
    default:
      place.splice(index, second % 3)
  }
}

/** Plain JSON would share what a draft copies. */
function copied(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}

function splice(
  path: (string | number)[],
  index: number,
  deleteCount: number,
  ...inserted: unknown[]
) {
  return { type: 'splice', path, index, deleteCount, values: inserted }
}

/** What the edits mean, on plain JSON. */
function applyEdits(row: JsonObject, recorded: readonly Edit[]): unknown {
  const root = structuredClone(row) as Record<string, unknown>
  const at = (path: Edit['path']) =>
    path.reduce<unknown>((place, step) => (place as Record<string, unknown>)[step], root)
  for (const edit of recorded) {
    if (edit.type === 'splice') {
      const array = at(edit.path) as unknown[]
      array.splice(edit.index, edit.deleteCount, ...structuredClone([...edit.values]))
      continue
    }
    const parent = at(edit.path.slice(0, -1)) as Record<string, unknown>
    const key = edit.path.at(-1)!
    if (edit.type === 'unset') delete parent[key]
    else {
      const value = structuredClone(edit.value)
      Object.defineProperty(parent, key, {
        value,
        enumerable: true,
        configurable: true,
        writable: true,
      })
    }
  }
  return root
}
