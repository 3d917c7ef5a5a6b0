import { afterEach, describe, expect, test } from 'vitest'
import type { PeerId } from '../engine/identity/peer-id.ts'
import { MemoryNetwork, memoryTransport } from '../testing/memory-transport.ts'
import type { Channel, ChannelHandlers, SendResult } from '../transport/channel.ts'
import { DialFailure, type Transport, type TransportHost } from '../transport/transport.ts'
import { MessageRecordPort } from './message-record-port.ts'
import { createRecordPortPair } from './record-port.ts'
import { TransportBroker } from './transport-broker.ts'
import { channelCountMax, unprocessedShareBytes } from './transport-port.ts'
import type {
  BrokerPort,
  TransportOrder,
  TransportPort,
  TransportReport,
} from './transport-port.ts'

const localPeer = '00112233aabbccdd' as PeerId

/** The engine's side of a broker: remembers reports and waits for them. */
class Desk {
  readonly reports: TransportReport[] = []
  readonly port: TransportPort
  readonly broker: TransportBroker
  readonly started: Promise<void>
  #changed: () => void = () => {}

  constructor(
    transports: readonly Transport[],
    [port, brokerPort]: [TransportPort, BrokerPort],
    shareBytes?: number,
  ) {
    this.port = port
    const bound = shareBytes === undefined ? {} : { unprocessedShareBytes: () => shareBytes }
    this.broker = new TransportBroker({ transports, port: brokerPort, localPeer, ...bound })
    port.receive((reports) => {
      this.reports.push(...reports)
      this.#changed()
    })
    this.started = this.broker.start()
    desks.push(this)
  }

  of<Type extends TransportReport['type']>(type: Type) {
    return this.reports.filter((each): each is Extract<TransportReport, { type: Type }> => {
      return each.type === type
    })
  }

  async until(isTrue: () => boolean) {
    while (!isTrue()) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve
      })
    }
  }

  async opened(count = 1) {
    await this.until(() => this.of('channel-opened').length >= count)
    return this.of('channel-opened')[count - 1]!.channel
  }

  receivedText(): string[] {
    return this.of('channel-received').map(({ bytes }) => new TextDecoder().decode(bytes))
  }
}

const desks: Desk[] = []

afterEach(async () => {
  for (const desk of desks.splice(0)) await desk.broker.stop()
})

function localPair(): [TransportPort, BrokerPort] {
  return createRecordPortPair<TransportOrder, TransportReport>()
}

/** As between a worker and its page. */
function messagePair(): [TransportPort, BrokerPort] {
  const { port1, port2 } = new MessageChannel()
  return [
    new MessageRecordPort<TransportOrder, TransportReport>(port1, { bytes: 'copy' }),
    new MessageRecordPort<TransportReport, TransportOrder>(port2, { bytes: 'move' }),
  ]
}

const text = (value: string) => new TextEncoder().encode(value)
const dial = (address: string, dial = 1) =>
  ({ type: 'dial', dial, transport: 'memory', address }) as const

for (const [name, pair] of [
  ['in one thread', localPair],
  ['over a MessagePort', messagePair],
] as const) {
  test(`a dialled channel carries messages both ways, in order, ${name}`, async () => {
    const network = new MemoryNetwork()
    const one = new Desk([memoryTransport({ network, dial: ['two'] })], pair())
    const two = new Desk([memoryTransport({ network, address: 'two' })], pair())
    await one.until(() => one.of('address-found').length > 0)
    one.port.post(dial('two'))
    const [here, there] = await Promise.all([one.opened(), two.opened()])
    expect(one.of('channel-opened')[0]).toMatchObject({ dial: 1, transport: 'memory' })
    expect(two.of('channel-opened')[0]).not.toHaveProperty('dial')

    const kept = text('kept by the sender')
    for (const bytes of [text('a'), kept, text('-b-').subarray(1, 2)]) {
      one.port.post({ type: 'channel-send', channel: here, bytes })
    }
    two.port.post({ type: 'channel-send', channel: there, bytes: text('c') })
    await two.until(() => two.receivedText().length === 3)
    await one.until(() => one.receivedText().length === 1)
    expect(two.receivedText()).toEqual(['a', 'kept by the sender', 'b'])
    expect(one.receivedText()).toEqual(['c'])
    expect(kept.length).toBe(18)
    await one.until(() => one.of('channel-drained').length > 0)
    expect(one.of('channel-drained').at(-1)).toMatchObject({ channel: here, drainedBytes: 20 })

    one.port.post({ type: 'close-channel', channel: here })
    await two.until(() => two.of('channel-closed').length > 0)
    await one.until(() => one.of('channel-closed').length > 0)
    expect(one.of('channel-closed')).toEqual([
      { type: 'channel-closed', channel: here, reason: 'local' },
    ])
    expect(two.of('channel-closed')).toEqual([
      { type: 'channel-closed', channel: there, reason: 'remote' },
    ])
  })
}

test('a dial that comes to nothing says why', async () => {
  const network = new MemoryNetwork()
  const desk = new Desk([memoryTransport({ network })], localPair())
  desk.port.post(dial('nobody', 1))
  desk.port.post({ ...dial('nobody', 2), transport: 'pigeon' })
  await desk.until(() => desk.of('dial-failed').length === 2)
  const failures = desk.of('dial-failed').toSorted((a, b) => a.dial - b.dial)
  expect(failures.map(({ reason }) => reason)).toEqual(['refused', 'unsupported'])
})

test('a cancelled dial fails as cancelled, and its late channel is closed', async () => {
  const channel = new FakeChannel()
  let open: (channel: Channel) => void = () => {}
  const transport = fakeTransport({
    dial: async () =>
      new Promise((resolve) => {
        open = resolve
      }),
  })
  const desk = new Desk([transport], localPair())
  desk.port.post({ ...dial('x'), transport: 'fake' })
  desk.port.post({ type: 'cancel-dial', dial: 1 })
  await desk.until(() => desk.of('transport-started').length > 0)
  await Promise.resolve()
  open(channel)
  await desk.until(() => desk.of('dial-failed').length > 0)
  expect(desk.of('dial-failed')).toMatchObject([{ dial: 1, reason: 'cancelled' }])
  expect(channel.closeCount).toBe(1)
  expect(desk.of('channel-opened')).toEqual([])
})

test('what a full channel refuses waits, in order, and gives its credit back when taken', async () => {
  const channel = new FakeChannel()
  const desk = new Desk([fakeTransport({ accept: channel })], localPair())
  const id = await desk.opened()
  channel.sendResult = 'full'
  for (const word of ['a', 'bb', 'ccc']) {
    desk.port.post({ type: 'channel-send', channel: id, bytes: text(word) })
  }
  desk.port.post({ type: 'close-channel', channel: id })
  await turn()
  expect(channel.sent).toEqual([])
  expect(desk.of('channel-drained')).toEqual([])
  expect(channel.closeCount).toBe(0)

  channel.sendResult = 'accepted'
  channel.handlers?.drained()
  await turn()
  expect(channel.sent).toEqual(['a', 'bb', 'ccc'])
  expect(desk.of('channel-drained')).toEqual([
    { type: 'channel-drained', channel: id, drainedBytes: 6 },
  ])
  expect(channel.closeCount).toBe(1)
})

test('a message that finds room never overtakes one that did not', async () => {
  const channel = new FakeChannel()
  const desk = new Desk([fakeTransport({ accept: channel })], localPair())
  const id = await desk.opened()
  channel.sendResults = ['full', 'full']
  for (const word of ['a', 'bb', 'ccc']) {
    desk.port.post({ type: 'channel-send', channel: id, bytes: text(word) })
  }
  await turn()
  channel.handlers?.drained()
  await turn()
  channel.handlers?.drained()
  await turn()
  expect(channel.sent).toEqual(['a', 'bb', 'ccc'])
  expect(desk.of('channel-drained').at(-1)).toMatchObject({ drainedBytes: 6 })
})

test('a channel that delivers faster than the engine reads is closed and reported', async () => {
  const channel = new FakeChannel()
  const desk = new Desk([fakeTransport({ accept: channel })], localPair(), 1_000)
  const id = await desk.opened()
  // Each message counts with 64 bytes more.
  channel.handlers?.received(new Uint8Array(536))
  await turn()
  desk.port.post({ type: 'channel-processed', channel: id, processedBytes: 600 })
  await turn()
  channel.handlers?.received(new Uint8Array(836))
  await turn()
  expect(channel.closeCount).toBe(0)
  channel.handlers?.received(new Uint8Array(37))
  channel.handlers?.received(new Uint8Array(37))
  await turn()
  expect(channel.closeCount).toBeGreaterThan(0)
  expect(desk.of('channel-overrun')).toEqual([
    { type: 'channel-overrun', channel: id, unprocessedBytes: 1_001 },
  ])
  expect(desk.of('channel-received')).toHaveLength(2)
})

test('a flood of tiny messages is bounded like one of large ones', async () => {
  const channel = new FakeChannel()
  const desk = new Desk([fakeTransport({ accept: channel })], localPair(), 1_000)
  await desk.opened()
  for (let count = 0; count < 100; count += 1) channel.handlers?.received(new Uint8Array(1))
  await turn()
  expect(channel.closeCount).toBeGreaterThan(0)
  expect(desk.of('channel-received')).toHaveLength(15)
})

test('many channels share the bytes that may wait for the engine', async () => {
  const mib = 1024 * 1024
  expect([0, 1, 4, 16, 64, 1_024].map((count) => unprocessedShareBytes(count) / mib)).toEqual([
    16, 16, 16, 4, 1, 0.5,
  ])
  const channels = Array.from({ length: 64 }, () => new FakeChannel())
  const desk = new Desk([fakeTransport({ accept: channels })], localPair())
  await desk.opened(64)
  const message = new Uint8Array(mib / 2)
  for (const channel of channels) channel.handlers?.received(message)
  await turn()
  expect(channels.every(({ closeCount }) => closeCount === 0)).toBe(true)
  channels[0]?.handlers?.received(message)
  await turn()
  expect(channels.map(({ closeCount }) => closeCount)).toEqual([1, ...Array(63).fill(0)])
})

test('channels beyond the bound are closed at once and reported', async () => {
  const channels = Array.from({ length: channelCountMax + 1 }, () => new FakeChannel())
  const desk = new Desk([fakeTransport({ accept: channels })], localPair())
  await desk.opened(channelCountMax)
  await desk.until(() => desk.of('channel-refused').length > 0)
  expect(channels.map(({ closeCount }) => closeCount)).toEqual([
    ...Array(channelCountMax).fill(0),
    1,
  ])
})

test('a transport that cannot start is reported; the others run', async () => {
  const network = new MemoryNetwork()
  const broken = fakeTransport({
    start: async () => Promise.reject(new Error('the port 8787 is in use')),
  })
  const desk = new Desk([broken, memoryTransport({ network, dial: ['x'] })], localPair())
  await desk.until(() => desk.of('transport-failed').length > 0)
  expect(desk.of('transport-failed')).toEqual([
    { type: 'transport-failed', transport: 'fake', message: 'the port 8787 is in use' },
  ])
  expect(desk.of('transport-stopped').map(({ transport }) => transport)).toEqual(['fake'])
  expect(desk.of('address-found')).toHaveLength(1)
})

test('signals pass in both directions, but not to what is no peer id nor beyond the bound', async () => {
  const heard: string[] = []
  let host: TransportHost | undefined
  const transport = fakeTransport({
    start: async (given) => {
      host = given
    },
    receiveSignal: (peer, signal) => heard.push(`${peer} ${new TextDecoder().decode(signal)}`),
  })
  const desk = new Desk([transport], localPair())
  expect(host?.localPeer).toBe(localPeer)
  host?.sendSignal('ffeeddccbbaa9988', text('offer'))
  host?.sendSignal('everybody', text('offer'))
  host?.sendSignal('ffeeddccbbaa9988', new Uint8Array(16 * 1024 + 1))
  const peer = 'ffeeddccbbaa9988' as PeerId
  desk.port.post({ type: 'signal-received', transport: 'fake', peer, signal: text('answer') })
  await turn()
  expect(desk.of('signal-sent')).toEqual([
    { type: 'signal-sent', transport: 'fake', peer, signal: text('offer') },
  ])
  expect(heard).toEqual(['ffeeddccbbaa9988 answer'])
  expect(desk.of('signals-taken')).toEqual([{ type: 'signals-taken', count: 1 }])
})

test('stop closes what is open, gives up what is under way, and reports nothing afterwards', async () => {
  const network = new MemoryNetwork()
  const one = new Desk([memoryTransport({ network })], localPair())
  const two = new Desk([memoryTransport({ network, address: 'two' })], localPair())
  one.port.post(dial('two'))
  await Promise.all([one.opened(), two.opened()])
  one.port.post({ type: 'stop-transports' })
  await one.until(() => one.of('transports-stopped').length > 0)
  await two.until(() => two.of('channel-closed').length > 0)
  expect(one.of('channel-closed')).toHaveLength(1)
  expect(one.reports.at(-1)).toEqual({ type: 'transports-stopped' })
  const count = one.reports.length
  one.port.post(dial('two', 2))
  await one.broker.stop()
  await turn()
  expect(one.reports).toHaveLength(count)
})

/** Lets record ports of one thread deliver. */
describe('meetings', () => {
  const live = () => new AbortController().signal
  const met = { id: 3, expectedPeer: localPeer }

  /** A transport whose meetings come to these channels. */
  function meetingTransport(offered: FakeChannel, joined: FakeChannel) {
    return fakeTransport({
      meetings: {
        offer: async () => ({ description: text('offer'), accept: async () => offered }),
        join: async (offer) => ({ description: offer, channel: Promise.resolve(joined) }),
      },
    })
  }

  test('what was offered, and what was joined, is reported with its meeting', async () => {
    const desk = new Desk([meetingTransport(new FakeChannel(), new FakeChannel())], localPair())
    await desk.started
    const offered = await desk.broker.offerMeeting(2, live())
    expect(offered).toMatchObject({ transport: 'fake', description: text('offer') })
    await offered!.accept(text('answer'))
    const offer = { transport: 'fake', description: text('theirs') }
    const joined = await desk.broker.joinMeeting(met, offer, live())
    expect(joined?.description).toEqual(text('theirs'))
    await joined!.opened
    await desk.opened(2)
    expect(desk.of('channel-opened')).toMatchObject([
      { transport: 'fake', meeting: { id: 2 } },
      { transport: 'fake', meeting: met },
    ])
  })

  test('without a transport that can, that is started, and of that name, there are none', async () => {
    const able = meetingTransport(new FakeChannel(), new FakeChannel())
    const offer = { transport: 'other', description: text('theirs') }
    const [unable, named] = [
      new Desk([fakeTransport({})], localPair()),
      new Desk([able], localPair()),
    ]
    const failing = async () => Promise.reject(new Error('no WebRTC here'))
    const broken = new Desk([{ ...able, start: failing }], localPair())
    for (const desk of [unable, broken]) {
      await desk.started
      expect(await desk.broker.offerMeeting(1, live())).toBeUndefined()
    }
    await named.started
    expect(await named.broker.joinMeeting(met, offer, live())).toBeUndefined()
    await named.broker.stop()
    expect(await named.broker.offerMeeting(1, live())).toBeUndefined()
  })

  test('a channel beyond the bound is closed, and its meeting fails', async () => {
    const channels = Array.from({ length: channelCountMax }, () => new FakeChannel())
    const joined = new FakeChannel()
    const transport = meetingTransport(new FakeChannel(), joined)
    const { start } = fakeTransport({ accept: channels })
    const desk = new Desk([{ ...transport, start }], localPair())
    await desk.started
    const offer = { transport: 'fake', description: text('theirs') }
    const meeting = await desk.broker.joinMeeting(met, offer, live())
    await expect(meeting!.opened).rejects.toMatchObject({ reason: 'refused' })
    expect(joined.closeCount).toBe(1)
  })
})

async function turn() {
  for (let count = 0; count < 10; count += 1) await Promise.resolve()
}

class FakeChannel implements Channel {
  readonly traits = {
    messageBytesMax: 1_000,
    reliable: true,
    ordered: true,
    encrypted: false,
    cost: { class: 'lan', metered: false },
  } as const
  readonly bufferedBytes = 0
  readonly sent: string[] = []
  sendResult: SendResult = 'accepted'
  /** Answers that come before it. */
  sendResults: SendResult[] = []
  closeCount = 0
  handlers: ChannelHandlers | undefined

  attach(handlers: ChannelHandlers) {
    this.handlers = handlers
  }

  send(bytes: Uint8Array) {
    const result = this.sendResults.shift() ?? this.sendResult
    if (result === 'accepted') this.sent.push(new TextDecoder().decode(bytes))
    return result
  }

  close() {
    this.closeCount += 1
  }
}

function fakeTransport(
  options: Partial<Pick<Transport, 'start' | 'dial' | 'receiveSignal' | 'meetings'>> & {
    readonly accept?: FakeChannel | readonly FakeChannel[]
  },
): Transport {
  const { accept = [], ...rest } = options
  return {
    name: 'fake',
    capabilities: {
      canListen: true,
      canDial: true,
      needsUserGesture: false,
      needsSignalling: true,
    },
    start: async (host) => {
      for (const channel of [accept].flat()) host.accepted(channel)
    },
    stop: async () => {},
    dial: async () => Promise.reject(new DialFailure('unsupported', 'a fake')),
    ...rest,
  }
}
