import { expect, test } from 'vitest'
import { createYjsDocuments } from '../../../documents/yjs-documents.ts'
import { nodeCryptography } from '../../../driver/node-cryptography.ts'
import type { EngineOptions } from '../../../engine/engine-options.ts'
import { Engine } from '../../../engine/engine.ts'
import type { Input } from '../../../engine/input.ts'
import type { Output } from '../../../engine/output.ts'
import type { SimulatedEngine } from '../peers/boot.ts'
import type { Script } from '../script/script.ts'
import { drawScript } from '../script/swarm.ts'
import type { Violation } from '../world/violation.ts'
import { runScript } from './run-script.ts'
import { isSameViolation, shrink } from './shrinking.ts'

/** After a long silence it takes batches for written that it never hands to storage. */
class ForgetfulEngine implements SimulatedEngine {
  readonly #engine: Engine
  #nowMs = Number.POSITIVE_INFINITY
  #isForgetful = false

  constructor(options: EngineOptions) {
    this.#engine = new Engine(options)
  }

  handle(input: Input, nowMs: number): void {
    if (nowMs - this.#nowMs > 5_000) this.#isForgetful = true
    this.#nowMs = nowMs
    this.#engine.handle(input, nowMs)
  }

  poll(): Output | undefined {
    for (;;) {
      const output = this.#engine.poll()
      if (!this.#isForgetful || output?.type !== 'storage-write') return output
      const { request } = output
      const answer = { type: 'written' } as const
      this.#engine.handle({ type: 'storage-answered', request, answer }, this.#nowMs)
    }
  }

  nextDeadlineMs(): number {
    return this.#engine.nextDeadlineMs()
  }

  rootDigest(): Uint8Array {
    return this.#engine.rootDigest()
  }

  measure(): ReturnType<Engine['measure']> {
    return this.#engine.measure()
  }
}

const options = {
  cryptography: nodeCryptography,
  documents: createYjsDocuments(),
  makeEngine: (engineOptions: EngineOptions) => new ForgetfulEngine(engineOptions),
}

test('of a planted bug that needs a leap in time and a write, nothing else is left', () => {
  const isFound = (violation: Violation) => violation.sentence.includes('before it was durable')
  let script: Script | undefined
  let found: Violation | undefined
  for (let seed = 1; found === undefined; seed += 1) {
    script = drawScript(seed)
    found = runScript(script, options).violations.find(isFound)
  }
  const shrunk = shrink(script!, (candidate) =>
    runScript(candidate, options).violations.some((other) => isSameViolation(other, found)),
  )
  const { steps, peers, checks } = shrunk.script
  expect(script!.steps.length).toBeGreaterThan(20)
  expect(steps.length).toBeLessThanOrEqual(3)
  expect(steps.some(({ type }) => type === 'sleep' || type === 'clock-forward')).toBe(true)
  expect(peers).toHaveLength(2)
  expect(checks).toEqual([])
})

test('steps that only matter together are both kept, and all others go', () => {
  const script = drawScript(3)
  const [first, second] = [script.steps[4]!, script.steps.at(-3)!]
  const shrunk = shrink(
    script,
    ({ steps }) => steps.includes(first) && steps.includes(second),
    2_000,
  ).script
  expect(shrunk.steps).toEqual([first, second])
})

test('shrinking ends after so many runs', () => {
  let runs = 0
  const { script, runCount } = shrink(
    drawScript(3),
    () => {
      runs += 1
      return false
    },
    17,
  )
  expect(script).toEqual(drawScript(3))
  expect([runCount, runs]).toEqual([17, 17])
})
