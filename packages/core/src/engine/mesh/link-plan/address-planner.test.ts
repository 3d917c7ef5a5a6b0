import { describe, expect, test } from 'vitest'

import { exploreIntervalMs, exploreJitter, releasedMax } from './address-planner.ts'
import { degreeTarget } from './degree.ts'
import { peerOf, PlannerWorld } from './planner-world.ts'

function discovered(world: PlannerWorld, number: number, announces = true): void {
  const peer = announces ? peerOf(number) : undefined
  world.told({
    transport: 'udp',
    address: `udp:${number}`,
    isDiscovered: true,
    peer,
    state: 'waiting',
  })
}

/** Has all the links that it wants. */
function saturated(): PlannerWorld {
  const world = new PlannerWorld()
  for (let number = 1; number <= degreeTarget; number += 1) {
    world.link(number, 'udp', 'lan')
    world.seen(number, { transports: [], hopCount: 1 })
  }
  world.decide()
  return world
}

describe('discovered addresses', () => {
  test('[LP9] three are dialled at once while links are lacking, and none when there are enough', () => {
    const world = new PlannerWorld()
    for (let number = 110; number < 130; number += 1) {
      discovered(world, number)
      world.seen(number, { transports: [] })
    }
    const released = world.decide()
    expect(released).toHaveLength(releasedMax)
    expect(world.decide()).toEqual([])
    expect(saturatedBy(world)).toEqual([])
    expect(world.account(125)).toBe('not-wanted no-shared-transport')
  })

  test('[LP9] one whose peer nobody reaches is dialled whatever links there are', () => {
    const world = saturated()
    discovered(world, 150)
    expect(world.decide(1_000)).toEqual(['release udp:150'])
    expect(world.accounts().at(-1)).toMatchObject({ state: 'dialling', reason: 'unreachable' })
  })

  test('[LP9] one whose peer is reached is held', () => {
    const world = saturated()
    world.seen(150, { transports: [] })
    discovered(world, 150)
    expect(world.decide(60_000)).toEqual([])
    expect(world.accounts().at(-1)).toMatchObject({ state: 'not-wanted', reason: 'enough-links' })
    world.gone(150)
    expect(world.decide(61_000)).toEqual(['release udp:150'])
  })

  test('[LP9] a link that is worse than that of a LAN is bettered', () => {
    const world = saturated()
    world.link(2, 'websocket', 'relay')
    discovered(world, 1)
    discovered(world, 2)
    expect(world.decide(60_000)).toEqual(['release udp:2'])
  })

  test('[LP10] one of which nothing is known is tried now and then, the one not tried longest first', () => {
    const world = saturated()
    for (const number of [150, 151, 152]) discovered(world, number, false)
    expect(world.decide(100)).toEqual(['release udp:150'])
    world.told({
      transport: 'udp',
      address: 'udp:150',
      isDiscovered: true,
      state: 'backoff',
      reason: 'unreachable',
    })
    expect(world.decide(exploreIntervalMs - 1)).toEqual(['hold udp:150'])
    expect(world.decide(exploreIntervalMs * (1 + exploreJitter) + 100)).toEqual(['release udp:151'])
  })

  test('[LP1] an address that was given is told of, whatever becomes of it', () => {
    const world = saturated()
    world.told({
      transport: 'websocket',
      address: 'wss://hub',
      state: 'backoff',
      reason: 'unreachable',
      nextTryAtMs: world.nowMs + 5_000,
    })
    world.nowMs += 1_000
    expect(world.accounts().at(-1)).toEqual({
      state: 'waiting',
      reason: 'configured',
      peer: undefined,
      transport: 'websocket',
      address: 'wss://hub',
      forMs: 1_000,
      nextTryInMs: 4_000,
      failure: 'unreachable',
    })
  })
})

/** What is released once there are links enough. */
function saturatedBy(world: PlannerWorld): readonly string[] {
  for (let number = 1; number <= degreeTarget; number += 1) {
    world.link(number, 'udp', 'lan')
    world.seen(number, { transports: [] })
  }
  return world.decide(60_000).filter((text) => text.startsWith('release'))
}
