import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import {
  heldBytesMax,
  ReceiveSequence,
  strangerHeldBytesMax,
  windowMessagesMax,
} from './receive-sequence.ts'
import { acknowledgedRangesMax } from './sequence-header.ts'

function contentsOf(sequence: number, length = 4): Uint8Array {
  return new Uint8Array(length).fill(sequence & 0xff)
}

function taken(received: ReceiveSequence): number[] {
  const first: number[] = []
  for (let contents = received.take(); contents; contents = received.take())
    first.push(contents[0]!)
  return first
}

describe('[LK18] a sequence', () => {
  test('gives contents once each, in order, however messages come', () => {
    const arrivals = fc.array(fc.nat(60), { maxLength: 300 })
    fc.assert(
      fc.property(arrivals, (sequences) => {
        const received = new ReceiveSequence()
        const seen = new Set<number>()
        const given: number[] = []
        for (const sequence of sequences) {
          const intake = received.receive(sequence, contentsOf(sequence))
          expect(intake).toBe(seen.has(sequence) ? 'duplicate' : 'taken')
          seen.add(sequence)
          given.push(...taken(received))
        }
        let next = 0
        while (seen.has(next)) next += 1
        expect(received.next).toBe(next)
        expect(given).toEqual(Array.from({ length: next }, (_, index) => index))
        const held = [...seen].filter((sequence) => sequence > next)
        const told = received
          .ranges(acknowledgedRangesMax)
          .flatMap(({ start, end }) =>
            Array.from({ length: end - start }, (_, i) => next + start + i),
          )
        expect(told.toSorted((a, b) => a - b)).toEqual(held.toSorted((a, b) => a - b))
      }),
    )
  })

  test('takes nothing beyond its window, and goes on far beyond one', () => {
    const received = new ReceiveSequence()
    received.heldBytesMax = heldBytesMax
    for (let sequence = 0; sequence < 3 * windowMessagesMax; sequence += 1) {
      expect(received.receive(sequence + windowMessagesMax, contentsOf(1))).toBe('refused')
      if (sequence % 2 === 0) continue
      expect(received.receive(sequence, contentsOf(sequence))).toBe('taken')
      expect(received.receive(sequence - 1, contentsOf(sequence))).toBe('taken')
      expect(taken(received)).toHaveLength(2)
      expect(received.ranges(acknowledgedRangesMax)).toEqual([])
    }
    expect(received.heldBytes).toBe(0)
  })

  test('holds no more than its bound, of a stranger less', () => {
    for (const bytesMax of [strangerHeldBytesMax, heldBytesMax]) {
      const received = new ReceiveSequence()
      received.heldBytesMax = bytesMax
      for (let sequence = 1; sequence < windowMessagesMax; sequence += 1) {
        received.receive(sequence, new Uint8Array(1200))
        received.receivePart(sequence, 0, 60_000, new Uint8Array(1))
        expect(received.heldBytes).toBeLessThanOrEqual(bytesMax)
      }
      expect(received.heldBytes).toBeGreaterThan(bytesMax - 1300)
      // What fills the gap is always taken.
      expect(received.receive(0, new Uint8Array(1200))).toBe('taken')
      expect(received.heldBytes).toBeLessThanOrEqual(bytesMax)
    }
  })

  test('[LK19] of many ranges tells the highest and, in turn, each of the others', () => {
    const received = new ReceiveSequence()
    received.heldBytesMax = heldBytesMax
    for (let sequence = 1; sequence < windowMessagesMax; sequence += 2) {
      received.receive(sequence, contentsOf(sequence))
    }
    const told = new Set<number>()
    for (let round = 0; round < windowMessagesMax / 2 / 16 + 1; round += 1) {
      const ranges = received.ranges(acknowledgedRangesMax)
      expect(ranges.length).toBeLessThanOrEqual(acknowledgedRangesMax)
      expect(ranges[0]).toEqual({ start: windowMessagesMax - 1, end: windowMessagesMax })
      for (const [index, { start, end }] of ranges.entries()) {
        expect(end - start).toBe(1)
        if (index > 0) expect(end).toBeLessThan(ranges[index - 1]!.start)
        told.add(start)
      }
    }
    expect(told.size).toBe(windowMessagesMax / 2)
  })
})

describe('[LK21] contents in parts', () => {
  test('are whole when every byte has come, in any order and cut anyhow', () => {
    const cuts = fc.array(fc.tuple(fc.nat(99), fc.integer({ min: 1, max: 40 })), { minLength: 1 })
    fc.assert(
      fc.property(cuts, (parts) => {
        const whole = Uint8Array.from({ length: 100 }, (_, index) => index)
        const received = new ReceiveSequence()
        const come = new Set<number>()
        for (const [offset, length] of parts) {
          const part = whole.subarray(offset, offset + length)
          const wasWhole = come.size === 100
          for (const byte of part) come.add(byte)
          const intake = received.receivePart(0, offset, 100, part)
          expect(intake).toBe(wasWhole ? 'duplicate' : come.size === 100 ? 'taken' : 'part')
        }
        expect(received.take()).toEqual(come.size === 100 ? whole : undefined)
        if (come.size === 100) expect(received.heldBytes).toBe(0)
      }),
    )
  })

  test('give way to the whole, and are refused when they say another length', () => {
    const received = new ReceiveSequence()
    expect(received.receivePart(0, 0, 100, new Uint8Array(10))).toBe('part')
    expect(received.receivePart(0, 10, 101, new Uint8Array(91))).toBe('refused')
    expect(received.receive(0, contentsOf(7))).toBe('taken')
    expect(received.receivePart(0, 0, 100, new Uint8Array(10))).toBe('duplicate')
    expect(taken(received)).toEqual([7])
    expect(received.heldBytes).toBe(0)
  })

  test('in too many pieces are not all kept', () => {
    const received = new ReceiveSequence()
    let refused = 0
    for (let offset = 0; offset < 1000; offset += 2) {
      if (received.receivePart(0, offset, 1000, new Uint8Array(1)) === 'refused') refused += 1
    }
    expect(refused).toBe(500 - 64)
  })
})
