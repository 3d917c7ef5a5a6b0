import { createHash } from 'node:crypto'
import { afterEach, expect, test } from 'vitest'
import { MemoryNetwork, memoryTransport } from '../testing/memory-transport.ts'
import { MeshError, openMesh, type Mesh, type MeshStream } from './node.ts'

const MiB = 1024 * 1024
const meshes: Mesh[] = []

afterEach(async () => {
  await Promise.all(meshes.splice(0).map(async (mesh) => mesh.close()))
})

async function open(
  network: MemoryNetwork,
  address: string,
  dial: readonly string[] = [],
): Promise<Mesh> {
  const transports = [memoryTransport({ network, address, dial })]
  const mesh = await openMesh({ app: 'corner-cafe', secret: 'ab'.repeat(32), transports })
  meshes.push(mesh)
  return mesh
}

async function openTwo(): Promise<{ one: Mesh; two: Mesh; network: MemoryNetwork }> {
  const network = new MemoryNetwork()
  const one = await open(network, 'one')
  const two = await open(network, 'two', ['one'])
  return { one, two, network }
}

/** The next stream of the protocol that a peer opens. */
async function accepted(mesh: Mesh, protocol = 'test'): Promise<MeshStream> {
  return new Promise((resolve) => {
    const accepting = mesh.acceptStreams(protocol, (stream) => {
      accepting.stop()
      resolve(stream)
    })
  })
}

/** A stream, at the end that opened it and at the other. */
async function connect(from: Mesh, to: Mesh): Promise<[MeshStream, MeshStream]> {
  return Promise.all([
    from.openStream(to.peer, { protocol: 'test', priority: 'interactive' }),
    accepted(to),
  ])
}

/** What a promise is rejected with; caught at once, so that it may be looked at later. */
async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'no error',
    (error: unknown) => error,
  )
}

async function read(readable: ReadableStream<Uint8Array>): Promise<void> {
  const reader = readable.getReader()
  while (!(await reader.read()).done);
}

/** Bytes that no two places of have in common. */
function patternOf(bytes: number, seed = 1): Uint8Array {
  const words = new Uint32Array(Math.ceil(bytes / 4))
  let state = seed
  for (let at = 0; at < words.length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    words[at] = state
  }
  return new Uint8Array(words.buffer, 0, bytes)
}

async function hashOf(readable: ReadableStream<Uint8Array>): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of readable) hash.update(chunk)
  return hash.digest('hex')
}

test('a request is answered, and both ends close in good order', async () => {
  const { one, two } = await openTwo()
  const echoing = new Promise<void>((resolve, reject) => {
    one.acceptStreams('echo', ({ readable, writable }) => {
      readable.pipeTo(writable).then(resolve, reject)
    })
  })
  const stream = await two.openStream(one.peer, { protocol: 'echo', priority: 'interactive' })
  expect(stream).toMatchObject({ peer: one.peer, protocol: 'echo', priority: 'interactive' })
  const writer = stream.writable.getWriter()
  const reader = stream.readable.getReader()
  for (const text of ['tea', 'cake', 'bill']) {
    await writer.write(new TextEncoder().encode(text))
    const { value } = await reader.read()
    expect(new TextDecoder().decode(value)).toBe(text)
  }
  await writer.close()
  expect(await reader.read()).toEqual({ done: true, value: undefined })
  await Promise.all([stream.closed, echoing])
})

test('the end that accepts knows who opened, and with what', async () => {
  const { one, two } = await openTwo()
  const [opened, other] = await connect(two, one)
  expect(other).toMatchObject({ peer: two.peer, protocol: 'test', priority: 'interactive' })
  await Promise.all([opened, other].map(async ({ writable }) => writable.close()))
})

test('64 MiB arrive byte for byte in both directions at once', async () => {
  const { one, two } = await openTwo()
  const [here, there] = await connect(one, two)
  const [sent, answered] = [patternOf(64 * MiB), patternOf(64 * MiB, 2)]
  const write = async ({ writable }: MeshStream, bytes: Uint8Array) => {
    const writer = writable.getWriter()
    // One chunk of an odd size after the other, a large one, and a small one.
    for (const [from, to] of [
      [0, 100_003],
      [100_003, 40 * MiB],
      [40 * MiB, bytes.length - 1],
      [bytes.length - 1, bytes.length],
    ]) {
      await writer.write(bytes.subarray(from, to))
    }
    await writer.close()
  }
  const [hashThere, hashHere] = await Promise.all([
    hashOf(there.readable),
    hashOf(here.readable),
    write(here, sent),
    write(there, answered),
  ])
  expect(hashThere).toBe(createHash('sha256').update(sent).digest('hex'))
  expect(hashHere).toBe(createHash('sha256').update(answered).digest('hex'))
  await Promise.all([here.closed, there.closed])
})

test('a reader that cancels stops the writer with its code, and the other direction goes on', async () => {
  const { one, two } = await openTwo()
  const [here, there] = await connect(one, two)
  await there.readable.cancel(new MeshError('stream-stopped', 'enough', { streamCode: 7 }))
  const writer = here.writable.getWriter()
  const error = await errorOf(writer.closed)
  expect(error).toMatchObject({ name: 'MeshError', code: 'stream-stopped', streamCode: 7 })
  await expect(writer.write(new Uint8Array(1))).rejects.toBe(error)
  const [text] = await Promise.all([
    new Response(here.readable).text(),
    new Response('still here').body?.pipeTo(there.writable),
  ])
  expect(text).toBe('still here')
  expect(await errorOf(here.closed)).toBe(error)
  await there.closed
})

test('a writer that aborts resets the reader with its code', async () => {
  const { one, two } = await openTwo()
  const [here, there] = await connect(one, two)
  const writer = here.writable.getWriter()
  await writer.write(new Uint8Array([1]))
  const reader = there.readable.getReader()
  expect((await reader.read()).value).toEqual(new Uint8Array([1]))
  await writer.abort(4_000_000_000)
  expect(await errorOf(reader.read())).toMatchObject({
    code: 'stream-reset',
    streamCode: 4_000_000_000,
  })
})

test('a reader that does not read holds the far writer back, within bounds', async () => {
  const { one, two } = await openTwo()
  const [here, there] = await connect(one, two)
  const writer = here.writable.getWriter()
  const chunk = new Uint8Array(64 * 1024)
  let writtenBytes = 0
  const write = async (toBytes: number) => {
    while (writtenBytes < toBytes) {
      await writer.ready
      void writer.write(chunk)
      writtenBytes += chunk.length
    }
  }
  const writing = write(16 * MiB)
  // Until nothing moves any more while requests on another stream are answered.
  const [request, answer] = await connect(two, one)
  const echoing = answer.readable.pipeTo(answer.writable)
  const [asking, answered] = [request.writable.getWriter(), request.readable.getReader()]
  for (let stillRounds = 0, before = 0; stillRounds < 20;) {
    await asking.write(new Uint8Array(1))
    await answered.read()
    stillRounds = writtenBytes === before ? stillRounds + 1 : 0
    before = writtenBytes
  }
  // Own credit, what the connection holds unsent, and the far end's window.
  expect(writtenBytes).toBeLessThan(2 * MiB)
  expect(writer.desiredSize).toBeLessThanOrEqual(0)
  let readBytes = 0
  const closing = writing.then(async () => writer.close())
  for await (const { length } of there.readable) readBytes += length
  await closing
  expect(readBytes).toBe(16 * MiB)
  await asking.close()
  await echoing
})

test('a protocol that nobody accepts is refused, in both directions', async () => {
  const { one, two } = await openTwo()
  const stream = await one.openStream(two.peer, { protocol: 'nobody' })
  expect(await errorOf(stream.readable.getReader().read())).toMatchObject({
    code: 'stream-refused',
  })
  expect(await errorOf(stream.writable.getWriter().closed)).toMatchObject({
    code: 'stream-refused',
  })
  expect(await errorOf(stream.closed)).toMatchObject({ code: 'stream-refused' })
})

test('streams one after the other never run out, however they end', async () => {
  const { one, two } = await openTwo()
  const other: MeshStream[] = []
  let opened = () => {}
  two.acceptStreams('test', (stream) => {
    other.push(stream)
    opened()
  })
  const ways: ((here: MeshStream, there: MeshStream) => Promise<unknown>)[] = [
    // Both finish; nobody reads what the other wrote.
    async (here, there) => {
      const writer = here.writable.getWriter()
      await writer.write(new Uint8Array(100))
      await Promise.all([writer.close(), there.writable.close()])
      await Promise.all([here.readable.cancel(), there.readable.cancel()])
    },
    async (here, there) => {
      await Promise.all([here.writable.abort(), there.writable.abort()])
      return Promise.all([here.readable, there.readable].map(async (each) => errorOf(read(each))))
    },
    async (here, there) => {
      await Promise.all([here.readable.cancel(), there.readable.cancel()])
      const writers = [here, there].map(({ writable }) => writable.getWriter())
      return Promise.all(writers.map(async ({ closed }) => errorOf(closed)))
    },
    // Written to and reset before anybody read.
    async (here, there) => {
      const writer = here.writable.getWriter()
      await writer.write(new Uint8Array(50_000))
      await writer.abort()
      await errorOf(read(there.readable))
      await Promise.all([there.writable.abort(), errorOf(read(here.readable))])
    },
  ]
  for (let count = 0; count < 160; count += 1) {
    const accepting = new Promise<void>((resolve) => {
      opened = resolve
    })
    const here = await one.openStream(two.peer, { protocol: 'test' })
    await accepting
    await ways[count % ways.length]?.(here, other[count]!)
    // Nobody accepts these.
    const refused = await one.openStream(two.peer, { protocol: 'nobody' })
    await errorOf(refused.closed)
  }
})

test('streams that were accepted go on when their protocol is refused', async () => {
  const { one, two } = await openTwo()
  const [here, there] = await connect(one, two)
  const writing = new Response('go on').body?.pipeTo(here.writable)
  expect(await new Response(there.readable).text()).toBe('go on')
  await writing
})

test('a mesh that closes ends its streams, here and there', async () => {
  const { one, two } = await openTwo()
  const [here, there] = await connect(one, two)
  const reading = errorOf(there.readable.getReader().read())
  const writing = errorOf(there.writable.getWriter().write(new Uint8Array(16 * MiB)))
  const closed = [here, there].map(async ({ closed }) => errorOf(closed))
  await one.close()
  expect(await reading).toMatchObject({ code: 'stream-lost' })
  expect(await writing).toMatchObject({ code: 'stream-lost' })
  expect(await closed[0]).toMatchObject({ code: 'mesh-closed' })
  expect(await closed[1]).toMatchObject({ code: 'stream-lost' })
  expect(await errorOf(here.readable.getReader().read())).toMatchObject({ code: 'mesh-closed' })
  expect(await errorOf(here.writable.getWriter().closed)).toMatchObject({ code: 'mesh-closed' })
  const opening = one.openStream(two.peer, { protocol: 'test' })
  expect(await errorOf(opening)).toMatchObject({ code: 'mesh-closed' })
})

test('a stream outlives the break of its only channel', async () => {
  const { one, two, network } = await openTwo()
  const [here, there] = await connect(one, two)
  const bytes = patternOf(4 * MiB)
  const hashing = hashOf(there.readable)
  const writer = here.writable.getWriter()
  await writer.write(bytes.subarray(0, MiB))
  network.sever('one')
  await writer.write(bytes.subarray(MiB))
  await writer.close()
  expect(await hashing).toBe(createHash('sha256').update(bytes).digest('hex'))
})

test('a stream reaches a peer behind another', async () => {
  const network = new MemoryNetwork()
  await open(network, 'middle')
  const left = await open(network, 'left', ['middle'])
  const right = await open(network, 'right', ['middle'])
  const [here, there] = await connect(left, right)
  const bytes = patternOf(2 * MiB)
  const hashing = hashOf(there.readable)
  const writer = here.writable.getWriter()
  await writer.write(bytes)
  await writer.close()
  expect(await hashing).toBe(createHash('sha256').update(bytes).digest('hex'))
})

test('an opening that is given up rejects with the reason', async () => {
  const { one } = await openTwo()
  const giveUp = new AbortController()
  const { signal } = giveUp
  const opening = one.openStream('00112233aabbccdd', { protocol: 'test', signal })
  giveUp.abort('enough')
  expect(await errorOf(opening)).toBe('enough')
})
