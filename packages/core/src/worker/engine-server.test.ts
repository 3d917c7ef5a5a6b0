import { expect, test } from 'vitest'

import { memoryStorage } from '../storage/memory.ts'
import { EngineServer } from './engine-server.ts'

const options = {
  app: 'cafe',
  secret: new Uint8Array(32).fill(1),
  store: 'main',
  name: '',
  metadata: {},
}

test('a store that cannot even be made is a problem, and is free for the next who asks', async () => {
  const broken = new EngineServer(() => {
    throw new Error('there is no database here')
  })
  const ports = [new MessageChannel(), new MessageChannel(), new MessageChannel()] as const
  const [one, reports, streams] = ports
  expect(await broken.open(options, one.port1, reports.port1, streams.port1)).toEqual({
    ok: false,
    problem: { code: 'worker-failed', message: 'there is no database here' },
  })
  const server = new EngineServer(() => memoryStorage())
  expect(await server.open(options, one.port1, reports.port1, streams.port1)).toMatchObject({
    ok: true,
  })
  one.port2.onmessage = () => one.port2.postMessage([{ type: 'transports-stopped' }])
  await server.stop()
  for (const { port1, port2 } of ports) for (const port of [port1, port2]) port.close()
})
