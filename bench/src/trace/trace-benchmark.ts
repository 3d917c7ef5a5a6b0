/**
 * `pnpm bench trace`: a real editing trace, typed in one browser page while another is connected;
 * once as fast as it goes, once at the pace of a person.
 */

import { launchChromium, servePage, type PageServer } from '@fieldmesh/testing-browser'
import type { Benchmark, Contender, Contest, Figure } from '../harness.ts'
import { firstKeystrokes, loadEditingTrace, type EditingTrace } from './editing-trace.ts'
import { fieldmesh } from './fieldmesh.ts'
import { measureTyping, type Technology } from './typing-contest.ts'
import { yWebrtc } from './y-webrtc.ts'
import { yWebsocket } from './y-websocket.ts'

export interface TraceBenchmarkOptions {
  readonly trace: () => EditingTrace
  readonly fullSpeedRounds: number
  /** Keystrokes of the paced contest, one round of it. */
  readonly pacedKeystrokes: number
}

const pacePerSecond = 20
/** Far more than any run takes, on a busy machine too. */
const fullSpeedPatienceMs = 600_000

const figures: readonly Figure[] = [
  { name: 'seconds', unit: 's', better: 'lower' },
  { name: 'bytes per keystroke', unit: 'B', better: 'lower' },
]
const latencyFigures: readonly Figure[] = [
  { name: 'p50 latency', unit: 'ms', better: 'lower' },
  { name: 'p99 latency', unit: 'ms', better: 'lower' },
]
const baselines: readonly Technology[] = [yWebrtc, yWebsocket]

/** The benchmark as it is run by name: the whole trace three times, then a minute of it. */
export const traceBenchmark = createTraceBenchmark({
  trace: loadEditingTrace,
  fullSpeedRounds: 3,
  pacedKeystrokes: 60 * pacePerSecond,
})

/** The benchmark in another size. */
export function createTraceBenchmark(options: TraceBenchmarkOptions): Benchmark {
  return {
    name: 'trace',
    async open(print) {
      const trace = options.trace()
      print(`trace: ${trace.name}`)
      const pages = await Promise.all([fieldmesh, ...baselines].map(serveTechnology))
      const browser = await launchChromium()
      const contestOf = (
        contest: Pick<Contest, 'name' | 'figures' | 'rounds'>,
        trace: EditingTrace,
        perSecond: number,
      ): Contest => {
        const patienceMs =
          fullSpeedPatienceMs + (perSecond > 0 ? (trace.keystrokes.length * 1_000) / perSecond : 0)
        const [ours, ...others] = pages.map(({ technology, server }): Contender => ({
          name: technology.name,
          run: async () =>
            measureTyping({ browser, server, technology, trace, perSecond, patienceMs }),
        }))
        return { ...contest, ours: ours!, baselines: others, warmupRounds: 0 }
      }
      const fullSpeed = { name: 'full speed', figures, rounds: options.fullSpeedRounds }
      const paced = { name: 'paced', figures: [...figures, ...latencyFigures], rounds: 1 }
      const beginning = firstKeystrokes(trace, options.pacedKeystrokes)
      return {
        contests: [contestOf(fullSpeed, trace, 0), contestOf(paced, beginning, pacePerSecond)],
        async close() {
          await browser.close()
          await Promise.all(pages.map(async ({ server }) => server.close()))
        },
      }
    },
  }
}

async function serveTechnology(
  technology: Technology,
): Promise<{ readonly technology: Technology; readonly server: PageServer }> {
  return { technology, server: await servePage({ entry: technology.page }) }
}
