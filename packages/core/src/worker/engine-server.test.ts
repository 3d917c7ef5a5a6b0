import { expect, test } from 'vitest'

import { memoryStorage } from '../storage/memory.ts'
import { EngineServer } from './engine-server.ts'
import type { WorkerPorts } from './worker-api.ts'

const options = {
  app: 'cafe',
  secret: new Uint8Array(32).fill(1),
  store: 'main',
  name: '',
  platform: 'node',
  metadata: {},
}

test('a store that cannot even be made is a problem, and is free for the next who asks', async () => {
  const broken = new EngineServer(() => {
    throw new Error('there is no database here')
  })
  const channels = Array.from({ length: 4 }, () => new MessageChannel())
  const [transports, pipes, reports, streams] = channels.map(({ port1 }) => port1)
  const ports = { transports, pipes, reports, streams } as WorkerPorts
  expect(await broken.open(options, ports)).toEqual({
    ok: false,
    problem: { code: 'worker-failed', message: 'there is no database here' },
  })
  const server = new EngineServer(() => memoryStorage())
  expect(await server.open(options, ports)).toMatchObject({ ok: true })
  const page = channels[0]!.port2
  page.onmessage = () => page.postMessage([{ type: 'transports-stopped' }])
  await server.stop()
  for (const { port1, port2 } of channels) for (const port of [port1, port2]) port.close()
})
