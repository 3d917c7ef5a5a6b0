import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { networkInterfaces } from 'node:os'
import { localEnd, transportSuite } from '@fieldmesh/core/testing'
import { describe, expect, test } from 'vitest'
import * as werift from 'werift'
import { messageBytesMax } from '../connection.ts'
import { parseDirectAddress, webrtcDirect } from '../node.ts'
import { makeCertificate } from './certificate-file.ts'
import { formatDirectAddress } from './direct-address.ts'
import type { DirectAddress } from './direct-address.ts'
import { makeCheck, RawDialler } from './raw-dialler.test-page.ts'

const [peerA, peerB] = ['00000000000000aa', '00000000000000bb']
const listen = { port: 0, host: '127.0.0.1' }

function addressOf(text: string | undefined): DirectAddress {
  const address = parseDirectAddress(text ?? '')
  if (typeof address === 'string') throw new Error(`${text}: ${address}`)
  return address
}

describe('direct dialling from Node to Node', () => {
  transportSuite({
    test,
    bulkBytes: 1024 * 1024,
    capabilities: webrtcDirect({ listen }).capabilities,
    traits: { encrypted: true, costClass: 'lan' },
    hostileActs: ['oversizedMessage', 'brokenMessage', 'silence', 'noise'],
    factory: async () => {
      const listener = webrtcDirect({ listen })
      const releases: (() => void)[] = []
      const openSocket = () => {
        const socket = createSocket('udp4')
        releases.push(() => socket.close())
        const { port, fingerprint } = addressOf(listener.listening[0])
        const send = (datagram: Uint8Array) => {
          socket.send(datagram, port, '127.0.0.1')
        }
        return { socket, send, fingerprint }
      }
      /** An open channel of somebody who does not have this transport. */
      const openRaw = async () => {
        const { socket, send, fingerprint } = openSocket()
        const certificate = await makeCertificate(werift)
        const dialler = new RawDialler({ fingerprint, certificate, send })
        socket.on('message', (datagram) => {
          dialler.receive(datagram)
        })
        await dialler.open()
        releases.unshift(() => void dialler.end())
        return dialler.channel
      }
      return {
        dialler: localEnd(webrtcDirect({ hostAddresses: ['127.0.0.1'] }), peerA),
        listener: localEnd(listener, peerB),
        address: () => listener.listening[0] ?? '',
        malformedAddress: 'webrtc-direct://127.0.0.1:9/abc',
        hostile: {
          oversizedMessage: async () => {
            ;(await openRaw()).send(Buffer.alloc(messageBytesMax + 1))
          },
          brokenMessage: async () => {
            ;(await openRaw()).send('text')
          },
          silence: async () => {
            const { send, fingerprint } = openSocket()
            send(makeCheck('abcd', { fingerprint }))
          },
          noise: async () => {
            const { send } = openSocket()
            for (const first of [0, 22, 23, 99]) send(Buffer.alloc(200, first))
          },
        },
        release: async () => {
          for (const release of releases) release()
        },
      }
    },
  })
})

test('[DR18] the wrong fingerprint is a certificate-mismatch in Node too', async () => {
  const listener = webrtcDirect({ listen })
  const [far, near] = [
    localEnd(listener, peerB),
    localEnd(webrtcDirect({ hostAddresses: ['127.0.0.1'] }), peerA),
  ]
  await Promise.all([far.start(), near.start()])
  const address = addressOf(listener.listening[0])
  const fingerprint = address.fingerprint.map((byte) => byte ^ 1)
  expect(await near.dial(formatDirectAddress({ ...address, fingerprint }))).toMatchObject({
    type: 'failed',
    reason: 'certificate-mismatch',
  })
  expect(listener.counts.checksForOthers).toBeGreaterThan(0)
  await Promise.all([far.stop(), near.stop()])
})

test('[DR20] every address but link-local ones, with one port', async () => {
  const transport = webrtcDirect({ listen: { port: 0 } })
  const end = localEnd(transport, peerB)
  await end.start()
  const addresses = transport.listening.map(addressOf)
  const own = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const far = own.filter(({ internal, address }) => !internal && !/^fe[89ab]/i.test(address))
  const wanted = far.length > 0 ? far : own
  expect(addresses.map(({ host }) => host).toSorted()).toEqual(
    wanted.map(({ address }) => address).toSorted(),
  )
  const [port = 0, ...others] = new Set(addresses.map((address) => address.port))
  expect(others).toEqual([])
  // The loopback is listened at as well: nobody else can have the port there.
  const socket: Socket = createSocket('udp4')
  const error = new Promise<Error>((resolve) => {
    socket.once('error', resolve)
  })
  socket.bind(port, '127.0.0.1')
  expect(await error).toMatchObject({ code: 'EADDRINUSE' })
  socket.close()
  await end.stop()
  expect(transport.listening).toEqual([])
})

test('[DR20] a port that is taken is an error with the reason', async () => {
  const first = webrtcDirect({ listen })
  const firstEnd = localEnd(first, peerA)
  await firstEnd.start()
  const { port } = addressOf(first.listening[0])
  const second = localEnd(webrtcDirect({ listen: { ...listen, port } }), peerB)
  await expect(second.start()).rejects.toThrow(/EADDRINUSE/)
  await Promise.all([firstEnd.stop(), second.stop()])
})
