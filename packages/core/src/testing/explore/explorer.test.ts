import { expect, test } from 'vitest'

import { explore, replay } from './explorer.ts'
import type { Explorable } from './explorer.ts'

/** Two counters that go up to a bound; `stuckAt` is a state from which nothing goes on by itself. */
class Counters implements Explorable {
  readonly #counts = [0, 0]
  readonly #countMax: number
  readonly #forbidden: string
  readonly #stuckAt: string

  constructor(countMax: number, { forbidden = '', stuckAt = '' } = {}) {
    this.#countMax = countMax
    this.#forbidden = forbidden
    this.#stuckAt = stuckAt
  }

  choices(): readonly string[] {
    return ['left', 'right'].filter((_, side) => this.#counts[side]! < this.#countMax)
  }

  choose(choice: string): void {
    this.#counts[choice === 'left' ? 0 : 1]! += 1
  }

  fingerprint(): string {
    return this.#counts.join(' ')
  }

  violation(): string | undefined {
    return this.fingerprint() === this.#forbidden ? `at ${this.#forbidden}` : undefined
  }

  settle(): string | undefined {
    return this.fingerprint() === this.#stuckAt ? 'stuck' : undefined
  }
}

test('every state is seen once, however many ways lead to it', () => {
  const report = explore({ make: () => new Counters(4), depthMax: 100, statesMax: 1000 })
  expect(report).toEqual({
    states: 25,
    transitions: 2 * 4 * 5,
    depth: 8,
    isComplete: true,
    isExhausted: true,
    violation: undefined,
  })
})

test('the depth cuts off what lies behind it, and the report says so', () => {
  const report = explore({ make: () => new Counters(4), depthMax: 3, statesMax: 1000 })
  expect(report).toMatchObject({ states: 10, depth: 3, isComplete: true, isExhausted: false })
})

test('at the bound of states it stops, and the report says so', () => {
  const report = explore({ make: () => new Counters(4), depthMax: 100, statesMax: 7 })
  expect(report).toMatchObject({ states: 7, isComplete: false, isExhausted: false })
})

test('a broken invariant comes with a shortest way to it, which can be run again', () => {
  const make = () => new Counters(4, { forbidden: '2 1' })
  const { violation, isComplete } = explore({ make, depthMax: 100, statesMax: 1000 })
  expect(violation?.message).toBe('at 2 1')
  expect(violation?.choices).toHaveLength(3)
  expect(isComplete).toBe(false)
  expect(replay(make, violation!.choices).violation()).toBe('at 2 1')
})

test('a state from which nothing fair leads on is found', () => {
  const make = () => new Counters(4, { stuckAt: '0 3' })
  const { violation } = explore({ make, depthMax: 100, statesMax: 1000 })
  expect(violation).toEqual({ message: 'settled: stuck', choices: ['right', 'right', 'right'] })
})

test('an exception is a violation, with the way to it', () => {
  class Fragile extends Counters {
    override choose(choice: string): void {
      super.choose(choice)
      if (this.fingerprint() === '1 1') throw new Error('assertion failed')
    }
  }
  const { violation } = explore({ make: () => new Fragile(4), depthMax: 9, statesMax: 1000 })
  expect(violation).toEqual({ message: 'assertion failed', choices: ['left', 'right'] })
})
