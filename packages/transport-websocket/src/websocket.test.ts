import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { localEnd, transportSuite } from '@fieldmesh/core/testing'
import { describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { websocket } from './node.ts'
import type { ListeningTransport } from './node.ts'
import { messageBytesMax, subprotocol } from './websocket-protocol.ts'

const loopback = { port: 0, host: '127.0.0.1' }
const [peerA, peerB] = ['00000000000000aa', '00000000000000bb']

function urlOf({ listening }: ListeningTransport, path = '/'): string {
  return `ws://127.0.0.1:${listening?.port ?? 0}${path}`
}

/** A WebSocket that was opened without our transport. */
async function openRaw(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url, subprotocol)
  await once(socket, 'open')
  socket.on('error', () => undefined)
  return socket
}

describe('websocket transport in Node', () => {
  transportSuite({
    test,
    capabilities: websocket({ listen: loopback }).capabilities,
    traits: { encrypted: false, costClass: 'lan' },
    hostileActs: ['oversizedMessage', 'brokenMessage', 'halfMessage', 'silence', 'noise'],
    factory: async () => {
      const listener = websocket({ listen: loopback })
      const sockets: Socket[] = []
      const openTcp = async () => {
        const socket = connect(listener.listening?.port ?? 0, '127.0.0.1')
        sockets.push(socket)
        socket.on('error', () => undefined)
        await once(socket, 'connect')
        return socket
      }
      return {
        dialler: localEnd(websocket(), peerA),
        listener: localEnd(listener, peerB),
        address: () => urlOf(listener),
        // Nobody may listen on the port of discarded messages without being root.
        nowhere: { address: 'ws://127.0.0.1:9', reason: 'refused' },
        malformedAddress: 'http://127.0.0.1:9',
        hostile: {
          oversizedMessage: async () => {
            ;(await openRaw(urlOf(listener))).send(new Uint8Array(messageBytesMax + 1))
          },
          brokenMessage: async () => {
            ;(await openRaw(urlOf(listener))).send('text')
          },
          halfMessage: async () => {
            const socket = await openRaw(urlOf(listener))
            socket.send(new Uint8Array(10), { fin: false })
            return {
              hangUp: () => {
                socket.terminate()
              },
            }
          },
          silence: async () => {
            await openTcp()
          },
          noise: async () => {
            ;(await openTcp()).write('\0\0\0\0 no HTTP \r\n\r\n')
          },
        },
        release: async () => {
          for (const socket of sockets) socket.destroy()
        },
      }
    },
  })
})

test('a listener answers only its path, its subprotocol and the origins it accepts', async () => {
  const transport = websocket({
    listen: {
      ...loopback,
      path: '/mesh',
      acceptsOrigin: (origin) => origin === undefined || origin === 'https://cafe.example',
    },
  })
  const end = localEnd(transport, peerA)
  await end.start()
  const statusOf = (path: string, protocol: string, origin?: string): Promise<string> => {
    const socket = new WebSocket(urlOf(transport, path), protocol, origin ? { origin } : {})
    return new Promise((resolve) => {
      socket.once('error', (error) => {
        resolve(error.message)
      })
      socket.once('open', () => {
        socket.terminate()
        resolve('open')
      })
    })
  }
  expect(await statusOf('/mesh', subprotocol)).toBe('open')
  expect(await statusOf('/mesh?from=here', subprotocol, 'https://cafe.example')).toBe('open')
  expect(await statusOf('/mesh', subprotocol, 'https://else.example')).toMatch(/403/)
  expect(await statusOf('/mesh', 'other.1')).toMatch(/400/)
  expect(await statusOf('/', subprotocol)).toMatch(/404/)
  await end.stop()
})

test('a listener beside an application leaves its requests and its server alone', async () => {
  const server = createServer((_request, response) => response.end('the application'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const transport = websocket({ listen: { server, path: '/mesh' } })
  const listener = localEnd(transport, peerA)
  const dialler = localEnd(websocket(), peerB)
  await Promise.all([listener.start(), dialler.start()])
  expect(transport.listening?.port).toBe(port)
  expect((await dialler.dial(`ws://127.0.0.1:${port}/mesh`)).type).toBe('open')
  await Promise.all([listener.stop(), dialler.stop()])
  const answer = await fetch(`http://127.0.0.1:${port}/`)
  expect(await answer.text()).toBe('the application')
  server.closeAllConnections()
  server.close()
})

test('a web page that is not a peer is a refused dial with a sentence', async () => {
  const server = createServer((_request, response) => response.end('no peer'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const dialler = localEnd(websocket(), peerA)
  await dialler.start()
  const { port } = server.address() as AddressInfo
  const result = await dialler.dial(`ws://127.0.0.1:${port}/`)
  expect(result).toMatchObject({ type: 'failed', reason: 'refused' })
  await dialler.stop()
  server.closeAllConnections()
  server.close()
})
