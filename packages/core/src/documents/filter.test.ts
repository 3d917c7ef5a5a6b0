import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileFilter } from './filter.ts'
import type { Filter, JsonObject, JsonValue } from './query.ts'

function matches(filter: Filter, row: JsonObject): boolean {
  const predicate = compileFilter(filter)
  if (typeof predicate !== 'function') throw new Error(predicate.message)
  return predicate(row)
}

const row: JsonObject = {
  _id: 'o-1',
  table: 4,
  status: 'open',
  note: null,
  paid: false,
  tags: ['hot', 'new'],
  sizes: [1, 5],
  grid: [[1, 2], [3]],
  customer: { name: 'Ada', address: { city: 'Bern' } },
  items: [
    { name: 'tea', count: 2, price: 3 },
    { name: 'cake', count: 1, price: 9 },
  ],
}

describe('what a filter matches', () => {
  test.each<[string, Filter, boolean]>([
    ['nothing asked', {}, true],
    ['an equal field', { table: 4 }, true],
    ['another type', { table: '4' }, false],
    ['several fields', { table: 4, status: 'closed' }, false],
    ['a nested path', { 'customer.address.city': 'Bern' }, true],
    [
      'a whole object, keys in any order',
      { customer: { address: { city: 'Bern' }, name: 'Ada' } },
      true,
    ],
    ['part of an object', { customer: { name: 'Ada' } }, false],
    ['an element of an array', { tags: 'new' }, true],
    ['a whole array', { tags: ['hot', 'new'] }, true],
    ['an array in another order', { tags: ['new', 'hot'] }, false],
    ['an array that is an element', { grid: [3] }, true],
    ['a path into objects of an array', { 'items.name': 'cake' }, true],
    ['a path with a place in an array', { 'items.1.name': 'cake' }, true],
    ['a wrong place', { 'items.0.name': 'cake' }, false],
    ['null for null', { note: null }, true],
    ['null for missing', { missing: null }, true],
    ['null for a value', { table: null }, false],
    ['$eq', { table: { $eq: 4 } }, true],
    ['$ne', { table: { $ne: 4 } }, false],
    ['$ne of missing', { missing: { $ne: 4 } }, true],
    ['$ne of an element', { tags: { $ne: 'hot' } }, false],
    ['$gt', { table: { $gt: 3 } }, true],
    ['$gt of another type', { status: { $gt: 3 } }, false],
    ['$gt of missing', { missing: { $gt: 3 } }, false],
    ['$gt and $lt by different elements', { sizes: { $gt: 4, $lt: 2 } }, true],
    ['$elemMatch wants one element for both', { sizes: { $elemMatch: { $gt: 4, $lt: 2 } } }, false],
    ['$gte', { table: { $gte: 4 } }, true],
    ['$gte null of missing', { missing: { $gte: null } }, true],
    ['$lt', { status: { $lt: 'p' } }, true],
    ['$lte', { paid: { $lte: false } }, true],
    ['$in', { status: { $in: ['closed', 'open'] } }, true],
    ['$in null of missing', { missing: { $in: [null] } }, true],
    ['$in nothing', { status: { $in: [] } }, false],
    ['$nin', { tags: { $nin: ['hot'] } }, false],
    ['$exists of null', { note: { $exists: true } }, true],
    ['$exists false', { missing: { $exists: false } }, true],
    ['$size', { tags: { $size: 2 } }, true],
    ['$size of no array', { table: { $size: 1 } }, false],
    ['$all', { tags: { $all: ['new', 'hot'] } }, true],
    ['$all of nothing', { tags: { $all: [] } }, false],
    ['$elemMatch on objects', { items: { $elemMatch: { name: 'tea', count: { $gt: 1 } } } }, true],
    ['$elemMatch across elements', { items: { $elemMatch: { name: 'tea', price: 9 } } }, false],
    ['$elemMatch with $or', { items: { $elemMatch: { $or: [{ count: 7 }, { price: 9 }] } } }, true],
    ['$not', { table: { $not: { $gt: 4 } } }, true],
    ['$not of missing', { missing: { $not: { $gt: 4 } } }, true],
    ['$and', { $and: [{ table: 4 }, { status: 'open' }] }, true],
    ['$or', { $or: [{ table: 5 }, { status: 'open' }] }, true],
    ['$nor', { $nor: [{ table: 5 }, { status: 'open' }] }, false],
    ['an inherited property', { constructor: { $exists: true } }, false],
    ['__proto__', { '__proto__.x': { $exists: true } }, false],
  ])('[DO11] %s', (_, filter, expected) => {
    expect(matches(filter, row)).toBe(expected)
  })
})

describe('what a filter refuses', () => {
  const deep = (depth: number): Filter => (depth === 0 ? {} : { $and: [deep(depth - 1)] })
  test.each<[string, Filter]>([
    ['an unknown operator', { table: { $where: 'x' } }],
    ['a pattern', { status: { $regex: '(a+)+$' } }],
    ['an unknown operator at the top', { $where: 'x' }],
    ['operators mixed with fields', { table: { $gt: 1, other: 2 } }],
    ['$and of nothing', { $and: [] }],
    ['$in of no list', { table: { $in: 4 } }],
    ['$size of a fraction', { tags: { $size: 0.5 } }],
    ['$exists of a number', { tags: { $exists: 1 } }],
    ['$not of a value', { table: { $not: 4 } }],
    ['an empty step', { 'a..b': 1 }],
    ['too deep', deep(20)],
    ['too many values', { a: { $in: Array.from({ length: 2000 }, (_, index) => index) } }],
    ['no object', [] as unknown as Filter],
  ])('[DO12] %s', (_, filter) => {
    expect(compileFilter(filter)).toMatchObject({ code: 'query-invalid' })
  })

  test('[DO12] compiles or refuses anything, and what it compiles matches without a throw', () => {
    const operator = fc.constantFrom('$eq', '$gt', '$in', '$not', '$elemMatch', '$and', 'a', 'a.b')
    const { filter } = fc.letrec<{ filter: JsonValue }>((tie) => ({
      filter: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom<JsonValue>(null, 1, 'x', true),
        fc.array(tie('filter'), { maxLength: 3 }),
        fc.dictionary(operator, tie('filter'), { maxKeys: 3 }),
      ),
    }))
    fc.assert(
      fc.property(filter, fc.dictionary(fc.constantFrom('a', 'b'), filter), (filter, row) => {
        const predicate = compileFilter(filter as Filter)
        if (typeof predicate === 'function') expect(typeof predicate(row)).toBe('boolean')
        else expect(predicate.code).toBe('query-invalid')
      }),
      { numRuns: 500 },
    )
  })
})
