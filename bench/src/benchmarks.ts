/** Every benchmark there is, by name. */

import type { Benchmark } from './harness.ts'
import { meshBenchmark } from './mesh/mesh-benchmark.ts'
import { traceBenchmark } from './trace/trace-benchmark.ts'
import { transferBenchmark } from './transfer/transfer-benchmark.ts'

export const benchmarks: readonly Benchmark[] = [traceBenchmark, transferBenchmark, meshBenchmark]
