import { expect, test } from 'vitest'

import { DatagramQueue, queuedDatagramBytesMax, queuedDatagramsMax } from './datagram-queue.ts'

test('[CN20] the latest of a key takes the place of the one before', () => {
  const queue = new DatagramQueue()
  queue.put('a', Uint8Array.of(1))
  queue.put('b', Uint8Array.of(2))
  queue.put('a', Uint8Array.of(3))
  const left: (Uint8Array | undefined)[] = []
  for (let round = 0; round < 3; round += 1) {
    left.push(queue.peek())
    queue.shift()
  }
  expect(left).toEqual([Uint8Array.of(3), Uint8Array.of(2), undefined])
})

test('[CN20] beyond 64 keys the oldest gives way', () => {
  const queue = new DatagramQueue()
  let dropped = 0
  for (let key = 0; key < queuedDatagramsMax + 5; key += 1) {
    dropped += queue.put(String(key), Uint8Array.of(key))
  }
  expect(dropped).toBe(5)
  expect(queue.size).toBe(queuedDatagramsMax)
  expect(queue.peek()).toEqual(Uint8Array.of(5))
})

test('[CN20] beyond 256 KiB the oldest give way, and replacing costs nothing', () => {
  const queue = new DatagramQueue()
  const half = new Uint8Array(queuedDatagramBytesMax / 2)
  for (let round = 0; round < 10; round += 1) expect(queue.put('a', half)).toBe(0)
  expect(queue.put('b', half)).toBe(0)
  expect(queue.put('c', Uint8Array.of(1))).toBe(1)
  expect(queue.size).toBe(2)
})
