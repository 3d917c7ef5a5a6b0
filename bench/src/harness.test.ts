import { expect, test } from 'vitest'
import { runContest, spreadOf, type Contest } from './harness.ts'

/** A contender that measures the given values, one a run. */
function scripted(name: string, values: readonly number[], log: string[]) {
  let index = 0
  return {
    name,
    run: async () => {
      log.push(name)
      return { time: values[index++]! }
    },
  }
}

function contestOf(log: string[], warmupRounds: number): Contest {
  return {
    name: 'typing',
    figures: [{ name: 'time', unit: 'ms', better: 'lower' }],
    ours: scripted('ours', [2, 4, 100], log),
    baselines: [scripted('theirs', [8, 10, 12], log)],
    rounds: 3 - warmupRounds,
    warmupRounds,
  }
}

test('contenders run in turn and the ratio is that of the medians', async () => {
  const log: string[] = []
  const [result] = await runContest(contestOf(log, 0), () => {})
  expect(log).toEqual(['ours', 'theirs', 'ours', 'theirs', 'ours', 'theirs'])
  expect(result).toEqual({
    case: 'typing time',
    unit: 'ms',
    better: 'lower',
    ours: 4,
    baseline: 10,
    baselineName: 'theirs',
    ratio: 0.4,
  })
})

test('warm-up runs are not counted', async () => {
  const [result] = await runContest(contestOf([], 1), () => {})
  expect(result).toMatchObject({ ours: 52, baseline: 11 })
})

test('a run that lacks a figure is an error, not a zero', async () => {
  const contest = { ...contestOf([], 0), figures: [{ name: 'bytes', unit: 'B', better: 'lower' }] }
  await expect(runContest(contest as Contest, () => {})).rejects.toThrow('"bytes"')
})

test('the median of an even count lies between the middle two', () => {
  expect(spreadOf([4, 1, 3, 2])).toEqual({ median: 2.5, least: 1, most: 4 })
})

test('figures are told with four digits, and no zero of a whole number is lost', async () => {
  const lines: string[] = []
  const contest = { ...contestOf([], 0), ours: scripted('ours', [1500, 1530, 1600], []) }
  await runContest(contest, (line) => lines.push(line))
  expect(lines.find((line) => line.includes('ours '))).toContain('1530  (1500 to 1600)')
})
