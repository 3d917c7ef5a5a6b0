import { expect, test } from 'vitest'
import { MeshError } from './mesh-error.ts'
import { StreamReader } from './stream-reader.ts'

/** What a promise is rejected with; caught at once, so that it may be looked at later. */
async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'no error',
    (error: unknown) => error,
  )
}

function setUp() {
  const consumed: number[] = []
  const stops: number[] = []
  const ends: (MeshError | undefined)[] = []
  const stream = new StreamReader({
    consumed: (bytes) => consumed.push(bytes),
    stop: (code) => stops.push(code),
    over: (error) => ends.push(error),
  })
  return { stream, readable: stream.readable, consumed, stops, ends }
}

async function settle() {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
}

const reset = new MeshError('stream-reset', 'reset', { streamCode: 9 })

test('what nobody reads is not credited, and what is read is', async () => {
  const { stream, readable, consumed } = setUp()
  for (const byte of [1, 2, 3]) stream.received(new Uint8Array([byte, byte]))
  await settle()
  expect(consumed).toEqual([])
  const reader = readable.getReader()
  await settle()
  expect(consumed).toEqual([])
  expect((await reader.read()).value).toEqual(new Uint8Array([1, 1]))
  await settle()
  expect(consumed).toEqual([2])
  expect((await reader.read()).value).toEqual(new Uint8Array([2, 2]))
  expect(consumed).toEqual([2, 2])
})

test('whoever waits gets the next bytes as they come', async () => {
  const { stream, readable, consumed } = setUp()
  const reader = readable.getReader()
  const [first, second] = [reader.read(), reader.read()]
  await settle()
  const large = new Uint8Array([1, 2, 3, 4])
  stream.received(large.subarray(0, 2))
  stream.received(large.subarray(2))
  expect((await first).value).toEqual(new Uint8Array([1, 2]))
  expect((await second).value).toEqual(new Uint8Array([3, 4]))
  // The part of a larger buffer was copied: the buffer is somebody else's.
  expect(large).toEqual(new Uint8Array([1, 2, 3, 4]))
  expect(consumed).toEqual([2, 2])
})

test('a reader with a buffer of its own gets it filled, and back at the end', async () => {
  const { stream, readable, ends } = setUp()
  const reader = readable.getReader({ mode: 'byob' })
  stream.received(new Uint8Array([1, 2, 3]))
  expect((await reader.read(new Uint8Array(2))).value).toEqual(new Uint8Array([1, 2]))
  expect((await reader.read(new Uint8Array(2))).value).toEqual(new Uint8Array([3]))
  const last = reader.read(new Uint8Array(8))
  await settle()
  stream.finished()
  expect(await last).toEqual({ done: true, value: new Uint8Array(0) })
  expect(ends).toEqual([undefined])
})

test('the last bytes of a stream that do not fill an element fail the reader, nothing else', async () => {
  const { stream, readable, ends } = setUp()
  const reader = readable.getReader({ mode: 'byob' })
  const reading = reader.read(new Uint16Array(4))
  const refused = errorOf(reading)
  await settle()
  stream.received(new Uint8Array([1]))
  await settle()
  stream.finished()
  expect(await refused).toBeInstanceOf(TypeError)
  expect(ends).toEqual([undefined])
})

test('the end comes after all that was received, and only then is the direction over', async () => {
  const { stream, readable, ends } = setUp()
  stream.received(new Uint8Array([1]))
  stream.received(new Uint8Array([2]))
  stream.finished()
  stream.fail(reset)
  await settle()
  expect(ends).toEqual([])
  const chunks: number[] = []
  for await (const chunk of readable) chunks.push(...chunk)
  expect(chunks).toEqual([1, 2])
  expect(ends).toEqual([undefined])
})

test('a reset errors at once, and what was not read counts as dropped', async () => {
  const { stream, readable, consumed, ends } = setUp()
  const reader = readable.getReader()
  stream.received(new Uint8Array(10))
  stream.received(new Uint8Array(5))
  stream.fail(reset)
  expect(consumed).toEqual([15])
  await expect(reader.read()).rejects.toBe(reset)
  await expect(reader.closed).rejects.toBe(reset)
  expect(ends).toEqual([reset])
  stream.received(new Uint8Array(1))
  stream.finished()
  expect(ends).toEqual([reset])
})

test('a reset rejects the read that waits', async () => {
  const { stream, readable } = setUp()
  const reader = readable.getReader()
  const reading = reader.read()
  const refused = errorOf(reading)
  await settle()
  stream.fail(reset)
  expect(await refused).toBe(reset)
  await reader.closed.catch(() => {})
})

test('cancelling stops with the code of the reason, and drops what waits', async () => {
  const { stream, readable, consumed, stops, ends } = setUp()
  stream.received(new Uint8Array(10))
  await readable.cancel(new MeshError('stream-stopped', 'enough', { streamCode: 4 }))
  expect([stops, consumed, ends]).toEqual([[4], [10], [undefined]])
  stream.received(new Uint8Array(10))
  stream.fail(reset)
  expect([stops, consumed, ends]).toEqual([[4], [10], [undefined]])
})

test('cancelling what has been received to its end stops nobody', async () => {
  const { stream, readable, consumed, stops, ends } = setUp()
  stream.received(new Uint8Array(10))
  stream.finished()
  await readable.cancel()
  expect([stops, consumed, ends]).toEqual([[], [10], [undefined]])
})
