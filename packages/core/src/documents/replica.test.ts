import { describe, expect, test, vi } from 'vitest'
import * as Y from 'yjs'
import { ByteWriter } from '../engine/bytes/writer.ts'
import type { CommandAnswer, MeshEvent, RowChange, WriteOperation } from '../engine/command.ts'
import type { PeerId } from '../engine/identity/peer-id.ts'
import type { Change, ChangePart, DocumentKey } from '../engine/sync/change.ts'
import type { Delivery, DeliveryOutcome } from '../engine/sync/replica-port.ts'
import {
  ReplicaDriver,
  ReplicaStore,
  type ReplicaDriverOptions,
} from '../testing/replica-driver.ts'
import type { Query, Row } from './query.ts'

// Megabytes are moved here; a busy machine takes its time.
vi.setConfig({ testTimeout: 60_000 })

const peerA = 'aaaaaaaaaaaaaaaa' as PeerId
const peerB = 'bbbbbbbbbbbbbbbb' as PeerId

function start(options: Partial<ReplicaDriverOptions> = {}): ReplicaDriver {
  const driver = new ReplicaDriver({ store: new ReplicaStore(), peer: peerA, seed: 1, ...options })
  driver.settle()
  return driver
}

function insert(id: string, fields: object = {}): WriteOperation {
  return { type: 'insert', collection: 'orders', row: { _id: id, ...fields } }
}

function upsert(id: string, fields: object): WriteOperation {
  return { type: 'upsert', collection: 'orders', row: { _id: id, ...fields } }
}

function remove(id: string): WriteOperation {
  return { type: 'delete', collection: 'orders', id }
}

function write(driver: ReplicaDriver, ...operations: WriteOperation[]): CommandAnswer {
  return driver.ask({ type: 'write', operations })
}

function get(driver: ReplicaDriver, id: string): { row: Row; revision: string } | undefined {
  const answer = driver.ask({ type: 'get', collection: 'orders', id })
  if (!answer.ok) throw new Error(answer.problem.message)
  return answer.value as { row: Row; revision: string } | undefined
}

function find(driver: ReplicaDriver, query: Partial<Query> = {}): Row[] {
  const answer = driver.ask({ type: 'find', query: { collection: 'orders', filter: {}, ...query } })
  if (!answer.ok) throw new Error(answer.problem.message)
  return [...(answer.value as readonly Row[])]
}

function codeOf(answer: CommandAnswer | undefined): string | undefined {
  return answer?.ok === false ? answer.problem.code : undefined
}

function committed(driver: ReplicaDriver): Change[] {
  return driver.notices.flatMap((notice) => (notice.type === 'committed' ? [notice.change] : []))
}

function asDeliveries(changes: readonly Change[]): Delivery[] {
  return changes.map((change) => ({ type: 'change', change }))
}

function apply(driver: ReplicaDriver, deliveries: readonly Delivery[]): readonly DeliveryOutcome[] {
  const notice = driver.answerTo(driver.apply(peerB, deliveries))
  return notice.type === 'applied' ? notice.outcomes : []
}

function readAll(
  driver: ReplicaDriver,
  document: DocumentKey,
  version: Change[] = [],
): readonly Delivery[] {
  expect(version).toEqual([])
  const request = driver.nextRequest()
  driver.replica.readChanges(request, [{ document, version: [] }], 1e9)
  const notice = driver.answerTo(request)
  return notice.type === 'changes-read' ? notice.deliveries : []
}

describe('writes', () => {
  test('insert, update, upsert, delete and get', () => {
    const driver = start()
    expect(write(driver, insert('o-1', { table: 4, items: [] }))).toEqual({
      ok: true,
      value: { write: `${peerA}-1-1` },
    })
    const { revision, row } = get(driver, 'o-1')!
    expect(row).toEqual({ _id: 'o-1', table: 4, items: [] })
    const edits = [
      { type: 'set' as const, path: ['status'], value: 'open' },
      { type: 'splice' as const, path: ['items'], index: 0, deleteCount: 0, values: ['tea'] },
    ]
    const update = { type: 'update' as const, collection: 'orders', id: 'o-1', revision, edits }
    expect(write(driver, update).ok).toBe(true)
    expect(write(driver, upsert('o-1', { table: 5 })).ok).toBe(true)
    expect(get(driver, 'o-1')!.row).toEqual({
      _id: 'o-1',
      items: ['tea'],
      status: 'open',
      table: 5,
    })
    expect(write(driver, remove('o-1')).ok).toBe(true)
    expect(get(driver, 'o-1')).toBeUndefined()
    expect(driver.replica.idle()).toBe(true)
  })

  test('[DO20] refuses what does not fit, with the code', () => {
    const driver = start()
    write(driver, insert('o-1', { list: [1] }))
    const { revision } = get(driver, 'o-1')!
    const update = { type: 'update' as const, collection: 'orders', id: 'o-1', revision, edits: [] }
    expect(codeOf(write(driver, insert('o-1')))).toBe('document-exists')
    expect(codeOf(write(driver, remove('o-2')))).toBe('document-missing')
    expect(codeOf(write(driver, { ...update, id: 'o-2' }))).toBe('document-missing')
    expect(codeOf(write(driver, insert('o-3', { n: Number.NaN })))).toBe('value-invalid')
    expect(codeOf(write(driver, insert('')))).toBe('value-invalid')
    expect(codeOf(write(driver, { ...insert('x'), collection: '1' }))).toBe('value-invalid')
    expect(codeOf(write(driver, insert('big', { text: 'x'.repeat(70_000) })))).toBe(
      'document-too-large',
    )
    write(driver, upsert('o-1', { other: 1 }))
    const splice = { type: 'splice' as const, path: ['list'], index: 0, deleteCount: 1, values: [] }
    expect(codeOf(write(driver, { ...update, edits: [splice] }))).toBe('document-changed')
    const set = { type: 'set' as const, path: ['other'], value: 2 }
    expect(write(driver, { ...update, edits: [set] }).ok).toBe(true)
  })

  test('[DO20] a transaction is all or nothing, also what it did to documents before', () => {
    const driver = start()
    write(driver, insert('o-1', { n: 1 }))
    const refused = write(driver, upsert('o-1', { n: 2 }), insert('o-2'), insert('o-2'))
    expect(codeOf(refused)).toBe('document-exists')
    expect(find(driver)).toEqual([{ _id: 'o-1', n: 1 }])
    expect(write(driver, upsert('o-1', { m: 3 }), insert('o-2')).ok).toBe(true)
    expect(find(driver)).toEqual([{ _id: 'o-1', m: 3, n: 1 }, { _id: 'o-2' }])
    expect(
      committed(driver)
        .at(-1)!
        .parts.map(({ document }) => document.id),
    ).toEqual(['o-1', 'o-2'])
  })

  test('[DO3] an insert after a delete is a new incarnation, also within one transaction', () => {
    const driver = start()
    write(driver, insert('o-1', { old: 1 }))
    write(driver, remove('o-1'))
    write(driver, insert('o-1', { next: 1 }))
    write(driver, remove('o-1'), insert('o-1', { last: 1 }))
    expect(find(driver)).toEqual([{ _id: 'o-1', last: 1 }])
    const incarnations = committed(driver).map(({ parts }) => parts[0]!.incarnation)
    expect(incarnations).toEqual([1, 1, 2, 3])
  })

  test('[DO1] changes count from 1 in each boot, and no number is used twice after a failure', () => {
    const store = new ReplicaStore()
    const namesIn = (driver: ReplicaDriver) =>
      committed(driver).map(({ peer, epoch, seq }) => ({ peer, epoch, seq }))
    let fails = false
    const first = start({
      store,
      fate: () => (fails ? { type: 'failed', reason: 'quota' } : { type: 'done' }),
    })
    write(first, insert('o-1'))
    fails = true
    expect(codeOf(write(first, insert('o-2')))).toBe('storage-quota')
    fails = false
    write(first, insert('o-3'))
    const [one, other] = namesIn(first)
    expect(one).toEqual({ peer: peerA, epoch: store.epoch, seq: 1 })
    expect(other).toMatchObject({ peer: peerA, epoch: store.epoch })
    expect(other!.seq).toBeGreaterThan(1)
    const second = start({ store })
    write(second, insert('o-4'))
    expect(namesIn(second)).toEqual([{ peer: peerA, epoch: one!.epoch + 1, seq: 1 }])
  })

  test('[DO24] nothing is answered, shown or handed to sync before it is durable', () => {
    const driver = start()
    driver.ask({ type: 'observe', subscriber: 1, query: { collection: 'orders', filter: {} } })
    const command = driver.command({ type: 'write', operations: [insert('o-1')] })
    driver.step() // the document is read
    const before = driver.replica.rootDigest()
    expect(driver.answers.has(command)).toBe(false)
    expect(committed(driver)).toEqual([])
    expect(driver.events).toEqual([])
    driver.step() // the batch is written
    expect(driver.answers.get(command)?.ok).toBe(true)
    expect(committed(driver).length).toBe(1)
    expect(driver.events.length).toBe(1)
    expect(driver.replica.rootDigest()).not.toEqual(before)
  })

  test('[DO25] writes to one document need not wait for each other to become durable', () => {
    const driver = start()
    for (let n = 0; n < 50; n += 1) {
      driver.command({ type: 'write', operations: [upsert('o-1', { [`f${n}`]: n })] })
    }
    const before = driver.operations
    driver.settle()
    expect(driver.operations - before).toBeLessThanOrEqual(3)
    expect(committed(driver).map(({ parts }) => parts[0]!.previous)).toEqual(
      Array.from({ length: 50 }, (_, index) => index),
    )
  })

  test('[DO25] what runs ahead of storage stays in memory, however much of it there is', () => {
    const driver = start()
    write(driver, insert('other'))
    driver.command({ type: 'write', operations: [insert('o-0')] })
    driver.step() // o-0 is loaded, its batch is under way
    const answerBatch = driver.hold()!
    for (let n = 1; n <= 200; n += 1) {
      driver.command({ type: 'write', operations: [insert(`o-${n}`, { n })] })
      driver.step()
    }
    driver.command({ type: 'write', operations: [upsert('o-1', { more: 1 })] })
    driver.step()
    answerBatch()
    driver.settle()
    expect(get(driver, 'o-1')!.row).toEqual({ _id: 'o-1', more: 1, n: 1 })
    expect(committed(driver).at(-1)!.parts[0]).toMatchObject({ previous: 3 })
  })

  test('a write that changes nothing is answered and leaves nothing', () => {
    const driver = start()
    write(driver, upsert('o-1', { a: 1 }))
    expect(write(driver, upsert('o-1', { a: 1 })).ok).toBe(true)
    expect(committed(driver).length).toBe(1)
  })

  test('is refused after stop', () => {
    const driver = start()
    const command = driver.command({ type: 'write', operations: [insert('o-1')] })
    driver.replica.stop(driver.nowMs)
    expect(codeOf(write(driver, insert('o-2')))).toBe('mesh-closed')
    expect(driver.answers.get(command)?.ok).toBe(true)
    expect(driver.replica.idle()).toBe(true)
  })
})

describe('queries', () => {
  test('find reads all pages, sorted and cut', () => {
    const driver = start()
    const operations = Array.from({ length: 1000 }, (_, n) => insert(`o-${n}`, { n, odd: n % 2 }))
    write(driver, ...operations)
    for (let n = 1000; n < 1300; n += 1) write(driver, insert(`o-${n}`, { n, odd: n % 2 }))
    const rows = find(driver, { filter: { odd: 1 }, sort: [['n', -1]], skip: 1, limit: 2 })
    expect(rows.map(({ _id }) => _id)).toEqual(['o-1297', 'o-1295'])
    expect(find(driver).length).toBe(1300)
  })

  test('[DO14] rows committed during a scan are neither lost nor doubled', () => {
    const driver = start()
    const rows = Array.from({ length: 800 }, (_, n) => insert(`r${1000 + n}`, { n }))
    write(driver, ...rows)
    const query = { collection: 'orders', filter: {}, sort: [['n', 1] as const] }
    const changes = [upsert('r1001', { n: -1 }), remove('r1002'), insert('r0000', { n: 5000 })]
    const command = driver.command({ type: 'observe', subscriber: 7, query })
    driver.command({ type: 'write', operations: [...changes, insert('r9999', { n: 6000 })] })
    driver.settle()
    const answer = driver.answers.get(command)!
    const observed = answer.ok ? [...(answer.value as readonly Row[])] : []
    const shown = applyEvents(observed, driver.events)
    expect(shown).toEqual(find(driver, { sort: [['n', 1]] }))
    expect(shown[0]!._id).toBe('r1001')
    expect(shown.length).toBe(801)
  })

  test('[DO14] writes that became durable together are one event for each query', () => {
    const driver = start()
    driver.ask({ type: 'observe', subscriber: 3, query: { collection: 'orders', filter: {} } })
    for (let id = 0; id < 50; id += 1) {
      driver.command({ type: 'write', operations: [insert(`o-${id}`, { n: id })] })
    }
    driver.settle()
    const changed = driver.events.filter((event) => event.type === 'rows-changed')
    const rows = changed.flatMap(({ changes }) => changes)
    expect(rows).toHaveLength(50)
    const batches = driver.recorder.recorder.documents.commits.value
    expect(batches).toBeLessThan(10)
    expect(changed.length).toBeLessThanOrEqual(batches)
  })

  test('[DO14] a page that was read before a commit and answered after it changes nothing', () => {
    const driver = start()
    write(driver, insert('o-1', { n: 1 }), insert('o-2', { n: 1 }))
    const query = { collection: 'orders', filter: {} }
    const command = driver.command({ type: 'observe', subscriber: 7, query })
    const answerPage = driver.hold()!
    write(driver, upsert('o-1', { n: 2 }), remove('o-2'))
    answerPage()
    const rows = [{ _id: 'o-1', n: 2 }]
    expect(driver.answers.get(command)).toEqual({ ok: true, value: rows })
  })

  test('unobserve ends the events', () => {
    const driver = start()
    driver.ask({ type: 'observe', subscriber: 1, query: { collection: 'orders', filter: {} } })
    driver.ask({ type: 'unobserve', subscriber: 1 })
    write(driver, insert('o-1'))
    expect(driver.events).toEqual([])
  })

  test('a bad query is refused', () => {
    const driver = start()
    const query = { collection: 'orders', filter: { $where: 'x' } }
    expect(codeOf(driver.ask({ type: 'find', query }))).toBe('query-invalid')
    expect(codeOf(driver.ask({ type: 'observe', subscriber: 1, query }))).toBe('query-invalid')
  })
})

function applyEvents(rows: readonly Row[], events: readonly MeshEvent[]): Row[] {
  const shown = [...rows]
  const apply = (change: RowChange) => {
    if (change.type === 'removed') shown.splice(change.index, 1)
    if (change.type === 'changed') shown.splice(change.from, 1)
    if (change.type !== 'removed') shown.splice(change.index, 0, change.row)
  }
  for (const event of events) if (event.type === 'rows-changed') event.changes.forEach(apply)
  return shown
}

describe('changes of others', () => {
  test('[DO21] are applied once, in turn, and refused when they contradict', () => {
    const a = start()
    const b = start({ peer: peerB })
    write(a, insert('o-1', { n: 1 }))
    write(a, upsert('o-1', { n: 2 }))
    const [first, second] = asDeliveries(committed(a)) as [Delivery, Delivery]
    expect(apply(b, [second])).toEqual(['gap'])
    expect(apply(b, [first, second, first])).toEqual(['applied', 'applied', 'known'])
    expect(find(b)).toEqual(find(a))
    expect(b.replica.rootDigest()).toEqual(a.replica.rootDigest())
    const forged = structuredClone(first) as { change: Change }
    Object.assign(forged.change.parts[0]!, { incarnation: 2 })
    expect(apply(b, [forged as unknown as Delivery])).toEqual(['refused'])
  })

  test('[DO9] are refused when malformed, and leave nothing behind', () => {
    const driver = start()
    const change = (part: object, more: object = {}): Delivery => {
      const document = { collection: 'orders', id: 'o-1' }
      const content = { type: 'update', updates: [] }
      const parts = [{ document, previous: 0, incarnation: 1, content, ...part }]
      return {
        type: 'change',
        change: { peer: peerB, epoch: 1, seq: 1, parts, ...more },
      } as Delivery
    }
    const update = (bytes: number[]) => ({
      content: { type: 'update', updates: [Uint8Array.from(bytes)] },
    })
    const refused = [
      change(update([1, 2, 3])),
      change(update([])),
      change({ document: { collection: '9', id: 'x' } }),
      change({ document: { collection: 'orders', id: '' } }),
      change({ document: { collection: '', id: 'x' }, content: { type: 'delete' } }),
      change({ incarnation: 0 }),
      change({}, { peer: peerA, epoch: 1 }),
    ]
    expect(apply(driver, refused)).toEqual(refused.map(() => 'refused'))
    expect(driver.store.entries('heads')).toEqual([])
    expect(apply(driver, [change({})])).toEqual(['applied'])
    expect(driver.recorder.recorder.documents.deliveriesRefused.value).toBe(refused.length)
  })

  test('[DO21] a transaction is held back as a whole while one of its parts has a gap', () => {
    const a = start()
    const b = start({ peer: peerB })
    write(a, insert('o-1'))
    write(a, insert('o-2'), upsert('o-1', { n: 1 }))
    const [first, second] = asDeliveries(committed(a)) as [Delivery, Delivery]
    expect(apply(b, [second])).toEqual(['gap'])
    expect(find(b)).toEqual([])
    expect(apply(b, [first, second])).toEqual(['applied', 'applied'])
    expect(find(b)).toEqual(find(a))
  })

  test('[DO23] what is read for a peer has the parts of a transaction together', () => {
    const a = start()
    write(a, insert('o-1'))
    write(a, insert('o-2'), upsert('o-1', { n: 1 }))
    write(a, upsert('o-2', { n: 2 }))
    const wanted = ['o-1', 'o-2'].map((id) => {
      return { document: { collection: 'orders', id }, version: [] }
    })
    const request = a.nextRequest()
    a.replica.readChanges(request, wanted, 1e9)
    const notice = a.answerTo(request)
    const deliveries = notice.type === 'changes-read' ? notice.deliveries : []
    const ids = deliveries.map((delivery) =>
      delivery.type === 'change' ? delivery.change.parts.map(({ document }) => document.id) : [],
    )
    expect(ids).toEqual([['o-1'], ['o-1', 'o-2'], ['o-2']])
    expect(apply(start({ peer: peerB }), deliveries)).toEqual(['applied', 'applied', 'applied'])
  })

  test('[DO2] a delete wins over a concurrent update of the same incarnation', () => {
    const a = start()
    const b = start({ peer: peerB })
    write(a, insert('o-1', { n: 1 }))
    apply(b, asDeliveries(committed(a)))
    write(b, upsert('o-1', { n: 2 }))
    write(a, remove('o-1'))
    expect(apply(a, asDeliveries(committed(b)))).toEqual(['applied'])
    expect(apply(b, asDeliveries(committed(a)))).toEqual(['known', 'applied'])
    expect([find(a), find(b)]).toEqual([[], []])
    expect(a.replica.rootDigest()).toEqual(b.replica.rootDigest())
    write(b, insert('o-1', { n: 3 }))
    apply(a, asDeliveries(committed(b)))
    expect(find(a)).toEqual([{ _id: 'o-1', n: 3 }])
    expect(a.replica.rootDigest()).toEqual(b.replica.rootDigest())
  })

  test('[DO4] an update of a former incarnation has no effect, also after a restart', () => {
    const a = start()
    const b = start({ peer: peerB })
    write(a, insert('o-1', { n: 1 }))
    apply(b, asDeliveries(committed(a)))
    write(b, upsert('o-1', { late: 1 }))
    write(a, remove('o-1'), insert('o-1', { n: 2 }))
    expect(apply(a, asDeliveries(committed(b)))).toEqual(['applied'])
    const restarted = start({ store: a.store })
    write(restarted, upsert('o-1', { m: 3 }))
    expect(find(restarted)).toEqual([{ _id: 'o-1', m: 3, n: 2 }])
  })

  test('[DO9] one that breaks Yjs is refused, and the document goes on as it was', () => {
    const driver = start()
    const update = (seq: number, bytes: Uint8Array): Delivery => {
      const document = { collection: 'orders', id: 'o-1' }
      const content = { type: 'update' as const, updates: [bytes] }
      const parts = [{ document, previous: seq - 1, incarnation: 1, content }]
      return { type: 'change', change: { peer: peerB, epoch: 1, seq, parts } }
    }
    // Arrays nested so deeply that deleting the outermost one overflows the stack.
    const nested = Array.from({ length: 4 }, (_, index) => nestedArrays(index * 7000, 7000))
    const deliveries = nested.map((bytes, index) => update(index + 1, bytes))
    expect(apply(driver, deliveries)).toEqual(deliveries.map(() => 'applied'))
    expect(apply(driver, [update(5, Uint8Array.of(0, 1, 9, 1, 0, 1))])).toEqual(['refused'])
    expect(write(driver, upsert('o-1', { n: 1 })).ok).toBe(true)
    expect(find(driver)).toEqual([{ _id: 'o-1', n: 1 }])
  })

  test('[DO9] one that breaks Yjs in one of its documents leaves no trace in the others', () => {
    const a = start()
    const b = start({ peer: peerB })
    write(b, insert('o-0', { n: 1 }), insert('o-1', { n: 1 }))
    expect(apply(a, asDeliveries(committed(b)))).toEqual(['applied'])
    const partOf = (previous: number, bytes: Uint8Array): ChangePart => {
      const document = { collection: 'orders', id: 'o-2' }
      return { document, previous, incarnation: 1, content: { type: 'update', updates: [bytes] } }
    }
    const delivery = (seq: number, ...parts: ChangePart[]): Delivery => {
      return { type: 'change', change: { peer: peerB, epoch: 1, seq, parts } }
    }
    const nested = Array.from({ length: 4 }, (_, index) => {
      const previous = index === 0 ? 0 : index + 1
      return delivery(index + 2, partOf(previous, nestedArrays(index * 7000, 7000)))
    })
    expect(apply(a, nested)).toEqual(nested.map(() => 'applied'))
    write(b, remove('o-0'), upsert('o-1', { n: 2 }))
    const sound = committed(b).at(-1)!.parts
    const broken = delivery(6, ...sound, partOf(5, Uint8Array.of(0, 1, 9, 1, 0, 1)))
    expect(apply(a, [broken])).toEqual(['refused'])
    write(a, upsert('o-0', { m: 1 }), upsert('o-1', { m: 1 }))
    expect(get(a, 'o-0')?.row).toEqual({ _id: 'o-0', n: 1, m: 1 })
    expect(get(a, 'o-1')?.row).toEqual({ _id: 'o-1', n: 1, m: 1 })
  })

  test('observers see them', () => {
    const a = start()
    const b = start({ peer: peerB })
    b.ask({ type: 'observe', subscriber: 3, query: { collection: 'orders', filter: {} } })
    write(a, insert('o-1'))
    apply(b, asDeliveries(committed(a)))
    const changes = [{ type: 'added', index: 0, row: { _id: 'o-1' } }]
    expect(b.events).toEqual([{ type: 'rows-changed', subscriber: 3, changes }])
  })
})

/** An update of client 9 with arrays from clock `first` on, each inside the one before it. */
function nestedArrays(first: number, count: number): Uint8Array {
  const writer = new ByteWriter().varint(1).varint(count).varint(9).varint(first)
  for (let clock = first; clock < first + count; clock += 1) {
    writer.u8(7)
    if (clock === 0) writer.varint(1).text('root')
    else
      writer
        .varint(0)
        .varint(9)
        .varint(clock - 1)
    writer.varint(0)
  }
  return writer.varint(0).finish()
}

describe('checkpoints', () => {
  const document = { collection: 'orders', id: 'o-1' }

  test('[DO18] a long log is merged; the rest of it and the checkpoint tell the same', () => {
    const a = start()
    write(a, insert('o-1', { n: 0 }))
    for (let n = 1; n <= 600; n += 1) write(a, upsert('o-1', { n }))
    expect(a.store.entries('changes').length).toBeLessThan(330)
    expect(a.store.entries('checkpoints').length).toBeGreaterThan(1)
    const deliveries = readAll(a, document)
    expect(deliveries[0]!.type).toBe('checkpoint')
    const b = start({ peer: peerB })
    const outcomes = apply(b, deliveries)
    expect(new Set(outcomes)).toEqual(new Set(['applied']))
    expect(find(b)).toEqual([{ _id: 'o-1', n: 600 }])
    expect(b.replica.rootDigest()).toEqual(a.replica.rootDigest())
    const restarted = start({ store: a.store })
    expect(restarted.replica.rootDigest()).toEqual(a.replica.rootDigest())
    write(restarted, upsert('o-1', { m: 1 }))
    expect(find(restarted)).toEqual([{ _id: 'o-1', m: 1, n: 600 }])
  })

  test('[DO18] a peer that is a little behind gets changes, not the checkpoint', () => {
    const a = start()
    write(a, insert('o-1', { n: 0 }))
    for (let n = 1; n <= 255; n += 1) write(a, upsert('o-1', { n }))
    const b = start({ peer: peerB })
    apply(b, readAll(a, document))
    for (let n = 256; n <= 270; n += 1) write(a, upsert('o-1', { n }))
    expect(a.store.entries('checkpoints').length).toBeGreaterThan(0)
    const heads = b.nextRequest()
    b.replica.readHeads(heads, [document])
    const notice = b.answerTo(heads)
    const head = notice.type === 'heads-read' ? notice.heads[0]!.head : undefined
    const request = a.nextRequest()
    a.replica.readChanges(request, [{ document, version: head!.version }], 1e9)
    const changes = a.answerTo(request)
    const deliveries = changes.type === 'changes-read' ? changes.deliveries : []
    expect(deliveries.map(({ type }) => type)).toEqual(Array(15).fill('change'))
    apply(b, deliveries)
    expect(b.replica.rootDigest()).toEqual(a.replica.rootDigest())
  })

  test('[DO22] a checkpoint merges with changes that it does not hold', () => {
    const a = start()
    const b = start({ peer: peerB })
    write(a, insert('o-1', { a: 0, nested: { a: 1 } }))
    write(b, upsert('o-1', { b: 0, nested: { b: 1 } }))
    for (let n = 1; n <= 300; n += 1) {
      write(a, upsert('o-1', { a: n }))
      write(b, upsert('o-1', { b: n }))
    }
    expect(apply(b, readAll(a, document))).toContain('applied')
    expect(apply(a, readAll(b, document))).toContain('applied')
    expect(find(a)).toEqual([{ _id: 'o-1', a: 300, b: 300, nested: { a: 1, b: 1 } }])
    expect(find(b)).toEqual(find(a))
    expect(a.replica.rootDigest()).toEqual(b.replica.rootDigest())
  })

  test('[DO3] nothing of the content of a deleted document stays', () => {
    const a = start()
    write(a, insert('o-1', { secret: 'forgettable' }))
    for (let n = 0; n < 300; n += 1) write(a, upsert('o-1', { n }))
    write(a, remove('o-1'))
    write(a, insert('o-2', { secret: 'forgettable' }))
    write(a, remove('o-2'))
    write(a, insert('o-2', { other: 1 }))
    const stored = JSON.stringify(
      (['rows', 'changes', 'checkpoints'] as const).flatMap((space) =>
        a.store
          .entries(space)
          .map(({ value }) => Buffer.from(value as Uint8Array).toString('latin1')),
      ),
    )
    expect(stored).not.toContain('forgettable')
    const b = start({ peer: peerB })
    apply(b, readAll(a, document))
    apply(b, readAll(a, { ...document, id: 'o-2' }))
    expect(find(b)).toEqual([{ _id: 'o-2', other: 1 }])
    expect(b.replica.rootDigest()).toEqual(a.replica.rootDigest())
  })
})

/** An application's live document on the other side of the commands. */
class LivePage {
  readonly doc = new Y.Doc({ guid: '' })
  readonly #driver: ReplicaDriver
  readonly #subscriber: number
  readonly #seen = { events: 0 }
  loaded = false
  sentBytes = 0

  constructor(driver: ReplicaDriver, subscriber: number, id: string) {
    this.#driver = driver
    this.#subscriber = subscriber
    const document = { collection: '', id }
    const answer = driver.ask({ type: 'open-document', subscriber, document })
    if (!answer.ok) throw new Error(answer.problem.message)
    this.doc.clientID = (answer.value as { clientId: number }).clientId
    this.doc.on('update', (update: Uint8Array, origin: unknown) => {
      if (origin === 'engine') return
      driver.command({ type: 'update-document', subscriber, update })
    })
    this.receive()
  }

  /** Applies what was sent; the number of bytes. */
  receive(): number {
    let bytes = 0
    for (; this.#seen.events < this.#driver.events.length; this.#seen.events += 1) {
      const event = this.#driver.events[this.#seen.events]!
      if (event.type !== 'document-updated' || event.subscriber !== this.#subscriber) continue
      this.loaded = event.loaded
      for (const update of event.updates) {
        expect(update.length).toBeLessThanOrEqual(65_536)
        Y.applyUpdate(this.doc, update, 'engine')
        bytes += update.length
      }
    }
    this.sentBytes += bytes
    return bytes
  }

  acknowledge(bytes: number): void {
    const subscriber = this.#subscriber
    this.#driver.command({ type: 'acknowledge-document', subscriber, bytes })
  }

  /** Receives and acknowledges until there is no more. */
  receiveAll(): void {
    this.#driver.settle()
    for (let bytes = this.receive(); bytes > 0; bytes = this.receive()) {
      this.acknowledge(bytes)
      this.#driver.settle()
    }
  }

  get text(): string {
    return this.doc.getText('text').toJSON()
  }
}

describe('live documents', () => {
  test('what one page types appears in the other, and is there after a restart', () => {
    const driver = start()
    const left = new LivePage(driver, 1, 'note')
    const right = new LivePage(driver, 2, 'note')
    expect([left.loaded, right.loaded]).toEqual([true, true])
    expect(left.doc.clientID).not.toBe(right.doc.clientID)
    left.doc.getText('text').insert(0, 'hello')
    right.doc.getText('text').insert(0, 'well, ')
    left.receiveAll()
    right.receiveAll()
    expect(left.text).toBe(right.text)
    expect(left.text.length).toBe(11)
    const restarted = start({ store: driver.store })
    const page = new LivePage(restarted, 1, 'note')
    expect(page.text).toBe(left.text)
  })

  test('[DO28] a keystroke after a pause is a change at once, those that follow share one', () => {
    const driver = start()
    const page = new LivePage(driver, 1, 'note')
    for (const letter of 'hello') page.doc.getText('text').insert(page.text.length, letter)
    expect(committed(driver)).toEqual([])
    expect(driver.replica.nextDeadlineMs()).toBe(driver.nowMs + 20)
    driver.settle()
    expect(committed(driver).length).toBe(2)
    const answers = [...driver.answers.values()].slice(-5)
    const written = (seq: number) => ({ ok: true, value: { write: `${peerA}-1-${seq}` } })
    expect(answers).toEqual([written(1), written(2), written(2), written(2), written(2)])
  })

  test('a page is not sent what it made itself', () => {
    const driver = start()
    const page = new LivePage(driver, 1, 'note')
    page.doc.getText('text').insert(0, 'x'.repeat(1000))
    page.receiveAll()
    expect(page.sentBytes).toBe(0)
  })

  test('[DO28] at most 256 KiB are sent without an acknowledgement', () => {
    const driver = start()
    const page = new LivePage(driver, 1, 'note')
    page.doc.getText('text').insert(0, 'x'.repeat(1_000_000))
    driver.settle()
    const reader = new LivePage(driver, 2, 'note')
    expect(reader.sentBytes).toBeLessThanOrEqual(256 * 1024)
    expect(reader.loaded).toBe(false)
    reader.acknowledge(reader.sentBytes)
    reader.receiveAll()
    expect(reader.loaded).toBe(true)
    expect(reader.text).toBe(page.text)
  })

  test('[DO28] a page that does not keep up gets the whole state again', () => {
    const driver = start()
    const reader = new LivePage(driver, 2, 'note')
    const page = new LivePage(driver, 1, 'note')
    for (let round = 0; round < 6; round += 1) {
      page.doc.getText('text').insert(0, String(round).repeat(900_000))
      driver.settle()
    }
    let acknowledged = reader.receive()
    expect(acknowledged).toBeLessThanOrEqual(256 * 1024)
    reader.acknowledge(acknowledged)
    for (let bytes = 1; bytes > 0;) {
      driver.settle()
      bytes = reader.receive()
      acknowledged += bytes
      reader.acknowledge(bytes)
    }
    expect(reader.text).toBe(page.text)
    expect(driver.recorder.recorder.documents.liveStatesSentAgain.value).toBe(1)
  })

  test('changes of others reach it', () => {
    const a = start()
    const b = start({ peer: peerB })
    const page = new LivePage(b, 1, 'note')
    const other = new LivePage(a, 1, 'note')
    other.doc.getText('text').insert(0, 'from afar')
    a.settle()
    apply(b, asDeliveries(committed(a)))
    page.receiveAll()
    expect(page.text).toBe('from afar')
  })

  test('refuses updates that are none, and answers empty ones', () => {
    const driver = start()
    const subscriber = 1
    void new LivePage(driver, subscriber, 'note')
    const send = (bytes: number[]) =>
      driver.ask({ type: 'update-document', subscriber, update: Uint8Array.from(bytes) })
    expect(codeOf(send([1, 2, 3]))).toBe('value-invalid')
    expect(send([0, 0])).toEqual({ ok: true, value: { write: undefined } })
    driver.ask({ type: 'close-document', subscriber })
    expect(codeOf(send([0, 0]))).toBe('document-missing')
  })

  test('closing keeps what was typed last', () => {
    const driver = start()
    const page = new LivePage(driver, 1, 'note')
    page.doc.getText('text').insert(0, 'last words')
    driver.ask({ type: 'close-document', subscriber: 1 })
    expect(new LivePage(driver, 2, 'note').text).toBe('last words')
  })
})

describe('a large backlog', () => {
  test('[DO27] is worked off in slices, local work first', () => {
    const a = start()
    for (let n = 0; n < 300; n += 1) write(a, insert(`o-${n}`, { n }))
    const b = start({ peer: peerB })
    b.apply(peerA, asDeliveries(committed(a)))
    const command = b.command({ type: 'write', operations: [insert('mine')] })
    while (!b.answers.has(command)) if (!b.step()) b.advance(0)
    expect(b.notices).toEqual([expect.objectContaining({ type: 'committed' })])
    b.settle()
    expect(find(b).length).toBe(301)
    expect(b.recorder.recorder.documents.documentsCached.value).toBeLessThanOrEqual(64)
  })
})
