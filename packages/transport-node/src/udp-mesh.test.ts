/** Meshes over UDP on the loopback, with and without loss. */

import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { openMesh, type Mesh } from '@fieldmesh/core'
import type { Transport } from '@fieldmesh/core/transport'
import { afterEach, expect, test } from 'vitest'
import { formatUdpAddress, udp } from './index.ts'

interface Order {
  readonly _id: string
  readonly table: number
  readonly note?: string
}

const meshes: Mesh[] = []
const relays: LossyRelay[] = []

afterEach(async () => {
  await Promise.all(meshes.splice(0).map(async (mesh) => mesh.close()))
  for (const relay of relays.splice(0)) relay.close()
})

async function open(transport: Transport): Promise<Mesh> {
  const mesh = await openMesh({
    app: 'corner-cafe',
    secret: 'ab'.repeat(32),
    transports: [transport],
  })
  meshes.push(mesh)
  return mesh
}

/** Passes datagrams between whoever sends to it and one address, and drops every so-manieth. */
class LossyRelay {
  droppedCount = 0
  #passedCount = 0
  readonly #near = createSocket('udp4')
  readonly #farByPort = new Map<number, Socket>()
  readonly #dropEvery: number

  constructor(port: number, dropEvery: number) {
    this.#dropEvery = dropEvery
    this.#near.on('message', (bytes, remote) => {
      let far = this.#farByPort.get(remote.port)
      if (!far) {
        far = createSocket('udp4')
        far.on('message', (answer) => {
          if (this.#passes()) this.#near.send(answer, remote.port, '127.0.0.1')
        })
        this.#farByPort.set(remote.port, far)
      }
      if (this.#passes()) far.send(bytes, port, '127.0.0.1')
    })
  }

  async listen(): Promise<number> {
    this.#near.bind(0, '127.0.0.1')
    await once(this.#near, 'listening')
    return this.#near.address().port
  }

  close(): void {
    this.#near.close()
    for (const far of this.#farByPort.values()) far.close()
  }

  #passes(): boolean {
    this.#passedCount += 1
    if (this.#passedCount % this.#dropEvery !== 0) return true
    this.droppedCount += 1
    return false
  }
}

/** Until a mesh has so many orders. */
async function untilOrders(mesh: Mesh, count: number): Promise<readonly Order[]> {
  return new Promise((resolve) => {
    const query = mesh
      .collection<Order>('orders')
      .find()
      .observe(({ rows }) => {
        if (rows.length !== count) return
        queueMicrotask(() => query.stop())
        resolve(rows)
      })
  })
}

async function exchangeOrders(one: Mesh, two: Mesh): Promise<void> {
  const note = 'x'.repeat(4_000)
  for (let table = 1; table <= 10; table += 1) {
    await one.collection<Order>('orders').insert({ _id: `one-${table}`, table, note })
    await two.collection<Order>('orders').insert({ _id: `two-${table}`, table, note })
  }
  const [rowsOfOne, rowsOfTwo] = await Promise.all([untilOrders(one, 20), untilOrders(two, 20)])
  const byId = (rows: readonly Order[]) => Object.fromEntries(rows.map((row) => [row._id, row]))
  expect(byId(rowsOfOne)).toEqual(byId(rowsOfTwo))
}

async function listen() {
  const transport = udp({ listen: { port: 0, host: '127.0.0.1' } })
  const mesh = await open(transport)
  return { mesh, address: transport.listening[0] ?? { host: '', port: 0 } }
}

test('two meshes are in step over UDP', async () => {
  const { mesh: one, address } = await listen()
  const two = await open(udp({ addresses: [formatUdpAddress(address)] }))
  await exchangeOrders(one, two)
})

test('two meshes are in step over UDP that loses every fifth datagram', async () => {
  const { mesh: one, address } = await listen()
  const relay = new LossyRelay(address.port, 5)
  relays.push(relay)
  const port = await relay.listen()
  const two = await open(udp({ addresses: [formatUdpAddress({ ...address, port })] }))
  await exchangeOrders(one, two)
  expect(relay.droppedCount).toBeGreaterThan(5)
})
