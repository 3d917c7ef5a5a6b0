import { queryObjects, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { openMesh, type Mesh } from '@fieldmesh/core'
import { createMemoryImage, memoryStorage } from '@fieldmesh/core/storage/memory'
import type { Transport } from '@fieldmesh/core/transport'
import { formatTcpAddress, tcp } from '@fieldmesh/transport-node'
import { expect, test } from 'vitest'
import { websocket } from './node.ts'

const options = { app: 'cycles', secret: 'ab'.repeat(32) }
const listen = { port: 0, host: '127.0.0.1' }
const cycleCount = 300
/** Cycles after which the caches of the runtime and of the library are as full as they get. */
const warmupCount = 150

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** What is alive in this process once garbage has been collected. */
async function alive() {
  // Finalizers and closing handles have tasks of their own.
  for (let round = 0; round < 3; round += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
    collectGarbage()
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return {
    objects: queryObjects(Object, { format: 'count' }),
    promises: queryObjects(Promise, { format: 'count' }),
    functions: queryObjects(Function, { format: 'count' }),
    resources: process.getActiveResourcesInfo().toSorted().join(),
    bytes: heapUsed + arrayBuffers,
  }
}

/** Connects, asks once over a stream, and closes. */
async function cycle(
  transports: readonly Transport[],
  hub: Mesh,
  image: ReturnType<typeof createMemoryImage>,
): Promise<void> {
  // The same peer each time: the hub remembers peers for a while.
  const mesh = await openMesh({ ...options, storage: memoryStorage({ image }), transports })
  const { readable, writable } = await mesh.openStream(hub.peer, { protocol: 'echo' })
  const writing = new Blob(['tea']).stream().pipeTo(writable)
  expect(await new Response(readable).text()).toBe('tea')
  await writing
  await mesh.close()
}

const kinds = {
  WebSocket: () => {
    const listener = websocket({ listen })
    const urls = () => [`ws://127.0.0.1:${listener.listening?.port ?? 0}/`]
    return { listener, dialler: () => websocket({ urls: urls() }) }
  },
  TCP: () => {
    const listener = tcp({ listen })
    const addresses = () => [formatTcpAddress(listener.listening ?? { host: 'none', port: 0 })]
    return { listener, dialler: () => tcp({ addresses: addresses() }) }
  },
}

test.each(['WebSocket', 'TCP'] as const)(
  '300 connections over %s leave nothing behind',
  async (kind) => {
    const { listener, dialler } = kinds[kind]()
    const hub = await openMesh({ ...options, transports: [listener] })
    hub.acceptStreams('echo', ({ readable, writable }) => {
      readable.pipeTo(writable).catch(() => {})
    })
    const image = createMemoryImage()
    for (let count = 0; count < warmupCount; count += 1) await cycle([dialler()], hub, image)
    const before = await alive()
    for (let count = warmupCount; count < cycleCount; count += 1) {
      await cycle([dialler()], hub, image)
    }
    const after = await alive()
    expect(after.resources).toBe(before.resources)
    // Less than one object, and less than a kilobyte, for each connection.
    const measuredCount = cycleCount - warmupCount
    for (const objects of ['objects', 'promises', 'functions'] as const) {
      expect(after[objects] - before[objects]).toBeLessThan(measuredCount / 2)
    }
    expect(after.bytes - before.bytes).toBeLessThan(measuredCount * 1024)
    await hub.close()
  },
)
