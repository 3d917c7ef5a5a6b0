/**
 * `pnpm bench mesh`: what each hop costs, how soon two pages have a direct channel, and what a link
 * that nobody uses costs.
 */

import { launchChromium, servePage } from '@fieldmesh/testing-browser'
import type { Benchmark, Contest } from '../harness.ts'
import { transferFigures, type TransferSize } from '../transfer/transfer-figures.ts'
import { firstChannelContest } from './first-channel.ts'
import { idleContest } from './idle-link.ts'
import { measureNodeChain } from './node-chain.ts'
import { measurePageChain } from './page-chain.ts'

/** The benchmark as it is run by name. */
export const meshBenchmark = createMeshBenchmark({
  bytes: 8 * 1024 * 1024,
  requests: 300,
  rounds: 3,
  hops: 5,
})

export interface MeshBenchmarkSize extends TransferSize {
  /** Of the longest line. */
  readonly hops: number
}

/** The benchmark in another size. */
export function createMeshBenchmark(size: MeshBenchmarkSize): Benchmark {
  return {
    name: 'mesh',
    async open() {
      const [chainPages, rawPages, meshPages] = await Promise.all([
        servePage({ entry: new URL('chain.page.ts', import.meta.url) }),
        servePage({ entry: new URL('../transfer/raw.page.ts', import.meta.url) }),
        servePage({ entry: new URL('../transfer/mesh.page.ts', import.meta.url) }),
      ])
      const browser = await launchChromium()
      return {
        contests: [
          hopsContest('hops node', size, async (hops) => measureNodeChain(hops, size)),
          hopsContest('hops chromium', size, async (hops) =>
            measurePageChain({ browser, pages: chainPages }, hops, size),
          ),
          firstChannelContest({ browser, meshPages, rawPages }, size),
          idleContest(),
        ],
        async close() {
          await browser.close()
          await Promise.all([chainPages, rawPages, meshPages].map((pages) => pages.close()))
        },
      }
    },
  }
}

/** The longest line of peers beside each shorter one. */
function hopsContest(
  name: string,
  { hops, rounds }: MeshBenchmarkSize,
  measure: (hops: number) => ReturnType<Contest['ours']['run']>,
): Contest {
  const contender = (count: number) => ({
    name: count === 1 ? '1 hop' : `${count} hops`,
    run: async () => measure(count),
  })
  return {
    name,
    figures: transferFigures,
    rounds,
    warmupRounds: 0,
    ours: contender(hops),
    baselines: Array.from({ length: hops - 1 }, (_, index) => contender(index + 1)),
  }
}
