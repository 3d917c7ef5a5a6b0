import { expect, test } from 'vitest'
import { faultKinds } from '../faults/faults.ts'
import { accidentKinds } from '../network/accidents.ts'
import { Report } from './report.ts'
import type { RunResult } from './run-script.ts'

const each = (kinds: readonly string[], count: number) =>
  Object.fromEntries(kinds.map((kind) => [kind, count]))

const result: RunResult = {
  traceDigest: '',
  eventCount: 1,
  simulatedMs: 1_800_000,
  acknowledgedWrites: 3,
  faults: each(faultKinds, 2),
  accidents: each(accidentKinds, 2),
  movedBytes: 2_500_000,
  streams: 1,
  wholeFlows: 2,
  streamBytes: 1_000_000,
  resumes: 4,
  rests: 7,
  switches: 5,
  rekeys: 6,
  violations: [],
  healingMs: 10,
  calmMs: 20,
  idleBytes: 30,
}

test('the line says how much there was of everything', () => {
  const report = new Report()
  report.add(result)
  report.add({
    ...result,
    violations: [{ invariant: 'loop', sentence: 'round and round', atMs: 0 }],
  })
  expect(report.line()).toMatch(/^2 seeds, 1\.00 simulated hours, /)
  for (const kind of [...faultKinds, ...accidentKinds]) {
    expect(report.line()).toContain(`, 4 ${kind}, `)
  }
  for (const part of ['5 MB moved', '8 resumes', '14 rests', '10 switches', '12 rekeys']) {
    expect(report.line()).toContain(`, ${part}, `)
  }
  expect(report.line()).toMatch(/, 1 violations$/)
  expect(report.violationCount).toBe(1)
})

test('a kind that hardly occurred is named, once there were runs enough', () => {
  const rareOf = (runs: number, faults: RunResult['faults']) => {
    const report = new Report()
    for (let count = 0; count < runs; count += 1) report.add({ ...result, faults })
    return report.rareKinds
  }
  const withoutSleep = { ...result.faults, sleep: 0 }
  expect(rareOf(39, withoutSleep)).toEqual([])
  expect(rareOf(40, withoutSleep)).toEqual(['sleep'])
  expect(rareOf(40, result.faults)).toEqual([])
})
