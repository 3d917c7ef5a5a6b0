import { expect, test } from 'vitest'
import { Doc } from 'yjs'
import type { TaskQueue } from '../driver/task-queue.ts'
import { RemoteUpdates } from './remote-updates.ts'

/** Runs tasks when told, and a clock that goes so much for each look at it. */
function setUp(lookMs = 0) {
  const tasks: (() => void)[] = []
  const queue: TaskQueue = { post: (task) => tasks.push(task), close: () => {} }
  const doc = new Doc()
  const acknowledged: number[] = []
  let timeMs = 0
  let loadedCount = 0
  const remote = new RemoteUpdates({
    doc,
    origin: 'remote',
    tasks: queue,
    nowMs: () => {
      timeMs += lookMs
      return timeMs
    },
    acknowledge: (bytes) => acknowledged.push(bytes),
    loaded: () => {
      loadedCount += 1
    },
  })
  const runAll = () => {
    let count = 0
    for (let task = tasks.shift(); task; task = tasks.shift()) {
      task()
      count += 1
    }
    return count
  }
  const text = () => doc.getText('t').toJSON()
  return { remote, tasks, doc, acknowledged, runAll, text, loaded: () => loadedCount }
}

/** The updates of typing a text piece by piece. */
function typed(pieces: readonly string[]): Uint8Array[] {
  const doc = new Doc()
  const updates: Uint8Array[] = []
  doc.on('update', (update: Uint8Array) => updates.push(update))
  const text = doc.getText('t')
  for (const piece of pieces) text.insert(text.length, piece)
  return updates
}

const large = 'x'.repeat(60_000)

test('a task applies no more than 64 KiB, the rest has tasks of its own', () => {
  const { remote, acknowledged, runAll, text, loaded } = setUp()
  const updates = typed([large, large, large])
  remote.push(updates, true)
  expect(text()).toBe('')
  expect(runAll()).toBe(3)
  expect(text()).toBe(large.repeat(3))
  expect(acknowledged).toEqual(updates.map(({ length }) => length))
  expect(loaded()).toBe(1)
})

test('a task that has taken its time leaves the rest to the next, one update at least each', () => {
  const { remote, runAll, text } = setUp(100)
  remote.push(typed(['a', 'b', 'c']), false)
  expect(runAll()).toBe(3)
  expect(text()).toBe('abc')
})

test('many small updates are one transaction of one task', () => {
  const { remote, doc, runAll, acknowledged, text } = setUp()
  let transactionCount = 0
  doc.on('afterTransaction', () => {
    transactionCount += 1
  })
  const updates = typed(Array.from({ length: 500 }, (_, index) => String(index % 10)))
  remote.push(updates.slice(0, 250), false)
  remote.push(updates.slice(250), false)
  expect(runAll()).toBe(1)
  expect(transactionCount).toBe(1)
  expect(text()).toHaveLength(500)
  expect(acknowledged).toHaveLength(1)
})

test('loaded is told once, after all that came before it was applied', () => {
  const { remote, tasks, runAll, loaded } = setUp()
  remote.push(typed([large, large]), true)
  tasks.shift()?.()
  expect(loaded()).toBe(0)
  runAll()
  remote.push([], true)
  runAll()
  expect(loaded()).toBe(1)
})

test('an empty document is loaded too', () => {
  const { remote, runAll, loaded } = setUp()
  remote.push([], true)
  runAll()
  expect(loaded()).toBe(1)
})

test('an observer that throws holds nothing up', () => {
  const { remote, doc, tasks, runAll, text } = setUp()
  let isFirst = true
  doc.getText('t').observe(() => {
    const throwNow = isFirst
    isFirst = false
    if (throwNow) throw new Error('a bug of the application')
  })
  remote.push(typed([large, 'b']), false)
  expect(() => tasks.shift()?.()).toThrow('a bug of the application')
  runAll()
  expect(text()).toBe(`${large}b`)
})

test('nothing is applied after stop', () => {
  const { remote, runAll, text } = setUp()
  remote.push(typed(['a']), true)
  remote.stop()
  remote.push(typed(['b']), true)
  runAll()
  expect(text()).toBe('')
})
