import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import type { ChannelCloseReason } from '@fieldmesh/core/transport'
import { expect, test } from 'vitest'
import { TcpChannel } from './tcp-channel.ts'

test('an accepted connection that sends nothing in its time is closed', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const silent = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [socket] = (await once(server, 'connection')) as [Socket]
  const reason = await new Promise<ChannelCloseReason>((closed) => {
    const channel = new TcpChannel({ socket, firstMessageMs: 1, gone: () => undefined })
    channel.attach({ received: () => undefined, drained: () => undefined, closed })
  })
  expect(reason).toBe('protocol')
  silent.destroy()
  server.close()
})
