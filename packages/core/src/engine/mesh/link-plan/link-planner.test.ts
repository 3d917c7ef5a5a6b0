import { describe, expect, test } from 'vitest'

import { degreeMax, degreeTarget } from './degree.ts'
import { pauseMsMax, pauseMsMin } from './link-pauses.ts'
import { otherSideMs, soughtMax, triesMax } from './link-planner.ts'
import { peerOf, PlannerWorld, websocket, webrtc } from './planner-world.ts'

/** Many peers, so that nobody can want them all. */
const crowd = Array.from({ length: 30 }, (_, index) => 110 + index)
const full = Array.from({ length: degreeMax }, (_, index) => 200 + index)
const needy = full.slice(0, degreeTarget - 1)

function among(
  world: PlannerWorld,
  numbers: readonly number[],
  neighbours: readonly number[] = [],
) {
  for (const number of numbers) world.seen(number, { neighbours })
}

describe('whom', () => {
  test('[LP3] only peers that run the same signalling transport are sought', () => {
    const world = new PlannerWorld()
    world.seen(101, { transports: [websocket] })
    world.seen(102, { transports: [{ ...webrtc, name: 'other' }] })
    world.seen(103, { transports: [{ ...webrtc, needsUserGesture: true }] })
    expect(world.decide()).toEqual([])
    world.seen(104)
    world.transports = [websocket]
    expect(world.decide()).toEqual([])
    world.transports = [{ ...webrtc, canDial: false }]
    expect(world.decide()).toEqual([])
    world.transports = [webrtc]
    expect(world.decide()).toEqual(['want 104'])
    expect(world.decide()).toEqual([])
    expect(world.account(101)).toBe('not-wanted no-shared-transport')
  })

  test('[LP2] three links are sought at once, and no more than are lacking', () => {
    const world = new PlannerWorld()
    among(world, crowd)
    const first = world.decide()
    expect(first).toHaveLength(soughtMax)
    expect(world.decide()).toEqual([])
    for (const text of first) world.link(Number(text.split(' ')[1]))
    const second = world.decide()
    expect(second).toHaveLength(degreeTarget - soughtMax)
    for (const text of second) world.link(Number(text.split(' ')[1]))
    expect(world.decide(1_000)).toEqual([])
  })

  test('[LP2] links that others opened count', () => {
    const world = new PlannerWorld()
    among(world, crowd)
    for (const number of [1, 2, 3, 4, 5]) world.link(number)
    expect(world.decide()).toHaveLength(1)
  })

  test('[LP1] [LP2] whoever tells of twelve links is spared', () => {
    const world = new PlannerWorld()
    world.seen(101, { neighbours: full })
    world.seen(102, { neighbours: full.slice(1) })
    expect(world.decide()).toEqual(['want 102'])
    expect(world.account(101)).toBe('not-wanted peer-full')
  })

  test('[LP4] of two choices one goes to those who lack links, and one to anybody', () => {
    let firstToNeedy = 0
    let secondToNeedy = 0
    for (let seed = 0; seed < 60; seed += 1) {
      const world = new PlannerWorld(seed)
      among(world, crowd, full.slice(0, 8))
      among(world, [140, 141], needy)
      const [first, second] = world.decide()
      const isNeedy = (text: string | undefined) => text === 'want 140' || text === 'want 141'
      if (isNeedy(first)) firstToNeedy += 1
      if (isNeedy(second)) secondToNeedy += 1
    }
    expect(firstToNeedy).toBe(60)
    expect(secondToNeedy).toBeLessThan(20)
  })

  test('[LP4] a peer that says it has no links gets one of each, and half of the choices at most', () => {
    const world = new PlannerWorld()
    among(world, crowd, full.slice(0, 8))
    world.seen(150)
    const chosen = world.decide()
    expect(chosen.filter((text) => text === 'want 150')).toHaveLength(1)
    expect(chosen).toHaveLength(soughtMax)
  })

  test('[LP15] the same seed decides the same', () => {
    const [one, other] = [new PlannerWorld(3), new PlannerWorld(3)]
    for (const world of [one, other]) among(world, crowd)
    expect(one.decide(60_000)).toEqual(other.decide(60_000))
  })
})

describe('who dials', () => {
  test('[LP5] where both want the link, the greater id waits, and dials when the other is silent', () => {
    const world = new PlannerWorld()
    world.seen(1)
    expect(world.decide(10)).toEqual([])
    expect(world.account(1)).toBe('waiting other-side-dials')
    world.link(1)
    expect(world.decide(1_000)).toEqual([])
    expect(world.account(1)).toBe('linked accepted')
    world.unlink(1)
    expect(world.decide(2_000)).toEqual([])
    expect(world.decide(1_000 + otherSideMs)).toEqual(['want 1'])
  })

  test('[LP5] in a crowd nobody waits', () => {
    const world = new PlannerWorld()
    among(
      world,
      crowd.map((number) => number - 100),
    )
    expect(world.decide()).toHaveLength(soughtMax)
  })
})

describe('better channels', () => {
  test('[LP6] a link of the LAN is left alone, a relayed or far one is bettered', () => {
    const world = new PlannerWorld()
    for (const [number, costClass] of [
      [101, 'lan'],
      [102, 'wan'],
      [103, 'relay'],
      [104, 'bluetooth'],
    ] as const) {
      world.link(number, 'websocket', costClass)
      world.seen(number)
    }
    expect([...world.decide()].sort()).toEqual(['want 102', 'want 103', 'want 104'])
    expect(world.accounts().filter(({ reason }) => reason === 'better-channel')).toHaveLength(3)
  })

  test('[LP6] a link over the signalling transport is what was wanted, whatever it costs', () => {
    const world = new PlannerWorld()
    world.link(101, 'webrtc', 'relay')
    world.seen(101)
    expect(world.decide()).toEqual([])
  })

  test('[LP6] of six neighbours at most at a time', () => {
    const world = new PlannerWorld()
    for (const number of crowd.slice(0, 10)) {
      world.link(number, 'websocket', 'wan')
      world.seen(number)
    }
    expect(world.decide()).toHaveLength(degreeTarget)
  })
})

describe('withdrawal', () => {
  test('[LP7] what is not linked yet is withdrawn when it makes no sense any more', () => {
    const world = new PlannerWorld()
    for (const number of [101, 102, 103]) world.seen(number)
    expect(world.decide()).toHaveLength(3)
    world.gone(101)
    world.seen(102, { transports: [] })
    world.link(103, 'websocket', 'lan')
    const expected = ['unwant 101', 'unwant 102', 'unwant 103']
    expect([...world.decide()].sort()).toEqual(expected)
  })

  test('[LP7] what stands stays wanted, until its peer is not reachable', () => {
    const world = new PlannerWorld()
    world.seen(101)
    world.decide()
    world.link(101)
    expect(world.decide(1_000)).toEqual([])
    expect(world.account(101)).toBe('linked lacking-links')
    world.unlink(101)
    expect(world.decide(2_000)).toEqual([])
    world.gone(101)
    expect(world.decide(3_000)).toEqual(['unwant 101'])
  })

  test('[LP7] what is sought is withdrawn when there are links enough', () => {
    const world = new PlannerWorld()
    among(world, crowd)
    const sought = world.decide()
    for (let number = 1; number <= degreeTarget; number += 1) world.link(number)
    expect([...world.decide()].sort()).toEqual(sought.map((text) => `un${text}`).sort())
  })
})

describe('failures', () => {
  const failed = (
    world: PlannerWorld,
    number: number,
    failures: number,
    reason = 'unreachable',
  ) => {
    const address = peerOf(number)
    const nextTryAtMs = world.nowMs + 100
    world.told({
      address,
      peer: address,
      isWanted: true,
      state: 'backoff',
      failures,
      reason,
      nextTryAtMs,
    })
  }

  test('[LP1] [LP8] after three failures the peer rests for 5 s, then for twice as long', () => {
    const world = new PlannerWorld()
    world.seen(101)
    expect(world.decide()).toEqual(['want 101'])
    failed(world, 101, triesMax - 1)
    expect(world.decide()).toEqual([])
    expect(world.accounts()).toMatchObject([
      { state: 'waiting', reason: 'lacking-links', failure: 'unreachable', nextTryInMs: 100 },
    ])
    let pauseMs = pauseMsMin
    for (let round = 0; round < 3; round += 1) {
      failed(world, 101, triesMax)
      expect(world.decide()).toEqual(['unwant 101'])
      expect(world.account(101)).toBe('waiting pausing')
      const fromMs = world.nowMs
      expect(world.decide(fromMs + pauseMs * 0.79)).toEqual([])
      expect(world.decide(fromMs + pauseMs * 1.21)).toEqual(['want 101'])
      pauseMs *= 2
    }
  })

  test('[LP8] a dial that took its whole time is enough, and somebody else is sought', () => {
    const world = new PlannerWorld()
    among(world, crowd)
    const [first] = world.decide()
    failed(world, Number(first!.split(' ')[1]), 1, 'timeout')
    const decided = world.decide()
    expect(decided).toHaveLength(2)
    expect(decided).toContain(`un${first}`)
    expect(decided).not.toContain(first)
  })

  test('[LP8] where no dial can succeed, the peer rests for 10 min', () => {
    const world = new PlannerWorld()
    world.seen(101)
    world.decide()
    world.planner.givenUp(peerOf(101), 'webrtc', 'unsupported', world.nowMs)
    expect(world.decide(pauseMsMax * 0.79)).toEqual([])
    expect(world.account(101)).toBe('not-wanted impossible')
    expect(world.decide(pauseMsMax * 1.21)).toEqual(['want 101'])
  })

  test('[LP8] once linked, a peer is forgiven', () => {
    const world = new PlannerWorld()
    world.seen(101)
    world.decide()
    failed(world, 101, triesMax)
    world.decide(pauseMsMin * 1.21)
    failed(world, 101, triesMax)
    world.decide(pauseMsMin * 4)
    world.link(101)
    world.decide()
    world.unlink(101)
    failed(world, 101, triesMax)
    world.decide()
    expect(world.decide(world.nowMs + pauseMsMin * 1.21)).toEqual(['want 101'])
  })
})
