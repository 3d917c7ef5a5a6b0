/** What is alive in this process: for tests in Node that nothing is left behind. */

import { queryObjects, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import { assertThat } from './assertions.ts'

/** See the file header. */
export interface LiveMemory {
  /** Of any class. */
  readonly objects: number
  readonly functions: number
  /** The heap, and buffers beside it. */
  readonly bytes: number
}

/** Collects garbage and counts what is left. */
export function liveMemory(): LiveMemory {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  // What is found dead in one pass may hold what the next one finds.
  for (let pass = 0; pass < 3; pass += 1) collectGarbage()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return {
    objects: queryObjects(Object, { format: 'count' }),
    functions: queryObjects(Function, { format: 'count' }),
    bytes: heapUsed + arrayBuffers,
  }
}

/** Throws when so many cycles of whatever have left more than a trace of each behind. */
export function expectFlat(before: LiveMemory, after: LiveMemory, cycles: number): void {
  const most: LiveMemory = { objects: cycles / 20, functions: cycles / 20, bytes: cycles * 64 }
  for (const what of ['objects', 'functions', 'bytes'] as const) {
    const grown = after[what] - before[what]
    assertThat(grown < most[what], `${grown} ${what} more after ${cycles} cycles`)
  }
}
