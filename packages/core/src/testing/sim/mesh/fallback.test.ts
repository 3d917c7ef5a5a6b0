import { describe, expect, test } from 'vitest'

import { createYjsDocuments } from '../../../documents/yjs-documents.ts'
import { nodeCryptography } from '../../../driver/node-cryptography.ts'
import type { PresenceGraph } from '../../../engine/mesh/presence-graph.ts'
import type { LinkProfile } from '../network/profiles.ts'
import { wifi } from '../network/profiles.ts'
import type { SimulatedPeer } from '../peers/simulated-peer.ts'
import { World } from '../world/world.ts'
import { LinkWatch } from './link-watch.ts'

const editMs = 100
/** Without a delivery, once the loss of a channel is noticed. */
const gapMsMax = 1_000

const wan: LinkProfile = {
  ...wifi(),
  latencyMs: 20,
  traits: { ...wifi().traits, cost: { class: 'wan', metered: false } },
}

/** Rows that one peer inserts all the time, and when each came to the other. */
class Typing {
  readonly arrivedAtMs = new Map<string, number>()
  doubled = 0
  written = 0

  constructor(world: World, from: SimulatedPeer, to: SimulatedPeer, untilMs: number) {
    const collection = from.plan.name
    const subscriber = to.subscribe((event) => {
      if (event.type !== 'rows-changed') return
      for (const change of event.changes) {
        if (change.type !== 'added') continue
        const { _id: id } = change.row
        if (this.arrivedAtMs.has(id)) this.doubled += 1
        this.arrivedAtMs.set(id, world.nowMs)
      }
    })
    to.execute({ type: 'observe', subscriber, query: { collection, filter: {} } })
    const edit = (): void => {
      const row = { _id: `${this.written}`.padStart(6, '0') }
      this.written += 1
      from.execute({ type: 'write', operations: [{ type: 'insert', collection, row }] })
      if (world.nowMs + editMs < untilMs) world.after(editMs, edit)
    }
    world.after(0, edit)
  }

  /** The longest time between those two moments in which nothing came. */
  longestGapMs(fromMs: number, untilMs: number): number {
    const times = [...this.arrivedAtMs.values()].filter((atMs) => atMs > fromMs && atMs < untilMs)
    let longestMs = 0
    let beforeMs = fromMs
    for (const atMs of [...times, untilMs]) {
      longestMs = Math.max(longestMs, atMs - beforeMs)
      beforeMs = atMs
    }
    return longestMs
  }
}

/** Two peers that reach each other directly, and a third one that both are linked with. */
function setUp(seed: number) {
  const world = new World({ seed, cryptography: nodeCryptography, documents: createYjsDocuments() })
  const watch = new LinkWatch(world, ['link.channelState', 'mesh.neighbourDown'])
  world.watch = watch
  world.add({ name: 'hub', dials: [] })
  const dials = [{ transport: 'wire', to: 'hub', profile: wan }] as const
  const ada = world.add({ name: 'ada', dials, direct: wifi() })
  const ben = world.add({ name: 'ben', dials, direct: wifi() })
  return { world, watch, ada, ben }
}

function graphOf(peer: SimulatedPeer): PresenceGraph | undefined {
  let graph: PresenceGraph | undefined
  peer.execute({ type: 'presence' }, (answer) => {
    if (answer.ok) graph = answer.value as PresenceGraph
  })
  return graph
}

function hops(from: SimulatedPeer, to: SimulatedPeer): number | undefined {
  return graphOf(from)?.peers.find(({ peer }) => peer === to.id)?.hopCount
}

function isTold(by: SimulatedPeer, from: SimulatedPeer, to: SimulatedPeer): boolean {
  const connections = graphOf(by)?.connections ?? []
  return connections.some((told) => told.from === from.id && told.to === to.id)
}

/** A pipe of the direct transport between the two that is open. */
function directPipe(world: World) {
  return world.wiring.between('ada', 'ben', 'direct').find((pipe) => !pipe.isDead)
}

const losses = {
  'breaks, and both ends see it': (world: World) => directPipe(world)?.break(),
  'falls silent without a word': (world: World) => directPipe(world)?.vanish(),
} as const

/** When a peer noticed that the direct channel is of no use: it is suspect, or gone. */
function detectedAtMs(watch: LinkWatch, name: string, sinceMs: number): number {
  const found = watch.events.find(({ atMs, peer, event, values }) => {
    if (peer !== name || atMs < sinceMs) return false
    return event === 'mesh.neighbourDown' || values[2] === 'suspect'
  })
  expect(found).toBeDefined()
  return found!.atMs
}

describe.each(Object.entries(losses))('[LP14] a direct channel that %s', (_how, lose) => {
  test.each([1, 2])('is replaced by the way through the hub and back, seed %i', (seed) => {
    const { world, watch, ada, ben } = setUp(seed)
    world.runFor(4_000)
    // Promoted within seconds: the hub is no longer between them.
    expect([hops(ada, ben), hops(ben, ada)]).toEqual([1, 1])
    expect(isTold(world.peer('hub'), ada, ben)).toBe(true)
    const untilMs = world.nowMs + 30_000
    const there = new Typing(world, ada, ben, untilMs)
    const back = new Typing(world, ben, ada, untilMs)
    world.runFor(5_000)
    // Out of reach of each other, so that no other channel takes its place.
    world.wiring.paths.separate('ada', 'ben', 'direct', world.nowMs + 10_000)
    const lostAtMs = world.nowMs
    lose(world)
    world.runFor(10_000)
    const byAdaMs = detectedAtMs(watch, 'ada', lostAtMs)
    const byBenMs = detectedAtMs(watch, 'ben', lostAtMs)
    expect(Math.max(byAdaMs, byBenMs) - lostAtMs).toBeLessThan(2_700)
    expect(there.longestGapMs(byAdaMs, world.nowMs)).toBeLessThan(gapMsMax)
    expect(back.longestGapMs(byBenMs, world.nowMs)).toBeLessThan(gapMsMax)
    expect([hops(ada, ben), hops(ben, ada)]).toEqual([2, 2])
    // In reach again: another direct channel, without anything missing in between.
    const backAtMs = world.nowMs
    world.runFor(14_000)
    expect([hops(ada, ben), hops(ben, ada)]).toEqual([1, 1])
    expect(there.longestGapMs(backAtMs, world.nowMs)).toBeLessThan(gapMsMax)
    expect(back.longestGapMs(backAtMs, world.nowMs)).toBeLessThan(gapMsMax)
    world.runFor(3_000)
    for (const typing of [there, back]) {
      expect(typing.arrivedAtMs.size).toBe(typing.written)
      expect(typing.doubled).toBe(0)
    }
    expect(isTold(world.peer('hub'), ada, ben)).toBe(true)
    expect(world.violations).toEqual([])
  })
})

test.each([1, 2])(
  '[LP14] a fresh channel takes the place of a silent one at once, seed %i',
  (seed) => {
    const { world, watch, ada, ben } = setUp(seed)
    world.runFor(4_000)
    const there = new Typing(world, ada, ben, world.nowMs + 10_000)
    world.runFor(2_000)
    const lostAtMs = world.nowMs
    const lost = directPipe(world)
    lost?.vanish()
    world.runFor(5_000)
    expect(directPipe(world)).toBeDefined()
    expect(directPipe(world)).not.toBe(lost)
    const byAdaMs = detectedAtMs(watch, 'ada', lostAtMs)
    expect(there.longestGapMs(byAdaMs, world.nowMs)).toBeLessThan(gapMsMax)
    expect(hops(ada, ben)).toBe(1)
    // The link was never down: the fresh channel was part of it before the silent one ended.
    expect(watch.events.some(({ event }) => event === 'mesh.neighbourDown')).toBe(false)
    world.runFor(5_000)
    expect(there.arrivedAtMs.size).toBe(there.written)
    expect(there.doubled).toBe(0)
  },
)
