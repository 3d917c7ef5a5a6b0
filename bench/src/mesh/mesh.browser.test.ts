import { expect, test } from 'vitest'
import { runBenchmark } from '../harness.ts'
import { createMeshBenchmark } from './mesh-benchmark.ts'

test('the benchmark of meshes measures every contender', async () => {
  const benchmark = createMeshBenchmark({ bytes: 256 * 1024, requests: 5, rounds: 1, hops: 3 })
  const cases = await runBenchmark(
    benchmark,
    () => {},
    (contest) => ({ ...contest, warmupRounds: 0 }),
  )
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
