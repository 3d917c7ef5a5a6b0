/**
 * The draft: what an update's function sees of a row, and the record of what it does to it.
 *
 * A draft reads like the row and takes every change at once into a private copy, so the function
 * sees its own changes; each change is recorded as an operation. A part that was taken out of the
 * row (by a splice, by replacing it) goes on as a plain value: changing it records nothing.
 */

import type { Edit, EditPath } from '../documents/edit.ts'
import type { JsonObject, JsonValue } from '../documents/query.ts'
import { copyJson } from './json-copy.ts'
import { MeshError } from './mesh-error.ts'

/** A part of the private copy. */
type Container = MutableObject | MutableArray
type MutableObject = { [key: string]: MutableValue }
type MutableArray = MutableValue[]
type MutableValue = null | boolean | number | string | Container

/** Runs the function on a draft of the row and gives what it did, in order. `name` is for messages. */
export function recordEdits(
  row: JsonObject,
  change: (draft: never) => unknown,
  name: string,
): readonly Edit[] {
  const recording = new Recording(row, name)
  const result = change(recording.draft as never)
  recording.end()
  if (result instanceof Promise) {
    // Its rejection, if any, belongs to this error.
    result.catch(() => {})
    throw new MeshError('value-invalid', `the draft function of ${name} must not be asynchronous`)
  }
  return recording.edits
}

class Recording {
  readonly edits: Edit[] = []
  readonly draft: object
  readonly #root: MutableObject
  readonly #name: string
  readonly #proxies = new WeakMap<Container, object>()
  readonly #containers = new WeakMap<object, Container>()
  readonly #parents = new WeakMap<Container, Container>()
  #isOver = false

  constructor(row: JsonObject, name: string) {
    this.#name = name
    this.#root = this.#own(row, 'the row') as MutableObject
    this.draft = this.#proxyOf(this.#root)
  }

  /** A draft that was kept and is changed later would be a change that nobody sends. */
  end(): void {
    this.#isOver = true
  }

  /** A copy of a value, to become part of the private copy. */
  #own(value: unknown, path: string): MutableValue {
    const unwrap = (each: unknown) =>
      typeof each === 'object' && each !== null ? (this.#containers.get(each) ?? each) : each
    const copied = copyJson(value, `${this.#name}: ${path}`, unwrap) as MutableValue
    this.#adopt(copied)
    return copied
  }

  #adopt(value: MutableValue): void {
    if (typeof value !== 'object' || value === null) return
    for (const child of Object.values(value)) {
      if (typeof child === 'object' && child !== null) this.#parents.set(child, value)
      this.#adopt(child)
    }
  }

  /** Where a part is now; undefined when it is no part of the row any more. */
  #pathOf(container: Container): (string | number)[] | undefined {
    if (container === this.#root) return []
    const parent = this.#parents.get(container)
    const path = parent && this.#pathOf(parent)
    if (!path) return undefined
    const step = Array.isArray(parent)
      ? parent.indexOf(container)
      : Object.keys(parent).find((key) => parent[key] === container)
    return step === undefined || step === -1 ? undefined : [...path, step]
  }

  #proxyOf(container: Container): object {
    const known = this.#proxies.get(container)
    if (known) return known
    const proxy = Array.isArray(container)
      ? new Proxy(container, this.#arrayHandler(container))
      : new Proxy(container, this.#objectHandler(container))
    this.#proxies.set(container, proxy)
    this.#containers.set(proxy, container)
    return proxy
  }

  #seen(value: unknown): unknown {
    return typeof value === 'object' && value !== null ? this.#proxyOf(value as Container) : value
  }

  #objectHandler(object: MutableObject): ProxyHandler<MutableObject> {
    return {
      get: (_target, key) =>
        typeof key === 'string' && Object.hasOwn(object, key)
          ? this.#seen(object[key])
          : (Reflect.get(object, key) as unknown),
      set: (_target, key, value) => this.#set(object, key, value),
      deleteProperty: (_target, key) => this.#unset(object, key),
      ...this.#common(object),
    }
  }

  #arrayHandler(array: MutableArray): ProxyHandler<MutableArray> {
    return {
      get: (_target, key) => {
        const mutator = arrayMutators[key as string]
        if (mutator) {
          return (...values: unknown[]) => {
            const { index, deleteCount, inserted, result } = mutator(array, values)
            const removed = this.#splice(array, index, deleteCount, inserted)
            return result(removed, array.length)
          }
        }
        const value: unknown = Reflect.get(array, key)
        return this.#seen(value)
      },
      set: (_target, key, value) => this.#setElement(array, key, value),
      deleteProperty: () => {
        throw this.#refusal('an array element cannot be deleted in place; use splice')
      },
      ...this.#common(array),
    }
  }

  /** What objects and arrays have in common. */
  #common(container: Container): ProxyHandler<Container> {
    return {
      getOwnPropertyDescriptor: (_target, key) => {
        const descriptor = Reflect.getOwnPropertyDescriptor(container, key)
        if (descriptor && 'value' in descriptor) descriptor.value = this.#seen(descriptor.value)
        return descriptor
      },
      defineProperty: () => {
        throw this.#refusal('a draft takes assignments, no property definitions')
      },
      setPrototypeOf: () => {
        throw this.#refusal('the prototype of a draft cannot be set')
      },
      preventExtensions: () => {
        throw this.#refusal('a draft cannot be frozen')
      },
    }
  }

  #set(object: MutableObject, key: string | symbol, value: unknown): boolean {
    if (typeof key === 'symbol') throw this.#refusal('a symbol is no key of a document')
    if (value === undefined) return this.#unset(object, key)
    this.#checkOpen()
    this.#checkKey(object, key)
    const had = Object.hasOwn(object, key) ? object[key] : undefined
    if (this.#isSame(had, value)) return true
    const owned = this.#own(value, key)
    this.#place(object, key, owned)
    this.#record(object, (path) => ({ type: 'set', path: [...path, key], value: plain(owned) }))
    return true
  }

  #unset(object: MutableObject, key: string | symbol): boolean {
    if (typeof key === 'symbol' || !Object.hasOwn(object, key)) return true
    this.#checkOpen()
    this.#checkKey(object, key)
    delete object[key]
    this.#record(object, (path) => ({ type: 'unset', path: [...path, key] }))
    return true
  }

  #setElement(array: MutableArray, key: string | symbol, value: unknown): boolean {
    if (key === 'length') return this.#setLength(array, value)
    const index = typeof key === 'string' && /^(0|[1-9]\d*)$/.test(key) ? Number(key) : -1
    if (index < 0) throw this.#refusal(`an array has no key ${String(key)}`)
    if (index > array.length) {
      throw this.#refusal(`index ${index} would leave a hole in an array of ${array.length}`)
    }
    if (index === array.length) {
      this.#splice(array, index, 0, [value])
      return true
    }
    this.#checkOpen()
    if (this.#isSame(array[index], value)) return true
    const owned = this.#own(value, `[${index}]`)
    this.#place(array, index, owned)
    this.#record(array, (path) => ({ type: 'set', path: [...path, index], value: plain(owned) }))
    return true
  }

  #setLength(array: MutableArray, length: unknown): boolean {
    if (typeof length !== 'number' || length > array.length) {
      throw this.#refusal(
        `an array of ${array.length} cannot be given the length ${String(length)}`,
      )
    }
    this.#splice(array, length, array.length - length, [])
    return true
  }

  #splice(
    array: MutableArray,
    index: number,
    deleteCount: number,
    inserted: readonly unknown[],
  ): unknown[] {
    if (deleteCount === 0 && inserted.length === 0) return []
    this.#checkOpen()
    const owned = inserted.map((value, offset) => this.#own(value, `[${index + offset}]`))
    const removed = array.splice(index, deleteCount, ...owned)
    for (const value of owned) {
      if (typeof value === 'object' && value !== null) this.#parents.set(value, array)
    }
    const values = owned.map(plain)
    this.#record(array, (path) => ({ type: 'splice', path, index, deleteCount, values }))
    return removed.map((value) => this.#seen(value))
  }

  #place(container: Container, key: string | number, value: MutableValue): void {
    const property = { value, enumerable: true, configurable: true, writable: true }
    Object.defineProperty(container, key, property)
    if (typeof value === 'object' && value !== null) this.#parents.set(value, container)
  }

  #record(container: Container, edit: (path: EditPath) => Edit): void {
    const path = this.#pathOf(container)
    if (path) this.edits.push(edit(path))
  }

  /** Whether setting the value would change nothing: the same primitive, or the very same part. */
  #isSame(had: MutableValue | undefined, value: unknown): boolean {
    if (had === undefined) return false
    return typeof value === 'object' && value !== null
      ? this.#containers.get(value) === had
      : had === value
  }

  #checkKey(object: MutableObject, key: string): void {
    if (object === this.#root && key === '_id') throw this.#refusal('a row keeps its _id')
  }

  #checkOpen(): void {
    if (this.#isOver) throw this.#refusal('a draft is of no use after its function returned')
  }

  #refusal(reason: string): MeshError {
    return new MeshError('value-invalid', `${this.#name}: ${reason}`)
  }
}

/** A snapshot: what was inserted may be changed by later edits, which are recorded themselves. */
function plain(value: MutableValue): JsonValue {
  return copyJson(value, 'the value')
}

interface ArrayMutation {
  readonly index: number
  readonly deleteCount: number
  readonly inserted: readonly unknown[]
  /** What the method returns, from what was removed and the new length. */
  readonly result: (removed: readonly unknown[], length: number) => unknown
}

/** The methods that are a splice. The others that change an array come down to setting elements. */
const arrayMutators: Record<
  string,
  ((array: MutableArray, values: readonly unknown[]) => ArrayMutation) | undefined
> = Object.assign(Object.create(null) as object, {
  push: (array: MutableArray, values: readonly unknown[]) =>
    mutation(array.length, 0, values, (_removed, length) => length),
  unshift: (_array: MutableArray, values: readonly unknown[]) =>
    mutation(0, 0, values, (_removed, length) => length),
  pop: (array: MutableArray) =>
    mutation(Math.max(0, array.length - 1), Math.min(1, array.length), [], ([last]) => last),
  shift: (array: MutableArray) => mutation(0, Math.min(1, array.length), [], ([first]) => first),
  splice: (array: MutableArray, values: readonly unknown[]) => {
    const [start, count, ...inserted] = values
    const from = Math.trunc(Number(start)) || 0
    const index = from < 0 ? Math.max(0, array.length + from) : Math.min(from, array.length)
    const rest = array.length - index
    const wanted = values.length < 2 ? rest : Math.trunc(Number(count)) || 0
    const deleteCount = values.length === 0 ? 0 : Math.min(Math.max(0, wanted), rest)
    return mutation(index, deleteCount, inserted, (removed) => removed)
  },
})

function mutation(
  index: number,
  deleteCount: number,
  inserted: readonly unknown[],
  result: ArrayMutation['result'],
): ArrayMutation {
  return { index, deleteCount, inserted, result }
}
