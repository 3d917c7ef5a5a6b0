import { expect, test } from 'vitest'
import { streamWriteBytesMax } from '../engine/connection/stream-port.ts'
import { MeshError } from './mesh-error.ts'
import { StreamWriter } from './stream-writer.ts'

const KiB = 1024

/** What a promise is rejected with; caught at once, so that it may be looked at later. */
async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'no error',
    (error: unknown) => error,
  )
}

function setUp() {
  const written: { bytes: Uint8Array; finish: boolean }[] = []
  const resets: number[] = []
  const ends: (MeshError | undefined)[] = []
  const stream = new StreamWriter({
    write: (bytes, finish) => written.push({ bytes, finish }),
    reset: (code) => resets.push(code),
    over: (error) => ends.push(error),
  })
  const writer = stream.writable.getWriter()
  // What is refused is looked at where it matters.
  writer.closed.catch(() => {})
  const writtenBytes = () => written.reduce((sum, { bytes }) => sum + bytes.length, 0)
  return { stream, writer, written, resets, ends, writtenBytes }
}

/** The outcome of a promise so far. */
async function stateOf(promise: Promise<unknown>): Promise<unknown> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
  return Promise.race([
    promise.then(
      () => 'resolved',
      (error: unknown) => error,
    ),
    Promise.resolve().then(async () => 'pending'),
  ])
}

const lost = new MeshError('stream-lost', 'the connection has ended')

test('what fits is handed over in the call of write, and the buffer stays the caller’s', async () => {
  const { writer, written } = setUp()
  await writer.ready
  const mine = new Uint8Array([1, 2, 3, 4])
  const done = writer.write(mine.subarray(1, 3))
  expect(written).toEqual([{ bytes: new Uint8Array([2, 3]), finish: false }])
  expect(written[0]?.bytes.buffer.byteLength).toBe(2)
  await done
  mine.fill(9)
  expect(written[0]?.bytes).toEqual(new Uint8Array([2, 3]))
})

test('every kind of buffer is taken, and an empty one does nothing', async () => {
  const { writer, written } = setUp()
  const shared = new Uint8Array(new SharedArrayBuffer(2)).fill(7)
  await writer.write(new Uint16Array([0x0201]))
  await writer.write(new DataView(new Uint8Array([3, 4, 5]).buffer, 1))
  await writer.write(new Uint8Array([6]).buffer)
  await writer.write(new ArrayBuffer(0))
  await writer.write(shared)
  expect(written.map(({ bytes }) => [...bytes])).toEqual([[1, 2], [4, 5], [6], [7, 7]])
})

test('a chunk of any size is cut, and never more is on the way than the bound', async () => {
  const { stream, writer, written, writtenBytes } = setUp()
  const chunk = Uint8Array.from({ length: 1_000_001 }, (_, at) => (at * 7) % 251)
  const done = writer.write(chunk)
  let drainedBytes = 0
  let onTheWayBytesMax = 0
  while ((await stateOf(done)) === 'pending') {
    onTheWayBytesMax = Math.max(onTheWayBytesMax, writtenBytes() - drainedBytes)
    drainedBytes += 32 * KiB
    stream.drained(drainedBytes)
  }
  expect(onTheWayBytesMax).toBe(streamWriteBytesMax)
  expect(Math.max(...written.map(({ bytes }) => bytes.length))).toBe(64 * KiB)
  expect(Buffer.concat(written.map(({ bytes }) => bytes)).equals(chunk)).toBe(true)
})

test('ready and desiredSize follow what drains', async () => {
  const { stream, writer } = setUp()
  await writer.write(new Uint8Array(256 * KiB))
  expect(writer.desiredSize).toBe(64 * KiB)
  const held = writer.write(new Uint8Array(64 * KiB))
  expect(writer.desiredSize).toBe(0)
  expect(await stateOf(writer.ready)).toBe('pending')
  stream.drained(63 * KiB)
  expect(await stateOf(writer.ready)).toBe('pending')
  stream.drained(64 * KiB)
  expect(await stateOf(held)).toBe('resolved')
  expect(await stateOf(writer.ready)).toBe('resolved')
  expect(writer.desiredSize).toBe(64 * KiB)
})

test('close resolves once everything was delivered', async () => {
  const { stream, writer, written, ends } = setUp()
  await writer.write(new Uint8Array([1]))
  const closed = writer.close()
  expect(await stateOf(closed)).toBe('pending')
  expect(written.at(-1)).toEqual({ bytes: new Uint8Array(0), finish: true })
  stream.drained(1)
  expect(await stateOf(closed)).toBe('pending')
  stream.delivered()
  expect(await stateOf(closed)).toBe('resolved')
  expect(ends).toEqual([undefined])
  stream.fail(lost)
  expect(ends).toEqual([undefined])
})

for (const [reason, code] of [
  [new MeshError('stream-reset', 'enough', { streamCode: 7 }), 7],
  [4_294_967_295, 4_294_967_295],
  [4_294_967_296, 0],
  [-1, 0],
  [1.5, 0],
  [new Error('enough'), 0],
  [undefined, 0],
] as const) {
  test(`aborting with ${String(reason)} resets with code ${code}`, async () => {
    const { writer, resets, ends } = setUp()
    await writer.abort(reason)
    expect(resets).toEqual([code])
    expect(ends).toEqual([undefined])
  })
}

test('aborting does not wait for a write that waits for credit', async () => {
  const { stream, writer, resets, writtenBytes } = setUp()
  const reason = new Error('enough')
  const held = writer.write(new Uint8Array(300 * KiB))
  const refused = errorOf(held)
  await Promise.resolve()
  const aborted = writer.abort(reason)
  expect(resets).toEqual([0])
  await aborted
  expect(await refused).toBe(reason)
  stream.drained(256 * KiB)
  expect(await stateOf(aborted)).toBe('resolved')
  expect(writtenBytes()).toBe(256 * KiB)
  expect(resets).toEqual([0])
})

test('aborting while the end is on its way resets, and close rejects', async () => {
  const { stream, writer, resets } = setUp()
  const closed = writer.close()
  const refused = errorOf(closed)
  await Promise.resolve()
  const aborted = writer.abort(5)
  expect(resets).toEqual([5])
  stream.delivered()
  expect(await refused).toBe(5)
  await aborted.catch(() => {})
})

test('what the other end stops refuses the write that waits and every later one', async () => {
  const { stream, writer, resets, ends } = setUp()
  const stopped = new MeshError('stream-stopped', 'stopped', { streamCode: 3 })
  const held = writer.write(new Uint8Array(300 * KiB))
  const refused = errorOf(held)
  await Promise.resolve()
  // Credit and the stop come in one task: the write that it woke must not wait for ever.
  stream.drained(1)
  stream.fail(stopped)
  expect(await refused).toBe(stopped)
  await expect(writer.write(new Uint8Array(1))).rejects.toBe(stopped)
  await expect(writer.closed).rejects.toBe(stopped)
  expect(resets).toEqual([])
  expect(ends).toEqual([stopped])
})

test('a connection that ends before the end was delivered makes close reject', async () => {
  const { stream, writer } = setUp()
  const refused = errorOf(writer.close())
  await Promise.resolve()
  stream.fail(lost)
  expect(await refused).toBe(lost)
})

test('a chunk that is no buffer is a TypeError, and the stream is reset', async () => {
  const { writer, resets } = setUp()
  await expect(writer.write('text' as unknown as ArrayBuffer)).rejects.toBeInstanceOf(TypeError)
  expect(resets).toEqual([0])
})
