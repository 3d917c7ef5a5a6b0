import { describe, expect, test } from 'vitest'

import { degreeMax, degreeSlack, degreeTarget } from './degree.ts'
import {
  dropIntervalMs,
  partsDelayMs,
  settledMs,
  swapIntervalMs,
  swapJitter,
  trimIntervalMs,
  trimJitter,
} from './link-shuffle.ts'
import { pauseMsMax } from './link-pauses.ts'
import { peerOf, PlannerWorld, websocket, webrtc } from './planner-world.ts'

/** A ring that joins neighbours without this peer, and so many others that each has many links. */
const others = Array.from({ length: 8 }, (_, index) => 200 + index)

/** Neighbours that are linked with all of `others`, who know of it. */
function linkAll(world: PlannerWorld, numbers: readonly number[], told = others): void {
  for (const number of numbers) {
    world.link(number)
    world.seen(number, { neighbours: told })
  }
  for (const other of others) world.seen(other, { neighbours: numbers, transports: [] })
}

function upTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index + 1)
}

const dropsOf = (decided: readonly string[]) => decided.filter((text) => text.startsWith('drop'))

describe('surplus', () => {
  test('[LP11] beyond twelve one link goes each 2 s, that to the peer with most links first', () => {
    const world = new PlannerWorld()
    linkAll(world, upTo(degreeMax + 2))
    world.seen(7, { neighbours: [...others, 300] })
    world.seen(8, { neighbours: [...others, 300, 301] })
    world.nowMs = settledMs
    expect(world.decide()).toEqual(['drop 8'])
    expect(world.decide(settledMs + dropIntervalMs - 1)).toEqual([])
    world.unlink(8, 'surplus')
    expect(world.decide(settledMs + dropIntervalMs)).toEqual(['drop 7'])
    world.unlink(7, 'surplus')
    expect(world.account(8)).toBe('not-wanted surplus')
    expect(dropsOf(world.decide(settledMs + 10_000))).toEqual([])
  })

  test('[LP11] what is young stays', () => {
    const world = new PlannerWorld()
    linkAll(world, upTo(degreeMax + 1))
    expect(dropsOf(world.decide(settledMs - 1))).toEqual([])
    expect(dropsOf(world.decide(settledMs + dropIntervalMs))).toHaveLength(1)
  })

  test('[LP11] from nine links on, one goes in 15 to 45 s, if the other end has more than six as well', () => {
    const world = new PlannerWorld()
    linkAll(world, upTo(degreeTarget + degreeSlack + 1))
    const earliestMs = trimIntervalMs * (1 - trimJitter)
    const latestMs = trimIntervalMs * (1 + trimJitter)
    expect(world.decide(earliestMs - 1)).toEqual([])
    expect(dropsOf(world.decide(latestMs))).toHaveLength(1)
    const poor = new PlannerWorld()
    linkAll(poor, upTo(degreeTarget + degreeSlack + 1), others.slice(0, degreeTarget))
    expect(dropsOf(poor.decide(5 * latestMs))).toEqual([])
  })

  test('[LP11] eight links are left alone', () => {
    const world = new PlannerWorld()
    linkAll(world, upTo(degreeTarget + degreeSlack))
    expect(world.decide(swapIntervalMs * (1 - swapJitter) - 1)).toEqual([])
  })

  test('[LP11] the only link of a transport stays, and so does one over an address that was given', () => {
    const world = new PlannerWorld()
    world.transports = [webrtc, websocket]
    linkAll(world, upTo(degreeMax + 1))
    for (const number of upTo(degreeMax)) {
      const given = { address: `ws:${number}`, transport: 'websocket', peer: peerOf(number) }
      world.told({ ...given, state: 'up' })
      world.link(number, 'websocket', 'wan')
    }
    // Number 13 alone is linked over webrtc; it, too, was not dialled by an address.
    const decided = world.decide(settledMs + 60_000)
    expect(dropsOf(decided)).toEqual([])
  })

  test('[LP11] a link that the other end opened by an address is not dropped here', () => {
    const world = new PlannerWorld()
    linkAll(world, upTo(degreeMax + 3))
    for (const number of upTo(degreeMax + 3)) world.link(number, 'websocket', 'lan')
    expect(dropsOf(world.decide(settledMs + 60_000))).toEqual([])
  })

  test('[LP11] who was dropped rests for 10 min, at both ends', () => {
    const world = new PlannerWorld()
    linkAll(world, upTo(2))
    world.unlink(1, 'surplus')
    expect(world.decide(pauseMsMax * 0.79)).toEqual([])
    expect(world.decide(pauseMsMax * 1.21 + 3_000)).toEqual(['want 1'])
  })

  test('[LP11] [LP13] the only link to a part of the mesh stays, whoever says that there is another', () => {
    const world = new PlannerWorld()
    const many = [...others, 300, 301]
    linkAll(world, upTo(degreeMax))
    world.link(13)
    // It says that it is linked with others, who know nothing of it.
    world.seen(13, { neighbours: many })
    world.nowMs = settledMs
    const [dropped] = dropsOf(world.decide(settledMs + 1))
    expect(dropped).not.toBe('drop 13')
    expect(dropped).toBeDefined()
  })
})

describe('exchange', () => {
  test('[LP12] every 4 to 6 min one more is sought, far away and anywhere in turns, and one goes', () => {
    const world = new PlannerWorld()
    linkAll(world, upTo(degreeTarget))
    for (const number of [150, 151, 152, 153]) world.seen(number, { hopCount: 3 })
    world.seen(160, { hopCount: 5 })
    const earliestMs = swapIntervalMs * (1 - swapJitter)
    const latestMs = swapIntervalMs * (1 + swapJitter)
    expect(world.decide(earliestMs - 1)).toEqual([])
    expect(world.decide(latestMs)).toEqual(['want 160'])
    world.link(160)
    const linkedAtMs = world.nowMs
    world.seen(160, { neighbours: [...others, 400] })
    world.seen(200, { neighbours: [...upTo(degreeTarget), 160], transports: [] })
    expect(dropsOf(world.decide(linkedAtMs + settledMs - 1))).toEqual([])
    const dropped = dropsOf(world.decide(linkedAtMs + settledMs + 1_000))
    expect(dropped).toHaveLength(1)
    world.unlink(Number(dropped[0]!.split(' ')[1]), 'surplus')
    const next = world.decide(world.nowMs + latestMs)
    expect(next.filter((text) => text.startsWith('want'))).toHaveLength(1)
    expect(world.accounts().filter(({ reason }) => reason === 'random')).toHaveLength(1)
  })

  test('[LP12] nothing is exchanged where everybody is linked', () => {
    const world = new PlannerWorld()
    linkAll(world, upTo(degreeTarget))
    expect(world.decide(3_600_000)).toEqual([])
  })
})

describe('parts', () => {
  test('[LP13] a part that hangs on one link gets another one', () => {
    const world = new PlannerWorld()
    linkAll(world, upTo(degreeTarget))
    world.link(20)
    world.seen(20, { neighbours: [21, 22] })
    world.seen(21, { neighbours: [20, 22] })
    world.seen(22, { neighbours: [20, 21] })
    world.decide()
    expect(world.decide(partsDelayMs - 1)).toEqual([])
    const decided = world.decide(partsDelayMs + 1)
    expect(decided).toHaveLength(1)
    expect(['want 21', 'want 22']).toContain(decided[0])
    expect(world.accounts().filter(({ reason }) => reason === 'only-path')).toHaveLength(1)
  })
})
