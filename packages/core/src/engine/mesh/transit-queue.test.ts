import { expect, test } from 'vitest'

import { encodePeerId, type PeerId } from '../identity/peer-id.ts'
import type { Priority } from '../link/link-port.ts'
import { packetOverheadBytes } from './parking.ts'
import { TransitHeader } from './packet.ts'
import {
  ownBytesMax,
  ownFlowBytesMax,
  transitBytesMax,
  TransitQueue,
  type TransitPacket,
} from './transit-queue.ts'

function peerOf(number: number): PeerId {
  return encodePeerId(
    Uint8Array.of(0, 0, 0, 0, 0, number >> 16, (number >> 8) & 0xff, number & 0xff),
  )
}

const local = peerOf(0)

function packet(changes: Partial<TransitPacket>): TransitPacket {
  const pair = { source: peerOf(1), destination: peerOf(2), priority: 'bulk' } as const
  const header = new TransitHeader({ ...pair, hopLimit: 9, congestionMarked: false })
  // Only its length counts here.
  const payload = new Uint8Array(0)
  const arrived = { arrivedFrom: peerOf(9), arrivedAtMs: 0 }
  return { header, payload, length: 1_000, ...pair, ...arrived, ...changes }
}

/** A packet of our own. */
function own(changes: Partial<TransitPacket> = {}): TransitPacket {
  return packet({ source: local, arrivedFrom: undefined, ...changes })
}

function takeAll(queue: TransitQueue, priority: Priority = 'bulk'): TransitPacket[] {
  const taken: TransitPacket[] = []
  for (let next = queue.take(priority); next !== undefined; next = queue.take(priority)) {
    taken.push(next)
  }
  expect(queue.waits(priority)).toBe(false)
  return taken
}

test('[MP8] pairs take turns, whichever of them filled the queue first', () => {
  const queue = new TransitQueue()
  for (let count = 0; count < 20; count += 1) queue.push(packet({}))
  for (let count = 0; count < 20; count += 1) queue.push(packet({ source: peerOf(3) }))
  const sources = takeAll(queue).map(({ source }) => source)
  expect(sources.slice(0, 20).filter((source) => source === peerOf(3)).length).toBeGreaterThan(8)
})

test('[MP8] neighbours take turns before the pairs behind them do', () => {
  const queue = new TransitQueue()
  for (let count = 0; count < 30; count += 1) {
    queue.push(packet({ source: peerOf(100 + count), arrivedFrom: peerOf(8) }))
  }
  for (let count = 0; count < 10; count += 1) queue.push(packet({ arrivedFrom: peerOf(9) }))
  const first = takeAll(queue).slice(0, 20)
  expect(first.filter(({ arrivedFrom }) => arrivedFrom === peerOf(9)).length).toBeGreaterThan(8)
})

test('[MP8] priorities are kept apart', () => {
  const queue = new TransitQueue()
  queue.push(packet({ priority: 'bulk' }))
  queue.push(packet({ priority: 'sync' }))
  expect(queue.waits('interactive')).toBe(false)
  expect(queue.head('sync')!.priority).toBe('sync')
  expect(takeAll(queue, 'sync')).toHaveLength(1)
  expect(takeAll(queue, 'bulk')).toHaveLength(1)
  expect(queue.bytes).toBe(0)
})

test('[MP8] beyond its bound the pair that holds most loses its oldest packet', () => {
  const queue = new TransitQueue()
  const bytes = 1_000 + packetOverheadBytes
  let large = 0
  while (queue.bytes + bytes <= transitBytesMax) {
    expect(queue.push(packet({ arrivedAtMs: (large += 1) }))).toEqual([])
  }
  const modest = packet({ source: peerOf(3), arrivedAtMs: 1_000 })
  expect(queue.push(modest).map(({ arrivedAtMs }) => arrivedAtMs)).toEqual([1])
  expect(queue.push(packet({ arrivedAtMs: 1_001 })).map(({ arrivedAtMs }) => arrivedAtMs)).toEqual([
    2,
  ])
  expect(queue.bytes).toBeLessThanOrEqual(transitBytesMax)
  expect(takeAll(queue)).toContain(modest)
  expect(queue.bytes).toBe(0)
})

test('[MP8] a packet of any size fits an empty queue, and gives way in one that is not', () => {
  const queue = new TransitQueue()
  const largest = packet({ length: 65_536 })
  expect(queue.push(largest)).toEqual([])
  expect(queue.take('bulk')).toBe(largest)
  queue.push(packet({ source: peerOf(3) }))
  expect(queue.push(largest)).toEqual([largest])
})

test('[MP8] a neighbour that makes up sources fills its share, not memory, and starves nobody', () => {
  const queue = new TransitQueue()
  let made = 0
  let honestSent = 0
  let honestTaken = 0
  for (let round = 0; round < 5_000; round += 1) {
    for (let fake = 0; fake < 20; fake += 1) {
      const source = peerOf(1_000 + (made += 1))
      queue.push(packet({ source, arrivedFrom: peerOf(8), length: 20 }))
    }
    if (honestSent - honestTaken < 4) {
      honestSent += 1
      const gaveWay = queue.push(packet({ length: 400 }))
      expect(gaveWay.every(({ arrivedFrom }) => arrivedFrom === peerOf(8))).toBe(true)
    }
    expect(queue.bytes).toBeLessThanOrEqual(transitBytesMax)
    let bytes = 0
    while (bytes < 200) {
      const taken = queue.take('bulk')!
      bytes += taken.length
      if (taken.arrivedFrom === peerOf(9)) honestTaken += 1
    }
  }
  // Half of a million bytes.
  expect(honestTaken * 400).toBeGreaterThan(400_000)
})

test('[MP7] packets of our own take turns with others, and are refused before they are many', () => {
  const queue = new TransitQueue()
  for (let count = 0; count < 40; count += 1) queue.push(packet({}))
  let taken = 0
  while (queue.takesOwn(own())) {
    expect(queue.push(own())).toEqual([])
    taken += 1
  }
  expect(taken).toBe(Math.floor(ownFlowBytesMax / (1_000 + packetOverheadBytes)))
  expect(queue.takesOwn(own({ destination: peerOf(5), length: 50_000 }))).toBe(true)
  const firstTaken = Array.from({ length: 6 }, () => queue.take('bulk')!)
  expect(firstTaken.filter(({ source }) => source === local).length).toBeGreaterThanOrEqual(2)
  expect(queue.takesOwn(own())).toBe(true)
})

test('[MP7] packets of our own to many peers are bounded, and never dropped for others', () => {
  const queue = new TransitQueue()
  let ownBytes = 0
  for (let number = 0; number < 200; number += 1) {
    const next = own({ destination: peerOf(100 + number) })
    if (!queue.takesOwn(next)) continue
    expect(queue.push(next)).toEqual([])
    ownBytes += 1_000 + packetOverheadBytes
  }
  expect(ownBytes).toBeLessThanOrEqual(ownBytesMax)
  expect(ownBytes).toBeGreaterThan(ownBytesMax - 2_000)
  const dropped = Array.from({ length: 100 }, () => queue.push(packet({}))).flat()
  expect(dropped.length).toBeGreaterThan(0)
  expect(dropped.every(({ source }) => source !== local)).toBe(true)
  expect(queue.bytes).toBeLessThanOrEqual(ownBytesMax + transitBytesMax)
})

test('[MP10] the last two packets of a pair are not marked, however long they waited', () => {
  const queue = new TransitQueue()
  for (let count = 0; count < 4; count += 1) queue.push(packet({}))
  const isMarked = [100, 200, 300, 400].map((nowMs) => {
    const isStanding = queue.isStanding(queue.head('bulk')!, nowMs)
    queue.take('bulk')
    return isStanding
  })
  expect(isMarked).toEqual([false, true, false, false])
})
