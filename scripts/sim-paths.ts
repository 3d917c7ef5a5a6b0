// `pnpm sim paths [--seeds N] [--seconds S] [--only TEXT]`: transfers over simulated paths in virtual
// time, with keystrokes beside them, and two connections through one relay; those whose name has that
// text. Prints the worst of all seeds of each, and ends with one line; exits 1 when one falls short of
// what is required, or a buffer is larger than its bound.

import { parseArgs } from 'node:util'
import { nodeCryptography } from '../packages/core/src/driver/node-cryptography.ts'
import {
  bufferBounds,
  knownPaths,
  knownRelays,
  runPath,
  runRelay,
  shareLeast,
  transferStreams,
  type Buffers,
  type KnownPath,
  type KnownRelay,
} from '../packages/core/src/testing/sim/paths/index.ts'

/** Virtual time before two connections are compared: the second one has found its share by then. */
const settleMs = 15_000

/** Virtual time of the long transfer over the narrowest path. */
const longMs = 600_000

const bufferNames = Object.keys(bufferBounds) as (keyof Buffers)[]

/** Runs all; the exit code. */
export function runPaths(args: readonly string[]): number {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '60' },
      only: { type: 'string', default: '' },
    },
  })
  const seeds = Array.from({ length: Number(values.seeds) }, (_, index) => index + 1)
  const ms = Number(values.seconds) * 1_000
  const isAskedFor = ({ name }: { readonly name: string }): boolean => name.includes(values.only)
  const paths = knownPaths.filter(isAskedFor)
  const relays = knownRelays.filter(isAskedFor)
  const greatest: Buffers[] = []
  const shortfalls = [
    ...printPaths(paths, seeds, ms, greatest),
    ...printRelays(relays, seeds, ms, greatest),
  ]
  for (const name of bufferNames) {
    const most = Math.max(...greatest.map((buffers) => buffers[name]))
    if (most > bufferBounds[name])
      shortfalls.push(`${name} was ${most}, at most ${bufferBounds[name]}`)
  }
  for (const shortfall of shortfalls) console.log(`falls short: ${shortfall}`)
  const counts = `${paths.length} paths, ${relays.length} relays, ${seeds.length} seeds`
  console.log(`paths: ${counts}, ${values.seconds} s each: ${shortfalls.length} fall short`)
  return shortfalls.length > 0 ? 1 : 0
}

function printPaths(
  paths: readonly KnownPath[],
  seeds: readonly number[],
  ms: number,
  greatest: Buffers[],
): string[] {
  const shortfalls: string[] = []
  printRow('path', 'stream', 'share', 'required', 'p50 ms', 'p99 ms', ...bufferNames)
  printRow('', '', '', '', '', '', ...bufferCells(bufferBounds))
  const runs = paths.map((path) => ({ ...path, runMs: ms, runSeeds: seeds }))
  // Keystrokes beside a transfer that does not end for long.
  const [narrowest] = runs
  if (narrowest?.name === knownPaths[0]!.name && ms < longMs) {
    const name = `${narrowest.name}, ${longMs / 1_000} s`
    runs.push({ ...narrowest, name, runMs: longMs, runSeeds: seeds.slice(0, 1) })
  }
  for (const { name, hops, requiredShare, keystrokeMsMost, runMs, runSeeds } of runs) {
    for (const stream of transferStreams) {
      const all = runSeeds.map((seed) => {
        return runPath({ cryptography: nodeCryptography, seed, hops, stream, ms: runMs })
      })
      const share = Math.min(...all.map((run) => run.share))
      const p50 = Math.max(...all.map((run) => run.keystrokeMs.p50))
      const p99 = Math.max(...all.map((run) => run.keystrokeMs.p99))
      const buffers = greatestOf(all.map((run) => run.buffers))
      greatest.push(buffers)
      const required = requiredShare?.toFixed(2) ?? ''
      const times = [p50, p99].map((value) => value.toFixed(0))
      printRow(name, stream, share.toFixed(3), required, ...times, ...bufferCells(buffers))
      if (share < (requiredShare ?? 0)) shortfalls.push(`${name}, ${stream}: ${share.toFixed(3)}`)
      if (p99 >= (keystrokeMsMost ?? Number.POSITIVE_INFINITY)) {
        shortfalls.push(`${name}, ${stream}: a keystroke of ${p99.toFixed(0)} ms`)
      }
    }
  }
  return shortfalls
}

function printRelays(
  relays: readonly KnownRelay[],
  seeds: readonly number[],
  ms: number,
  greatest: Buffers[],
): string[] {
  const shortfalls: string[] = []
  console.log('')
  printRow('relay', 'stream', 'shares', 'required', 'used', ...bufferNames)
  for (const { name, ...relay } of relays) {
    for (const stream of transferStreams) {
      const runs = seeds.map((seed) => {
        const streams = [stream, stream] as const
        return runRelay({ cryptography: nodeCryptography, seed, streams, ...relay, settleMs, ms })
      })
      const distances = runs.map((run) => Math.abs(run.share - 1 / 2))
      const { share } = runs[distances.indexOf(Math.max(...distances))]!
      const used = Math.min(...runs.map((run) => run.used))
      const buffers = greatestOf(runs.map((run) => run.buffers))
      greatest.push(buffers)
      const shares = `${percent(share)}:${percent(1 - share)}`
      const required = `${percent(shareLeast)}:${percent(1 - shareLeast)}`
      printRow(name, stream, shares, required, used.toFixed(3), ...bufferCells(buffers))
      if (Math.min(share, 1 - share) < shareLeast) shortfalls.push(`${name}, ${stream}: ${shares}`)
    }
  }
  return shortfalls
}

function greatestOf(all: readonly Buffers[]): Buffers {
  const [first, ...rest] = all
  const greatest = { ...first! }
  for (const buffers of rest) {
    for (const name of bufferNames) greatest[name] = Math.max(greatest[name], buffers[name])
  }
  return greatest
}

function bufferCells(buffers: Buffers): string[] {
  return bufferNames.map((name) => Math.round(buffers[name]).toLocaleString('en'))
}

function percent(part: number): string {
  return (part * 100).toFixed(0)
}

function printRow(...cells: readonly string[]): void {
  console.log(`| ${cells.join(' | ')} |`)
}
