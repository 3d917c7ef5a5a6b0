import { createHook } from 'node:async_hooks'
import { expect, test } from 'vitest'
import { loadWeriftConnector } from './werift-connection.ts'

test('without servers, no name of the internet is asked for', async () => {
  const asked: string[] = []
  const hook = createHook({
    init: (_id, type) => {
      if (type === 'GETADDRINFOREQWRAP') asked.push(type)
    },
  }).enable()
  const connect = await loadWeriftConnector({})
  await new Promise<void>((resolve, reject) => {
    const connection = connect(
      { initiator: true, iceServers: [] },
      {
        signal: () => undefined,
        gathered: () => {
          connection.destroy()
          resolve()
        },
        opened: () => undefined,
        failed: reject,
      },
    )
  })
  hook.disable()
  expect(asked).toEqual([])
})
