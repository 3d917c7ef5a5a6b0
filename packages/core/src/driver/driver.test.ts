import { expect, test } from 'vitest'
import type { CommandAnswer, MeshEvent } from '../engine/command.ts'
import type { PeerId } from '../engine/identity/peer-id.ts'
import type { Input } from '../engine/input.ts'
import type { Output } from '../engine/output.ts'
import type { Problem } from '../engine/problem.ts'
import { createFlightRecorder } from '../recorder/recorder.ts'
import { StorageFailure, type Storage } from '../storage/storage.ts'
import { Driver, type DrivenEngine } from './driver.ts'
import type { DriverHost } from './driver-host.ts'
import { createRecordPortPair } from './record-port.ts'
import type { StreamOrder, StreamReport } from './stream-orders.ts'
import type { TransportOrder, TransportReport } from './transport-port.ts'

/** A clock that goes when told, timers that fire by it, and tasks that run when told. */
class VirtualHost implements DriverHost {
  timeMs = 1_000
  tasks: (() => void)[] = []
  timers = new Set<{ atMs: number; callback: () => void }>()
  isClosed = false

  nowMs() {
    return this.timeMs
  }

  startTimer(callback: () => void, delayMs: number) {
    const timer = { atMs: this.timeMs + delayMs, callback }
    this.timers.add(timer)
    return () => this.timers.delete(timer)
  }

  postTask(callback: () => void) {
    this.tasks.push(callback)
  }

  close() {
    this.isClosed = true
  }

  advance(toMs: number) {
    this.timeMs = toMs
    for (const timer of this.timers) {
      if (timer.atMs > toMs) continue
      this.timers.delete(timer)
      timer.callback()
    }
  }
}

/** Does what its script says: outputs for each input. */
class ScriptedEngine implements DrivenEngine {
  readonly handled: { input: Input; nowMs: number }[] = []
  readonly outputs: Output[] = []
  deadlineMs = Number.POSITIVE_INFINITY
  script: (input: Input, nowMs: number) => readonly Output[] = () => []

  handle(input: Input, nowMs: number) {
    if (this.outputs.length > 0) throw new Error('handled before all was polled')
    this.handled.push({ input, nowMs })
    this.outputs.push(...this.script(input, nowMs))
  }

  poll() {
    return this.outputs.shift()
  }

  nextDeadlineMs() {
    return this.deadlineMs
  }

  types() {
    return this.handled.map(({ input }) => input.type)
  }
}

function setUp(storage: Partial<Storage> = {}) {
  const host = new VirtualHost()
  const engine = new ScriptedEngine()
  const [transports, broker] = createRecordPortPair<TransportOrder, TransportReport>()
  const [streams, application] = createRecordPortPair<StreamReport, StreamOrder>()
  const flight = createFlightRecorder()
  const events: MeshEvent[] = []
  const orders: TransportOrder[] = []
  const ends: (Problem | undefined)[] = []
  let storageCloses = 0
  const driver = new Driver({
    engine,
    host,
    transports,
    streams,
    recorder: flight.recorder,
    storage: {
      open: async () => ({ epoch: 1, formatVersion: 1, created: true }),
      read: async () => [],
      write: async () => {},
      close: async () => {
        storageCloses += 1
      },
      ...storage,
    },
    event: (event) => events.push(event),
    ended: (problem) => ends.push(problem),
  })
  broker.receive((batch) => {
    orders.push(...batch)
    if (batch.some((order) => order.type === 'stop-transports')) {
      broker.post({ type: 'transports-stopped' })
    }
  })
  driver.start()
  const closes = () => storageCloses
  return { driver, engine, host, broker, application, orders, events, ends, flight, closes }
}

/** Lets promises and record ports deliver; no timer or task is involved. */
async function settle() {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
}

const get = { type: 'get', collection: 'orders', id: 'o-1' } as const

test('an input is handled only after all outputs of the one before were polled', async () => {
  const { engine, broker } = setUp()
  engine.script = (input) =>
    input.type === 'address-found'
      ? [{ type: 'dial', dial: 1, transport: 'memory', address: input.address }]
      : []
  for (const address of ['a', 'b', 'c']) {
    broker.post({ type: 'address-found', transport: 'memory', address })
  }
  await settle()
  expect(engine.types()).toEqual(['address-found', 'address-found', 'address-found'])
})

test('a command is answered by the answer that names it', async () => {
  const { driver, engine } = setUp()
  const value = { row: { _id: 'o-1' }, revision: 'r' }
  engine.script = (input) =>
    input.type === 'command'
      ? [{ type: 'command-answered', command: input.command, answer: { ok: true, value } }]
      : []
  expect(await driver.execute(get)).toEqual({ ok: true, value })
})

test('[LK7] a sleep that the clock finds out is handed to the engine, once the host has time', async () => {
  const { driver, engine, host } = setUp()
  await settle()
  driver.slept(5_000)
  driver.slept(9_000)
  expect(engine.types()).toEqual([])
  expect(host.tasks).toHaveLength(1)
  for (const task of host.tasks.splice(0)) task()
  expect(engine.handled.map(({ input }) => input)).toEqual([
    { type: 'woke', sleptMs: 5_000 },
    { type: 'woke', sleptMs: 9_000 },
  ])
})

test('a flood of work is cut into slices that leave the thread to others', async () => {
  const { engine, host, broker, flight } = setUp()
  engine.script = () => {
    host.timeMs += 1
    return []
  }
  for (let count = 0; count < 100; count += 1) {
    broker.post({ type: 'address-found', transport: 'memory', address: String(count) })
  }
  await settle()
  expect(engine.handled.length).toBeGreaterThan(0)
  expect(engine.handled.length).toBeLessThan(12)
  let sliceCount = 1
  while (host.tasks.length > 0) {
    host.tasks.shift()?.()
    sliceCount += 1
  }
  expect(engine.handled).toHaveLength(100)
  expect(sliceCount).toBeGreaterThan(8)
  expect(flight.snapshot().counters['driver.slicesCut']).toBe(sliceCount - 1)
})

test('draining that was cut goes on before the next input', async () => {
  const { engine, host, broker, orders } = setUp()
  let dial = 0
  engine.script = () =>
    Array.from({ length: 50 }, (): Output => {
      dial += 1
      return { type: 'dial', dial, transport: 'memory', address: 'x' }
    })
  const { poll } = engine
  engine.poll = () => {
    host.timeMs += 1
    return poll.call(engine)
  }
  broker.post({ type: 'address-found', transport: 'memory', address: 'a' })
  broker.post({ type: 'address-found', transport: 'memory', address: 'b' })
  await settle()
  expect(engine.handled).toHaveLength(1)
  while (host.tasks.length > 0) host.tasks.shift()?.()
  await settle()
  const dials = orders.map((order) => (order.type === 'dial' ? order.dial : undefined))
  expect(dials).toEqual(Array.from({ length: 100 }, (_, index) => index + 1))
})

test('one timer is armed for the next deadline, and fires a deadline input', async () => {
  const { engine, host, broker } = setUp()
  engine.script = (input) => {
    engine.deadlineMs = input.type === 'deadline' ? Number.POSITIVE_INFINITY : 5_000
    return []
  }
  broker.post({ type: 'address-found', transport: 'memory', address: 'a' })
  broker.post({ type: 'address-found', transport: 'memory', address: 'b' })
  await settle()
  expect([...host.timers].map((timer) => timer.atMs)).toEqual([5_000])
  host.advance(5_000)
  expect(engine.handled.at(-1)).toEqual({ input: { type: 'deadline' }, nowMs: 5_000 })
  expect(host.timers.size).toBe(0)
})

test('a deadline that never passes is a broken invariant, not a busy loop', async () => {
  const { engine, host, broker, ends } = setUp()
  engine.script = () => {
    engine.deadlineMs = host.timeMs
    return []
  }
  broker.post({ type: 'address-found', transport: 'memory', address: 'a' })
  await settle()
  expect(ends.map((problem) => problem?.code)).toEqual(['engine-failed'])
})

test('storage answers come back as inputs, failures with their reason', async () => {
  const { engine, broker } = setUp({
    write: async () => Promise.reject(new StorageFailure('quota', 'the disk is full')),
  })
  engine.script = (input): Output[] =>
    input.type === 'address-found'
      ? [
          { type: 'storage-read', request: 1, reads: [] },
          { type: 'storage-write', request: 2, writes: [] },
        ]
      : []
  broker.post({ type: 'address-found', transport: 'memory', address: 'a' })
  await settle()
  expect(engine.handled.slice(1).map(({ input }) => input)).toEqual([
    { type: 'storage-answered', request: 1, answer: { type: 'read', results: [] } },
    {
      type: 'storage-answered',
      request: 2,
      answer: { type: 'failed', reason: 'quota', message: 'the disk is full' },
    },
  ])
})

test('a fenced store ends the mesh, and every pending command says so', async () => {
  const { driver, engine, broker, ends, closes } = setUp({
    write: async () => Promise.reject(new StorageFailure('fenced', 'opened elsewhere')),
  })
  engine.script = (input): Output[] =>
    input.type === 'address-found' ? [{ type: 'storage-write', request: 1, writes: [] }] : []
  const pending = driver.execute(get)
  broker.post({ type: 'address-found', transport: 'memory', address: 'a' })
  const problem = { code: 'store-fenced', message: 'opened elsewhere' }
  expect(await pending).toEqual({ ok: false, problem })
  await settle()
  expect(ends).toEqual([problem])
  expect(closes()).toBe(1)
  expect(await driver.execute(get)).toEqual({ ok: false, problem })
})

test('an exception out of the engine ends the mesh with engine-failed', async () => {
  const { driver, engine, ends, closes, host } = setUp()
  engine.script = () => {
    throw new Error('broken invariant: a test')
  }
  const answer = await driver.execute(get)
  expect(answer).toMatchObject({ ok: false, problem: { code: 'engine-failed' } })
  await settle()
  expect(ends.map((problem) => problem?.code)).toEqual(['engine-failed'])
  expect(closes()).toBe(1)
  expect(host.timers.size).toBe(0)
  expect(host.isClosed).toBe(true)
})

test('stop lets the engine say farewell, then closes transports and storage', async () => {
  const { driver, engine, orders, ends, host, closes } = setUp()
  engine.deadlineMs = 9_000
  engine.script = (input): Output[] =>
    input.type === 'stop'
      ? [
          { type: 'channel-send', channel: 1, bytes: new Uint8Array([1]) },
          { type: 'close-channel', channel: 1 },
          { type: 'stopped' },
        ]
      : []
  const pending = driver.execute(get)
  await Promise.all([driver.stop(), driver.stop()])
  expect(orders.map((order) => order.type)).toEqual([
    'channel-send',
    'close-channel',
    'stop-transports',
  ])
  expect(await pending).toMatchObject({ ok: false, problem: { code: 'mesh-closed' } })
  expect(ends).toEqual([undefined])
  expect(closes()).toBe(1)
  expect(host.timers.size).toBe(0)
})

test('an engine that never says it has stopped is stopped after its time', async () => {
  const { driver, host, ends } = setUp()
  const stopped = driver.stop()
  await settle()
  expect(ends).toEqual([])
  host.advance(host.timeMs + 5_000)
  await stopped
  expect(ends).toEqual([undefined])
})

test('transports that never stop hold up the end for a bounded time', async () => {
  const { driver, engine, host, broker, ends } = setUp()
  engine.script = (input): Output[] => (input.type === 'stop' ? [{ type: 'stopped' }] : [])
  broker.close()
  const stopped = driver.stop()
  await settle()
  expect(ends).toEqual([])
  host.advance(host.timeMs + 3_000)
  await stopped
  expect(ends).toEqual([undefined])
})

test('a deadline that moves on keeps its timer, one that comes nearer gets another beside it', async () => {
  const { engine, host, broker } = setUp()
  engine.script = (input) => {
    if (input.type === 'address-found') engine.deadlineMs = Number(input.address)
    return []
  }
  const move = async (toMs: number) => {
    broker.post({ type: 'address-found', transport: 'memory', address: String(toMs) })
    await settle()
    return [...host.timers].map((timer) => timer.atMs)
  }
  expect(await move(5_000)).toEqual([5_000])
  expect(await move(6_000)).toEqual([5_000])
  expect(await move(4_000)).toEqual([5_000, 4_000])
  expect(await move(7_000)).toEqual([5_000, 4_000])
  host.advance(4_000)
  expect(engine.types()).not.toContain('deadline')
  expect([...host.timers].map((timer) => timer.atMs)).toEqual([5_000])
  expect(await move(4_500)).toEqual([5_000, 4_500])
  // Of more than two the farthest makes way.
  expect(await move(4_200)).toEqual([4_500, 4_200])
  expect(await move(Number.POSITIVE_INFINITY)).toEqual([])
})

test('received bytes are reported as processed after the slice that handled them', async () => {
  const { broker, orders } = setUp()
  const received = (channel: number, length: number) =>
    broker.post({ type: 'channel-received', channel, bytes: new Uint8Array(length) })
  received(1, 100)
  received(2, 7)
  received(1, 11)
  await settle()
  received(1, 1)
  await settle()
  expect(orders).toEqual([
    { type: 'channel-processed', channel: 1, processedBytes: 111 + 2 * 64 },
    { type: 'channel-processed', channel: 2, processedBytes: 7 + 64 },
    { type: 'channel-processed', channel: 1, processedBytes: 112 + 3 * 64 },
  ])
})

test('signals that transports do not take are dropped at a bound, and counted', async () => {
  const { engine, broker, orders, flight } = setUp()
  const signal = new Uint8Array([1])
  const peer = '00112233aabbccdd' as PeerId
  engine.script = () => [{ type: 'signal-received', transport: 'webrtc', peer, signal }]
  const receive = async (count: number) => {
    orders.length = 0
    for (let at = 0; at < count; at += 1) {
      broker.post({ type: 'address-found', transport: 'memory', address: String(at) })
    }
    await settle()
    return orders.length
  }
  expect(await receive(300)).toBe(256)
  expect(await receive(1)).toBe(0)
  expect(flight.snapshot().counters['driver.signalsDropped']).toBe(45)
  broker.post({ type: 'signals-taken', count: 2 })
  await settle()
  expect(await receive(3)).toBe(2)
})

test('commands beyond the bound are refused with limit-reached', async () => {
  const { driver } = setUp()
  const answers: Promise<CommandAnswer>[] = []
  for (let count = 0; count < 65_536; count += 1) answers.push(driver.execute(get))
  expect(await driver.execute(get)).toMatchObject({ problem: { code: 'limit-reached' } })
  expect(answers).toHaveLength(65_536)
})

test('a transport that cannot start is a problem that names it', async () => {
  const { broker, events } = setUp()
  broker.post({ type: 'transport-failed', transport: 'tcp', message: 'port 8787 is in use' })
  await settle()
  expect(events).toEqual([
    {
      type: 'problem',
      problem: {
        code: 'transport-failed',
        message: 'the transport tcp could not start: port 8787 is in use',
      },
    },
  ])
})

test('a command given from inside an event is handled after the outputs under way', async () => {
  const { driver, engine, broker, events } = setUp()
  const push = events.push.bind(events)
  events.push = (event) => {
    void driver.execute(get)
    return push(event)
  }
  const problem: Problem = { code: 'app-mismatch', message: 'x' }
  engine.script = (input): Output[] =>
    input.type === 'address-found'
      ? [
          { type: 'event', event: { type: 'problem', problem } },
          { type: 'dial', dial: 1, transport: 'memory', address: 'a' },
        ]
      : []
  broker.post({ type: 'address-found', transport: 'memory', address: 'a' })
  await settle()
  expect(engine.types()).toEqual(['address-found', 'command'])
})

test('an opening of a stream is answered before what happens to the stream is told', async () => {
  const { driver, engine, application } = setUp()
  const reports: StreamReport[] = []
  application.receive((batch) => reports.push(...batch))
  engine.script = (input) => {
    if (input.type === 'stream-written') {
      const event = { type: 'stream-drained', stream: input.stream, drainedBytes: 1 } as const
      return [{ type: 'stream', event }]
    }
    if (input.type !== 'command' || input.body.type !== 'open-stream') return []
    const { command } = input
    return [
      { type: 'command-answered', command, answer: { ok: true, value: { stream: 4 } } },
      { type: 'stream', event: { type: 'stream-finished', stream: 4 } },
    ]
  }
  const peer = '00112233aabbccdd' as PeerId
  const body = { peer, protocol: 'chat', priority: 'bulk', patienceMs: 10 } as const
  application.post({ type: 'open-stream', opening: 9, ...body })
  const bytes = new Uint8Array([1])
  application.post({ type: 'stream-written', stream: 4, bytes, finish: false })
  await settle()
  expect(engine.handled.map(({ input }) => input)).toEqual([
    { type: 'command', command: 1, body: { type: 'open-stream', ...body } },
    { type: 'stream-written', stream: 4, bytes, finish: false },
  ])
  const opened = { type: 'open-answered', opening: 9, outcome: { ok: true, stream: 4 } } as const
  expect(reports).toEqual([
    opened,
    { type: 'stream-finished', stream: 4 },
    { type: 'stream-drained', stream: 4, drainedBytes: 1 },
  ])
  // Nobody waits for ever for an opening that comes too late.
  reports.length = 0
  void driver.stop()
  application.post({ type: 'open-stream', opening: 10, ...body })
  await settle()
  expect(reports).toMatchObject([{ opening: 10, outcome: { problem: { code: 'mesh-closed' } } }])
})
