import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { localEnd, transportSuite } from '@fieldmesh/core/testing'
import { describe, expect, test } from 'vitest'
import { formatUdpAddress, udp } from './index.ts'
import { createUdpCounts } from './udp-counts.ts'
import { decodeUdpDatagram, encodeCookie, encodeOpen, encodeTagged } from './udp-datagram.ts'
import type { UdpDatagram } from './udp-datagram.ts'
import { UdpListener } from './udp-listener.ts'
import { messageBytesMax } from './udp-message-size.ts'

const loopback = { port: 0, host: '127.0.0.1' }
const tag = Buffer.from('aabbccdd', 'hex')

/** A socket without the transport, and what comes to it. */
class RawSocket {
  readonly socket: Socket
  readonly lengths: number[] = []
  readonly #port: number
  readonly #received: UdpDatagram[] = []

  constructor(port: number) {
    this.#port = port
    this.socket = createSocket('udp4')
    this.socket.on('message', (bytes) => {
      this.lengths.push(bytes.length)
      const datagram = decodeUdpDatagram(bytes)
      if (datagram) this.#received.push(datagram)
      this.socket.emit('taken')
    })
  }

  send(bytes: Uint8Array): void {
    this.socket.send(bytes, this.#port, '127.0.0.1')
  }

  /** The next datagram. */
  async next(): Promise<UdpDatagram> {
    if (this.#received.length === 0) await once(this.socket, 'taken')
    return this.#received.shift() as UdpDatagram
  }

  /** Opens a channel: the tag to send messages with. */
  async open(): Promise<Uint8Array> {
    const cookie = await this.cookie()
    this.send(encodeCookie('confirm', tag, cookie))
    expect(await this.next()).toEqual({ type: 'accept', tag })
    return cookie.subarray(16)
  }

  /** Asks for a cookie. What comes before it is passed over. */
  async cookie(): Promise<Uint8Array> {
    this.send(encodeOpen(tag))
    for (;;) {
      const datagram = await this.next()
      if (datagram.type === 'challenge') return datagram.cookie
    }
  }
}

/** A listening transport, and raw sockets towards it. */
async function listening() {
  const transport = udp({ listen: loopback })
  const end = localEnd(transport, '00000000000000bb')
  await end.start()
  const sockets: RawSocket[] = []
  const raw = () => {
    const socket = new RawSocket(transport.listening[0]?.port ?? 0)
    sockets.push(socket)
    return socket
  }
  const release = async () => {
    await end.stop()
    for (const { socket } of sockets) socket.close()
  }
  return { transport, end, raw, release }
}

function message(to: Uint8Array, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([encodeTagged('message', to), bytes])
}

describe('udp transport', () => {
  transportSuite({
    test,
    capabilities: udp({ listen: loopback }).capabilities,
    traits: { encrypted: false, costClass: 'lan', reliable: false },
    hostileActs: ['oversizedMessage', 'brokenMessage', 'silence', 'noise'],
    factory: async () => {
      const listener = udp({ listen: loopback })
      const sockets: RawSocket[] = []
      const raw = () => {
        const socket = new RawSocket(listener.listening[0]?.port ?? 0)
        sockets.push(socket)
        return socket
      }
      return {
        dialler: localEnd(udp(), '00000000000000aa'),
        listener: localEnd(listener, '00000000000000bb'),
        address: () => formatUdpAddress(listener.listening[0] ?? { host: 'none', port: 0 }),
        nowhere: { address: 'udp://127.0.0.1:9', reason: 'refused' },
        malformedAddress: 'tcp://127.0.0.1:9',
        hostile: {
          oversizedMessage: async () => {
            const socket = raw()
            socket.send(message(await socket.open(), Buffer.alloc(messageBytesMax + 1)))
          },
          brokenMessage: async () => {
            const socket = raw()
            socket.send(message(await socket.open(), Buffer.alloc(0)))
          },
          silence: async () => {
            raw().send(encodeOpen(tag))
          },
          noise: async () => {
            const socket = raw()
            socket.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
            socket.send(Buffer.alloc(0))
          },
        },
        release: async () => {
          for (const { socket } of sockets) socket.close()
        },
      }
    },
  })
})

describe('opening', () => {
  test('[UD2] a stranger leaves nothing behind, and no answer is longer than what it answers', async () => {
    const { end, raw, transport, release } = await listening()
    const stranger = raw()
    await stranger.cookie()
    // Made up: a fresh challenge, and no channel.
    stranger.send(encodeCookie('confirm', tag, Buffer.alloc(20)))
    expect((await stranger.next()).type).toBe('challenge')
    expect(stranger.lengths).toEqual([25, 25])
    expect(await end.acceptedCount()).toBe(0)
    expect(transport.counts.cookiesRefused).toBe(1)
    await release()
  })

  test('[UD2] a cookie is of no use at another port', async () => {
    const { end, raw, release } = await listening()
    const cookie = await raw().cookie()
    const other = raw()
    other.send(encodeCookie('confirm', tag, cookie))
    expect((await other.next()).type).toBe('challenge')
    expect(await end.acceptedCount()).toBe(0)
    await release()
  })

  test('[UD2] another version is refused', async () => {
    const { raw, release } = await listening()
    const later = raw()
    later.send(encodeOpen(tag, 2))
    expect(await later.next()).toEqual({ type: 'refuse', tag, code: 2 })
    await release()
  })

  test('[UD3] a confirmation that is repeated is answered again and opens nothing', async () => {
    const { end, raw, release } = await listening()
    const peer = raw()
    const cookie = await peer.cookie()
    for (let count = 0; count < 3; count += 1) {
      peer.send(encodeCookie('confirm', tag, cookie))
      expect((await peer.next()).type).toBe('accept')
    }
    expect(await end.acceptedCount()).toBe(1)
    await release()
  })

  test('[UD7] the stranger after the 64th is refused, and one that speaks makes room', async () => {
    const { end, raw, transport, release } = await listening()
    const first = raw()
    const to = await first.open()
    for (let count = 1; count < 64; count += 1) await raw().open()
    const next = raw()
    const cookie = await next.cookie()
    next.send(encodeCookie('confirm', tag, cookie))
    expect(await next.next()).toEqual({ type: 'refuse', tag, code: 1 })
    expect(transport.counts.dialsRefused).toBe(1)
    first.send(message(to, Buffer.from('hello')))
    await end.attach(0)
    await end.received(0, 1)
    next.send(encodeCookie('confirm', tag, cookie))
    expect((await next.next()).type).toBe('accept')
    await release()
  })

  test('[UD7] an end that begins anew at its port ends the channel it had', async () => {
    const { end, raw, release } = await listening()
    const peer = raw()
    await peer.open()
    const otherTag = Buffer.from('11223344', 'hex')
    peer.send(encodeOpen(otherTag))
    const challenge = await peer.next()
    if (challenge.type !== 'challenge') throw new Error(`${challenge.type} came`)
    peer.send(encodeCookie('confirm', otherTag, challenge.cookie))
    expect(await peer.next()).toEqual({ type: 'accept', tag: otherTag })
    await end.attach(0)
    expect(await end.closed(0)).toBe('lost')
    expect(await end.acceptedCount()).toBe(2)
    await release()
  })
})

describe('open channels', () => {
  test('[UD4, UD10] a message with another tag is not delivered, and answered with that tag', async () => {
    const { end, raw, transport, release } = await listening()
    const peer = raw()
    const to = await peer.open()
    const wrong = Buffer.from('01020304', 'hex')
    peer.send(message(wrong, Buffer.from('forged')))
    expect(await peer.next()).toEqual({ type: 'gone', tag: wrong })
    peer.send(message(to, Buffer.from('true')))
    await end.attach(0)
    expect(await end.received(0, 1)).toHaveLength(1)
    expect(transport.counts.unknown).toBe(1)
    await release()
  })

  test('[UD6] a farewell is answered, also when its channel is over', async () => {
    const { end, raw, release } = await listening()
    const peer = raw()
    const to = await peer.open()
    peer.send(encodeTagged('farewell', to))
    expect(await peer.next()).toEqual({ type: 'gone', tag })
    await end.attach(0)
    expect(await end.closed(0)).toBe('remote')
    peer.send(encodeTagged('farewell', to))
    expect(await peer.next()).toEqual({ type: 'gone', tag: to })
    await release()
  })

  test('[UD6] a farewell is repeated until it is answered', async () => {
    const { end, raw, release } = await listening()
    const peer = raw()
    const to = await peer.open()
    await end.attach(0)
    await end.close(0)
    for (let count = 0; count < 3; count += 1) {
      expect(await peer.next()).toEqual({ type: 'farewell', tag })
    }
    peer.send(encodeTagged('gone', to))
    await release()
  })

  test('[UD6] at most a hundred answers a second go to unknown channels', async () => {
    const counts = createUdpCounts()
    let nowMs = 0
    const listener = await UdpListener.bind({
      ...loopback,
      counts,
      isFull: () => false,
      opened: () => undefined,
      nowMs: () => nowMs,
    })
    const stranger = new RawSocket(listener.address.port)
    for (let count = 1; count <= 150; count += 1) {
      stranger.send(message(tag, Buffer.from([count])))
      // Whatever was sent has been dealt with when its answer, or that to what followed, has come.
      if (count % 50 === 0) await stranger.cookie()
    }
    expect(counts).toMatchObject({ unknown: 150, unanswered: 50 })
    nowMs = 1000
    stranger.send(message(tag, Buffer.from([0])))
    await stranger.cookie()
    expect(counts.unanswered).toBe(50)
    stranger.socket.close()
    await listener.close()
  })

  test('[UD1, UD10] whatever comes is dropped or answered no longer than it is', async () => {
    const { end, raw, transport, release } = await listening()
    const stranger = raw()
    for (let type = 0; type < 256; type += 1) {
      for (const length of [1, 4, 5, 6, 25, 32]) {
        stranger.send(Buffer.alloc(length, type))
      }
      // One that is valid shows that those before it have been dealt with.
      if (type % 16 === 0) await stranger.cookie()
    }
    await stranger.cookie()
    expect(transport.counts.malformed).toBeGreaterThan(1000)
    expect(Math.max(...stranger.lengths)).toBe(25)
    expect(await end.acceptedCount()).toBe(0)
    await release()
  })
})

test('[UD5, UD8] channels take messages of one packet, and no longer ones', async () => {
  const { transport, end, release } = await listening()
  const dialler = localEnd(udp(), '00000000000000aa')
  await dialler.start()
  const dialled = await dialler.dial(
    formatUdpAddress(transport.listening[0] ?? { host: '', port: 0 }),
  )
  if (dialled.type !== 'open') throw new Error(dialled.type)
  expect((await dialler.traits(dialled.channel)).messageBytesMax).toBe(9000 - 48 - 5)
  await end.accepted()
  await dialler.attach(dialled.channel)
  const pattern = { count: 1, bytes: messageBytesMax + 1, seed: 1 }
  expect(await dialler.send(dialled.channel, pattern, 0)).toBe('too-large')
  await dialler.stop()
  await release()
})

test('[UD9] on every interface it listens at each address, all with one port', async () => {
  const transport = udp({ listen: { port: 0 } })
  const end = localEnd(transport, '00000000000000bb')
  await end.start()
  const { listening: addresses } = transport
  expect(addresses.map(({ host }) => host)).toContain('127.0.0.1')
  expect(new Set(addresses.map(({ port }) => port)).size).toBe(1)
  await end.stop()
  expect(transport.listening).toEqual([])
})

test('configured addresses are reported at the start', async () => {
  const end = localEnd(udp({ addresses: ['udp://hub.local:4100'] }), '00000000000000aa')
  await end.start()
  expect(await end.addressesFound()).toEqual(['udp://hub.local:4100'])
  await end.stop()
})

test('a port that is taken fails the start, and the transport is not running', async () => {
  const { transport: first, release } = await listening()
  const second = udp({ listen: { ...loopback, port: first.listening[0]?.port ?? 0 } })
  const secondEnd = localEnd(second, '00000000000000bb')
  await expect(secondEnd.start()).rejects.toThrow(/EADDRINUSE/)
  expect(second.listening).toEqual([])
  await release()
  await secondEnd.start()
  await secondEnd.stop()
})
