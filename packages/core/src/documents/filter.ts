/**
 * Filters: MongoDB's language, an allow-list of it (rules DO11 and DO12 of docs/specs/documents.md).
 *
 * A filter is compiled once, with a limit on its cost, into a predicate that cannot fail. Whatever
 * a peer or a page sends, matching a row takes time in proportion to filter and row.
 */

import type { Problem } from '../engine/problem.ts'
import { equalJson, isArray } from './json-value.ts'
import type { Filter, JsonObject, JsonValue } from './query.ts'
import { parseQueryPath, queryInvalid, selectValues, type QueryPath } from './query-path.ts'
import { compareValues, typeRank } from './value-order.ts'

/** Whether a row matches. */
export type RowPredicate = (row: JsonObject) => boolean

/** Most conditions, operators and listed values of one filter. */
export const filterCostMax = 1000

/** Filters within each other (`$and`, `$elemMatch`, `$not`). */
export const filterDepthMax = 16

/** Counts what a filter costs while it is compiled. */
interface FilterBudget {
  left: number
}

/** The predicate of a filter, or the problem that it is none. */
export function compileFilter(filter: Filter): RowPredicate | Problem {
  return compileConditions(filter, 0, { left: filterCostMax })
}

/** Compiles a filter, maybe inside another. */
function compileConditions(
  filter: JsonValue | undefined,
  depth: number,
  budget: FilterBudget,
): RowPredicate | Problem {
  if (depth > filterDepthMax)
    return queryInvalid(`filters are nested deeper than ${filterDepthMax}`)
  if (typeof filter !== 'object' || filter === null || isArray(filter)) {
    return queryInvalid('a filter is an object')
  }
  const predicates: RowPredicate[] = []
  for (const [name, condition] of Object.entries(filter)) {
    budget.left -= 1
    if (budget.left < 0) return queryInvalid(`a filter has more than ${filterCostMax} conditions`)
    const predicate = name.startsWith('$')
      ? compileLogical(name, condition, depth, budget)
      : compileField(name, condition, depth, budget)
    if (typeof predicate !== 'function') return predicate
    predicates.push(predicate)
  }
  return (row) => predicates.every((matches) => matches(row))
}

function compileLogical(
  name: string,
  condition: JsonValue,
  depth: number,
  budget: FilterBudget,
): RowPredicate | Problem {
  if (name !== '$and' && name !== '$or' && name !== '$nor') {
    return queryInvalid(`"${name.slice(0, 50)}" is not an operator of filters`)
  }
  if (!isArray(condition) || condition.length === 0) {
    return queryInvalid(`${name} needs a list of filters`)
  }
  const predicates: RowPredicate[] = []
  for (const filter of condition) {
    const predicate = compileConditions(filter, depth + 1, budget)
    if (typeof predicate !== 'function') return predicate
    predicates.push(predicate)
  }
  if (name === '$and') return (row) => predicates.every((matches) => matches(row))
  if (name === '$or') return (row) => predicates.some((matches) => matches(row))
  return (row) => !predicates.some((matches) => matches(row))
}

function compileField(
  name: string,
  condition: JsonValue,
  depth: number,
  budget: FilterBudget,
): RowPredicate | Problem {
  const path = parseQueryPath(name)
  if ('code' in path) return path
  const operators = isOperators(condition) ? condition : { $eq: condition }
  return compileOperators(path, operators, depth, budget)
}

/** Whether the values that a path selects satisfy an operator. */
type ValuesPredicate = (values: readonly JsonValue[]) => boolean

/** Whether a condition is an object of operators rather than a value to equal. */
function isOperators(condition: JsonValue): condition is JsonObject {
  if (typeof condition !== 'object' || condition === null || isArray(condition)) return false
  return Object.keys(condition).some((key) => key.startsWith('$'))
}

/** The predicate that the path's values satisfy every operator. */
function compileOperators(
  path: QueryPath,
  operators: JsonObject,
  depth: number,
  budget: FilterBudget,
): RowPredicate | Problem {
  const satisfied = compileAll(operators, depth, budget)
  if (typeof satisfied !== 'function') return satisfied
  return (row) => satisfied(selectValues(row, path))
}

function compileAll(
  operators: JsonObject,
  depth: number,
  budget: FilterBudget,
): ValuesPredicate | Problem {
  if (depth > filterDepthMax)
    return queryInvalid(`filters are nested deeper than ${filterDepthMax}`)
  const predicates: ValuesPredicate[] = []
  for (const [name, argument] of Object.entries(operators)) {
    budget.left -= isArray(argument) ? 1 + argument.length : 1
    if (budget.left < 0) return queryInvalid(`a filter has more than ${filterCostMax} conditions`)
    const predicate = compileOperator(name, argument, depth, budget)
    if (typeof predicate !== 'function') return predicate
    predicates.push(predicate)
  }
  return (values) => predicates.every((holds) => holds(values))
}

function compileOperator(
  name: string,
  argument: JsonValue,
  depth: number,
  budget: FilterBudget,
): ValuesPredicate | Problem {
  switch (name) {
    case '$eq':
      return (values) => someEqual(values, argument)
    case '$ne':
      return (values) => !someEqual(values, argument)
    case '$gt':
      return comparison(argument, (order) => order > 0)
    case '$gte':
      return comparison(argument, (order) => order >= 0)
    case '$lt':
      return comparison(argument, (order) => order < 0)
    case '$lte':
      return comparison(argument, (order) => order <= 0)
    case '$in':
    case '$nin':
      return membership(name, argument)
    case '$exists':
      return existence(argument)
    case '$size':
      return sizeOf(argument)
    case '$all':
      return allOf(argument)
    case '$elemMatch':
      return elementMatch(argument, depth, budget)
    case '$not':
      return negation(argument, depth, budget)
    default:
      return queryInvalid(`"${name.slice(0, 50)}" is not an operator of filters`)
  }
}

/** Null equals what is missing; a value equals an array too that has it for an element. */
function someEqual(values: readonly JsonValue[], wanted: JsonValue): boolean {
  if (values.length === 0) return wanted === null
  return values.some(
    (value) =>
      equalJson(value, wanted) ||
      (isArray(value) && value.some((element) => equalJson(element, wanted))),
  )
}

/** Compares only within the argument's type. */
function comparison(argument: JsonValue, holds: (order: number) => boolean): ValuesPredicate {
  const rank = typeRank(argument)
  const compares = (value: JsonValue) =>
    typeRank(value) === rank && holds(compareValues(value, argument))
  return (values) => {
    if (values.length === 0) return argument === null && holds(0)
    return values.some((value) => compares(value) || (isArray(value) && value.some(compares)))
  }
}

function membership(name: '$in' | '$nin', argument: JsonValue): ValuesPredicate | Problem {
  if (!isArray(argument)) return queryInvalid(`${name} needs a list of values`)
  const wanted = name === '$in'
  return (values) => argument.some((item) => someEqual(values, item)) === wanted
}

function existence(argument: JsonValue): ValuesPredicate | Problem {
  if (typeof argument !== 'boolean') return queryInvalid('$exists needs true or false')
  return (values) => values.length > 0 === argument
}

function sizeOf(argument: JsonValue): ValuesPredicate | Problem {
  if (!Number.isSafeInteger(argument)) return queryInvalid('$size needs a whole number')
  return (values) => values.some((value) => isArray(value) && value.length === argument)
}

function allOf(argument: JsonValue): ValuesPredicate | Problem {
  if (!isArray(argument)) return queryInvalid('$all needs a list of values')
  return (values) => argument.length > 0 && argument.every((item) => someEqual(values, item))
}

/** One element satisfies it all: operators on the element, or a filter on the object that it is. */
function elementMatch(
  argument: JsonValue,
  depth: number,
  budget: FilterBudget,
): ValuesPredicate | Problem {
  if (isOperators(argument) && !isLogical(argument)) {
    const satisfied = compileAll(argument, depth + 1, budget)
    if (typeof satisfied !== 'function') return satisfied
    return someElement((element) => satisfied([element]))
  }
  const matches = compileConditions(argument, depth + 1, budget)
  if (typeof matches !== 'function') return matches
  return someElement(
    (element) =>
      element !== null && typeof element === 'object' && !isArray(element) && matches(element),
  )
}

function someElement(holds: (element: JsonValue) => boolean): ValuesPredicate {
  return (values) => values.some((value) => isArray(value) && value.some(holds))
}

function isLogical(condition: JsonObject): boolean {
  return ['$and', '$or', '$nor'].some((name) => Object.hasOwn(condition, name))
}

function negation(
  argument: JsonValue,
  depth: number,
  budget: FilterBudget,
): ValuesPredicate | Problem {
  if (!isOperators(argument)) return queryInvalid('$not needs an object of operators')
  const satisfied = compileAll(argument, depth + 1, budget)
  return typeof satisfied === 'function' ? (values) => !satisfied(values) : satisfied
}
