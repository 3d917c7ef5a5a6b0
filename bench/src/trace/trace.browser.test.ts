import { expect, test } from 'vitest'
import { runBenchmark } from '../harness.ts'
import { generateTrace } from './editing-trace.ts'
import { createTraceBenchmark } from './trace-benchmark.ts'

test('the benchmark of typing measures every contender, at full speed and paced', async () => {
  const benchmark = createTraceBenchmark({
    trace: () => generateTrace(300),
    fullSpeedRounds: 1,
    pacedKeystrokes: 20,
  })
  const lines: string[] = []
  const print = (line: string) => lines.push(line)
  const cases = await runBenchmark(benchmark, print)
  expect(lines[0]).toBe('trace: generated, 300 keystrokes')
  expect([...new Set(cases.map((result) => result.case))]).toEqual([
    'full speed seconds',
    'full speed bytes per keystroke',
    'paced seconds',
    'paced bytes per keystroke',
    'paced p50 latency',
    'paced p99 latency',
  ])
  expect(cases).toHaveLength(12)
  for (const { ours, baseline } of cases) {
    expect(ours).toBeGreaterThan(0)
    expect(baseline).toBeGreaterThan(0)
  }
})
