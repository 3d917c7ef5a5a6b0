import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { Dice } from '../sim/world/dice.ts'
import { randomTopology } from '../sim/mesh/mesh-topology.ts'
import { reach } from '../sim/mesh/reach.ts'
import { believers, churn, drawLink } from './churn.ts'
import { ModelMesh, type ModelLink } from './model-mesh.ts'

/** Peers with links drawn by the dice. */
function drawMesh(name: string, peerCount: number, degree: number) {
  const dice = new Dice(name)
  const mesh = new ModelMesh(peerCount)
  const { edges } = randomTopology(dice, peerCount, degree)
  for (const edge of edges) mesh.link(...edge, drawLink(dice))
  return { dice, mesh, edges }
}

test('[RO8] forty peers under thirty link events a second: no circle at any change of a next hop', () => {
  const { dice, mesh, edges } = drawMesh('storm', 40, 6)
  churn(mesh, dice, edges, { fromMs: 0, untilMs: 8_000, intervalMs: 33 })
  mesh.runUntil(8_000)
  expect(mesh.nextHopChanges).toBeGreaterThan(3_000)
  expect(mesh.loops).toEqual([])
  mesh.runUntil(14_000)
  const { connected, delivered } = reach(mesh)
  expect(delivered).toBe(connected)
})

test('[RO4] [RO5] forty peers that join at once reach one another within a second', () => {
  const { mesh } = drawMesh('cold start', 40, 6)
  mesh.runUntil(1_000)
  expect(reach(mesh)).toEqual({ connected: 40 * 39, delivered: 40 * 39 })
})

test('[RO5] a dead peer is purged everywhere within a second', () => {
  const { mesh } = drawMesh('death', 40, 6)
  mesh.runUntil(20_000)
  mesh.reboot(7)
  mesh.runUntil(21_000)
  expect(believers(mesh, 7)).toBe(0)
  expect(mesh.loops).toEqual([])
})

test('[RO5] [RO6] a settled mesh is silent', () => {
  const { mesh } = drawMesh('silence', 20, 4)
  mesh.runUntil(120_000)
  const { frames } = mesh
  mesh.runUntil(1_200_000)
  expect(mesh.frames).toBe(frames)
})

/** A link of that delay and metric. */
function link(delayMs: number, metric: number): ModelLink {
  return { delayMs, quality: { metric, sizeClass: 2, bytesPerSecond: 1_000_000 } }
}

test('[RO14] [RO15] who passed on a request in vain asks for itself soon after it hears of a path', () => {
  const mesh = new ModelMesh(4)
  const [destination, middle, far, asking] = [0, 1, 2, 3]
  mesh.link(asking, destination, link(9, 70))
  mesh.link(far, middle, link(7, 63))
  mesh.link(asking, far, link(25, 121))
  mesh.link(asking, middle, link(12, 83))
  mesh.runUntil(5_000)
  mesh.unlink(asking, destination)
  mesh.runUntil(5_030)
  mesh.link(destination, middle, link(13, 82))
  mesh.runUntil(6_000)
  expect(reach(mesh)).toEqual({ connected: 12, delivered: 12 })
})

test('[RO15] a request is passed on to a neighbour that asked before, and has a path since', () => {
  const mesh = new ModelMesh(4)
  const [destination, lost, middle, finder] = [0, 1, 2, 3]
  mesh.link(finder, lost, link(1, 20))
  mesh.link(middle, finder, link(37, 159))
  mesh.link(lost, middle, link(6, 37))
  mesh.link(destination, lost, link(24, 107))
  mesh.runUntil(500)
  mesh.unlink(destination, lost)
  mesh.unlink(lost, finder)
  mesh.link(destination, finder, link(4, 39))
  mesh.runUntil(1_500)
  expect(reach(mesh)).toEqual({ connected: 12, delivered: 12 })
})

test('[RO8] [RO14] [RO16] whatever links and peers do, no circle forms, and all find one another after', () => {
  const peer = fc.nat(6)
  const step = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({ type: fc.constant('toggle' as const), peer, other: peer }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ type: fc.constant('change' as const), peer, other: peer }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ type: fc.constant('reboot' as const), peer, other: peer }),
    },
  )
  const steps = fc.array(fc.tuple(step, fc.constantFrom(0, 5, 30, 60, 500, 5_000)), {
    maxLength: 40,
  })
  fc.assert(
    fc.property(steps, fc.nat(), (steps, seed) => {
      const dice = new Dice(`steps ${seed}`)
      const mesh = new ModelMesh(7)
      for (const [{ type, peer, other }, forMs] of steps) {
        if (type === 'reboot') mesh.reboot(peer)
        else if (peer !== other) {
          const isLinked = mesh.isLinked(peer, other)
          if (type === 'toggle' && isLinked) mesh.unlink(peer, other)
          else if (type === 'toggle') mesh.link(peer, other, drawLink(dice))
          else if (isLinked) mesh.change(peer, other, drawLink(dice).quality)
        }
        mesh.runUntil(mesh.nowMs + forMs)
      }
      mesh.runUntil(mesh.nowMs + 2_000)
      expect(mesh.loops).toEqual([])
      const { connected, delivered } = reach(mesh)
      expect(delivered).toBe(connected)
    }),
    { numRuns: 300 },
  )
})
