import type { Channel } from '@fieldmesh/core/transport'
import type { Pipe } from '@fieldmesh/core/transport-kit'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Connection, ConnectionEvents, ConnectionOptions } from './connection.ts'
import { decodeSignal, encodeSignal } from './signal.ts'
import type { PeerSignal, Signal } from './signal.ts'
import { WebRtcTransport } from './webrtc-transport.ts'

const [small, middle, large] = ['00000000000000aa', '00000000000000bb', '00000000000000cc']
const offer: PeerSignal = { type: 'offer', sdp: 'v=0' }

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
  open(): void {
    const pipe = { at: 'transport', pipe: this } as const
    this.events.opened({ messageBytesMax: 1000, binding: new Uint8Array(64), pipe })
  }
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

async function start(localPeer = middle) {
  const connections: StillConnection[] = []
  const sent: (Signal['body'] & { to: string; session: string })[] = []
  const accepted: Channel[] = []
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
    localPeer,
    accepted: (channel) => accepted.push(channel),
    addressFound: () => undefined,
    addressLost: () => undefined,
    networkChanged: () => undefined,
    sendSignal: (to, bytes) => {
      const signal = decodeSignal(bytes)
      // The bytes are the host's, which moves them to another thread.
      structuredClone(bytes, { transfer: [bytes.buffer] })
      if (signal) sent.push({ ...signal.body, to, session: signal.session })
    },
  })
  const receive = (from: string, session: number, body: Signal['body']) => {
    const id = session.toString(16).padStart(16, '0')
    transport.receiveSignal(from, encodeSignal({ session: id, body }) as Uint8Array)
  }
  const dial = (peer: string) => {
    const controller = new AbortController()
    const result = transport.dial(peer, controller.signal).then(
      (channel) => channel,
      (error: unknown) => error,
    )
    return { result, abort: (reason: Error) => controller.abort(reason) }
  }
  return { transport, connections, sent, accepted, receive, dial }
}

test('the offer of the smaller id wins: the larger answers it, and its dial gets the channel', async () => {
  const { connections, receive, dial, accepted, transport } = await start(middle)
  const { result } = dial(small)
  receive(small, 1, offer)
  expect(connections.map((each) => each.options.initiator)).toEqual([true, false])
  expect(connections[0]?.destroyed).toBe(true)
  connections[1]?.open()
  expect(await result).toMatchObject({ traits: { messageBytesMax: 1000 } })
  expect(accepted).toEqual([])
  await Promise.all([transport.stop(), vi.advanceTimersByTimeAsync(1000)])
})

test('a dial that comes after the offer of the smaller id gets its channel as well', async () => {
  const { connections, receive, dial, accepted, transport } = await start(middle)
  receive(small, 1, offer)
  const { result } = dial(small)
  expect(connections.map((each) => each.options.initiator)).toEqual([false])
  connections[0]?.open()
  expect(await result).toMatchObject({ traits: { messageBytesMax: 1000 } })
  expect(accepted).toEqual([])
  // The offer of a larger id is answered, and gives way to ours.
  receive(large, 2, offer)
  const own = dial(large)
  expect(connections.map((each) => each.options.initiator)).toEqual([false, false, true])
  own.abort(new Error('enough'))
  await own.result
  await Promise.all([transport.stop(), vi.advanceTimersByTimeAsync(1000)])
})

test('a dial that took a session over ends it when it is given up', async () => {
  const { connections, receive, dial, transport } = await start(middle)
  receive(small, 1, offer)
  const reason = new Error('enough')
  const { result, abort } = dial(small)
  abort(reason)
  expect(await result).toBe(reason)
  expect(connections[0]?.destroyed).toBe(true)
  await transport.stop()
})

test('the smaller id does not answer, but repeats its own offer, which may have been lost', async () => {
  const { connections, sent, receive, dial, transport } = await start(middle)
  const { result } = dial(large)
  connections[0]?.events.signal(offer)
  receive(large, 1, offer)
  expect(connections).toHaveLength(1)
  expect(sent.map(({ to, type }) => `${type} ${to}`)).toEqual([`offer ${large}`, `offer ${large}`])
  await transport.stop()
  expect(await result).toMatchObject({ reason: 'cancelled' })
})

test('a dial that was superseded can still be given up', async () => {
  const { connections, receive, dial, transport } = await start(middle)
  const reason = new Error('enough')
  const { result, abort } = dial(small)
  receive(small, 1, offer)
  abort(reason)
  expect(await result).toBe(reason)
  expect(connections.every((each) => each.destroyed)).toBe(true)
  await transport.stop()
})

test('the second description of a session is ignored, and an answer that nobody asked for', async () => {
  const { connections, receive, transport } = await start()
  receive(small, 1, offer)
  receive(small, 1, offer)
  receive(small, 1, { type: 'answer', sdp: 'v=0' })
  receive(small, 2, { type: 'answer', sdp: 'v=0' })
  expect(connections).toHaveLength(1)
  expect(connections[0]?.signals).toEqual([offer])
  await transport.stop()
})

test('candidates beyond the bound are ignored', async () => {
  const { connections, receive, transport } = await start()
  receive(small, 1, offer)
  const candidate = { candidate: 'x', sdpMid: '0', sdpMLineIndex: 0 }
  for (let count = 0; count < 100; count++) receive(small, 1, { type: 'candidate', candidate })
  expect(connections[0]?.signals).toHaveLength(1 + 64)
  await transport.stop()
})

test('a peer may not begin more sessions than its share, and all together not more than theirs', async () => {
  const { connections, sent, receive, transport } = await start()
  for (let session = 0; session < 20; session++) receive(small, session, offer)
  expect(connections).toHaveLength(8)
  expect(sent.filter(({ type }) => type === 'end')).toHaveLength(12)
  for (let peer = 0; peer < 100; peer++) receive(peer.toString(16).padStart(16, '1'), 1, offer)
  expect(connections).toHaveLength(32)
  await transport.stop()
})

test('another peer cannot speak in a session', async () => {
  const { connections, receive, transport } = await start()
  receive(small, 1, offer)
  receive(large, 1, { type: 'end' })
  expect(connections[0]?.destroyed).toBe(false)
  receive(small, 1, { type: 'end' })
  expect(connections[0]?.destroyed).toBe(true)
  await transport.stop()
})

test('a refused dial fails as refused, and one without any answer after its time', async () => {
  const { connections, sent, receive, dial, transport } = await start()
  const refused = dial(small)
  connections[0]?.events.signal(offer)
  const session = sent[0]?.session ?? ''
  transport.receiveSignal(small, encodeSignal({ session, body: { type: 'end' } }) as Uint8Array)
  expect(await refused.result).toMatchObject({ reason: 'refused' })
  const unanswered = dial(large)
  await vi.advanceTimersByTimeAsync(30_000)
  expect(await unanswered.result).toMatchObject({ reason: 'timeout' })
  expect(connections.every((each) => each.destroyed)).toBe(true)
  // What belongs to an ended session begins no other.
  receive(large, 7, { type: 'answer', sdp: 'v=0' })
  expect(connections).toHaveLength(2)
  expect(vi.getTimerCount()).toBe(0)
  await transport.stop()
})

test.each([
  [['a.local'], 'mdns-unresolved'],
  [['a.local', 'b.local'], 'mdns-unresolved'],
  [['a.local', '192.168.1.4'], undefined],
  [[], undefined],
])('a dial given up after the candidates %j: the obstacle is %s', async (hosts, obstacle) => {
  const { dial, transport, sent, connections } = await start(small)
  const given = dial(large)
  connections[0]?.events.signal(offer)
  const session = sent[0]?.session ?? ''
  for (const host of hosts) {
    const candidate = `candidate:1 1 udp 2113937151 ${host} 50000 typ host`
    const signalled = { candidate, sdpMid: '0', sdpMLineIndex: 0 }
    const body = { type: 'candidate', candidate: signalled } as const
    transport.receiveSignal(large, encodeSignal({ session, body }) as Uint8Array)
  }
  const reason = new Error('its time is over')
  given.abort(reason)
  const failure = await given.result
  if (obstacle === undefined) expect(failure).toBe(reason)
  else expect(failure).toMatchObject({ reason: 'timeout', obstacle })
})

test('a session that its beginner leaves hanging ends after its time', async () => {
  const { connections, sent, receive, transport } = await start()
  receive(small, 1, offer)
  await vi.advanceTimersByTimeAsync(30_000)
  expect(connections[0]?.destroyed).toBe(true)
  expect(sent.at(-1)).toMatchObject({ type: 'end', to: small })
  await transport.stop()
})

test('stopping tells the other ends of sessions under way', async () => {
  const { sent, receive, dial, transport } = await start()
  receive(small, 1, offer)
  const { result } = dial(large)
  await transport.stop()
  expect(await result).toMatchObject({ reason: 'cancelled' })
  expect(sent.map(({ type, to }) => `${type} ${to}`)).toEqual([`end ${small}`, `end ${large}`])
  expect(vi.getTimerCount()).toBe(0)
})

test('what cannot be loaded fails the start', async () => {
  const transport = new WebRtcTransport({
    iceServers: [],
    handsOver: false,
    load: () => Promise.reject(new Error('no WebRTC here')),
  })
  const host = {
    localPeer: small,
    accepted: () => undefined,
    addressFound: () => undefined,
    addressLost: () => undefined,
    networkChanged: () => undefined,
    sendSignal: () => undefined,
  }
  await expect(transport.start(host)).rejects.toThrow('no WebRTC here')
  await expect(transport.dial(large, new AbortController().signal)).rejects.toMatchObject({
    reason: 'cancelled',
  })
})
