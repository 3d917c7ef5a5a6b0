import { expect, test } from 'vitest'
import { createRecordPortPair } from '../driver/record-port.ts'
import type { StreamOrder, StreamReport } from '../driver/stream-orders.ts'
import type { Command } from '../engine/command.ts'
import type { PeerId } from '../engine/identity/peer-id.ts'
import { MeshError } from './mesh-error.ts'
import type { MeshStream } from './mesh-stream.ts'
import { StreamTable } from './stream-table.ts'

const peer = '00112233aabbccdd' as PeerId
const closed = new MeshError('mesh-closed', 'the mesh is closed')

/** A table, and in place of an engine a list of what it was told. */
function setUp() {
  const [port, engine] = createRecordPortPair<StreamOrder, StreamReport>()
  const orders: StreamOrder[] = []
  engine.receive((batch) => orders.push(...batch))
  const commands: Command[] = []
  const problems: string[] = []
  const refusals = new Map<string, MeshError>()
  const table = new StreamTable({
    port,
    commands: {
      call: async (command) => {
        commands.push(command)
        const refusal = refusals.get(command.type)
        if (refusal) throw refusal
        return undefined as never
      },
    },
    problem: ({ code }) => problems.push(code),
  })
  const report = async (...reports: StreamReport[]) => {
    for (const each of reports) engine.post(each)
    await settle()
  }
  return { table, orders, commands, problems, refusals, report }
}

/** What a promise is rejected with; caught at once, so that it may be looked at later. */
async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'no error',
    (error: unknown) => error,
  )
}

async function settle() {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
}

const opened = (stream: number): StreamReport => ({
  type: 'stream-opened',
  stream,
  peer,
  protocol: 'chat',
  priority: 'interactive',
})

test('an opening is asked for, and what happens to its stream afterwards is in order', async () => {
  const { table, orders, report } = setUp()
  const opening = table.open(peer, { protocol: 'chat', priority: 'interactive' })
  await settle()
  expect(orders).toEqual([
    {
      type: 'open-stream',
      opening: 1,
      peer,
      protocol: 'chat',
      priority: 'interactive',
      patienceMs: 10_000,
    },
  ])
  await report(
    { type: 'open-answered', opening: 1, outcome: { ok: true, stream: 7 } },
    { type: 'stream-data', stream: 7, bytes: new Uint8Array([1]) },
    { type: 'stream-finished', stream: 7 },
  )
  const stream = await opening
  expect(stream).toMatchObject({ peer, protocol: 'chat', priority: 'interactive' })
  expect(await new Response(stream.readable).bytes()).toEqual(new Uint8Array([1]))
})

test('the problem of an opening is its error', async () => {
  const { table, report } = setUp()
  const opening = table.open(peer, { protocol: 'chat' })
  const refused = errorOf(opening)
  const problem = { code: 'peer-unreachable', message: 'no' } as const
  await report({ type: 'open-answered', opening: 1, outcome: { ok: false, problem } })
  expect(await refused).toMatchObject({ code: 'peer-unreachable', message: 'no' })
})

test('a stream whose opening was given up is ended as soon as it is open', async () => {
  const { table, orders, report } = setUp()
  const giveUp = new AbortController()
  const opening = table.open(peer, { protocol: 'chat', signal: giveUp.signal })
  const refused = errorOf(opening)
  giveUp.abort('enough')
  expect(await refused).toBe('enough')
  await report({ type: 'open-answered', opening: 1, outcome: { ok: true, stream: 7 } })
  expect(orders.slice(1)).toEqual([
    { type: 'stream-stopped', stream: 7, code: 0 },
    { type: 'stream-reset', stream: 7, code: 0 },
  ])
  const before = table.open(peer, { protocol: 'chat', signal: AbortSignal.abort('before') })
  await expect(before).rejects.toBe('before')
  expect(orders).toHaveLength(3)
})

test('what is wrong with an opening is named, and nothing is asked for', async () => {
  const { table, orders } = setUp()
  for (const [id, protocol, named] of [
    ['nobody', 'chat', /peer is nobody/],
    [peer, '', /protocol has 0 bytes/],
    [peer, 'ü'.repeat(33), /protocol has 66 bytes/],
    [peer, 7 as unknown as string, /protocol has 0 bytes/],
  ] as const) {
    const error = await table.open(id, { protocol }).catch((error: unknown) => error)
    expect(error).toMatchObject({ code: 'options-invalid' })
    expect((error as Error).message).toMatch(named)
  }
  const wrong = table.open(peer, { protocol: 'chat', priority: 'control' as 'bulk' })
  await expect(wrong).rejects.toMatchObject({ code: 'options-invalid' })
  expect(orders).toEqual([])
})

test('streams of an accepted protocol are handed on, one acceptor a protocol', async () => {
  const { table, commands, report } = setUp()
  const streams: MeshStream[] = []
  const accepting = table.accept('chat', (stream) => streams.push(stream))
  expect(() => table.accept('chat', () => {})).toThrow(/accepted already/)
  expect(() => table.accept('', () => {})).toThrow(/0 bytes/)
  await report(opened(1))
  expect(streams).toMatchObject([{ peer, protocol: 'chat', priority: 'interactive' }])
  accepting.stop()
  accepting.stop()
  const again = table.accept('chat', () => {})
  accepting.stop()
  again.stop()
  expect(commands.map(({ type }) => type)).toEqual([
    'accept-streams',
    'refuse-streams',
    'accept-streams',
    'refuse-streams',
  ])
})

test('a stream that was opened while its protocol was being refused is ended', async () => {
  const { table, orders, report } = setUp()
  table.accept('chat', () => {}).stop()
  await report(opened(3))
  expect(orders.map(({ type }) => type)).toEqual(['stream-stopped', 'stream-reset'])
})

test('a protocol that the engine would not accept is a problem', async () => {
  const { table, problems, refusals } = setUp()
  refusals.set('accept-streams', new MeshError('limit-reached', 'too many protocols'))
  table.accept('chat', () => {})
  await settle()
  expect(problems).toEqual(['limit-reached'])
})

test('an acceptor that throws does not keep others from their streams', async () => {
  const { table, report } = setUp()
  const thrown = new Promise((resolve) => {
    process.once('uncaughtException', resolve)
  })
  const streams: MeshStream[] = []
  table.accept('chat', (stream) => {
    streams.push(stream)
    if (streams.length === 1) throw new Error('a bug of the application')
  })
  await report(opened(1), opened(2))
  expect(streams).toHaveLength(2)
  expect(await thrown).toMatchObject({ message: 'a bug of the application' })
})

/** A stream accepted, with all that is asked for later. */
async function withStream() {
  const parts = setUp()
  let stream!: MeshStream
  parts.table.accept('chat', (accepted) => {
    stream = accepted
  })
  await parts.report(opened(1))
  return { ...parts, stream }
}

test('credit travels with the next order, or when it is much, or many chunks, or all of a stream', async () => {
  const { orders, report, stream } = await withStream()
  const data = (length: number) =>
    report({ type: 'stream-data', stream: 1, bytes: new Uint8Array(length) })
  const reader = stream.readable.getReader()
  await data(100)
  await reader.read()
  await settle()
  expect(orders).toEqual([])
  const writer = stream.writable.getWriter()
  await writer.write(new Uint8Array([7]))
  expect(orders).toEqual([
    { type: 'stream-consumed', stream: 1, bytes: 100 },
    { type: 'stream-written', stream: 1, bytes: new Uint8Array([7]), finish: false },
  ])
  orders.length = 0
  for (let count = 0; count < 16; count += 1) {
    expect(orders).toEqual([])
    await data(50)
    await reader.read()
  }
  await settle()
  expect(orders).toEqual([{ type: 'stream-consumed', stream: 1, bytes: 800 }])
  orders.length = 0
  await data(64 * 1024)
  await reader.read()
  await settle()
  expect(orders).toEqual([{ type: 'stream-consumed', stream: 1, bytes: 64 * 1024 }])
  orders.length = 0
  await data(60)
  await reader.read()
  await report({ type: 'stream-finished', stream: 1 })
  await settle()
  expect(orders).toEqual([])
  const closed = writer.close()
  await report({ type: 'stream-delivered', stream: 1 })
  await closed
  expect(orders).toContainEqual({ type: 'stream-consumed', stream: 1, bytes: 60 })
})

for (const [code, what] of [
  [2 ** 32, 'stream-refused'],
  [2 ** 32 + 1, 'stream-lost'],
  [5, 'stream-reset'],
] as const) {
  test(`a reset with code ${code} is ${what}`, async () => {
    const { report, stream } = await withStream()
    const reading = stream.readable.getReader().read()
    const streamCode = what === 'stream-reset' ? code : undefined
    const refused = errorOf(reading)
    await report({ type: 'stream-reset', stream: 1, code })
    expect(await refused).toMatchObject({ code: what, streamCode })
  })
}

test('closed resolves when both directions are over as both ends wanted', async () => {
  const { report, stream } = await withStream()
  let isClosed = false
  void stream.closed.then(() => {
    isClosed = true
  })
  const closing = stream.writable.close()
  await report({ type: 'stream-delivered', stream: 1 })
  await closing
  await settle()
  expect(isClosed).toBe(false)
  await report({ type: 'stream-finished', stream: 1 })
  expect(isClosed).toBe(true)
})

test('closed rejects with the error of the direction that failed', async () => {
  const { report, stream } = await withStream()
  const refused = errorOf(stream.closed)
  await report({ type: 'stream-stopped', stream: 1, code: 2 })
  await report({ type: 'stream-finished', stream: 1 })
  expect(await refused).toMatchObject({
    code: 'stream-stopped',
    streamCode: 2,
  })
})

test('the end of the mesh ends openings and streams, and nothing begins any more', async () => {
  const { table, orders, report, stream } = await withStream()
  const opening = table.open(peer, { protocol: 'chat' })
  const reading = stream.readable.getReader().read()
  const writing = stream.writable.getWriter().write(new Uint8Array(1_000_000))
  const refused = [opening, reading, writing].map(async (promise) =>
    expect(promise).rejects.toBe(closed),
  )
  await settle()
  orders.length = 0
  table.end(closed)
  await Promise.all(refused)
  await expect(stream.closed).rejects.toBe(closed)
  await expect(table.open(peer, { protocol: 'chat' })).rejects.toBe(closed)
  expect(() => table.accept('other', () => {})).toThrow(closed)
  await report(opened(9), { type: 'stream-data', stream: 1, bytes: new Uint8Array(1) })
  expect(orders).toEqual([])
})
