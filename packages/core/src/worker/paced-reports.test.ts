import { expect, test } from 'vitest'
import { createRecordPortPair } from '../driver/record-port.ts'
import type { AwarenessChange, RowChange } from '../engine/command.ts'
import type { PeerId } from '../engine/identity/peer-id.ts'
import { firstLifecycleState } from '../engine/lifecycle-change.ts'
import type { EngineReport, ReportsTaken } from '../facade/engine-access.ts'
import { TakenReports } from '../facade/taken-reports.ts'
import { PacedReports } from './paced-reports.ts'

const peer = '00112233aabbccdd' as PeerId

/** A page that takes reports when it is told to. */
function setUp() {
  const [port, page] = createRecordPortPair<EngineReport, ReportsTaken>()
  const paced = new PacedReports(port)
  const reports: EngineReport[] = []
  page.receive((batch) => reports.push(...batch))
  const take = async () => {
    await settle()
    const taken = reports.splice(0)
    page.post({ type: 'reports-taken', count: taken.length })
    await settle()
    return taken
  }
  return { paced, reports, take }
}

async function settle() {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
}

const added = (index: number): RowChange => ({ type: 'added', index, row: { _id: `r-${index}` } })
const rows = (subscriber: number, ...changes: RowChange[]): EngineReport => ({
  type: 'rows-changed',
  subscriber,
  changes,
})
const presence = (count: number): EngineReport => ({
  type: 'presence-changed',
  graph: { local: peer, peers: [], connections: Array.from({ length: count }) as never },
})
const cursor = (clientId: number, clock: number): AwarenessChange => ({
  clientId,
  peer,
  clock,
  state: '{}',
})

/** Brings the page as far behind as it may be. */
function fill(paced: PacedReports): EngineReport[] {
  const reports = Array.from({ length: 256 }, (_, index) => rows(1, added(index)))
  for (const report of reports) paced.post(report)
  return reports
}

test('a page that takes what comes gets every report as it is', async () => {
  const { paced, take } = setUp()
  for (let round = 0; round < 3; round += 1) {
    const reports = fill(paced)
    expect(await take()).toEqual(reports)
  }
})

test('what a page that is behind is told is drawn together', async () => {
  const { paced, take } = setUp()
  fill(paced)
  const problem = (at: number): EngineReport => ({
    type: 'problem',
    problem: { code: 'limit-reached', message: String(at) },
  })
  const woke = (sleptMs: number): EngineReport => ({
    type: 'lifecycle-changed',
    change: { transition: 'woke', reason: 'late-deadline', sleptMs, state: firstLifecycleState },
  })
  for (let count = 1; count <= 100; count += 1) {
    paced.post(presence(count))
    paced.post(rows(2, added(count)))
    paced.post({ type: 'awareness-changed', subscriber: 3, changes: [cursor(count % 2, count)] })
    paced.post(problem(count))
    paced.post(woke(count))
  }
  const updated: EngineReport = {
    type: 'document-updated',
    subscriber: 4,
    updates: [new Uint8Array([1])],
    loaded: false,
  }
  paced.post(updated)
  const before = await take()
  // Updates of documents have credit of their own.
  expect(before).toHaveLength(257)
  expect(before.at(-1)).toEqual(updated)
  expect(await take()).toEqual([
    rows(2, ...Array.from({ length: 100 }, (_, index) => added(index + 1))),
    { type: 'awareness-changed', subscriber: 3, changes: [cursor(1, 99), cursor(0, 100)] },
    presence(100),
    ...Array.from({ length: 32 }, (_, index) => problem(69 + index)),
    ...Array.from({ length: 32 }, (_, index) => woke(69 + index)),
  ])
  // From then on all goes its way again.
  paced.post(presence(7))
  expect(await take()).toEqual([presence(7)])
})

test('a live query that changes more than is held is stale, the others keep their changes', async () => {
  const { paced, take } = setUp()
  fill(paced)
  paced.post(rows(5, added(0)))
  for (let count = 0; count < 2_000; count += 1) paced.post(rows(6, added(count)))
  paced.post(rows(5, added(1)))
  await take()
  expect(await take()).toEqual([rows(5, added(0), added(1)), { type: 'rows-stale', subscriber: 6 }])
})

test('the end is told at once', async () => {
  const { paced, take } = setUp()
  fill(paced)
  paced.post({ type: 'ended' })
  expect((await take()).at(-1)).toEqual({ type: 'ended' })
})

test('the page says what it has taken, some reports at a time', async () => {
  const [port, page] = createRecordPortPair<EngineReport, ReportsTaken>()
  const taken: ReportsTaken[] = []
  port.receive((records) => taken.push(...records))
  const received: EngineReport[] = []
  new TakenReports(page).receive((reports) => received.push(...reports))
  for (let round = 1; round <= 3; round += 1) {
    for (let count = 0; count < 20; count += 1) port.post(presence(count))
    await settle()
  }
  expect(received).toHaveLength(60)
  expect(taken).toEqual([{ type: 'reports-taken', count: 40 }])
})

test('a page that takes everything never falls behind', async () => {
  const [port, page] = createRecordPortPair<EngineReport, ReportsTaken>()
  const paced = new PacedReports(port)
  const received: EngineReport[] = []
  new TakenReports(page).receive((reports) => received.push(...reports))
  for (let count = 0; count < 5_000; count += 1) {
    paced.post(presence(count))
    await settle()
  }
  expect(received).toHaveLength(5_000)
})

test('the outcome of a meeting is told at once, however far behind the page is', async () => {
  const { paced, take } = setUp()
  fill(paced)
  const outcome = { ok: true, peer } as const
  const ended: EngineReport = { type: 'meeting-ended', meeting: 1, outcome }
  paced.post(presence(1))
  paced.post(ended)
  const taken = await take()
  expect(taken.at(-1)).toEqual(ended)
  expect(taken).toHaveLength(257)
})
