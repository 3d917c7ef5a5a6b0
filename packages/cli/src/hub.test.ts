import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openMesh, type Mesh } from '@fieldmesh/core'
import type { Transport } from '@fieldmesh/core/transport'
import { tcp, udp } from '@fieldmesh/transport-node'
import { webrtcDirect } from '@fieldmesh/transport-webrtc'
import { websocket } from '@fieldmesh/transport-websocket'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startHub, type Hub } from './hub.ts'
import type { HubOptions } from './hub-options.ts'

interface Order {
  readonly _id: string
  readonly table: number
}

const secret = '42'.repeat(32)
let folder: string
const closers: (() => Promise<void>)[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fieldmesh-hub-'))
})

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
  rmSync(folder, { recursive: true })
})

async function hub(options: Partial<HubOptions> = {}): Promise<Hub> {
  const started = await startHub({
    app: 'cafe',
    secret,
    host: '127.0.0.1',
    port: 0,
    tcpPort: 0,
    udpPort: undefined,
    directPort: undefined,
    certificatePath: join(folder, 'hub.certificate.pem'),
    storePath: join(folder, 'hub.sqlite'),
    name: 'hub',
    peers: [],
    isJson: false,
    ...options,
  })
  closers.push(() => started.mesh.close())
  return started
}

async function peer(transport: Transport): Promise<Mesh> {
  const mesh = await openMesh({ app: 'cafe', secret, transports: [transport] })
  closers.push(() => mesh.close())
  return mesh
}

/** Resolves when the mesh shows the order. */
async function arrival(mesh: Mesh, id: string): Promise<Order> {
  return new Promise((resolve) => {
    const query = mesh
      .collection<Order>('orders')
      .find({ _id: id })
      .observe(({ rows: [order] }) => {
        if (order === undefined) return
        queueMicrotask(() => query.stop())
        resolve(order)
      })
  })
}

test('peers that reach the hub by TCP, UDP and WebSocket share documents through it', async () => {
  const { port, tcpPort, udpPort } = await hub({ udpPort: 0 })
  const overTcp = await peer(tcp({ addresses: [`tcp://127.0.0.1:${tcpPort}`] }))
  const overUdp = await peer(udp({ addresses: [`udp://127.0.0.1:${udpPort}`] }))
  const overWebSocket = await peer(websocket({ urls: [`ws://127.0.0.1:${port}`] }))
  await overTcp.collection<Order>('orders').insert({ _id: 'a', table: 4 })
  expect(await arrival(overWebSocket, 'a')).toEqual({ _id: 'a', table: 4 })
  await overWebSocket.collection<Order>('orders').insert({ _id: 'b', table: 9 })
  expect(await arrival(overTcp, 'b')).toEqual({ _id: 'b', table: 9 })
  expect(await arrival(overUdp, 'b')).toEqual({ _id: 'b', table: 9 })
})

test('two hubs keep each other in step', async () => {
  const first = await hub()
  const second = await hub({
    storePath: join(folder, 'second.sqlite'),
    peers: [`ws://127.0.0.1:${first.port}`],
  })
  await second.mesh.collection<Order>('orders').insert({ _id: 'a', table: 1 })
  expect(await arrival(first.mesh, 'a')).toEqual({ _id: 'a', table: 1 })
})

test('a hub is dialled directly by the address that it prints, also after a new start', async () => {
  const first = await hub({ directPort: 0 })
  const [address = ''] = first.directAddresses
  expect(address).toMatch(/^webrtc-direct:\/\/127\.0\.0\.1:\d+\/[\w-]{43}$/)
  const { port } = new URL(address.replace(/^[\w-]+:/, 'http:'))
  const direct = await peer(webrtcDirect({ addresses: [address], hostAddresses: ['127.0.0.1'] }))
  await direct.collection<Order>('orders').insert({ _id: 'a', table: 4 })
  expect(await arrival(first.mesh, 'a')).toEqual({ _id: 'a', table: 4 })
  await first.mesh.close()
  const second = await hub({ directPort: Number(port) })
  expect(second.directAddresses).toEqual([address])
  await second.mesh.collection<Order>('orders').insert({ _id: 'b', table: 9 })
  expect(await arrival(direct, 'b')).toEqual({ _id: 'b', table: 9 })
})

test('two hubs keep each other in step by direct dialling', async () => {
  const first = await hub({ directPort: 0 })
  const second = await hub({
    storePath: join(folder, 'second.sqlite'),
    peers: [...first.directAddresses],
  })
  await second.mesh.collection<Order>('orders').insert({ _id: 'a', table: 1 })
  expect(await arrival(first.mesh, 'a')).toEqual({ _id: 'a', table: 1 })
})

test('a hub whose certificate cannot be read says why', async () => {
  const certificatePath = join(folder, 'bad.pem')
  writeFileSync(certificatePath, 'nothing')
  await expect(hub({ directPort: 0, certificatePath })).rejects.toThrow(/bad\.pem holds no cert/)
})

test('a hub that is started again has what it had', async () => {
  const first = await hub()
  await first.mesh.collection<Order>('orders').insert({ _id: 'a', table: 1 })
  await first.mesh.close()
  const second = await hub()
  expect(await second.mesh.collection<Order>('orders').get('a')).toEqual({ _id: 'a', table: 1 })
  expect(second.mesh.peer).toBe(first.mesh.peer)
})

test('a hub that cannot listen says why', async () => {
  const { port } = await hub()
  await expect(hub({ port, storePath: join(folder, 'second.sqlite') })).rejects.toThrow(/in use/)
})

test('a store that another hub has open is refused', async () => {
  await hub()
  await expect(hub()).rejects.toMatchObject({ code: 'store-in-use' })
})
