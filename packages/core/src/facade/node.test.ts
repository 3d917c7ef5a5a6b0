import { afterEach, expect, test } from 'vitest'
import { libraryVersion } from '../engine/library-version.ts'
import { linkQualities } from '../engine/mesh/link-quality.ts'
import { createMemoryImage, memoryStorage } from '../storage/memory.ts'
import { MemoryNetwork, memoryTransport } from '../testing/memory-transport.ts'
import { MeshError, openMesh, type Mesh, type MeshOptions, type PresenceGraph } from './node.ts'

interface Order {
  _id: string
  table: number
  status: string
  items: { name: string; count: number }[]
}

const secret = 'ab'.repeat(32)
const meshes: Mesh[] = []

afterEach(async () => {
  await Promise.all(meshes.splice(0).map(async (mesh) => mesh.close()))
})

async function open(options: Partial<MeshOptions> = {}): Promise<Mesh> {
  const mesh = await openMesh({ app: 'corner-cafe', secret, ...options })
  meshes.push(mesh)
  return mesh
}

async function openTwo(): Promise<[Mesh, Mesh]> {
  const network = new MemoryNetwork()
  const listening = memoryTransport({ network, address: 'one' })
  const one = await open({ name: 'one', transports: [listening] })
  const dialling = memoryTransport({ network, dial: ['one'] })
  const two = await open({ name: 'two', transports: [dialling] })
  return [one, two]
}

/** Until the query gives rows that pass. */
async function rowsOf(mesh: Mesh, isRight: (rows: readonly Order[]) => boolean) {
  return new Promise<readonly Order[]>((resolve, reject) => {
    const live = mesh
      .collection<Order>('orders')
      .find()
      .observe(
        ({ rows }) => {
          if (!isRight(rows)) return
          resolve(rows)
          queueMicrotask(() => live.stop())
        },
        { failed: reject },
      )
  })
}

test('a peer by itself writes, reads, queries and observes', async () => {
  const mesh = await open()
  const orders = mesh.collection<Order>('orders')
  const first = { _id: 'o-1', table: 4, status: 'open', items: [] }
  const { id } = await orders.insert(first)
  await orders.insert({ _id: 'o-2', table: 2, status: 'open', items: [] })
  await expect(orders.insert(first)).rejects.toMatchObject({ code: 'document-exists' })
  await orders.update('o-1', (order) => {
    order.status = 'ready'
    order.items.push({ name: 'tea', count: 1 })
    order.items[0]!.count += 1
  })
  await orders.upsert({ _id: 'o-2', table: 3 })
  const ready = { ...first, status: 'ready', items: [{ name: 'tea', count: 2 }] }
  expect(await orders.get('o-1')).toEqual(ready)
  expect(await orders.find({ table: { $gt: 3 } }).toArray()).toEqual([ready])
  const sorted = await orders.find().sort({ table: 1 }).toArray()
  expect(sorted.map(({ _id }) => _id)).toEqual(['o-2', 'o-1'])
  await orders.delete('o-1')
  await expect(orders.delete('o-1')).rejects.toMatchObject({ code: 'document-missing' })
  expect(await orders.get('o-1')).toBeUndefined()
  expect((await mesh.syncStatus(id)).heldBy).toEqual([mesh.peer])
  expect(mesh.presence.graph().local).toBe(mesh.peer)
})

test('what is written outlives the mesh in its store, and so does the peer', async () => {
  const image = createMemoryImage()
  const first = await open({ storage: memoryStorage({ image }) })
  const row = { _id: 'o-1', table: 4, status: 'open', items: [] }
  await first.collection<Order>('orders').insert(row)
  const written = await first.document('note')
  written.doc.getText('t').insert(0, 'tea at four')
  await first.close()
  const second = await open({ storage: memoryStorage({ image }) })
  expect(second.peer).toBe(first.peer)
  expect(await second.collection<Order>('orders').get('o-1')).toEqual(row)
  const read = await second.document('note')
  await read.whenLoaded
  expect(read.doc.getText('t').toJSON()).toBe('tea at four')
})

test('two peers share rows, and concurrent edits of one row are both kept', async () => {
  const [one, two] = await openTwo()
  const row = { _id: 'o-1', table: 4, status: 'open', items: [] }
  await one.collection<Order>('orders').insert(row)
  expect(await rowsOf(two, (rows) => rows.length === 1)).toEqual([row])
  const push = (name: string) => (order: { items: unknown[] }) => {
    order.items.push({ name, count: 1 })
  }
  await Promise.all([
    one.collection<Order>('orders').update('o-1', push('tea')),
    two.collection<Order>('orders').update('o-1', push('cake')),
  ])
  const isBoth = (rows: readonly Order[]) => rows[0]?.items.length === 2
  const [here, there] = await Promise.all([rowsOf(one, isBoth), rowsOf(two, isBoth)])
  expect(here).toEqual(there)
})

test('two peers share a document, and see each other in it', async () => {
  const [one, two] = await openTwo()
  const here = await one.document('note')
  const there = await two.document('note')
  const arrived = new Promise<void>((resolve) => {
    there.doc.getText('t').observe(() => {
      if (there.doc.getText('t').toJSON() === 'tea') resolve()
    })
  })
  const seen = new Promise<void>((resolve) => {
    there.awareness.on('change', () => {
      const states = [...there.awareness.getStates().values()]
      if (states.some(({ name }) => name === 'Ann')) resolve()
    })
  })
  here.doc.getText('t').insert(0, 'tea')
  here.awareness.setLocalStateField('name', 'Ann')
  await Promise.all([arrived, seen])
  const left = new Promise<void>((resolve) => {
    there.awareness.on('change', ({ removed }) => {
      if (removed.includes(here.awareness.clientID)) resolve()
    })
  })
  await here.close()
  await left
})

test('two applications do not meet, and both are told', async () => {
  const network = new MemoryNetwork()
  const one = await open({ transports: [memoryTransport({ network, address: 'one' })] })
  const two = await open({
    app: 'other-cafe',
    transports: [memoryTransport({ network, dial: ['one'] })],
  })
  const problemOf = async (mesh: Mesh) =>
    new Promise<string>((resolve) => {
      mesh.onProblem(({ code }) => resolve(code))
    })
  expect(await Promise.all([problemOf(one), problemOf(two)])).toEqual([
    'app-mismatch',
    'app-mismatch',
  ])
})

test('options that are for browsers, or wrong, are refused before anything is opened', async () => {
  const worker = {} as NonNullable<MeshOptions['worker']>
  await expect(open({ worker })).rejects.toMatchObject({ code: 'options-invalid' })
  await expect(open({ secret: 'short' })).rejects.toBeInstanceOf(MeshError)
  await expect(open({ signal: AbortSignal.abort('enough') })).rejects.toBe('enough')
})

test('each of two peers sees what the other is, and how good the link to it is', async () => {
  const [one, two] = await openTwo()
  const seen = async (mesh: Mesh, other: Mesh): Promise<PresenceGraph> =>
    new Promise((resolve) => {
      const watching = mesh.presence.observe((graph) => {
        const told = graph.peers.find(({ peer }) => peer === other.peer)
        const link = graph.connections.find(({ from }) => from === mesh.peer)
        if (!told?.platform || link?.quality === undefined) return
        resolve(graph)
        queueMicrotask(() => watching.stop())
      })
    })
  for (const [mesh, other, name] of [
    [one, two, 'two'],
    [two, one, 'one'],
  ] as const) {
    const { peers, connections } = await seen(mesh, other)
    expect(peers.find(({ peer }) => peer === other.peer)).toMatchObject({
      publicKey: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      name,
      platform: 'node',
      libraryVersion,
      transports: ['memory'],
      hopCount: 1,
    })
    const link = connections.find(({ from }) => from === mesh.peer)
    expect(link).toMatchObject({ to: other.peer, transport: 'memory' })
    expect(link?.rttMs).toBeGreaterThan(0)
    expect(linkQualities).toContain(link?.quality)
  }
})
