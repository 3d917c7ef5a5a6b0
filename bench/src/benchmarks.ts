/** Every benchmark there is, by name. */

import type { Benchmark } from './harness.ts'

export const benchmarks: readonly Benchmark[] = []
