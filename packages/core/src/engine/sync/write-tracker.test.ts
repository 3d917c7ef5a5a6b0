import { describe, expect, test } from 'vitest'
import type { PeerId } from '../identity/peer-id.ts'
import type { Writer } from './version.ts'
import { WriteTracker, acknowledgementDelayMs, holdersMax } from './write-tracker.ts'

function peerOf(index: number): PeerId {
  return index.toString(16).padStart(16, '0') as PeerId
}

const [here, left, right, far] = [peerOf(1), peerOf(2), peerOf(3), peerOf(4)]
const local = { peer: here, epoch: 1 }
const farWriter = { peer: far, epoch: 1 }

function named(writer: Writer, seq: number): Writer & { seq: number } {
  return { ...writer, seq }
}

function trackerWith(...neighbours: readonly PeerId[]): WriteTracker {
  const tracker = new WriteTracker(local)
  for (const neighbour of neighbours) tracker.neighbourUp(neighbour, 0)
  return tracker
}

describe('write tracker', () => {
  test('[SY16] acknowledgements gather, and ranges that touch become one', () => {
    const tracker = trackerWith(left)
    for (const seq of [1, 2, 3, 5]) {
      tracker.received(named(farWriter, seq), left, 10)
      tracker.holdsNow(named(farWriter, seq), 10)
    }
    expect(tracker.dueAtMs(left)).toBe(10 + acknowledgementDelayMs)
    expect(tracker.take(left)).toEqual([
      { writer: farWriter, holder: here, from: 1, to: 3 },
      { writer: farWriter, holder: here, from: 5, to: 5 },
    ])
    expect(tracker.dueAtMs(left)).toBe(Number.POSITIVE_INFINITY)
    tracker.holdsNow(named(farWriter, 3), 20)
    expect(tracker.take(left)).toEqual([])
  })

  test('[SY16] they are passed on towards the writer once, and never back', () => {
    const tracker = trackerWith(left, right)
    tracker.received(named(farWriter, 1), left, 0)
    const range = { writer: farWriter, holder: right, from: 1, to: 1 }
    expect(tracker.acknowledged(range, right, 0)).toBe(true)
    expect(tracker.take(left)).toEqual([range])
    tracker.acknowledged(range, right, 0)
    expect(tracker.take(left)).toEqual([])
    // From where the writer is there is nobody to pass it on to.
    tracker.acknowledged({ ...range, holder: peerOf(9) }, left, 0)
    expect([...tracker.take(left), ...tracker.take(right)]).toEqual([])
  })

  test('[SY16] a neighbour that comes up again hears again what goes its way', () => {
    const tracker = trackerWith(left, right)
    tracker.received(named(farWriter, 1), left, 0)
    tracker.holdsNow(named(farWriter, 1), 0)
    tracker.acknowledged({ writer: farWriter, holder: right, from: 1, to: 1 }, right, 0)
    tracker.take(left)
    tracker.neighbourDown(left)
    tracker.neighbourUp(left, 50)
    expect(tracker.take(left).map(({ holder }) => holder)).toEqual([here, right])
    tracker.neighbourUp(right, 50)
    expect(tracker.take(right)).toEqual([])
  })

  test('[SY16] the writer itself is told when it is a neighbour', () => {
    const tracker = trackerWith(left, far)
    tracker.received(named(farWriter, 1), left, 0)
    tracker.holdsNow(named(farWriter, 1), 0)
    expect(tracker.take(left)).toEqual([])
    expect(tracker.take(far).map(({ holder }) => holder)).toEqual([left, here])
  })

  test('[SY17] holders are this peer, the writer and whoever said so', () => {
    const tracker = trackerWith(left)
    expect(tracker.holders(local, 1)).toEqual([])
    tracker.committed(1)
    expect(tracker.holders(local, 1)).toEqual([here])
    tracker.inStep(left, 0)
    expect(tracker.holders(local, 1)).toEqual([here, left])
    tracker.received(named(farWriter, 7), left, 0)
    expect(tracker.holders(farWriter, 7)).toEqual([left, far])
    expect(tracker.holders(farWriter, 6)).toEqual([])
  })

  test('[SY18] nobody holds a local write before it is written', () => {
    const tracker = trackerWith(left)
    tracker.committed(1)
    const range = { writer: local, holder: left, from: 1, to: 2 }
    expect(tracker.acknowledged(range, left, 0)).toBe(false)
    tracker.received(named(local, 2), left, 0)
    tracker.committed(2)
    expect(tracker.holders(local, 2)).toEqual([here])
  })

  test('[SY18] of too many holders the one unheard of for longest is forgotten', () => {
    const tracker = trackerWith(left)
    tracker.committed(1)
    for (let index = 0; index <= holdersMax; index += 1) {
      const range = { writer: local, holder: peerOf(1000 + index), from: 1, to: 1 }
      tracker.acknowledged(range, left, 0)
    }
    const holders = tracker.holders(local, 1)
    expect(holders).toHaveLength(holdersMax + 1)
    expect(holders).not.toContain(peerOf(1000))
  })

  test('[SY18] of too many writers, and ranges of one, the newest are kept', () => {
    const tracker = trackerWith(left)
    for (let seq = 1; seq <= 100; seq += 2) tracker.received(named(farWriter, seq), left, 0)
    expect(tracker.holders(farWriter, 1)).toEqual([])
    expect(tracker.holders(farWriter, 99)).toEqual([left, far])
    for (let epoch = 2; epoch <= 100; epoch += 1) {
      tracker.received(named({ peer: far, epoch }, 1), left, 0)
    }
    expect(tracker.holders(farWriter, 99)).toEqual([])
  })
})
