import { expect, test } from 'vitest'
import { runContest, type CaseResult } from '../harness.ts'
import { createMeshBenchmark } from './mesh-benchmark.ts'

test('the benchmark of meshes measures every contender', async () => {
  const benchmark = createMeshBenchmark({ bytes: 256 * 1024, requests: 5, rounds: 1, hops: 3 })
  const { contests, close } = await benchmark.open(() => {})
  const cases: CaseResult[] = []
  try {
    for (const contest of contests) {
      cases.push(...(await runContest({ ...contest, warmupRounds: 0 }, () => {})))
    }
  } finally {
    await close()
  }
  const figures = ['throughput', 'request p50', 'request p99']
  expect([...new Set(cases.map((result) => result.case))]).toEqual([
    ...figures.map((figure) => `hops node ${figure}`),
    ...figures.map((figure) => `hops chromium ${figure}`),
    'first channel load to channel',
    'idle link bytes an hour',
  ])
  for (const { ours, baseline } of cases) {
    expect(ours).toBeGreaterThan(0)
    expect(baseline).toBeGreaterThan(0)
  }
}, 180_000)
