/**
 * The harness of all benchmarks: ours and its baselines run in turn, in one run, so that the speed
 * of the machine cancels out; medians, spread and ratios come out.
 */

/** What a run of a contender measured, by the name of the figure. */
export type Measurement = Readonly<Record<string, number>>

/** One side of a contest. */
export interface Contender {
  readonly name: string
  /** One measured run, from nothing to nothing: it cleans up after itself. */
  readonly run: () => Promise<Measurement>
}

/** A figure that each run measures. */
export interface Figure {
  readonly name: string
  readonly unit: string
  readonly better: 'higher' | 'lower'
}

/** One piece of work, done by us and by others. */
export interface Contest {
  readonly name: string
  readonly figures: readonly Figure[]
  readonly ours: Contender
  readonly baselines: readonly Contender[]
  /** Measured runs of each contender. */
  readonly rounds: number
  /** Runs of each contender before, not counted; 0 where a run is long or begins cold by nature. */
  readonly warmupRounds: number
}

/** A benchmark by name; what it needs is made and torn down around its contests. */
export interface Benchmark {
  readonly name: string
  /** `print` tells what the figures alone do not, such as the data that are used. */
  readonly open: (print: (line: string) => void) => Promise<{
    readonly contests: readonly Contest[]
    readonly close: () => Promise<void>
  }>
}

/** A line of the result. `ratio = ours / baseline`, of medians. */
export interface CaseResult {
  readonly case: string
  readonly unit: string
  readonly better: 'higher' | 'lower'
  readonly ours: number
  readonly baseline: number
  readonly baselineName: string
  readonly ratio: number
}

interface Spread {
  readonly median: number
  readonly least: number
  readonly most: number
}

/** Runs the contests that `choose` gives of each, one after the other, and clears up. */
export async function runBenchmark(
  benchmark: Benchmark,
  print: (line: string) => void,
  choose: (contest: Contest) => Contest | undefined = (contest) => contest,
): Promise<readonly CaseResult[]> {
  const { contests, close } = await benchmark.open(print)
  const cases: CaseResult[] = []
  try {
    for (const contest of contests) {
      const chosen = choose(contest)
      if (chosen) cases.push(...(await runContest(chosen, print)))
    }
  } finally {
    await close()
  }
  return cases
}

/** Runs the contest, tells its figures through `print`, and returns its cases. */
export async function runContest(
  contest: Contest,
  print: (line: string) => void,
): Promise<readonly CaseResult[]> {
  const contenders = [contest.ours, ...contest.baselines]
  const runs = contenders.map((): Measurement[] => [])
  for (let round = -contest.warmupRounds; round < contest.rounds; round += 1) {
    const turn = round < 0 ? 'warm-up' : `round ${round + 1} of ${contest.rounds}`
    for (const [index, contender] of contenders.entries()) {
      print(`${contest.name}, ${turn}: ${contender.name}`)
      const measurement = await contender.run()
      if (round >= 0) runs[index]!.push(measurement)
    }
  }
  const results: CaseResult[] = []
  for (const figure of contest.figures) {
    print(`${contest.name}: ${figure.name} (${figure.unit}, ${figure.better} is better)`)
    const spreads = runs.map((list) => spreadOf(list.map((run) => valueOf(run, figure.name))))
    for (const [index, contender] of contenders.entries()) {
      const { median, least, most } = spreads[index]!
      const ratio = index === 0 ? '' : `  ours / this = ${format(spreads[0]!.median / median)}`
      const numbers = `${format(median)}  (${format(least)} to ${format(most)})`
      print(`  ${contender.name.padEnd(24)} ${numbers}${ratio}`)
    }
    for (const [index, baseline] of contest.baselines.entries()) {
      const ours = spreads[0]!.median
      const { median } = spreads[index + 1]!
      results.push({
        case: `${contest.name} ${figure.name}`,
        unit: figure.unit,
        better: figure.better,
        ours,
        baseline: median,
        baselineName: baseline.name,
        ratio: ours / median,
      })
    }
  }
  return results
}

/** Median, least and most of at least one value. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((left, right) => left - right)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  const median = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
  return { median, least: sorted[0] ?? Number.NaN, most: sorted.at(-1) ?? Number.NaN }
}

function valueOf(measurement: Measurement, figure: string): number {
  const value = measurement[figure]
  if (value === undefined) throw new Error(`a run did not measure "${figure}"`)
  return value
}

function format(value: number): string {
  const text = value.toPrecision(4)
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text
}
