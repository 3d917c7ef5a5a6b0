/**
 * `pnpm bench transfer`: bytes in bulk, requests, and requests beside bytes, through a stream of a
 * mesh and through the raw channel that it stands on.
 */

import { launchChromium, servePage } from '@fieldmesh/testing-browser'
import type { Benchmark } from '../harness.ts'
import { memoryContest, tcpContest } from './node-contests.ts'
import type { TransferSize } from './transfer-figures.ts'
import { webrtcContests } from './webrtc-contests.ts'

/** The benchmark as it is run by name. */
export const transferBenchmark = createTransferBenchmark({
  bytes: 64 * 1024 * 1024,
  requests: 1_000,
  rounds: 5,
})

/** The benchmark in another size. */
export function createTransferBenchmark(size: TransferSize): Benchmark {
  return {
    name: 'transfer',
    async open() {
      const [meshPages, rawPages] = await Promise.all([
        servePage({ entry: new URL('mesh.page.ts', import.meta.url) }),
        servePage({ entry: new URL('raw.page.ts', import.meta.url) }),
      ])
      const browser = await launchChromium()
      const stage = { browser, meshPages, rawPages }
      return {
        contests: [memoryContest(size), tcpContest(size), ...webrtcContests(stage, size)],
        async close() {
          await browser.close()
          await Promise.all([meshPages.close(), rawPages.close()])
        },
      }
    },
  }
}
