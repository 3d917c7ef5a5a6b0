/**
 * The proof that the engine is pure: a whole simulation runs in a realm of its own, which has the
 * language and nothing else, and in which `Date` and `Math.random` throw.
 */

import { fileURLToPath } from 'node:url'
import { createContext, runInContext, type Context } from 'node:vm'
import { build, type Rolldown } from 'vite'
import { beforeAll, expect, test } from 'vitest'
import type { RunResult } from './index.ts'

const entry = fileURLToPath(new URL('sealed-realm-entry.ts', import.meta.url))

let script: string

/** One script that leaves its exports in `sealed`. */
async function bundle(): Promise<string> {
  const output = (await build({
    configFile: false,
    logLevel: 'error',
    resolve: { conditions: ['fieldmesh-source', 'browser', 'import', 'default'] },
    build: {
      write: false,
      minify: false,
      lib: { entry, formats: ['iife'], name: 'sealed' },
    },
  })) as Rolldown.RolldownOutput[]
  return output[0]!.output[0].code
}

/**
 * Makes a realm whose clock, timers and randomness throw once `seal()` was called. Until then
 * libraries may look at the clock as they load, as one of them does for its logging; whatever they
 * keep of it throws later all the same. The generator is there because Yjs draws a client id for
 * each document it makes, which the documents port then replaces; it always gives the same.
 */
const realmScript = `
  let isSealed = false
  const guarded = (name, value) => () => {
    if (isSealed) throw new Error(name + ' was called')
    return value
  }
  globalThis.seal = () => { isSealed = true }
  Math.random = guarded('Math.random', 0.5)
  globalThis.Date = class Date {
    constructor() { guarded('Date', 0)() }
  }
  Date.now = guarded('Date.now', 0)
  for (const name of ['setTimeout', 'setInterval', 'queueMicrotask', 'setImmediate']) {
    globalThis[name] = guarded(name, 0)
  }
  globalThis.crypto = { subtle: undefined, getRandomValues: (array) => array.fill(5) }
`

/** A sealed realm in which the given script has been loaded. */
function sealedRealm(script = ''): Context {
  const realm = createContext({})
  runInContext(`{${realmScript}}`, realm)
  runInContext(script, realm)
  runInContext('seal()', realm)
  return realm
}

beforeAll(async () => {
  script = await bundle()
}, 60_000)

test('a simulated mesh runs where there is no clock, timer, randomness or host object', () => {
  const realm = sealedRealm(script)
  const run = (seed: number) =>
    JSON.parse(
      runInContext(`JSON.stringify(sealed.runSeed(${seed}))`, realm) as string,
    ) as RunResult
  const first = run(3)
  expect(first.violations).toEqual([])
  expect(first.acknowledgedWrites).toBeGreaterThan(0)
  expect(run(3).traceDigest).toBe(first.traceDigest)
}, 120_000)

test('the realm is sealed', () => {
  const realm = sealedRealm()
  for (const forbidden of [
    'Date.now()',
    'new Date()',
    'Math.random()',
    'setTimeout(() => {}, 0)',
  ]) {
    expect(() => runInContext(forbidden, realm) as unknown).toThrow('was')
  }
  expect(runInContext('typeof performance + typeof process + typeof fetch', realm)).toBe(
    'undefinedundefinedundefined',
  )
})
