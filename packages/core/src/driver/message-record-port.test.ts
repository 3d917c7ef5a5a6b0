import { expect, test } from 'vitest'
import { MessageRecordPort } from './message-record-port.ts'

interface Bytes {
  readonly bytes?: Uint8Array
  readonly updates?: readonly Uint8Array[]
}

function setUp(bytes: 'move' | 'give' | 'copy') {
  const { port1, port2 } = new MessageChannel()
  const sender = new MessageRecordPort<Bytes, never>(port1, { bytes })
  const receiver = new MessageRecordPort<never, Bytes>(port2, { bytes })
  const batches: (readonly Bytes[])[] = []
  let changed = () => {}
  receiver.receive((records) => {
    batches.push(records)
    changed()
  })
  const received = async (count: number) => {
    while (batches.flat().length < count) {
      await new Promise<void>((resolve) => {
        changed = resolve
      })
    }
    sender.close()
    receiver.close()
    return batches
  }
  return { sender, received }
}

test('records of one task are one message', async () => {
  const { sender, received } = setUp('copy')
  for (let byte = 0; byte < 5; byte += 1) sender.post({ bytes: new Uint8Array([byte]) })
  const batches = await received(5)
  expect(batches).toHaveLength(1)
  expect(batches[0]?.map(({ bytes }) => bytes?.[0])).toEqual([0, 1, 2, 3, 4])
})

test('whole buffers are moved, parts of a buffer are copied and their buffer stays', async () => {
  const { sender, received } = setUp('move')
  const whole = new Uint8Array([1, 2, 3])
  const shared = new Uint8Array([4, 5, 6, 7])
  sender.post({ bytes: whole, updates: [shared.subarray(1, 3), shared.subarray(2)] })
  sender.post({ bytes: whole })
  const [batch] = await received(2)
  expect(batch).toEqual([
    { bytes: new Uint8Array([1, 2, 3]), updates: [new Uint8Array([5, 6]), new Uint8Array([6, 7])] },
    { bytes: new Uint8Array([1, 2, 3]) },
  ])
  expect(batch?.[0]?.updates?.[0]?.buffer.byteLength).toBe(2)
  expect(whole.length).toBe(0)
  expect(shared).toEqual(new Uint8Array([4, 5, 6, 7]))
})

test('a sender that gives moves what is most of a buffer, with the rest of it', async () => {
  const { sender, received } = setUp('give')
  const [large, small] = [new Uint8Array([0, 1, 2, 3]), new Uint8Array([4, 5, 6, 7])]
  sender.post({ bytes: large.subarray(1), updates: [small.subarray(2)] })
  const [batch] = await received(1)
  expect(batch).toEqual([{ bytes: new Uint8Array([1, 2, 3]), updates: [new Uint8Array([6, 7])] }])
  expect(batch?.[0]?.bytes?.byteOffset).toBe(1)
  expect(large.length).toBe(0)
  expect(small).toEqual(new Uint8Array([4, 5, 6, 7]))
})

test('a sender that copies keeps its bytes', async () => {
  const { sender, received } = setUp('copy')
  const kept = new Uint8Array([1, 2, 3])
  sender.post({ bytes: kept, updates: [kept] })
  const [batch] = await received(1)
  expect(batch).toEqual([{ bytes: kept, updates: [kept] }])
  expect(kept).toEqual(new Uint8Array([1, 2, 3]))
})

test('what was posted before closing still leaves, nothing afterwards', async () => {
  const { sender, received } = setUp('copy')
  sender.post({ bytes: new Uint8Array([1]) })
  sender.close()
  sender.post({ bytes: new Uint8Array([2]) })
  expect(await received(1)).toEqual([[{ bytes: new Uint8Array([1]) }]])
})
