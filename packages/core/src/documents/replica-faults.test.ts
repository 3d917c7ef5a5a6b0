/**
 * The replica over a store that fails or dies at any one operation, and several replicas that
 * exchange changes while they crash: nothing that was acknowledged is lost, all come to agree.
 */

import * as fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import * as Y from 'yjs'
import type { CommandAnswer, WriteOperation } from '../engine/command.ts'
import { encodeHex } from '../engine/bytes/hex.ts'
import type { PeerId } from '../engine/identity/peer-id.ts'
import type { StorageFailureReason } from '../storage/storage.ts'
import type { Change, DocumentKey } from '../engine/sync/change.ts'
import { addDigests, emptyDigest } from '../engine/sync/digest.ts'
import { documentKeyText } from '../engine/sync/document-key.ts'
import type { Delivery, ListedHead } from '../engine/sync/replica-port.ts'
import { entryOf } from '../engine/sync/version-operations.ts'
import type { Version } from '../engine/sync/version.ts'
import { parseWriteId } from '../engine/sync/write-id.ts'
import { ReplicaDriver, ReplicaStore, type StorageFate } from '../testing/replica-driver.ts'
import { decodeRoot, decodeStoredHead } from './storage-layout.ts'

vi.setConfig({ testTimeout: 120_000 })

const peers = ['aaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbb', 'cccccccccccccccc'] as PeerId[]

/** A write that was acknowledged: its number must be in the versions of its documents for ever. */
interface Acknowledged {
  readonly write: string
  readonly documents: readonly DocumentKey[]
}

function checkAcknowledged(store: ReplicaStore, acknowledged: readonly Acknowledged[]): void {
  for (const { write, documents } of acknowledged) {
    const { writer, seq } = parseWriteId(write)!
    for (const document of documents) {
      const key = [document.collection, document.id]
      const stored = store.read({ type: 'get', space: 'heads', key })[0]
      const head = stored === undefined ? undefined : decodeStoredHead(stored.value)
      expect(entryOf(head?.version ?? [], writer)?.seq ?? 0).toBeGreaterThanOrEqual(seq)
    }
  }
}

/** What a store says must fit together, and be what a new replica makes of it. */
function checkStore(store: ReplicaStore): void {
  let sum = emptyDigest()
  const rows = new Set<string>()
  for (const { key, value } of store.entries('heads')) {
    const head = decodeStoredHead(value)!
    sum = addDigests(sum, head.digest)
    if (key[0] !== '' && !head.deleted) rows.add(key.join('/'))
  }
  expect(new Set(store.entries('rows').map(({ key }) => key.join('/')))).toEqual(rows)
  const root = store.entries('meta')[0]
  const digest = root === undefined ? emptyDigest() : decodeRoot(root.value)!.digest
  expect(encodeHex(digest)).toBe(encodeHex(sum))
}

function rowsOf(store: ReplicaStore): Record<string, unknown> {
  return Object.fromEntries(store.entries('rows').map(({ key, value }) => [key.join('/'), value]))
}

function isOk(answer: CommandAnswer | undefined): boolean {
  return answer?.ok === true
}

/** One change of another peer, as a scripted workload needs some. */
function changesOfAnother(): Change[] {
  const driver = new ReplicaDriver({ store: new ReplicaStore(), peer: peers[1]!, seed: 5 })
  const orders = 'orders'
  driver.ask({
    type: 'write',
    operations: [{ type: 'insert', collection: orders, row: { _id: 'theirs', n: 1 } }],
  })
  driver.ask({
    type: 'write',
    operations: [
      { type: 'upsert', collection: orders, row: { _id: 'o-1', theirs: true } },
      { type: 'delete', collection: orders, id: 'theirs' },
    ],
  })
  return driver.notices.flatMap((notice) => (notice.type === 'committed' ? [notice.change] : []))
}

/** Writes, several at a time, a live document, changes of others, a checkpoint. */
class Workload {
  readonly acknowledged: Acknowledged[] = []
  readonly #driver: ReplicaDriver
  readonly #others: readonly Change[]
  readonly #waiting: { command: number; documents: readonly DocumentKey[] }[] = []

  constructor(driver: ReplicaDriver, others: readonly Change[]) {
    this.#driver = driver
    this.#others = others
  }

  run(): void {
    const orders = 'orders'
    this.#write({ type: 'insert', collection: orders, row: { _id: 'o-1', items: [] } })
    this.#write({ type: 'upsert', collection: orders, row: { _id: 'o-1', a: 1 } })
    this.#write(
      { type: 'upsert', collection: orders, row: { _id: 'o-1', b: 2 } },
      { type: 'insert', collection: orders, row: { _id: 'o-2' } },
    )
    this.#driver.settle()
    this.#type('hello ')
    this.#driver.apply(peers[1]!, asDeliveries(this.#others))
    this.#write({ type: 'delete', collection: orders, id: 'o-2' })
    this.#driver.settle()
    this.#write({ type: 'insert', collection: orders, row: { _id: 'o-2', again: true } })
    for (let n = 0; n < 300; n += 1) {
      this.#write({ type: 'upsert', collection: orders, row: { _id: 'o-1', n } })
    }
    this.#driver.settle()
    this.#type('world')
    this.#driver.settle()
  }

  /** Takes note of what was answered. */
  close(): void {
    for (const { command, documents } of this.#waiting) {
      const answer = this.#driver.answers.get(command)
      if (answer?.ok !== true) continue
      const { write } = answer.value as { write: string | undefined }
      if (write !== undefined) this.acknowledged.push({ write, documents })
    }
  }

  #write(...operations: WriteOperation[]): void {
    const command = this.#driver.command({ type: 'write', operations })
    const documents = operations.map((operation) => ({
      collection: operation.collection,
      id: 'row' in operation ? operation.row._id : operation.id,
    }))
    this.#waiting.push({ command, documents })
  }

  #type(text: string): void {
    const document = { collection: '', id: 'note' }
    const subscriber = this.#waiting.length + 1000
    const opened = this.#driver.command({ type: 'open-document', subscriber, document })
    this.#driver.settle()
    if (!isOk(this.#driver.answers.get(opened))) return
    const doc = new Y.Doc({ guid: '' })
    doc.getText('text').insert(0, text)
    const update = Y.encodeStateAsUpdate(doc)
    const command = this.#driver.command({ type: 'update-document', subscriber, update })
    this.#waiting.push({ command, documents: [document] })
  }
}

function asDeliveries(changes: readonly Change[]): Delivery[] {
  return changes.map((change) => ({ type: 'change', change }))
}

/** The fate of operation `count` alone. */
function failAt(count: number, fate: StorageFate): (at: number) => StorageFate {
  return (at) => (at === count ? fate : { type: 'done' })
}

describe('storage that fails at one operation', () => {
  const others = changesOfAnother()
  const fates: [string, StorageFate][] = [
    ...(['io', 'quota'] as StorageFailureReason[]).map((reason): [string, StorageFate] => [
      reason,
      { type: 'failed', reason },
    ]),
    ['done but reported as failed', { type: 'done-but-failed' }],
  ]

  test.each(fates)('[DO26] %s, for every operation: usable, whole, nothing lost', (_, fate) => {
    for (let count = 1; ; count += 1) {
      const store = new ReplicaStore()
      const driver = new ReplicaDriver({
        store,
        peer: peers[0]!,
        seed: count,
        fate: failAt(count, fate),
      })
      const workload = new Workload(driver, others)
      workload.run()
      workload.close()
      expect(driver.replica.idle()).toBe(true)
      checkStore(store)
      checkAcknowledged(store, workload.acknowledged)
      if (driver.operations < count) return
      const upsert = { type: 'upsert' as const, collection: 'orders', row: { _id: 'x', count } }
      expect(isOk(driver.ask({ type: 'write', operations: [upsert] }))).toBe(true)
      checkStore(store)
      const before = rowsOf(store)
      const restarted = new ReplicaDriver({ store, peer: peers[0]!, seed: 0 })
      restarted.ask({ type: 'write', operations: [{ ...upsert, row: { _id: 'y' } }] })
      expect(rowsOf(store)).toEqual({ ...before, 'orders/y': '{"_id":"y"}' })
      expect(exchange(restarted)).toBe(true)
    }
  })

  test.each([
    ['without the operation', false],
    ['with the operation done but not answered', true],
  ])('[DO26] a crash at every operation, %s: nothing acknowledged is lost', (_, done) => {
    for (let count = 1; ; count += 1) {
      const store = new ReplicaStore()
      const driver = new ReplicaDriver({
        store,
        peer: peers[0]!,
        seed: count,
        fate: (at) => {
          if (at < count || (at === count && done)) return { type: 'done' }
          throw new Crash()
        },
      })
      const workload = new Workload(driver, others)
      let crashed = false
      try {
        workload.run()
      } catch (error) {
        if (!(error instanceof Crash)) throw error
        crashed = true
      }
      workload.close()
      checkStore(store)
      checkAcknowledged(store, workload.acknowledged)
      const restarted = new ReplicaDriver({ store, peer: peers[0]!, seed: 0 })
      const upsert = { type: 'upsert' as const, collection: 'orders', row: { _id: 'x', count } }
      expect(isOk(restarted.ask({ type: 'write', operations: [upsert] }))).toBe(true)
      checkStore(store)
      expect(exchange(restarted)).toBe(true)
      if (!crashed) return
    }
  })

  test('[DO26] a write that storage has no room for does not take others with it', () => {
    const fate = (_: number, bytes: number): StorageFate =>
      bytes < 50_000 ? { type: 'done' } : { type: 'failed', reason: 'quota' }
    const driver = new ReplicaDriver({ store: new ReplicaStore(), peer: peers[0]!, seed: 1, fate })
    driver.settle()
    const lengths = [10, 20, 60_000, 30]
    const commands = lengths.map((length) => {
      const row = { _id: `row-${length}`, text: 'x'.repeat(length) }
      const operations = [{ type: 'insert' as const, collection: 'orders', row }]
      return driver.command({ type: 'write', operations })
    })
    driver.settle()
    const answers = commands.map((command) => driver.answers.get(command))
    expect(answers.map(isOk)).toEqual([true, true, false, true])
    expect(answers[2]).toMatchObject({ problem: { code: 'storage-quota' } })
    expect(driver.problems.map(({ code }) => code)).toEqual(['storage-quota', 'storage-quota'])
    checkStore(driver.store)
  })

  test.each([1, 2, 3, 4, 8])('a store fenced at operation %i is the end, said once', (failing) => {
    const fate = (at: number): StorageFate =>
      at < failing ? { type: 'done' } : { type: 'failed', reason: 'fenced' }
    const driver = new ReplicaDriver({ store: new ReplicaStore(), peer: peers[0]!, seed: 1, fate })
    new Workload(driver, others).run()
    expect(driver.replica.idle()).toBe(true)
    expect(driver.problems.map(({ code }) => code)).toEqual(['store-fenced'])
    const upsert = { type: 'upsert' as const, collection: 'orders', row: { _id: 'x' } }
    expect(driver.ask({ type: 'write', operations: [upsert] })).toMatchObject({
      problem: { code: 'store-fenced' },
    })
  })
})

class Crash extends Error {}

/** Whether a new peer that is given everything ends with the same store of heads and rows. */
function exchange(driver: ReplicaDriver): boolean {
  const copy = new ReplicaDriver({ store: new ReplicaStore(), peer: peers[2]!, seed: 9 })
  pull(copy, driver)
  expect(rowsOf(copy.store)).toEqual(rowsOf(driver.store))
  return encodeHex(copy.replica.rootDigest()) === encodeHex(driver.replica.rootDigest())
}

function headsOf(driver: ReplicaDriver): ListedHead[] {
  const heads: ListedHead[] = []
  for (let more = true; more;) {
    const request = driver.nextRequest()
    driver.replica.listHeads(request, heads.at(-1)?.document, 3)
    const notice = driver.answerTo(request)
    if (notice.type !== 'heads-listed') return heads
    heads.push(...notice.heads)
    more = notice.more
  }
  return heads
}

function versionOf(driver: ReplicaDriver, document: DocumentKey): Version {
  const request = driver.nextRequest()
  driver.replica.readHeads(request, [document])
  const notice = driver.answerTo(request)
  return notice.type === 'heads-read' ? (notice.heads[0]?.head.version ?? []) : []
}

/** Gives `to` what `from` has and it lacks, over as many requests as it takes. */
function pull(to: ReplicaDriver, from: ReplicaDriver, bytesMax = 5000): void {
  for (let more = true; more;) {
    const held = new Map(headsOf(to).map((head) => [documentKeyText(head.document), head.digest]))
    const wanted = headsOf(from)
      .filter(({ document, digest }) => {
        const mine = held.get(documentKeyText(document))
        return mine === undefined || encodeHex(mine) !== encodeHex(digest)
      })
      .map(({ document }) => ({ document, version: versionOf(to, document) }))
    const request = from.nextRequest()
    from.replica.readChanges(request, wanted, bytesMax)
    const notice = from.answerTo(request)
    if (notice.type !== 'changes-read') return
    const applied = to.answerTo(to.apply(from.peer, notice.deliveries))
    const outcomes = applied.type === 'applied' ? applied.outcomes : []
    expect(outcomes).not.toContain('refused')
    more = notice.more && outcomes.includes('applied')
  }
}

type WorldStep =
  | { type: 'write'; peer: number; operations: WriteOperation[] }
  | { type: 'type'; peer: number; text: string; at: number }
  | { type: 'storage'; peer: number; count: number }
  | { type: 'crash'; peer: number }
  | { type: 'fan-out'; peer: number; to: number; skip: number }
  | { type: 'pull'; peer: number; from: number; bytesMax: number }

const peer = fc.nat({ max: 2 })
const id = fc.constantFrom('a', 'b', 'c')
const collection = fc.constantFrom('orders', 'guests')
const fields = fc.dictionary(
  fc.constantFrom('x', 'y'),
  fc.oneof(fc.integer(), fc.array(fc.integer(), { maxLength: 2 }), fc.constant({ z: { w: 1 } })),
  { noNullPrototype: true },
)
const upsert = fc.tuple(collection, id, fields).map(([collection, _id, fields]) => ({
  type: 'upsert' as const,
  collection,
  row: { ...fields, _id },
}))
const operation: fc.Arbitrary<WriteOperation> = fc.oneof(
  { weight: 3, arbitrary: upsert },
  fc.record({ type: fc.constant('delete' as const), collection, id }),
)
const worldStep: fc.Arbitrary<WorldStep> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('write' as const),
      peer,
      operations: fc.array(operation, { minLength: 1, maxLength: 3 }),
    }),
  },
  fc.record({
    type: fc.constant('type' as const),
    peer,
    text: fc.string({ minLength: 1, maxLength: 5 }),
    at: fc.nat({ max: 100 }),
  }),
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('storage' as const),
      peer,
      count: fc.nat({ max: 6 }),
    }),
  },
  fc.record({ type: fc.constant('crash' as const), peer }),
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('fan-out' as const),
      peer,
      to: peer,
      skip: fc.nat({ max: 2 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('pull' as const),
      peer,
      from: peer,
      bytesMax: fc.constantFrom(1, 200, 10_000),
    }),
  },
)

/** Three peers, their stores, and what each has promised. */
class World {
  readonly stores = peers.map(() => new ReplicaStore())
  readonly #drivers = peers.map((_, index) => this.#boot(index))
  readonly #promised = peers.map((): Acknowledged[] => [])
  readonly #waiting = peers.map((): Map<number, readonly DocumentKey[]> => new Map())
  readonly #sent = peers.map(() => 0)

  step(step: WorldStep): void {
    const driver = this.#drivers[step.peer]!
    switch (step.type) {
      case 'write': {
        const command = driver.command({ type: 'write', operations: step.operations })
        const documents = step.operations.map((operation) => ({
          collection: operation.collection,
          id: 'row' in operation ? operation.row._id : operation.id,
        }))
        this.#waiting[step.peer]!.set(command, documents)
        break
      }
      case 'type':
        this.#type(step.peer, step.text, step.at)
        break
      case 'storage':
        for (let count = 0; count < step.count; count += 1) if (!driver.step()) driver.advance(20)
        break
      case 'crash':
        this.#note(step.peer)
        this.#drivers[step.peer] = this.#boot(step.peer)
        this.#waiting[step.peer]!.clear()
        this.#sent[step.peer] = 0
        checkStore(this.stores[step.peer]!)
        break
      case 'fan-out': {
        // Some are lost on the way: those after them have a gap.
        const changes = driver.notices.flatMap((notice) =>
          notice.type === 'committed' ? [notice.change] : [],
        )
        const fresh = changes.slice(this.#sent[step.peer]! + step.skip)
        this.#sent[step.peer] = changes.length
        this.#drivers[step.to]!.apply(driver.peer, asDeliveries(fresh))
        break
      }
      case 'pull':
        if (step.peer !== step.from) pull(driver, this.#drivers[step.from]!, step.bytesMax)
        break
    }
    this.#note(step.peer)
  }

  /** Everybody gets everything. */
  heal(): void {
    for (let round = 0; round < 3; round += 1) {
      for (const to of this.#drivers) {
        for (const from of this.#drivers) if (to !== from) pull(to, from)
      }
    }
    for (const index of peers.keys()) {
      this.#drivers[index]!.settle()
      this.#note(index)
    }
  }

  check(): void {
    const roots = this.#drivers.map((driver) => encodeHex(driver.replica.rootDigest()))
    expect(new Set(roots).size).toBe(1)
    for (const [index, store] of this.stores.entries()) {
      checkStore(store)
      expect(rowsOf(store)).toEqual(rowsOf(this.stores[0]!))
      for (const promised of this.#promised) checkAcknowledged(store, promised)
      expect(this.#drivers[index]!.replica.idle()).toBe(true)
    }
    const texts = this.#drivers.map((driver) => textOf(driver))
    expect(new Set(texts).size).toBe(1)
  }

  #boot(index: number): ReplicaDriver {
    return new ReplicaDriver({ store: this.stores[index]!, peer: peers[index]!, seed: index })
  }

  #type(index: number, text: string, at: number): void {
    const driver = this.#drivers[index]!
    const subscriber = driver.nextRequest()
    const document = { collection: '', id: 'note' }
    const opened = driver.ask({ type: 'open-document', subscriber, document })
    if (!opened.ok) return
    const doc = documentOf(driver, subscriber)
    doc.clientID = (opened.value as { clientId: number }).clientId
    const before = Y.encodeStateVector(doc)
    const content = doc.getText('text')
    content.insert(at % (content.length + 1), text)
    const update = Y.encodeStateAsUpdate(doc, before)
    const command = driver.command({ type: 'update-document', subscriber, update })
    this.#waiting[index]!.set(command, [document])
    driver.command({ type: 'close-document', subscriber })
  }

  #note(index: number): void {
    for (const [command, documents] of this.#waiting[index]!) {
      const answer = this.#drivers[index]!.answers.get(command)
      if (answer === undefined) continue
      this.#waiting[index]!.delete(command)
      if (!answer.ok) continue
      const { write } = answer.value as { write: string | undefined }
      const changed = this.#changedBy(index, write)
      const kept = documents.filter((document) => changed.has(documentKeyText(document)))
      if (write !== undefined) this.#promised[index]!.push({ write, documents: kept })
    }
  }

  /** The documents that the change of that id has parts for; an upsert may have changed nothing. */
  #changedBy(index: number, write: string | undefined): Set<string> {
    const seq = write === undefined ? 0 : parseWriteId(write)!.seq
    const names = new Set<string>()
    for (const notice of this.#drivers[index]!.notices) {
      if (notice.type !== 'committed' || notice.change.seq !== seq) continue
      for (const part of notice.change.parts) names.add(documentKeyText(part.document))
    }
    return names
  }
}

/** What the driver has sent to that live document, all of it. */
function documentOf(driver: ReplicaDriver, subscriber: number): Y.Doc {
  const doc = new Y.Doc({ guid: '' })
  for (const event of driver.events) {
    if (event.type !== 'document-updated' || event.subscriber !== subscriber) continue
    for (const update of event.updates) Y.applyUpdate(doc, update)
  }
  return doc
}

function textOf(driver: ReplicaDriver): string {
  const subscriber = 1_000_000
  driver.ask({ type: 'open-document', subscriber, document: { collection: '', id: 'note' } })
  return documentOf(driver, subscriber).getText('text').toJSON()
}

describe('three peers', () => {
  test('[DO23] agree after any exchange with crashes, and keep what they acknowledged', () => {
    fc.assert(
      fc.property(fc.array(worldStep, { minLength: 5, maxLength: 80 }), (steps) => {
        const world = new World()
        for (const step of steps) world.step(step)
        world.heal()
        world.check()
      }),
      { numRuns: 150 },
    )
  })
})
