import { describe, expect, test } from 'vitest'

import { createFlightRecorder } from '../../../recorder/recorder.ts'
import { nobleCryptography } from '../../crypto/noble.ts'
import { SeededRandom } from '../../crypto/random.ts'
import { encodePeerId, type PeerId } from '../../identity/peer-id.ts'
import { wholePayload } from '../../link/frame.ts'
import type { LinkPort, LinkSendResult } from '../../link/link-port.ts'
import { linkMetricMax } from '../metric.ts'
import type { NeighbourQuality, RouteChange } from '../router.ts'
import { destinationsMax, lostMsMax } from './destination-table.ts'
import { DistanceVectorRouter } from './distance-vector-router.ts'
import { offersMax } from './neighbour-offers.ts'
import { sequenceMax, type RouteEntry } from './route-entry.ts'
import { encodeRoutingFrame, updateEntriesMax, type RoutingFrame } from './routing-frame.ts'
import { ToldNeighbour } from './told-neighbour.ts'

const quality: NeighbourQuality = { metric: 20, sizeClass: 2, bytesPerSecond: 1_000_000 }
const [us, a, b, c, far] = [0, 1, 2, 3, 4].map(peerOf) as [PeerId, PeerId, PeerId, PeerId, PeerId]

function peerOf(number: number): PeerId {
  return encodePeerId(Uint8Array.of(0, 0, 0, 0, 0, number >> 16, (number >> 8) & 0xff, number))
}

function path(metric: number, changes: Partial<RouteEntry> = {}): RouteEntry {
  return { epoch: 1, sequence: 1, metric, hopCount: 1, sizeClass: 2, ...changes }
}

/** What a neighbour says of itself. */
const itself = path(0, { hopCount: 0, sizeClass: 3 })

/** A router with links to neighbours that a test speaks for. */
class Bench {
  readonly neighbours = new Map<PeerId, ToldNeighbour>()
  readonly sent: { to: PeerId; frame: RoutingFrame; bytes: number }[] = []
  readonly router: DistanceVectorRouter
  result: LinkSendResult = 'accepted'
  readonly #flight = createFlightRecorder()

  constructor() {
    const context = {
      random: new SeededRandom(new Uint8Array(32)),
      cryptography: nobleCryptography,
      recorder: this.#flight.recorder,
    }
    const links: LinkPort = {
      send: (to, _kind, _priority, payload) => {
        if (this.result !== 'accepted') return this.result
        const bytes = wholePayload(payload)
        const frame = this.neighbours.get(to)!.hear(bytes)!
        this.sent.push({ to, frame, bytes: bytes.length })
        return 'accepted'
      },
    }
    this.router = new DistanceVectorRouter(context, us, 5, links)
  }

  counter(name: string): number {
    return this.#flight.snapshot().counters[`mesh.${name}`]!
  }

  /** Links a neighbour, which tells of itself and of these paths. */
  up(
    peer: PeerId,
    paths: Readonly<Record<string, RouteEntry>> = {},
    nowMs = 0,
    linkQuality = quality,
  ): void {
    this.neighbours.set(peer, new ToldNeighbour())
    this.router.neighbourUp(peer, linkQuality, nowMs)
    this.tell(peer, { [peer]: itself, ...paths }, nowMs, 'table')
  }

  tell(
    peer: PeerId,
    paths: Readonly<Record<string, RouteEntry | undefined>>,
    nowMs: number,
    type: 'update' | 'table' = 'update',
  ): void {
    this.router.frameReceived(peer, this.neighbours.get(peer)!.frame(type, paths), nowMs)
  }

  /** Lets time pass, to each deadline on the way. */
  passTo(nowMs: number): void {
    for (
      let dueMs = this.router.nextDeadlineMs();
      dueMs <= nowMs;
      dueMs = this.router.nextDeadlineMs()
    ) {
      this.router.handleDeadline(dueMs)
    }
  }

  /** What a neighbour holds of us. */
  told(peer: PeerId, destination: PeerId): RouteEntry | undefined {
    return this.neighbours.get(peer)!.table.get(destination)
  }

  requests(): readonly (readonly [PeerId, number])[] {
    return this.sent.flatMap(({ to, frame }) =>
      frame.type === 'sequence-requests'
        ? frame.requests.map(({ sequence }) => [to, sequence] as const)
        : [],
    )
  }
}

function changes({ router }: Bench): readonly RouteChange[] {
  const taken: RouteChange[] = []
  for (let next = router.poll(); next !== undefined; next = router.poll()) taken.push(next)
  return taken
}

describe('telling', () => {
  test('[RO4] [RO5] a new neighbour gets the table at once, the others hear in a batch', () => {
    const bench = new Bench()
    bench.up(a, {}, 0)
    bench.up(b, {}, 10)
    expect(bench.sent.map(({ to, frame }) => [to, frame.type])).toEqual([
      [a, 'table'],
      [b, 'table'],
    ])
    expect([...bench.neighbours.get(b)!.table.keys()]).toEqual([us, a])
    expect(bench.told(b, us)).toEqual({ ...itself, epoch: 5 })
    bench.passTo(59)
    expect(bench.told(a, b)).toBe(undefined)
    bench.passTo(60)
    expect(bench.told(a, b)).toEqual(path(20))
    bench.passTo(9_000)
    expect(bench.sent).toHaveLength(3)
  })

  test('[RO5] small changes of a metric stay at home', () => {
    const bench = new Bench()
    bench.up(a)
    bench.up(b)
    bench.passTo(100)
    bench.router.neighbourChanged(a, { ...quality, metric: 24 }, 100)
    bench.passTo(200)
    expect(bench.told(b, a)?.metric).toBe(20)
    bench.router.neighbourChanged(a, { ...quality, metric: 25 }, 200)
    bench.passTo(249)
    expect(bench.told(b, a)?.metric).toBe(20)
    bench.passTo(250)
    expect(bench.told(b, a)?.metric).toBe(25)
  })

  test('[RO5] a retraction is told at once, a new sequence number within ten seconds', () => {
    const bench = new Bench()
    bench.up(a, { [far]: path(30) })
    bench.up(b)
    bench.passTo(1_000)
    bench.tell(a, { [far]: path(30, { sequence: 2 }) }, 1_000)
    bench.passTo(10_999)
    expect(bench.told(b, far)?.sequence).toBe(1)
    bench.passTo(11_000)
    expect(bench.told(b, far)?.sequence).toBe(2)
    bench.tell(a, { [far]: undefined }, 12_000)
    expect(bench.told(b, far)).toBe(undefined)
  })

  test('[RO7] the next hop is not told of the path over itself', () => {
    const bench = new Bench()
    bench.up(a, { [far]: path(30) })
    bench.up(b, { [far]: path(90) })
    bench.passTo(100)
    expect(bench.told(b, far)?.metric).toBe(50)
    expect(bench.told(a, far)).toBe(undefined)
    // The only one left leads over b, which was told of the other one.
    bench.tell(a, { [far]: undefined }, 200)
    bench.tell(b, { [far]: path(40) }, 200)
    bench.passTo(300)
    expect(bench.router.route(far)).toMatchObject({ nextHop: b })
    expect(bench.told(a, far)?.metric).toBe(60)
    expect(bench.told(b, far)).toBe(undefined)
  })

  test('[RO7] a slow link gets its share and no more, retractions excepted', () => {
    const bench = new Bench()
    const paths = Object.fromEntries(
      Array.from({ length: 200 }, (_, index) => [peerOf(100 + index), path(30)]),
    )
    bench.up(a, paths)
    bench.sent.length = 0
    bench.up(b, {}, 1_000, { ...quality, bytesPerSecond: 20_000 })
    const bytesToB = () => {
      const frames = bench.sent.filter(({ to }) => to === b)
      return frames.reduce((sum, { bytes }) => sum + bytes, 0)
    }
    expect(bytesToB()).toBeLessThan(1_100)
    bench.passTo(3_000)
    // 5 % of 20 kB/s, and what the last frame is ahead.
    expect(bytesToB()).toBeLessThan(3_100)
    bench.router.neighbourDown(a, 3_000)
    expect([...bench.neighbours.get(b)!.table.keys()]).toEqual([us])
    bench.up(a, paths, 4_000)
    bench.passTo(60_000)
    expect(bench.neighbours.get(b)!.table.size).toBe(202)
  })

  test('[RO7] what a full link refuses is told in its latest state', () => {
    const bench = new Bench()
    bench.up(b)
    bench.result = 'full'
    bench.up(a, { [far]: path(30) }, 100)
    bench.passTo(1_000)
    bench.tell(a, { [far]: path(80) }, 1_000)
    bench.passTo(2_000)
    bench.result = 'accepted'
    bench.router.neighbourWritable(b, 2_000)
    expect(bench.told(b, far)?.metric).toBe(100)
    bench.router.neighbourWritable(a, 2_000)
    expect([...bench.neighbours.get(a)!.table.keys()]).toEqual([us, b])
  })

  test('[RO4] [RO6] lost agreement is noticed with the next frame, and repaired by a table', () => {
    const bench = new Bench()
    bench.up(a, { [far]: path(30) })
    bench.passTo(100)
    // This one is lost on the way.
    bench.neighbours.get(a)!.frame('update', { [c]: path(40) })
    bench.tell(a, { [far]: path(60) }, 200)
    expect(bench.sent.at(-1)).toMatchObject({ to: a, frame: { type: 'table-request' } })
    bench.tell(a, { [far]: path(70) }, 300)
    expect(bench.counter('routeTablesRequested')).toBe(1)
    bench.tell(a, { [a]: itself, [far]: path(70), [c]: path(40) }, 400, 'table')
    expect(bench.router.route(c)).toMatchObject({ nextHop: a, metric: 60 })
    bench.tell(a, { [far]: path(100) }, 5_000)
    expect(bench.counter('routeTablesRequested')).toBe(1)
    // An update before any table is nothing to go on from.
    bench.neighbours.set(b, new ToldNeighbour())
    bench.router.neighbourUp(b, quality, 6_000)
    bench.tell(b, { [peerOf(9)]: path(20) }, 6_000)
    expect(bench.router.route(peerOf(9))).toBe(undefined)
    expect(bench.counter('routeTablesRequested')).toBe(2)
  })

  test('[RO6] the digest is shown once more after the last update', () => {
    const bench = new Bench()
    bench.up(a)
    bench.up(b)
    bench.passTo(100)
    bench.sent.length = 0
    bench.passTo(60_000)
    const shown = bench.sent.filter(({ to }) => to === b).map(({ frame }) => frame)
    expect(shown).toMatchObject([{ type: 'update', entries: [] }])
  })

  test('[RO6] a neighbour that keeps asking gets one table a second', () => {
    const bench = new Bench()
    bench.up(a)
    bench.passTo(100)
    bench.sent.length = 0
    const request = encodeRoutingFrame({ type: 'table-request' })
    for (let nowMs = 100; nowMs < 600; nowMs += 1) bench.router.frameReceived(a, request, nowMs)
    expect(bench.sent).toHaveLength(0)
    bench.passTo(1_000)
    expect(bench.sent.map(({ frame }) => frame.type)).toEqual(['table'])
  })
})

describe('choosing', () => {
  test('[RO8] an unfeasible path is not taken, and a newer sequence number frees it', () => {
    const bench = new Bench()
    bench.up(a, { [far]: path(30) })
    bench.up(b, { [far]: path(60) })
    bench.passTo(100)
    expect(bench.router.route(far)).toMatchObject({ nextHop: a, metric: 50 })
    bench.router.neighbourDown(a, 1_000)
    expect(bench.router.route(far)).toBe(undefined)
    expect(bench.requests()).toEqual([[b, 2]])
    bench.tell(b, { [far]: path(60, { sequence: 2 }) }, 1_100)
    expect(bench.router.route(far)).toMatchObject({ nextHop: b, metric: 80 })
  })

  test('[RO8] a feasible path takes over at once', () => {
    const bench = new Bench()
    bench.up(a, { [far]: path(30) })
    bench.up(b, { [far]: path(49) })
    bench.router.neighbourDown(a, 1_000)
    expect(bench.router.route(far)).toMatchObject({ nextHop: b, metric: 69 })
    expect(bench.requests()).toEqual([])
  })

  test('[RO8] a path that becomes dearer stays in use, for its neighbour is bound by its word', () => {
    const bench = new Bench()
    bench.up(a, { [far]: path(30) })
    bench.passTo(100)
    bench.tell(a, { [far]: path(300) }, 1_000)
    expect(bench.router.route(far)).toMatchObject({ nextHop: a, metric: 320 })
    // Once it was taken back, the word of before counts no more.
    bench.tell(a, { [far]: undefined }, 2_000)
    bench.tell(a, { [far]: path(300) }, 2_100)
    expect(bench.router.route(far)).toBe(undefined)
    expect(bench.requests()).toEqual([[a, 2]])
  })

  test('[RO8] a direct link is always feasible', () => {
    const bench = new Bench()
    bench.up(a, { [b]: path(30, { sequence: 9 }) })
    bench.passTo(100)
    bench.up(b, {}, 200, { ...quality, metric: 70 })
    expect(bench.router.route(b)).toEqual({ nextHop: b, metric: 70, sizeClass: 2, hopCount: 1 })
  })

  test('[RO9] the cheapest path, and of equal ones that over the smallest id', () => {
    const bench = new Bench()
    bench.up(c, { [far]: path(40) })
    bench.up(b, { [far]: path(30) })
    bench.router.neighbourDown(c, 10)
    bench.up(a, { [far]: path(30) }, 20)
    expect(bench.router.route(far)).toMatchObject({ nextHop: b })
    bench.router.neighbourDown(b, 30)
    bench.up(b, { [far]: path(20) }, 40)
    bench.up(c, { [far]: path(20) }, 40)
    bench.router.neighbourDown(a, 50)
    expect(bench.router.route(far)).toMatchObject({ nextHop: b, metric: 40 })
    expect(bench.router.reachable().toSorted()).toEqual([b, c, far])
  })

  test('[RO10] a direct link, and a larger size class, take over at once', () => {
    const bench = new Bench()
    bench.up(a, { [far]: path(80, { sizeClass: 1 }) })
    bench.up(b, { [far]: path(80) })
    expect(bench.router.route(far)).toMatchObject({ nextHop: b, sizeClass: 2 })
    bench.up(far, {}, 1_000, { ...quality, metric: 159 })
    expect(bench.router.route(far)).toMatchObject({ nextHop: far, hopCount: 1 })
  })

  test('[RO10] a path over a link that does not answer is left at once, if there is another', () => {
    const bench = new Bench()
    bench.up(a, { [far]: path(30) })
    bench.up(b, { [far]: path(29) }, 0, { ...quality, metric: 30_000 })
    bench.router.neighbourChanged(a, { ...quality, metric: linkMetricMax }, 1_000)
    expect(bench.router.route(far)).toMatchObject({ nextHop: b, metric: 30_029 })
    expect(changes(bench).at(-1)).toMatchObject({ destination: far, isFormerGone: true })
    // And not for another one that does not answer either.
    bench.router.neighbourChanged(b, { ...quality, metric: linkMetricMax }, 2_000)
    expect(bench.router.route(far)).toMatchObject({ nextHop: b })
    bench.router.neighbourChanged(a, quality, 2_500)
    expect(bench.router.route(far)).toMatchObject({ nextHop: a, metric: 50 })
  })

  test('[RO11] a better path must be better by a fifth, for four seconds', () => {
    const bench = new Bench()
    bench.up(a, { [far]: path(80) })
    bench.up(b, { [far]: path(60) })
    bench.passTo(20_000)
    expect(bench.router.route(far)).toMatchObject({ nextHop: a })
    bench.tell(b, { [far]: path(59) }, 20_000)
    bench.passTo(23_999)
    expect(bench.router.route(far)).toMatchObject({ nextHop: a })
    bench.passTo(24_000)
    expect(bench.router.route(far)).toMatchObject({ nextHop: b, metric: 79 })
  })

  test('[RO13] a path has the smallest size class of its links', () => {
    const bench = new Bench()
    for (const [sizeClass, ofPath] of [
      [3, 2],
      [0, 0],
    ] as const) {
      bench.up(a, { [far]: path(80, { sizeClass }) })
      expect(bench.router.route(far)).toMatchObject({ sizeClass: ofPath, hopCount: 2 })
    }
  })
})

describe('newer sequence numbers', () => {
  test('[RO14] a peer without a path asks one neighbour after the other, and in the end no more', () => {
    const bench = new Bench()
    bench.up(a, { [far]: path(30) })
    bench.up(b, { [far]: path(60) })
    bench.up(c, { [far]: path(70) })
    bench.router.neighbourDown(a, 1_000)
    bench.passTo(1_499)
    expect(bench.requests()).toEqual([[b, 2]])
    bench.passTo(1_500)
    expect(bench.requests()).toEqual([
      [b, 2],
      [c, 2],
    ])
    bench.passTo(120_000)
    expect(bench.requests()).toHaveLength(6)
  })

  test('[RO14] a much better path that is not feasible is asked over, and taken when it is', () => {
    const bench = new Bench()
    bench.up(a, { [far]: path(30) })
    bench.up(b, { [far]: path(60) })
    bench.tell(a, { [far]: path(300) }, 1_000)
    bench.passTo(4_999)
    expect(bench.requests()).toEqual([])
    bench.passTo(5_000)
    expect(bench.requests()).toEqual([[b, 2]])
    bench.passTo(9_000)
    expect(bench.requests()).toHaveLength(2)
    bench.tell(b, { [far]: path(60, { sequence: 2 }) }, 9_100)
    expect(bench.router.route(far)).toMatchObject({ nextHop: b, metric: 80 })
  })

  test('[RO14] and is asked over at once when the present one goes over a link that does not answer', () => {
    const bench = new Bench()
    bench.up(a, { [far]: path(30) })
    bench.up(b, { [far]: path(60) })
    bench.router.neighbourChanged(a, { ...quality, metric: linkMetricMax }, 10_000)
    expect(bench.requests()).toEqual([[b, 2]])
    expect(bench.router.route(far)).toMatchObject({ nextHop: a })
    bench.router.neighbourChanged(a, { ...quality, metric: linkMetricMax }, 11_000)
    expect(bench.requests()).toHaveLength(1)
    bench.tell(b, { [far]: path(60, { sequence: 2 }) }, 11_100)
    expect(bench.router.route(far)).toMatchObject({ nextHop: b, metric: 80 })
  })

  const ask = (peer: PeerId, sequence: number, changes = {}) =>
    encodeRoutingFrame({
      type: 'sequence-requests',
      requests: [{ peer, epoch: 1, sequence, hopLimit: 32, ...changes }],
    })

  test('[RO15] a request goes along the path, and its answer comes back at once', () => {
    const bench = new Bench()
    bench.up(a, { [far]: path(30) })
    bench.up(b)
    bench.passTo(100)
    bench.sent.length = 0
    bench.router.frameReceived(b, ask(far, 2), 200)
    expect(bench.sent).toMatchObject([
      { to: a, frame: { requests: [{ peer: far, sequence: 2, hopLimit: 31 }] } },
    ])
    // Asked for already.
    bench.router.frameReceived(b, ask(far, 2), 210)
    expect(bench.sent).toHaveLength(1)
    bench.tell(a, { [far]: path(30, { sequence: 2 }) }, 300)
    expect(bench.told(b, far)?.sequence).toBe(2)
    // Known by now.
    bench.router.frameReceived(b, ask(far, 2), 400)
    expect(bench.requests()).toHaveLength(1)
    bench.router.frameReceived(b, ask(far, 3, { hopLimit: 1 }), 500)
    expect(bench.requests()).toHaveLength(1)
  })

  test('[RO15] requests for one destination are passed on four times a second at most', () => {
    const bench = new Bench()
    bench.up(a, { [far]: path(30) })
    bench.up(b)
    for (let count = 0; count < 300; count += 1) {
      bench.router.frameReceived(b, ask(far, 2 + count), 1_000 + count)
    }
    expect(bench.requests()).toEqual([
      [a, 2],
      [a, 252],
    ])
  })

  test('[RO15] [RO16] we count up by one when asked, ten times a second at most', () => {
    const bench = new Bench()
    bench.up(a)
    bench.up(b)
    const askUs = (sequence: number, nowMs: number, epoch = 5) =>
      bench.router.frameReceived(a, ask(us, sequence, { epoch }), nowMs)
    askUs(2, 1_000)
    expect(bench.told(a, us)?.sequence).toBe(2)
    expect(bench.told(b, us)?.sequence).toBe(1)
    askUs(9, 1_050)
    expect(bench.told(a, us)?.sequence).toBe(2)
    askUs(9, 1_100)
    expect(bench.told(a, us)?.sequence).toBe(3)
    askUs(9, 2_000, 4)
    askUs(9, 2_100, 6)
    expect(bench.told(a, us)?.sequence).toBe(3)
    bench.passTo(12_000)
    expect(bench.told(b, us)?.sequence).toBe(3)
  })

  test('[RO16] what a former boot said gives way to the next one', () => {
    const bench = new Bench()
    bench.up(a, { [far]: path(30, { sequence: 70 }) })
    bench.up(b, { [far]: path(500, { epoch: 2 }) })
    bench.router.neighbourDown(a, 100)
    expect(bench.router.route(far)).toMatchObject({ nextHop: b, metric: 520 })
  })
})

describe('bounds', () => {
  const many = (first: number, count: number, entry = path(30)) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [peerOf(first + index), entry]))

  test('[RO17] one neighbour fills no more than its share, all together no more than the table', () => {
    const bench = new Bench()
    for (const [index, neighbour] of [a, b, c].entries()) {
      bench.up(neighbour)
      for (let part = 0; part < 3; part += 1) {
        const first = 10_000 * (index + 1) + updateEntriesMax * part
        bench.tell(neighbour, many(first, updateEntriesMax), 10 * part)
      }
      const sharesMax = (index + 1) * offersMax + 2
      expect(bench.router.reachable().length).toBeLessThanOrEqual(sharesMax)
    }
    // Ourselves are one of them.
    expect(bench.router.reachable().length).toBe(destinationsMax - 1)
    expect(bench.counter('routeEntriesRefused')).toBeGreaterThan(0)
  })

  test('[RO17] a lost destination is remembered as long as its word may be out', () => {
    const bench = new Bench()
    bench.up(a, { [far]: path(30) })
    bench.up(b)
    bench.passTo(100)
    bench.tell(a, { [far]: undefined }, 1_000)
    bench.tell(b, { [far]: path(100) }, 2_000)
    expect(bench.router.route(far)).toBe(undefined)
    bench.tell(b, { [far]: undefined }, 3_000)
    bench.passTo(1_000 + lostMsMax)
    bench.tell(b, { [far]: path(100) }, 1_000 + lostMsMax)
    expect(bench.router.route(far)).toMatchObject({ nextHop: b })
  })

  test('[RO17] the one lost first gives way when there is no room', () => {
    const bench = new Bench()
    for (const [index, neighbour] of [a, b].entries()) {
      bench.up(neighbour)
      const first = 10_000 * (index + 1)
      bench.tell(neighbour, many(first, updateEntriesMax), 0)
      bench.tell(neighbour, many(first + updateEntriesMax, updateEntriesMax), 0)
    }
    expect(bench.router.route(far)).toBe(undefined)
    bench.tell(a, { [peerOf(10_000)]: undefined }, 1_000)
    bench.tell(a, { [far]: path(30) }, 1_000)
    expect(bench.router.route(far)).toMatchObject({ nextHop: a })
  })

  test('[RO18] nobody tells us the way to ourselves, nor claims to be somebody else', () => {
    const bench = new Bench()
    bench.up(a, { [us]: path(30), [far]: itself })
    expect(bench.router.reachable()).toEqual([a])
    expect(bench.counter('routeEntriesRefused')).toBe(2)
    bench.tell(a, { [a]: path(30) }, 100)
    expect(bench.router.route(a)).toMatchObject({ hopCount: 1 })
    expect(bench.counter('routeEntriesRefused')).toBe(3)
  })

  test('[RO18] the greatest sequence number ends asking, and nothing else', () => {
    const bench = new Bench()
    bench.up(a, { [far]: path(30, { sequence: sequenceMax }) })
    bench.up(b, { [far]: path(60, { sequence: sequenceMax }) })
    bench.router.neighbourDown(a, 100)
    expect(bench.router.route(far)).toBe(undefined)
    expect(bench.requests()).toEqual([])
  })

  test('[RO3] malformed frames are counted', () => {
    const bench = new Bench()
    bench.up(a)
    bench.router.frameReceived(a, Uint8Array.of(2, 9), 0)
    bench.router.frameReceived(peerOf(77), Uint8Array.of(2, 9), 0)
    expect(bench.counter('routeFramesMalformed')).toBe(1)
  })
})
