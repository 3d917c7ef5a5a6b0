/** What each contest of this benchmark measures. */

import type { Figure, Measurement } from '../harness.ts'
import { quantile } from './traffic.ts'

/** How much is measured. */
export interface TransferSize {
  readonly bytes: number
  readonly requests: number
  readonly rounds: number
}

export const transferFigures: readonly Figure[] = [
  { name: 'throughput', unit: 'MB/s', better: 'higher' },
  { name: 'request p50', unit: 'ms', better: 'lower' },
  { name: 'request p99', unit: 'ms', better: 'lower' },
]

export function figuresOf(
  bytes: number,
  seconds: number,
  latencies: readonly number[],
): Measurement {
  return {
    throughput: bytes / 1e6 / seconds,
    'request p50': quantile(latencies, 0.5),
    'request p99': quantile(latencies, 0.99),
  }
}
