import { expect, test } from 'vitest'
import { Doc } from 'yjs'
import { Awareness, type AwarenessDelta } from './awareness.ts'

function setUp() {
  const doc = new Doc()
  doc.clientID = 1
  const awareness = new Awareness(doc)
  const heard: [string, AwarenessDelta, string][] = []
  awareness.on('change', (delta, origin) => heard.push(['change', delta, origin]))
  awareness.on('update', (delta, origin) => heard.push(['update', delta, origin]))
  return { doc, awareness, heard }
}

const delta = (part: Partial<AwarenessDelta>) => ({ added: [], updated: [], removed: [], ...part })

test('begins with an empty state of its own under the id of its document', () => {
  const { doc, awareness } = setUp()
  expect(awareness.doc).toBe(doc)
  expect(awareness.clientID).toBe(1)
  expect(awareness.getLocalState()).toEqual({})
  expect(awareness.meta.get(1)?.clock).toBe(0)
})

test('tells a changed state as change and update, a repeated one as update only', () => {
  const { awareness, heard } = setUp()
  awareness.setLocalStateField('name', 'Ann')
  awareness.setLocalStateField('name', 'Ann')
  const updated = delta({ updated: [1] })
  expect(heard).toEqual([
    ['change', updated, 'local'],
    ['update', updated, 'local'],
    ['update', updated, 'local'],
  ])
  expect(awareness.meta.get(1)?.clock).toBe(2)
})

test('after leaving, a field is not set, a whole state is', () => {
  const { awareness, heard } = setUp()
  awareness.setLocalState(null)
  awareness.setLocalStateField('name', 'Ann')
  expect(awareness.getLocalState()).toBeNull()
  awareness.setLocalState({ name: 'Ann' })
  const changes = heard.filter(([event]) => event === 'change').map(([, change]) => change)
  expect(changes).toEqual([delta({ removed: [1] }), delta({ added: [1] })])
})

test('takes others by their clock, their farewell too, and never itself', () => {
  const { awareness, heard } = setUp()
  const remote = (clientId: number, clock: number, state: { n: number } | null) =>
    awareness.applyRemote([{ clientId, clock, state }])
  remote(2, 5, { n: 1 })
  remote(2, 4, { n: 0 })
  remote(1, 99, null)
  expect(awareness.getStates()).toEqual(
    new Map([
      [1, {}],
      [2, { n: 1 }],
    ]),
  )
  remote(2, 5, null)
  remote(2, 5, { n: 1 })
  expect([...awareness.getStates().keys()]).toEqual([1])
  expect(heard.map(([event, change, origin]) => [event, change, origin])).toEqual([
    ['change', delta({ added: [2] }), 'remote'],
    ['update', delta({ added: [2] }), 'remote'],
    ['change', delta({ removed: [2] }), 'remote'],
    ['update', delta({ removed: [2] }), 'remote'],
  ])
})

test('tells several changes at once, and nobody any more once it is destroyed', () => {
  const { awareness, heard } = setUp()
  awareness.applyRemote([
    { clientId: 2, clock: 1, state: { n: 2 } },
    { clientId: 3, clock: 1, state: { n: 3 } },
  ])
  expect(heard[0]).toEqual(['change', delta({ added: [2, 3] }), 'remote'])
  awareness.destroy()
  expect(heard.at(-1)?.[1]).toEqual(delta({ removed: [1] }))
  const count = heard.length
  awareness.setLocalState({})
  expect(heard).toHaveLength(count)
})
