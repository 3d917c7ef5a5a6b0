import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Pipe } from '@fieldmesh/core/transport-kit'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Connection, ConnectionEvents, ConnectionOptions } from '../connection.ts'
import type { PeerSignal } from '../signal.ts'
import { WebRtcTransport } from '../webrtc-transport.ts'
import { loadWeriftConnector } from '../werift-connection.ts'
import { decodeDescription, encodeDescription } from './description.ts'
import type { Description } from './description.ts'
import { candidateLines, sessionDescription } from './session-description.ts'

const digits = Array.from({ length: 32 }, () => 'A5').join(':')
const ownSdp = `v=0
a=ice-ufrag:e7w2
a=ice-pwd:Av1zCk//TwSZib97T0EQ2jnl
a=fingerprint:sha-256 ${digits}
`
const other: Description = {
  fingerprint: new Uint8Array(32).fill(7),
  ufrag: 'BHTh',
  password: '3l4JEKsPr6apBf6eWgoY1WCm',
  candidates: [{ kind: 'host', host: '192.0.2.9', port: 4_000 }],
}

/** A connection that does nothing by itself. */
class StillConnection implements Connection, Pipe {
  readonly bufferedBytes = 0
  readonly full = false
  readonly signals: PeerSignal[] = []
  destroyed = false
  readonly options: ConnectionOptions
  readonly events: ConnectionEvents

  constructor(options: ConnectionOptions, events: ConnectionEvents) {
    this.options = options
    this.events = events
  }

  signal(signal: PeerSignal): void {
    this.signals.push(signal)
  }
  listen(): void {}
  send(): void {}
  awaitDrain(): void {}
  close(): void {}
  destroy(): void {
    this.destroyed = true
  }

  /** Candidates that were signalled to it, repetitions included. */
  get candidateCount(): number {
    return this.signals.filter(({ type }) => type === 'candidate').length
  }

  find(host: string): void {
    const candidate = `candidate:1 1 udp 1 ${host} 7 typ host`
    const signalled = { candidate, sdpMid: '0', sdpMLineIndex: 0 }
    this.events.signal({ type: 'candidate', candidate: signalled })
  }

  /** Describes itself, with one candidate. */
  describe(type: 'offer' | 'answer'): void {
    this.events.signal({ type, sdp: ownSdp })
    this.find('192.0.2.1')
    this.events.gathered?.()
  }

  open(): void {
    const pipe = { at: 'transport', pipe: this } as const
    this.events.opened({ messageBytesMax: 1000, binding: new Uint8Array(64), pipe })
  }
}

async function start() {
  const connections: StillConnection[] = []
  const transport = new WebRtcTransport({
    iceServers: [],
    handsOver: false,
    load: async () => (options, events) => {
      const connection = new StillConnection(options, events)
      connections.push(connection)
      return connection
    },
  })
  await transport.start({
    localPeer: '00000000000000aa',
    accepted: () => undefined,
    addressFound: () => undefined,
    addressLost: () => undefined,
    networkChanged: () => undefined,
    sendSignal: () => undefined,
  })
  const { meetings } = transport
  const abort = new AbortController()
  const offer = async () => {
    const offering = meetings.offer(abort.signal)
    connections.at(-1)?.describe('offer')
    return offering
  }
  const join = async () => {
    const joining = meetings.join(encodeDescription(other), abort.signal)
    connections.at(-1)?.describe('answer')
    return joining
  }
  return { transport, meetings, connections, abort, offer, join }
}

async function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'no failure',
    (error: unknown) => (error as { reason?: unknown }).reason ?? error,
  )
}

describe('a meeting', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test('[IV9] the end that offers is the initiator, both are patient, and each is given the other', async () => {
    const { transport, connections, offer, join } = await start()
    const offered = await offer()
    expect(decodeDescription(offered.description)).toMatchObject({
      ufrag: 'e7w2',
      candidates: [{ kind: 'host', host: '192.0.2.1', port: 7 }],
    })
    const accepted = offered.accept(encodeDescription(other))
    const joined = await join()
    expect(connections.map(({ options }) => options)).toEqual([
      { initiator: true, iceServers: [], isPatient: true },
      { initiator: false, iceServers: [], isPatient: true },
    ])
    expect(connections.map(({ signals }) => signals.map(({ type }) => type))).toEqual([
      ['answer', 'candidate'],
      ['offer', 'candidate'],
    ])
    for (const connection of connections) connection.open()
    for (const channel of [await accepted, await joined.channel]) {
      expect(channel.traits).toMatchObject({ messageBytesMax: 1000, cost: { class: 'lan' } })
    }
    expect(vi.getTimerCount()).toBe(0)
    expect(connections.map(({ candidateCount }) => candidateCount)).toEqual([1, 1])
    await Promise.all([transport.stop(), vi.advanceTimersByTimeAsync(1_000)])
  })

  test('[IV10] candidates that are not found in 5 s are left out; without any there is no offer', async () => {
    const { meetings, connections, abort } = await start()
    const [some, none] = [meetings.offer(abort.signal), meetings.offer(abort.signal)]
    const failed = reasonOf(none)
    for (const connection of connections) connection.events.signal({ type: 'offer', sdp: ownSdp })
    connections[0]?.find('192.0.2.1')
    await vi.advanceTimersByTimeAsync(5_000)
    connections[0]?.find('192.0.2.2')
    expect(decodeDescription((await some).description)?.candidates).toHaveLength(1)
    expect(await failed).toBe('unreachable')
    expect(connections.map(({ destroyed }) => destroyed)).toEqual([false, true])
  })

  test('[IV11] the other end is looked for every 10 s, by whoever joined until it is given up', async () => {
    const { connections, join, abort } = await start()
    const joined = await join()
    expect(connections[0]?.candidateCount).toBe(1)
    await vi.advanceTimersByTimeAsync(3_600_000)
    expect(connections[0]?.candidateCount).toBe(361)
    abort.abort('enough')
    expect(await reasonOf(joined.channel)).toBe('enough')
    await vi.advanceTimersByTimeAsync(60_000)
    expect(connections[0]).toMatchObject({ candidateCount: 361, destroyed: true })
    expect(vi.getTimerCount()).toBe(0)
  })

  test('[IV11] the end that offered waits long for an answer, and 30 s after it', async () => {
    const { connections, offer } = await start()
    const offered = await offer()
    await vi.advanceTimersByTimeAsync(600_000)
    const accepted = reasonOf(offered.accept(encodeDescription(other)))
    await vi.advanceTimersByTimeAsync(29_999)
    expect(connections[0]?.destroyed).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    expect(await accepted).toBe('timeout')
    expect(connections[0]?.destroyed).toBe(true)
  })

  test('[IV13] what is no description is refused, and the offer stands', async () => {
    const { meetings, connections, offer, abort } = await start()
    const offered = await offer()
    expect(await reasonOf(offered.accept(Uint8Array.of(9)))).toBe('bad-address')
    expect(await reasonOf(meetings.join(Uint8Array.of(9), abort.signal))).toBe('bad-address')
    expect(connections).toHaveLength(1)
    const accepted = offered.accept(encodeDescription(other))
    connections[0]?.open()
    expect(await accepted).toMatchObject({ traits: { encrypted: true } })
  })

  test('sixteen are under way at once, and end with the transport', async () => {
    const { transport, connections, offer } = await start()
    await Promise.all(Array.from({ length: 16 }, offer))
    expect(await reasonOf(offer())).toBe('refused')
    await transport.stop()
    expect(connections.map(({ destroyed }) => destroyed)).toEqual(
      Array.from({ length: 16 }, () => true),
    )
    expect(await reasonOf(offer())).toBe('cancelled')
  })

  test('a signal that is aborted already begins nothing', async () => {
    const { connections, offer, join, abort } = await start()
    abort.abort('enough')
    expect(await reasonOf(offer())).toBe('enough')
    expect(await reasonOf(join())).toBe('enough')
    expect(connections).toEqual([])
  })
})

test('[IV11] werift checks a candidate again when it is signalled again', async () => {
  const socket = createSocket('udp4')
  const countsByPort = new Map<number, number>()
  socket.on('message', (_check, { port }) => {
    countsByPort.set(port, (countsByPort.get(port) ?? 0) + 1)
  })
  const most = () => Math.max(0, ...countsByPort.values())
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const connect = await loadWeriftConnector({ hostAddresses: ['127.0.0.1'] })
  const connection = connect(
    { initiator: false, iceServers: [], isPatient: true },
    { signal: () => undefined, opened: () => undefined, failed: () => undefined },
  )
  const { port } = socket.address()
  const description = { ...other, candidates: [{ kind: 'host', host: '127.0.0.1', port } as const] }
  connection.signal({ type: 'offer', sdp: sessionDescription('offer', description) })
  const signalled = { sdpMid: '0', sdpMLineIndex: 0 }
  const [candidate = ''] = candidateLines(description)
  const look = () =>
    connection.signal({ type: 'candidate', candidate: { candidate, ...signalled } })
  look()
  // By itself it tries five times from each of its own addresses.
  await expect.poll(most, { timeout: 30_000 }).toBe(5)
  const mostAgain = () => {
    look()
    return most()
  }
  await expect.poll(mostAgain, { timeout: 30_000, interval: 500 }).toBeGreaterThan(5)
  connection.destroy()
  socket.close()
})

test('a check of who was not told the name of an end of Node has no answer', async () => {
  const socket = createSocket('udp4')
  const answers: Buffer[] = []
  socket.on('message', (answer) => answers.push(answer))
  const connect = await loadWeriftConnector({ hostAddresses: ['127.0.0.1'] })
  let sdp = ''
  let port = 0
  const connection = await new Promise<Connection>((resolve) => {
    const offering = connect(
      { initiator: true, iceServers: [], isPatient: true },
      {
        signal: (signal) => {
          if (signal.type !== 'candidate') sdp = signal.sdp
          else port ||= Number(/ 127\.0\.0\.1 (\d+) /.exec(signal.candidate.candidate)?.[1] ?? 0)
        },
        gathered: () => resolve(offering),
        opened: () => undefined,
        failed: () => undefined,
      },
    )
  })
  const ufrag = /a=ice-ufrag:(\S{4})/.exec(sdp)?.[1] ?? ''
  /** A binding request (RFC 8489, section 5) with a user name of eight letters. */
  const check = (transaction: number, username: string) =>
    Buffer.concat([
      Buffer.from('0001000c2112a442', 'hex'),
      Buffer.alloc(12, transaction),
      Buffer.from('00060008', 'hex'),
      Buffer.from(username),
    ])
  socket.send(check(1, 'none:abc'), port, '127.0.0.1')
  socket.send(check(2, `${ufrag}:abc`), port, '127.0.0.1')
  await expect.poll(() => answers.length).toBe(1)
  expect(answers[0]?.subarray(8, 20)).toEqual(Buffer.alloc(12, 2))
  connection.destroy()
  socket.close()
})
