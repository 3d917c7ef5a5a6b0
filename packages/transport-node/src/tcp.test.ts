import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { localEnd, transportSuite } from '@fieldmesh/core/testing'
import { describe, expect, test } from 'vitest'
import { formatTcpAddress, tcp } from './index.ts'
import { encodeHeader, messageBytesMax } from './tcp-framing.ts'

const loopback = { port: 0, host: '127.0.0.1' }

describe('tcp transport', () => {
  transportSuite({
    test,
    capabilities: tcp({ listen: loopback }).capabilities,
    traits: { encrypted: false, costClass: 'lan' },
    hostileActs: ['oversizedMessage', 'halfMessage', 'silence', 'noise'],
    factory: async () => {
      const listener = tcp({ listen: loopback })
      const sockets: Socket[] = []
      const raw = async () => {
        const socket = connect(listener.listening ?? { port: 0 })
        sockets.push(socket)
        socket.on('error', () => undefined)
        await once(socket, 'connect')
        return socket
      }
      return {
        dialler: localEnd(tcp(), '00000000000000aa'),
        listener: localEnd(listener, '00000000000000bb'),
        address: () => formatTcpAddress(listener.listening ?? { host: 'none', port: 0 }),
        // Nobody may listen on the port of discarded messages without being root.
        nowhere: { address: 'tcp://127.0.0.1:9', reason: 'refused' },
        malformedAddress: 'ws://127.0.0.1:9',
        hostile: {
          oversizedMessage: async () => {
            const socket = await raw()
            socket.write(encodeHeader(messageBytesMax + 1))
          },
          halfMessage: async () => {
            const socket = await raw()
            socket.write(Buffer.concat([encodeHeader(10), Buffer.alloc(5)]))
            return { hangUp: () => socket.destroy() }
          },
          silence: async () => {
            await raw()
          },
          noise: async () => {
            const socket = await raw()
            socket.write('GET / HTTP/1.1\r\n\r\n')
          },
        },
        release: async () => {
          for (const socket of sockets) socket.destroy()
        },
      }
    },
  })
})

test('configured addresses are reported at the start', async () => {
  const end = localEnd(tcp({ addresses: ['tcp://hub.local:4100'] }), '00000000000000aa')
  await end.start()
  expect(await end.addressesFound()).toEqual(['tcp://hub.local:4100'])
  await end.stop()
})

test('a port that is taken fails the start, and the transport is not running', async () => {
  const first = tcp({ listen: loopback })
  const firstEnd = localEnd(first, '00000000000000aa')
  await firstEnd.start()
  const second = tcp({ listen: { ...loopback, port: first.listening?.port ?? 0 } })
  const secondEnd = localEnd(second, '00000000000000bb')
  await expect(secondEnd.start()).rejects.toThrow(/EADDRINUSE/)
  expect(second.listening).toBeUndefined()
  await firstEnd.stop()
  await secondEnd.start()
  await secondEnd.stop()
})

test('a zone that Node does not take is said to be unsupported, with what does', async () => {
  const end = localEnd(tcp(), '00000000000000aa')
  await end.start()
  const result = await end.dial('tcp://[fe80::1%aware_data0]:4100')
  expect(result).toMatchObject({ type: 'failed', reason: 'unsupported' })
  await end.stop()
})
