import { expect, test } from 'vitest'
import { runBenchmark } from '../harness.ts'
import { createTransferBenchmark } from './transfer-benchmark.ts'

test('the benchmark of transfers measures every contender', async () => {
  const benchmark = createTransferBenchmark({ bytes: 2 * 1024 * 1024, requests: 20, rounds: 1 })
  const cases = await runBenchmark(
    benchmark,
    () => {},
    (contest) => ({ ...contest, warmupRounds: 0 }),
  )
  const figures = ['throughput', 'request p50', 'request p99']
  const contestNames = ['memory', 'tcp node', 'webrtc chromium-chromium', 'webrtc chromium-node']
  expect([...new Set(cases.map((result) => result.case))]).toEqual([
    ...contestNames.flatMap((contest) => figures.map((figure) => `${contest} ${figure}`)),
    'webrtc chromium-chromium busy keystroke p50',
    'webrtc chromium-chromium busy keystroke p99',
  ])
  for (const { ours, baseline } of cases) {
    expect(ours).toBeGreaterThan(0)
    expect(baseline).toBeGreaterThan(0)
  }
}, 180_000)
