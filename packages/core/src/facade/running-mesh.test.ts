import { describe, expect, test } from 'vitest'
import { applyUpdate, Doc, encodeStateAsUpdate } from 'yjs'
import { createRecordPortPair } from '../driver/record-port.ts'
import type { StreamOrder, StreamReport } from '../driver/stream-orders.ts'
import { createTaskQueue } from '../driver/task-queue.ts'
import type { Command, CommandAnswer, CommandResults } from '../engine/command.ts'
import type { PeerId } from '../engine/identity/peer-id.ts'
import type { ProblemCode } from '../engine/problem.ts'
import type { LiveResult } from './collection.ts'
import type { EngineAccess, EngineReport } from './engine-access.ts'
import { MeshError } from './mesh-error.ts'
import { RunningMesh } from './running-mesh.ts'

const peer = '00112233aabbccdd' as PeerId
const graph = { local: peer, peers: [], connections: [] }

type Answerer = { [Type in Command['type']]?: (command: Command & { type: Type }) => unknown }

/** An engine out of answers, and a record of what was asked. */
function setUp(answers: Answerer = {}) {
  const asked: Command[] = []
  const [reports, sender] = createRecordPortPair<never, EngineReport>()
  const [streams] = createRecordPortPair<StreamOrder, StreamReport>()
  const released = { count: 0, stopped: 0 }
  const access: EngineAccess = {
    peer,
    reports,
    streams,
    meetings: { offerMeeting: async () => undefined, joinMeeting: async () => undefined },
    failedDials: [],
    execute: async (command) => {
      asked.push(command)
      const answer = answers[command.type] as ((command: Command) => unknown) | undefined
      if (command.type === 'presence' && !answer) return { ok: true, value: graph }
      const value = answer ? await answer(command) : undefined
      if (value instanceof MeshError) {
        return { ok: false, problem: { code: value.code, message: value.message } }
      }
      return { ok: true, value: value as CommandResults[Command['type']] }
    },
    stop: async () => {
      released.stopped += 1
      sender.post({ type: 'ended' })
    },
    release: async () => {
      released.count += 1
    },
    abandon: () => {},
  }
  const mesh = new RunningMesh({
    app: 'corner-cafe',
    access,
    environment: { host: 'node', secureContext: true, missing: [] },
    tasks: createTaskQueue(),
  })
  const of = <Type extends Command['type']>(type: Type) =>
    asked.filter((command): command is Extract<Command, { type: Type }> => command.type === type)
  return { mesh, report: (report: EngineReport) => sender.post(report), asked, of, released }
}

async function settle() {
  for (let turn = 0; turn < 30; turn += 1) await Promise.resolve()
}

/** Until all that was posted to the task queue has run. */
async function tasksRun() {
  await settle()
  for (let turn = 0; turn < 3; turn += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
}

async function codeOf(promise: Promise<unknown>): Promise<ProblemCode | 'no error'> {
  return promise.then(
    () => 'no error',
    (error: unknown) => (error as MeshError).code,
  )
}

const never = async () => new Promise<CommandAnswer>(() => {})

interface Order {
  _id: string
  table: number
  items: string[]
}

describe('a collection', () => {
  test('writes plain copies, and gives back what names the write', async () => {
    const { mesh, of } = setUp({ write: () => ({ write: 'w-1' }) })
    const orders = mesh.collection<Order>('orders')
    const row = { _id: 'o-1', table: 4, items: ['tea'] }
    expect(await orders.insert(row)).toEqual({ id: 'w-1' })
    row.items.push('late')
    await orders.upsert({ _id: 'o-1', table: 5 })
    await orders.delete('o-1')
    expect(of('write').flatMap(({ operations }) => operations)).toEqual([
      { type: 'insert', collection: 'orders', row: { _id: 'o-1', table: 4, items: ['tea'] } },
      { type: 'upsert', collection: 'orders', row: { _id: 'o-1', table: 5 } },
      { type: 'delete', collection: 'orders', id: 'o-1' },
    ])
  })

  test('refuses a row without an _id, and what is no JSON, before it is sent', async () => {
    const { mesh, of } = setUp()
    const orders = mesh.collection<Order>('orders')
    expect(await codeOf(orders.insert({ table: 1 } as unknown as Order))).toBe('value-invalid')
    const dated = { _id: 'o-1', table: new Date(0) } as unknown as Order
    expect(await codeOf(orders.insert(dated))).toBe('value-invalid')
    expect(of('write')).toEqual([])
  })

  test('turns a problem into a MeshError with its code', async () => {
    const { mesh } = setUp({ write: () => new MeshError('document-exists', 'o-1 exists') })
    const inserting = mesh.collection<Order>('orders').insert({ _id: 'o-1', table: 1, items: [] })
    await expect(inserting).rejects.toMatchObject({
      name: 'MeshError',
      code: 'document-exists',
      message: 'o-1 exists',
    })
  })

  test('runs an update again on the newer row, a bounded number of times', async () => {
    let revision = 0
    const overtaken = new MeshError('document-changed', 'changed')
    const answers = {
      get: () => ({ row: { _id: 'o-1', items: [] }, revision: `r-${revision}` }),
      write: () => {
        revision += 1
        return revision < 3 ? overtaken : { write: 'w-1' }
      },
    }
    const { mesh, of } = setUp(answers)
    const orders = mesh.collection<Order>('orders')
    expect(await orders.update('o-1', (order) => order.items.push('tea'))).toEqual({ id: 'w-1' })
    expect(of('write').map(({ operations }) => operations[0])).toMatchObject([
      { type: 'update', revision: 'r-0' },
      { type: 'update', revision: 'r-1' },
      { type: 'update', revision: 'r-2' },
    ])
    revision = -100
    const updating = orders.update('o-1', (order) => order.items.push('tea'))
    expect(await codeOf(updating)).toBe('document-changed')
    expect(of('write')).toHaveLength(3 + 16)
  })

  test('writes nothing when the draft function did nothing; misses what is not there', async () => {
    let found: unknown = { row: { _id: 'o-1', table: 1 }, revision: 'r' }
    const { mesh, of } = setUp({ get: () => found })
    const orders = mesh.collection<Order>('orders')
    expect(await orders.update('o-1', () => {})).toEqual({ id: undefined })
    expect(of('write')).toEqual([])
    found = undefined
    expect(await codeOf(orders.update('o-1', () => {}))).toBe('document-missing')
    expect(await orders.get('o-1')).toBeUndefined()
  })
})

describe('a cursor', () => {
  test('is a query that nothing changes, and that runs when it is asked', async () => {
    const { mesh, of } = setUp({ find: () => [{ _id: 'o-1' }] })
    const open = mesh.collection<Order>('orders').find({ table: { $gt: 3 } })
    const sorted = open.sort({ table: -1, _id: 1 }).limit(5).skip(2)
    expect(of('find')).toEqual([])
    expect(await sorted.toArray()).toEqual([{ _id: 'o-1' }])
    await open.toArray()
    const query = { collection: 'orders', filter: { table: { $gt: 3 } } }
    const sort = [
      ['table', -1],
      ['_id', 1],
    ]
    expect(of('find').map((command) => command.query)).toEqual([
      { ...query, sort, limit: 5, skip: 2 },
      query,
    ])
  })

  test('waits no longer than its signal, and passes its reason on', async () => {
    const { mesh } = setUp({ find: never })
    const stop = new AbortController()
    const rows = mesh.collection<Order>('orders').find().toArray({ signal: stop.signal })
    const reason = { some: 'reason' }
    stop.abort(reason)
    await expect(rows).rejects.toBe(reason)
  })
})

describe('a live query', () => {
  const tea = { _id: 'o-1', table: 1, items: [] }
  const cake = { _id: 'o-2', table: 2, items: [] }

  test('gives the first rows, then follows changes, early ones included', async () => {
    let answer: (rows: unknown) => void = () => {}
    const { mesh, report, of } = setUp({
      observe: async () =>
        new Promise((resolve) => {
          answer = resolve
        }),
    })
    const results: LiveResult<Order>[] = []
    const live = mesh
      .collection<Order>('orders')
      .find()
      .observe((result) => results.push(result))
    const { subscriber } = of('observe')[0]!
    report({
      type: 'rows-changed',
      subscriber,
      changes: [{ type: 'added', index: 1, row: cake }],
    })
    await settle()
    expect(results).toEqual([])
    answer([tea])
    await settle()
    expect(results).toHaveLength(1)
    expect(results[0]).toEqual({
      rows: [tea, cake],
      changes: [
        { type: 'added', index: 0, row: tea },
        { type: 'added', index: 1, row: cake },
      ],
    })
    const changes = [{ type: 'removed', index: 0, id: 'o-1' }] as const
    report({ type: 'rows-changed', subscriber, changes })
    await settle()
    expect(results[1]).toEqual({ rows: [cake], changes })
    expect(live.rows).toEqual([cake])
    live.stop()
    live.stop()
    report({ type: 'rows-changed', subscriber, changes })
    await settle()
    expect(results).toHaveLength(2)
    expect(of('unobserve')).toEqual([{ type: 'unobserve', subscriber }])
  })

  test('whose changes were left out is read anew, and told as one change', async () => {
    const results: LiveResult<Order>[] = []
    const answers = [
      [
        { _id: 'o-1', table: 1, items: [] },
        { _id: 'o-2', table: 2, items: [] },
      ],
      [
        { _id: 'o-2', table: 3, items: [] },
        { _id: 'o-3', table: 4, items: [] },
      ],
    ]
    const { mesh, report, of } = setUp({ observe: () => answers.shift() })
    const live = mesh
      .collection<Order>('orders')
      .find()
      .observe((result) => results.push(result))
    await settle()
    const [first] = of('observe')
    report({ type: 'rows-stale', subscriber: first!.subscriber })
    // Of no use any more.
    report({
      type: 'rows-changed',
      subscriber: first!.subscriber,
      changes: [{ type: 'removed', index: 0, id: 'o-1' }],
    })
    await settle()
    const second = of('observe')[1]!
    expect(second.query).toEqual(first!.query)
    expect(second.subscriber).not.toBe(first!.subscriber)
    expect(of('unobserve')).toEqual([{ type: 'unobserve', subscriber: first!.subscriber }])
    expect(results.map(({ rows }) => rows.map(({ _id, table }) => [_id, table]))).toEqual([
      [
        ['o-1', 1],
        ['o-2', 2],
      ],
      [
        ['o-2', 3],
        ['o-3', 4],
      ],
    ])
    expect(results[1]?.changes.map(({ type }) => type)).toEqual([
      'removed',
      'removed',
      'added',
      'added',
    ])
    report({
      type: 'rows-changed',
      subscriber: second.subscriber,
      changes: [{ type: 'removed', index: 0, id: 'o-2' }],
    })
    await settle()
    expect(results.at(-1)?.rows.map(({ _id }) => _id)).toEqual(['o-3'])
    live.stop()
    await settle()
    expect(of('unobserve').at(-1)).toEqual({ type: 'unobserve', subscriber: second.subscriber })
  })

  test('that cannot be observed says so once, to its own observer or as a problem', async () => {
    const { mesh } = setUp({ observe: () => new MeshError('query-invalid', 'no $where') })
    const problems: string[] = []
    const failures: string[] = []
    mesh.onProblem(({ code }) => problems.push(code))
    const cursor = mesh.collection<Order>('orders').find()
    cursor.observe(() => {}, { failed: ({ code }) => failures.push(code) })
    await settle()
    expect([problems, failures]).toEqual([[], ['query-invalid']])
    cursor.observe(() => {})
    await settle()
    expect([problems, failures]).toEqual([['query-invalid'], ['query-invalid']])
  })
})

describe('a shared document', () => {
  const opened = { 'open-document': () => ({ clientId: 77 }) }

  function textOf(doc: Doc): string {
    return doc.getText('t').toJSON()
  }

  function updateOf(text: string): Uint8Array {
    const doc = new Doc()
    doc.getText('t').insert(0, text)
    return encodeStateAsUpdate(doc)
  }

  test('has the client id that the engine chose, and sends local edits only', async () => {
    const { mesh, report, of } = setUp({ ...opened, 'update-document': () => ({ write: 'w' }) })
    const note = await mesh.document('notes/today')
    expect(note.doc.clientID).toBe(77)
    const { subscriber, document } = of('open-document')[0]!
    expect(document).toEqual({ collection: '', id: 'notes/today' })
    const update = updateOf('from elsewhere')
    report({ type: 'document-updated', subscriber, updates: [update], loaded: true })
    await note.whenLoaded
    expect(textOf(note.doc)).toBe('from elsewhere')
    expect(of('acknowledge-document')).toEqual([
      { type: 'acknowledge-document', subscriber, bytes: update.length },
    ])
    expect(of('update-document')).toEqual([])
    note.doc.getText('t').insert(0, 'here and ')
    await note.whenSaved()
    const copy = new Doc()
    for (const sent of [update, ...of('update-document').map((command) => command.update)]) {
      applyUpdate(copy, sent)
    }
    expect(textOf(copy)).toBe('here and from elsewhere')
    await note.close()
    await mesh.close()
  })

  test('gathers what is typed while a batch is under way', async () => {
    const answers: ((value: unknown) => void)[] = []
    const { mesh, of } = setUp({
      ...opened,
      'update-document': async () =>
        new Promise((resolve) => {
          answers.push(resolve)
        }),
    })
    const note = await mesh.document('note')
    const text = note.doc.getText('t')
    for (const letter of 'abc') text.insert(text.length, letter)
    await settle()
    for (const letter of 'defgh') text.insert(text.length, letter)
    await settle()
    expect(of('update-document')).toHaveLength(1)
    let isSaved = false
    const saving = note.whenSaved().then(() => {
      isSaved = true
    })
    answers.shift()?.({ write: 'w-1' })
    await settle()
    expect(of('update-document')).toHaveLength(2)
    expect(isSaved).toBe(false)
    answers.shift()?.({ write: 'w-2' })
    await saving
    const copy = new Doc()
    for (const { update } of of('update-document')) applyUpdate(copy, update)
    expect(textOf(copy)).toBe('abcdefgh')
    await mesh.close()
  })

  test('that is refused what it sends says so and saves nothing more', async () => {
    const { mesh, of } = setUp({
      ...opened,
      'update-document': () => new MeshError('document-too-large', 'too large'),
    })
    const problems: string[] = []
    mesh.onProblem(({ code }) => problems.push(code))
    const note = await mesh.document('note')
    note.doc.getText('t').insert(0, 'a')
    expect(await codeOf(note.whenSaved())).toBe('document-too-large')
    note.doc.getText('t').insert(0, 'b')
    expect(await codeOf(note.whenSaved())).toBe('document-too-large')
    expect(problems).toEqual(['document-too-large'])
    expect(of('update-document')).toHaveLength(1)
    await mesh.close()
  })

  test('carries awareness both ways, the latest state only, and leaves when it closes', async () => {
    const { mesh, report, of } = setUp({ ...opened })
    const note = await mesh.document('note')
    const { subscriber } = of('open-document')[0]!
    await settle()
    note.awareness.setLocalStateField('name', 'Ann')
    note.awareness.setLocalStateField('cursor', { index: 3 })
    await settle()
    expect(of('set-awareness').map(({ state }) => state)).toEqual([
      '{}',
      JSON.stringify({ name: 'Ann', cursor: { index: 3 } }),
    ])
    const other = { clientId: 5, peer, clock: 1 }
    report({
      type: 'awareness-changed',
      subscriber,
      changes: [
        { ...other, state: '{"name":"Bob"}' },
        { ...other, clientId: 6, state: 'no json' },
        { ...other, clientId: 7, state: '[1]' },
      ],
    })
    await settle()
    expect(new Set(note.awareness.getStates().keys())).toEqual(new Set([5, 77]))
    await note.close()
    await note.close()
    expect(of('close-document')).toEqual([{ type: 'close-document', subscriber }])
    expect(of('set-awareness')).toHaveLength(2)
  })

  test('given up while it is being opened is closed once it is open', async () => {
    let answer: (value: unknown) => void = () => {}
    const { mesh, of } = setUp({
      'open-document': async () =>
        new Promise((resolve) => {
          answer = resolve
        }),
    })
    const stop = new AbortController()
    const opening = mesh.document('note', { signal: stop.signal })
    stop.abort('enough')
    await expect(opening).rejects.toBe('enough')
    answer({ clientId: 1 })
    await tasksRun()
    expect(of('close-document')).toHaveLength(1)
  })
})

describe('a mesh', () => {
  test('that is closed rejects what is under way, leaves nothing, and closes once', async () => {
    const { mesh, released } = setUp({ find: never })
    const orders = mesh.collection<Order>('orders')
    const finding = codeOf(orders.find().toArray())
    await Promise.all([mesh.close(), mesh.close()])
    expect(await finding).toBe('mesh-closed')
    expect(await codeOf(orders.get('o-1'))).toBe('mesh-closed')
    expect(await codeOf(mesh.document('note'))).toBe('mesh-closed')
    expect(await codeOf(mesh.syncStatus('w-1'))).toBe('mesh-closed')
    expect(released).toEqual({ count: 1, stopped: 1 })
    expect(await mesh.ended).toBeUndefined()
  })

  test('saves shared documents before it closes', async () => {
    const { mesh, asked } = setUp({
      'open-document': () => ({ clientId: 1 }),
      'update-document': () => ({ write: 'w' }),
    })
    const note = await mesh.document('note')
    note.doc.getText('t').insert(0, 'last words')
    await mesh.close()
    const types = asked.map(({ type }) => type)
    expect(types.slice(-2)).toEqual(['update-document', 'close-document'])
  })

  test('whose engine ends says why, everywhere, and lets go', async () => {
    const { mesh, report, released } = setUp({ find: never })
    const problems: string[] = []
    const failures: string[] = []
    mesh.onProblem(({ code }) => problems.push(code))
    const orders = mesh.collection<Order>('orders')
    orders.find().observe(() => {}, { failed: ({ code }) => failures.push(code) })
    const finding = codeOf(orders.find().toArray())
    const problem = { code: 'store-fenced', message: 'opened elsewhere' } as const
    report({ type: 'ended', problem })
    expect(await mesh.ended).toEqual(problem)
    expect(await finding).toBe('store-fenced')
    expect(await codeOf(orders.get('o-1'))).toBe('store-fenced')
    expect([problems, failures]).toEqual([['store-fenced'], ['store-fenced']])
    await mesh.close()
    expect(released).toEqual({ count: 1, stopped: 0 })
  })

  test('tells of the lifecycle to those who ask, until they stop', async () => {
    const { mesh, report, of } = setUp()
    expect(mesh.lifecycle.state()).toEqual({ isHidden: false, isFrozen: false, isOnline: true })
    const told: string[] = []
    const watching = mesh.lifecycle.observe(({ transition, reason }) => {
      told.push(`${transition}: ${reason}`)
    })
    mesh.tellLifecycle('offline', 'offline')
    expect(of('tell-lifecycle')).toMatchObject([{ transition: 'offline', reason: 'offline' }])
    const state = { isHidden: false, isFrozen: false, isOnline: false }
    report({
      type: 'lifecycle-changed',
      change: { transition: 'offline', reason: 'offline', state },
    })
    await settle()
    expect(mesh.lifecycle.state()).toEqual(state)
    watching.stop()
    report({
      type: 'lifecycle-changed',
      change: { transition: 'woke', reason: 'late-deadline', sleptMs: 9_000, state },
    })
    await settle()
    expect(told).toEqual(['offline: offline'])
  })

  test('tells presence and problems to those who ask, early or late', async () => {
    const { mesh, report } = setUp()
    expect(mesh.presence.graph()).toEqual(graph)
    const graphs: number[] = []
    const watching = mesh.presence.observe(({ peers }) => graphs.push(peers.length))
    await settle()
    const said = { name: '', platform: '', libraryVersion: '', metadata: {}, transports: [] }
    const other = { peer, publicKey: undefined, ...said, hopCount: 1 }
    report({ type: 'presence-changed', graph: { ...graph, peers: [other] } })
    report({ type: 'problem', problem: { code: 'app-mismatch', message: 'x' }, peer })
    await settle()
    expect(graphs).toEqual([0, 0, 1])
    watching.stop()
    report({ type: 'presence-changed', graph })
    const problems: unknown[] = []
    mesh.onProblem((problem) => problems.push(problem))
    await settle()
    expect(graphs).toHaveLength(3)
    expect(problems).toEqual([{ code: 'app-mismatch', message: 'x', peer }])
  })
})
