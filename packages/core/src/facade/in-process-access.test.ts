import { expect, test } from 'vitest'
import { createTaskQueue } from '../driver/task-queue.ts'
import type { DrivenEngine } from '../driver/driver.ts'
import type { EngineOptions } from '../engine/engine-options.ts'
import { nobleCryptography } from '../engine/crypto/noble.ts'
import type { Input } from '../engine/input.ts'
import type { Output } from '../engine/output.ts'
import { createMemoryImage, memoryStorage } from '../storage/memory.ts'
import { StorageFailure, type Storage } from '../storage/storage.ts'
import { MemoryNetwork, memoryTransport } from '../testing/memory-transport.ts'
import { InProcessAccess } from './in-process-access.ts'
import { RunningMesh } from './running-mesh.ts'

/** Answers the commands that a mesh gives by itself, and dials what it is told of. */
class TinyEngine implements DrivenEngine {
  readonly options: EngineOptions
  readonly inputs: Input[] = []
  readonly #outputs: Output[] = []

  constructor(options: EngineOptions) {
    this.options = options
  }

  handle(input: Input): void {
    this.inputs.push(input)
    if (input.type === 'stop') this.#outputs.push({ type: 'stopped' })
    if (input.type === 'address-found') {
      this.#outputs.push({ type: 'dial', dial: 1, transport: 'memory', address: input.address })
    }
    if (input.type === 'command') {
      const value = { local: 'x', peers: [], connections: [] } as never
      this.#outputs.push({
        type: 'command-answered',
        command: input.command,
        answer: { ok: true, value },
      })
    }
  }

  poll(): Output | undefined {
    return this.#outputs.shift()
  }

  nextDeadlineMs(): number {
    return Number.POSITIVE_INFINITY
  }
}

const secret = new Uint8Array(32)

test('an engine that cannot be made is a problem, and its store is closed', async () => {
  const storage = memoryStorage()
  const opening = InProcessAccess.open({
    app: 'cafe',
    secret,
    name: '',
    platform: 'node',
    metadata: {},
    transports: [],
    storage,
    cryptography: nobleCryptography,
    createEngine: () => {
      throw new Error('broken invariant: this one')
    },
  })
  await expect(opening).rejects.toMatchObject({ code: 'engine-failed' })
  await expect(storage.read([])).rejects.toMatchObject({ reason: 'closed' })
})

async function open(storage: Storage, transports: Parameters<typeof memoryTransport>[0][] = []) {
  let engine: TinyEngine | undefined
  const access = await InProcessAccess.open({
    app: 'corner-cafe',
    secret,
    name: 'till',
    platform: 'node',
    metadata: {},
    storage,
    transports: transports.map((options) => memoryTransport(options)),
    cryptography: nobleCryptography,
    createEngine: (options) => {
      engine = new TinyEngine(options)
      return engine
    },
  })
  return { access, engine: engine! }
}

test('the identity outlives the engine in its store, the epoch grows, the seed is new', async () => {
  const image = createMemoryImage()
  const first = await open(memoryStorage({ image }))
  await first.access.stop()
  const second = await open(memoryStorage({ image }))
  await second.access.stop()
  expect(second.access.peer).toBe(first.access.peer)
  expect(second.engine.options.identitySecretKey).toEqual(first.engine.options.identitySecretKey)
  expect(second.engine.options.epoch).toBe(first.engine.options.epoch + 1)
  expect(second.engine.options.seed).not.toEqual(first.engine.options.seed)
  const stranger = await open(memoryStorage())
  await stranger.access.stop()
  expect(stranger.access.peer).not.toBe(first.access.peer)
})

test('a store that cannot be opened is a MeshError with its code, and is closed', async () => {
  let closeCount = 0
  const storage: Storage = {
    ...memoryStorage(),
    open: async () => Promise.reject(new StorageFailure('in-use', 'another process has it')),
    close: async () => {
      closeCount += 1
    },
  }
  await expect(open(storage)).rejects.toMatchObject({
    code: 'store-in-use',
    message: 'another process has it',
  })
  expect(closeCount).toBe(1)
})

test('an identity that is no key makes a corrupt store', async () => {
  const image = createMemoryImage()
  const storage = memoryStorage({ image })
  await storage.open()
  await storage.write([{ type: 'put', space: 'meta', key: ['identity'], value: 'no key' }])
  await storage.close()
  await expect(open(memoryStorage({ image }))).rejects.toMatchObject({ code: 'store-corrupt' })
})

test('a mesh that closes closes its channels, and its address may be taken again', async () => {
  const network = new MemoryNetwork()
  const there = await open(memoryStorage(), [{ network, address: 'there' }])
  const here = await open(memoryStorage(), [{ network, dial: ['there'] }])
  const meshes = [here.access, there.access].map((access) => {
    const environment = { host: 'node', secureContext: true, missing: [] } as const
    return new RunningMesh({ app: 'cafe', access, environment, tasks: createTaskQueue() })
  })
  const opened = () => there.engine.inputs.some(({ type }) => type === 'channel-opened')
  while (!opened()) {
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
  await Promise.all(meshes.map(async (mesh) => mesh.close()))
  expect(there.engine.inputs.at(-1)?.type).toBe('stop')
  const again = await open(memoryStorage(), [{ network, address: 'there' }])
  await again.access.stop()
  await again.access.release()
})
