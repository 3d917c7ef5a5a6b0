import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { Fifo } from '../fifo.ts'
import { FairTurns, membersMax, turnBytes, type TurnQueue } from './fair-turns.ts'

interface Packet {
  readonly of: string
  readonly length: number
}

class PacketQueue implements TurnQueue<Packet> {
  readonly #packets = new Fifo<Packet>()

  push(packet: Packet): void {
    this.#packets.push(packet)
  }

  head(): Packet | undefined {
    return this.#packets.at(0)
  }

  take(): Packet | undefined {
    return this.#packets.shift()
  }
}

class Turns {
  readonly fair = new FairTurns<string, Packet, PacketQueue>()

  push(of: string, bytes: number): void {
    let queue = this.fair.get(of)
    if (queue === undefined) {
      queue = new PacketQueue()
      this.fair.add(of, queue)
    }
    queue.push({ of, length: bytes })
  }

  /** Takes so many packets; bytes of each member. */
  take(count: number, each: (packet: Packet) => void = () => {}): Record<string, number> {
    const bytesOf: Record<string, number> = {}
    for (let taken = 0; taken < count; taken += 1) {
      const packet = this.fair.take()
      if (packet === undefined) break
      bytesOf[packet.of] = (bytesOf[packet.of] ?? 0) + packet.length
      each(packet)
    }
    return bytesOf
  }
}

test('[MP8] members share by bytes, whatever the size of their packets', () => {
  const turns = new Turns()
  const sizes = { small: 100, middle: 1_039, large: 16_384, largest: 65_408 }
  for (const [of, bytes] of Object.entries(sizes)) {
    for (let sent = 0; sent < 1_000_000; sent += bytes) turns.push(of, bytes)
  }
  let bytes = 0
  const bytesOf: Record<string, number> = {}
  while (bytes < 2_000_000) {
    const { of, length } = turns.fair.take()!
    bytesOf[of] = (bytesOf[of] ?? 0) + length
    bytes += length
  }
  for (const of of Object.keys(sizes)) {
    expect(Math.abs(bytesOf[of]! - 500_000)).toBeLessThan(70_000)
  }
})

test('[MP8] one that has a single packet at a time gets as much as the others, not more', () => {
  for (const bytes of [600, 1_039, 1_500, 5_000]) {
    const turns = new Turns()
    for (let count = 0; count < 2_000; count += 1) turns.push('standing', 1_039)
    turns.push('single', bytes)
    const bytesOf = turns.take(1_000, ({ of }) => {
      if (of === 'single') turns.push('single', bytes)
    })
    const share = bytesOf['single']! / (bytesOf['single']! + bytesOf['standing']!)
    // Packets below a turn leave one at each.
    expect(share).toBeGreaterThan(bytes < turnBytes ? bytes / (bytes + turnBytes) - 0.01 : 0.45)
    expect(share).toBeLessThan(0.52)
  }
})

test('[MP8] a newcomer goes before those that stand', () => {
  const turns = new Turns()
  for (let count = 0; count < 40; count += 1) turns.push(`standing ${count % 4}`, 1_039)
  turns.take(8)
  turns.push('newcomer', 200)
  expect(Object.keys(turns.take(2))).toContain('newcomer')
})

test('[MP8] endless newcomers get half of the turns, and no memory', () => {
  const turns = new Turns()
  for (let count = 0; count < 20_000; count += 1) turns.push('honest', 1_000)
  let made = 0
  let honestBytes = 0
  for (let count = 0; count < 10_000; count += 1) {
    for (let fresh = 0; fresh < 2; fresh += 1) turns.push(`fake ${(made += 1)}`, 1_000)
    const packet = turns.fair.take()!
    if (packet.of === 'honest') honestBytes += packet.length
    // What waits is bounded by its user: here by taking the fakes out again.
    for (let number = made; number > made - 2; number -= 1) {
      if (packet.of !== `fake ${number}`) turns.fair.get(`fake ${number}`)?.take()
    }
    expect(turns.fair.size).toBeLessThanOrEqual(membersMax + 2)
  }
  expect(honestBytes).toBeGreaterThan(0.4 * 10_000 * 1_000)
})

test('[MP8] whatever comes, each packet leaves once and in the order of its member', () => {
  const actions = fc.array(
    fc.oneof(
      fc.record({
        of: fc.constantFrom('a', 'b', 'c', 'd'),
        bytes: fc.integer({ min: 1, max: 9_000 }),
      }),
      fc.constant('take' as const),
    ),
    { maxLength: 200 },
  )
  fc.assert(
    fc.property(actions, (list) => {
      const turns = new Turns()
      const waiting: Record<string, number[]> = { a: [], b: [], c: [], d: [] }
      const takeOne = (): boolean => {
        const head = turns.fair.head()
        const packet = turns.fair.take()
        expect(packet).toBe(head)
        if (packet === undefined) {
          expect(Object.values(waiting).flat()).toEqual([])
          return false
        }
        expect(waiting[packet.of]!.shift()).toBe(packet.length)
        return true
      }
      for (const action of list) {
        if (action === 'take') takeOne()
        else {
          turns.push(action.of, action.bytes)
          waiting[action.of]!.push(action.bytes)
        }
      }
      while (takeOne());
      expect(turns.fair.size).toBe(0)
    }),
  )
})
