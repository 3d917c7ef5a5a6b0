import { expect, test, vi } from 'vitest'
import { farewellText } from '../transport-kit/data-channel-pipe.ts'
import type { ChannelTraits } from '../transport/channel.ts'
import { AdoptingPort } from './adopting-port.ts'
import type { PipeOrder, PipeReport } from './pipe-records.ts'
import { createRecordPortPair } from './record-port.ts'
import type { TransportOrder, TransportReport } from './transport-port.ts'

// The conformance suite drives the real thing in a browser; here is what it cannot bring about.

/** A data channel without a network. */
class StillDataChannel {
  readyState = 'connecting'
  bufferedAmount = 0
  sent: unknown[] = []
  onopen: (() => void) | null = null
  onmessage: ((event: { data: unknown }) => void) | null = null
  onbufferedamountlow: (() => void) | null = null
  onclose: (() => void) | null = null

  send(message: unknown) {
    this.sent.push(message)
  }

  open() {
    this.readyState = 'open'
    this.onopen?.()
  }
}

const traits: ChannelTraits = {
  messageBytesMax: 1000,
  reliable: true,
  ordered: true,
  encrypted: true,
  binding: new Uint8Array(64),
  cost: { class: 'wan', metered: false },
}

function setUp() {
  const [port, page] = createRecordPortPair<TransportOrder, TransportReport>()
  const [pipePort, pagePipes] = createRecordPortPair<PipeReport, PipeOrder>()
  const adopting = new AdoptingPort(port, pipePort)
  const reports: TransportReport[] = []
  const batches: number[] = []
  adopting.receive((batch) => {
    batches.push(batch.length)
    reports.push(...batch)
  })
  const orders: TransportOrder[] = []
  page.receive((batch) => orders.push(...batch))
  const pipeReports: PipeReport[] = []
  pagePipes.receive((batch) => pipeReports.push(...batch))
  const adopt = async (pipe = 1) => {
    const dataChannel = new StillDataChannel()
    pagePipes.post({ type: 'pipe-handed-over', pipe, dataChannel, messageBytesMax: 2000 })
    await settle()
    return dataChannel
  }
  const open = async (data: StillDataChannel, channel = 5, pipe = 1) => {
    data.open()
    page.post({ type: 'channel-opened', channel, transport: 'webrtc', traits, dial: 3, pipe })
    await settle()
  }
  return { adopting, page, pagePipes, reports, batches, orders, pipeReports, adopt, open }
}

async function settle() {
  for (let turn = 0; turn < 30; turn += 1) await Promise.resolve()
}

const bytes = (...values: number[]) => new Uint8Array(values)

test('an adopted channel looks to the driver like any other, and its bytes stay here', async () => {
  const { adopting, reports, orders, pipeReports, adopt, open } = setUp()
  const data = await adopt()
  expect(pipeReports).toEqual([{ type: 'pipe-adopted', pipe: 1 }])
  await open(data)
  expect(pipeReports.slice(1)).toEqual([{ type: 'pipe-opened', pipe: 1 }])
  data.onmessage?.({ data: bytes(1, 2).buffer })
  adopting.post({ type: 'channel-send', channel: 5, bytes: bytes(3) })
  adopting.post({ type: 'channel-processed', channel: 5, processedBytes: 66 })
  await settle()
  expect(data.sent).toEqual([bytes(3)])
  expect(orders).toEqual([])
  expect(reports).toEqual([
    { type: 'channel-opened', channel: 5, transport: 'webrtc', traits, dial: 3 },
    { type: 'channel-adopted', channel: 5 },
    { type: 'channel-received', channel: 5, bytes: bytes(1, 2) },
    { type: 'channel-drained', channel: 5, drainedBytes: 1 },
  ])
})

test('orders for other channels go to the page', async () => {
  const { adopting, orders } = setUp()
  const others: TransportOrder[] = [
    { type: 'channel-send', channel: 6, bytes: bytes(1) },
    { type: 'close-channel', channel: 6 },
    { type: 'cancel-dial', dial: 1 },
  ]
  for (const order of others) adopting.post(order)
  await settle()
  expect(orders).toEqual(others)
})

test('what arrives between the opening and its news is kept', async () => {
  const { reports, adopt, open } = setUp()
  const data = await adopt()
  data.open()
  data.onmessage?.({ data: bytes(7).buffer })
  await settle()
  expect(reports).toEqual([])
  await open(data)
  expect(reports.at(-1)).toEqual({ type: 'channel-received', channel: 5, bytes: bytes(7) })
})

test('a full data channel holds back until it is low, and nothing is dropped', async () => {
  const { adopting, reports, adopt, open } = setUp()
  const data = await adopt()
  await open(data)
  data.bufferedAmount = 256 * 1024
  for (const value of [1, 2, 3]) {
    adopting.post({ type: 'channel-send', channel: 5, bytes: bytes(value) })
  }
  await settle()
  expect(data.sent).toEqual([])
  data.bufferedAmount = 64 * 1024
  data.onbufferedamountlow?.()
  await settle()
  expect(data.sent).toEqual([bytes(1), bytes(2), bytes(3)])
  expect(reports.at(-1)).toEqual({ type: 'channel-drained', channel: 5, drainedBytes: 3 })
})

test('a channel whose engine reads nothing is closed at its bound', async () => {
  const { reports, adopt, open } = setUp()
  const data = await adopt()
  await open(data)
  const message = new Uint8Array(2000)
  const count = Math.ceil((16 * 1024 * 1024) / 2064)
  for (let at = 0; at < count; at += 1) data.onmessage?.({ data: message.slice().buffer })
  await settle()
  expect(data.sent).toEqual([farewellText])
  const ends = reports.filter(({ type }) => type === 'channel-overrun' || type === 'channel-closed')
  expect(ends.map(({ type }) => type)).toEqual(['channel-overrun', 'channel-closed'])
})

test('a pipe that ended before its channel was told of is a channel that is lost', async () => {
  const { reports, pipeReports, adopt, open } = setUp()
  const data = await adopt()
  data.open()
  data.onclose?.()
  await settle()
  expect(pipeReports.at(-1)).toEqual({ type: 'pipe-gone', pipe: 1 })
  await open(data)
  expect(reports.map(({ type }) => type)).toEqual(['channel-opened', 'channel-closed'])
})

test('farewells cross: the engine closes, the other end answers, the page may let go', async () => {
  const { adopting, reports, pipeReports, adopt, open } = setUp()
  const data = await adopt()
  await open(data)
  adopting.post({ type: 'channel-send', channel: 5, bytes: bytes(1) })
  adopting.post({ type: 'close-channel', channel: 5 })
  await settle()
  expect(data.sent).toEqual([bytes(1), farewellText])
  expect(reports.at(-1)).toEqual({ type: 'channel-closed', channel: 5, reason: 'local' })
  expect(pipeReports.map(({ type }) => type)).not.toContain('pipe-gone')
  data.onmessage?.({ data: farewellText })
  await settle()
  expect(pipeReports.at(-1)).toEqual({ type: 'pipe-gone', pipe: 1 })
})

test('what the page closes or loses is closed and gone here, once', async () => {
  vi.useFakeTimers()
  try {
    const { page, pagePipes, reports, pipeReports, adopt, open } = setUp()
    const data = await adopt()
    await open(data)
    pagePipes.post({ type: 'pipe-close', pipe: 1, reason: 'transport-stopped' })
    await settle()
    expect(reports.at(-1)).toMatchObject({ type: 'channel-closed', reason: 'transport-stopped' })
    // The other end never answers.
    await vi.advanceTimersByTimeAsync(1_000)
    pagePipes.post({ type: 'pipe-destroy', pipe: 1 })
    const second = await adopt(2)
    await open(second, 6, 2)
    pagePipes.post({ type: 'pipe-destroy', pipe: 2 })
    pagePipes.post({ type: 'pipe-close', pipe: 2, reason: 'local' })
    page.post({ type: 'transports-stopped' })
    await settle()
    expect(reports.filter(({ type }) => type === 'channel-closed')).toEqual([
      { type: 'channel-closed', channel: 5, reason: 'transport-stopped' },
      { type: 'channel-closed', channel: 6, reason: 'lost' },
    ])
    expect(pipeReports.filter(({ type }) => type === 'pipe-gone')).toEqual([
      { type: 'pipe-gone', pipe: 1 },
      { type: 'pipe-gone', pipe: 2 },
    ])
    expect(second.onmessage).toBeNull()
    expect(vi.getTimerCount()).toBe(0)
  } finally {
    vi.useRealTimers()
  }
})

test('a closed port lets its pipes go and delivers nothing more', async () => {
  const { adopting, reports, adopt, open } = setUp()
  const data = await adopt()
  await open(data)
  adopting.close()
  const count = reports.length
  expect(data.onmessage).toBeNull()
  await settle()
  expect(reports).toHaveLength(count)
})
