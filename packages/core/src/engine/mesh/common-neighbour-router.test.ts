import { expect, test } from 'vitest'

import { createFlightRecorder } from '../../recorder/recorder.ts'
import { nobleCryptography } from '../crypto/noble.ts'
import { SeededRandom } from '../crypto/random.ts'
import { encodePeerId, type PeerId } from '../identity/peer-id.ts'
import { wholePayload } from '../link/frame.ts'
import type { LinkPort } from '../link/link-port.ts'
import { CommonNeighbourRouter, destinationsMax } from './common-neighbour-router.ts'
import { metricInfinite } from './metric.ts'
import {
  decodeRouteFrame,
  encodeRouteFrame,
  routeEntriesMax,
  type RouteEntry,
} from './route-frame.ts'
import { packetBytesByClass } from './size-class.ts'

const quality = { metric: 20, sizeClass: 2 } as const

function peerOf(number: number): PeerId {
  return encodePeerId(Uint8Array.of(0, 0, 0, 0, 0, number >> 16, (number >> 8) & 0xff, number))
}

function setUp() {
  const flight = createFlightRecorder()
  const context = {
    random: new SeededRandom(new Uint8Array(32)),
    cryptography: nobleCryptography,
    recorder: flight.recorder,
  }
  const sent: { to: PeerId; frame: ReturnType<typeof decodeRouteFrame> }[] = []
  const links: LinkPort = {
    send(to, _kind, _priority, payload) {
      sent.push({ to, frame: decodeRouteFrame(wholePayload(payload)) })
      return 'accepted'
    },
  }
  const router = new CommonNeighbourRouter(context, peerOf(0), 5, links)
  const advertise = (
    from: PeerId,
    version: { epoch: number; sequence: number; base: number },
    entries: readonly RouteEntry[],
    nowMs = 0,
  ): void => {
    const frame = encodeRouteFrame({ type: 'advertisement', ...version, entries })
    router.frameReceived(from, frame, nowMs)
  }
  const counter = (name: string) => flight.snapshot().counters[`mesh.${name}`]!
  return { router, sent, advertise, counter }
}

function entry(number: number, metric = 20): RouteEntry {
  return { peer: peerOf(number), metric, sizeClass: 1 }
}

test('[RT2] a new neighbour gets the table at once, the others hear of it in a batch', () => {
  const { router, sent } = setUp()
  router.neighbourUp(peerOf(1), quality, 0)
  router.neighbourUp(peerOf(2), quality, 10)
  router.neighbourUp(peerOf(3), quality, 20)
  expect(sent.map(({ to }) => to)).toEqual([peerOf(1), peerOf(2), peerOf(3)])
  expect(sent[2]!.frame).toEqual({
    type: 'advertisement',
    epoch: 5,
    sequence: 3,
    base: 0,
    entries: [
      { peer: peerOf(1), ...quality },
      { peer: peerOf(2), ...quality },
    ],
  })
  sent.length = 0
  expect(router.nextDeadlineMs()).toBe(50)
  router.handleDeadline(50)
  expect(sent.map(({ to }) => to)).toEqual([peerOf(1), peerOf(2)])
  expect(sent[0]!.frame).toMatchObject({
    base: 1,
    entries: [{ peer: peerOf(2) }, { peer: peerOf(3) }],
  })
  expect(router.nextDeadlineMs()).toBe(Infinity)
})

test('[RT6] small changes of a metric stay at home', () => {
  const { router, sent } = setUp()
  router.neighbourUp(peerOf(1), quality, 0)
  router.neighbourUp(peerOf(2), quality, 0)
  router.handleDeadline(50)
  sent.length = 0
  router.neighbourChanged(peerOf(1), { ...quality, metric: 24 }, 100)
  expect(router.nextDeadlineMs()).toBe(Infinity)
  router.neighbourChanged(peerOf(1), { ...quality, metric: 26 }, 100)
  router.handleDeadline(150)
  expect(sent.map(({ to }) => to)).toEqual([peerOf(2)])
})

test('[RT4] stale frames and older boots are ignored, gaps are noticed', () => {
  const { router, advertise, counter, sent } = setUp()
  const hub = peerOf(1)
  router.neighbourUp(hub, quality, 0)
  sent.length = 0
  advertise(hub, { epoch: 2, sequence: 10, base: 0 }, [entry(7)])
  expect(router.route(peerOf(7))).toEqual({ nextHop: hub, metric: 40, hopCount: 2, sizeClass: 1 })
  advertise(hub, { epoch: 2, sequence: 10, base: 0 }, [])
  advertise(hub, { epoch: 1, sequence: 99, base: 0 }, [])
  expect(counter('routeFramesStale')).toBe(2)
  expect(router.route(peerOf(7))).toBeDefined()
  advertise(hub, { epoch: 2, sequence: 14, base: 12 }, [entry(8)], 100)
  advertise(hub, { epoch: 2, sequence: 15, base: 14 }, [entry(9)], 200)
  expect(router.route(peerOf(8))).toBeUndefined()
  expect(sent).toEqual([{ to: hub, frame: { type: 'request', epoch: 5 } }])
  // A new boot begins anew: what the old one said is void once the table is there.
  advertise(hub, { epoch: 3, sequence: 1, base: 0 }, [entry(8)], 300)
  expect(router.reachable()).toEqual([hub, peerOf(8)])
})

test('[RT4] a neighbour that keeps asking gets one table a second', () => {
  const { router, sent } = setUp()
  router.neighbourUp(peerOf(1), quality, 0)
  router.handleDeadline(50)
  sent.length = 0
  const request = encodeRouteFrame({ type: 'request', epoch: 1 })
  for (let nowMs = 100; nowMs < 600; nowMs += 1) router.frameReceived(peerOf(1), request, nowMs)
  expect(sent).toHaveLength(0)
  expect(router.nextDeadlineMs()).toBe(1_000)
  router.handleDeadline(1_000)
  expect(sent).toHaveLength(1)
})

test('[RT8] a retraction and an entry about ourselves or the sender give no route', () => {
  const { router, advertise } = setUp()
  const hub = peerOf(1)
  router.neighbourUp(hub, quality, 0)
  advertise(hub, { epoch: 1, sequence: 1, base: 0 }, [entry(0), entry(1), entry(7)])
  expect(router.reachable()).toEqual([hub, peerOf(7)])
  advertise(hub, { epoch: 1, sequence: 2, base: 1 }, [entry(7, metricInfinite)])
  expect(router.reachable()).toEqual([hub])
})

test('[RT9] a path has the smallest size class of its links', () => {
  const { router, advertise } = setUp()
  const hub = peerOf(1)
  const far = peerOf(7)
  router.neighbourUp(hub, { metric: 20, sizeClass: 2 }, 0)
  for (const [sequence, sizeClass, ofPath] of [
    [1, 3, 2],
    [2, 2, 2],
    [3, 0, 0],
  ] as const) {
    advertise(hub, { epoch: 1, sequence, base: 0 }, [{ peer: far, metric: 20, sizeClass }])
    expect(router.route(far)).toMatchObject({ nextHop: hub, sizeClass: ofPath })
  }
  expect(packetBytesByClass).toEqual([1_200, 4_096, 16_384, 65_408])
})

test('[RT13] transit leaves over direct links only, so that no loop can form', () => {
  const { router, advertise } = setUp()
  const [a, b, c] = [peerOf(1), peerOf(2), peerOf(3)]
  router.neighbourUp(a, quality, 0)
  router.neighbourUp(b, quality, 0)
  advertise(a, { epoch: 1, sequence: 1, base: 0 }, [{ peer: c, metric: 20, sizeClass: 2 }])
  expect(router.nextHop(c, undefined)).toBe(a)
  expect(router.nextHop(c, b)).toBeUndefined()
  expect(router.nextHop(a, b)).toBe(a)
})

test('[RT14] the tables are bounded, whatever neighbours advertise', () => {
  const { router, advertise, counter } = setUp()
  for (let neighbour = 1; neighbour <= 6; neighbour += 1) {
    router.neighbourUp(peerOf(neighbour), quality, 0)
    for (let part = 0; part < 4; part += 1) {
      const first = 1_000 * neighbour + 300 * part
      const entries = Array.from({ length: 300 }, (_, index) => entry(first + index + 100))
      const version = { epoch: 1, sequence: part + 1, base: part }
      advertise(peerOf(neighbour), version, entries)
    }
  }
  expect(router.reachable().length).toBe(destinationsMax)
  expect(counter('routeEntriesRefused')).toBeGreaterThan(6 * (1_200 - 1_024))
})

test('[RT14] one neighbour fills no more than its share', () => {
  const { router, advertise, counter } = setUp()
  const hub = peerOf(1)
  router.neighbourUp(hub, quality, 0)
  const entries = (first: number) => Array.from({ length: 600 }, (_, index) => entry(first + index))
  advertise(hub, { epoch: 1, sequence: 1, base: 0 }, entries(1_000))
  advertise(hub, { epoch: 1, sequence: 2, base: 1 }, entries(2_000))
  expect(router.reachable()).toHaveLength(1 + routeEntriesMax)
  expect(counter('routeEntriesRefused')).toBe(1_200 - routeEntriesMax)
})
