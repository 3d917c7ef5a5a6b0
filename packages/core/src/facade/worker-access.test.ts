import { expose } from 'comlink'
import { expect, test } from 'vitest'
import type { PeerId } from '../engine/identity/peer-id.ts'
import type { WorkerApi } from '../worker/worker-api.ts'
import { checkOptions } from './checked-options.ts'
import type { MeshError } from './mesh-error.ts'
import type { MeshWorker } from './mesh-options.ts'
import { WorkerAccess } from './worker-access.ts'

/** A worker in this thread, whose end can be told like a browser tells it. */
function workerWith(api: Partial<WorkerApi>) {
  const { port1, port2 } = new MessageChannel()
  const whole = {
    hello: () => true,
    open: async () => ({ ok: true, peer: '00112233aabbccdd' as PeerId }),
    ...api,
  }
  expose(whole, port2)
  const life = { isTerminated: false }
  const worker = Object.assign(port1, {
    terminate: () => {
      life.isTerminated = true
      port1.close()
    },
  }) as unknown as MeshWorker
  const fail = () => port1.dispatchEvent(new Event('error'))
  return { worker, life, fail }
}

const options = {
  ...checkOptions({ app: 'cafe', secret: new Uint8Array(32).fill(1) }),
  platform: 'chromium',
}

function timerCount(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
}

test('a worker that fails while it is asked to stop does not keep the mesh from closing', async () => {
  let asked = () => {}
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve
  })
  const { worker, life, fail } = workerWith({
    stop: async () => {
      asked()
      return new Promise<void>(() => {})
    },
  })
  const broken: string[] = []
  const access = await WorkerAccess.open(worker, options, undefined, ({ code }) => {
    broken.push(code)
  })
  const stopped = access.stop().catch((error: unknown) => (error as MeshError).code)
  await isAsked
  fail()
  expect(await stopped).toBe('worker-failed')
  expect(broken).toEqual(['worker-failed'])
  await access.release()
  expect(life.isTerminated).toBe(true)
})

test('what was given up leaves neither a timer nor a worker behind', async () => {
  const before = timerCount()
  const abort = new AbortController()
  const { worker, life } = workerWith({ hello: () => new Promise<true>(() => {}) as never })
  const opening = WorkerAccess.open(worker, options, abort.signal, () => {})
  const reason = new Error('the user went back')
  abort.abort(reason)
  await expect(opening).rejects.toBe(reason)
  expect(life.isTerminated).toBe(true)
  expect(timerCount()).toBe(before)
})
