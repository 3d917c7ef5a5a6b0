/**
 * Swarm testing: a seed draws not only what happens but what can happen at all. Each seed has its own
 * peers, topology, pipes, kinds of fault and workload; many bugs show only when something that would
 * hide them is off (Groce et al., "Swarm testing", ISSTA 2012).
 */

import { keyLimits } from '../../../engine/connection/key-phases.ts'
import { priorities } from '../../../engine/link/link-port.ts'
import type { KeyLifetime } from '../../../engine/noise/key-use.ts'
import { drawFault, faultKinds, type FaultKind } from '../faults/faults.ts'
import { pairBy, type FaultSetting } from '../faults/fault-setting.ts'
import { documentsActionTypes, type DocumentsActionType } from '../workload/documents-workload.ts'
import { transferBytesMin } from '../workload/transfers.ts'
import { Dice } from '../world/dice.ts'
import {
  checks,
  narrowestBytesPerMs,
  pairsOf,
  type Check,
  type Script,
  type Step,
} from './script.ts'
import { drawPeers } from './topology.ts'

/** How likely a kind of fault is on in a seed. */
const kindProbability = 0.45
/** Seeds in which nothing goes wrong. */
const calmProbability = 0.04
/** Seeds with minutes of time and few events, … */
const longProbability = 0.06
/** … and with up to two hours: a connection gives up its keys after ten minutes without a route. */
const veryLongProbability = 0.02
const veryLongPatience = 60
/** How likely the keys of connections live for a short time in a seed. */
const keyLimitsProbability = 0.4
const checkProbabilities: Readonly<Record<Check, number>> = {
  calm: 0.6,
  idle: 0.25,
  'come-back': 0.35,
  strangers: 0.12,
}
/** How often applications do each thing, by comparison, where it is done at all. */
const actionWeights: Readonly<Record<DocumentsActionType, number>> = {
  write: 26,
  update: 39,
  observe: 2,
  'open-page': 7,
  'use-page': 18,
  compare: 8,
  // Once in some seeds: it takes a Bluetooth link a quarter of a minute.
  'write-bulk': 0,
}
const bulkProbability = 0.15
const transferProbability = 0.75
/** A transfer is at most so large, and takes at most so long over the slowest pipe. */
const transferBytesMax = 600_000
const transferMsMax = 3_000
/** Numbers that name the luck of an action. */
const luckMax = 999_999_999

export function drawScript(seed: number): Script {
  const dice = new Dice(`swarm ${seed}`)
  const { faultyMs, patience } = drawLength(dice)
  const peers = drawPeers(dice.fork('peers'), faultyMs)
  const setting: FaultSetting = {
    peers: peers.map(({ name }) => name),
    pairs: pairsOf(peers),
    transports: transportsOf(peers),
    patience,
  }
  const steps = [
    ...drawFaults(dice.fork('faults'), faultyMs, setting),
    ...drawActions(dice.fork('actions'), faultyMs, setting),
    ...drawTransfers(dice.fork('transfers'), faultyMs, setting, narrowestBytesPerMs(peers)),
  ].sort((left, right) => left.atMs - right.atMs)
  return {
    seed,
    peers,
    diskDelayMsMax: dice.pick([1, 5, 5, 30]),
    linkKeyLifetime: drawKeyLifetime(dice.fork('keys')),
    ...drawKeyLimits(dice.fork('connection keys')),
    faultyMs,
    checks: checks.filter((check) => dice.chance(checkProbabilities[check])),
    steps,
  }
}

/** So short that keys follow each other within a run, in some seeds every few frames. */
function drawKeyLifetime(dice: Dice): KeyLifetime {
  return {
    messages: dice.magnitude(3, 3_000),
    bytes: dice.magnitude(300, 300_000),
    ms: dice.magnitude(10_000, 600_000),
  }
}

/** In some seeds the keys of connections follow each other as fast, or are used up now and then. */
function drawKeyLimits(dice: Dice): Pick<Script, 'connectionKeyLimits'> {
  if (!dice.chance(keyLimitsProbability)) return {}
  const numbers = dice.chance(0.5) ? dice.magnitude(100, 20_000) : keyLimits.numbers
  return { connectionKeyLimits: { ...keyLimits, phase: drawKeyLifetime(dice), numbers } }
}

function drawLength(dice: Dice): { readonly faultyMs: number; readonly patience: number } {
  const draw = dice.fraction()
  if (draw < veryLongProbability) {
    return { faultyMs: dice.magnitude(1_800_000, 7_200_000), patience: veryLongPatience }
  }
  const isLong = draw < veryLongProbability + longProbability
  const faultyMs = isLong ? dice.magnitude(120_000, 900_000) : dice.magnitude(5_000, 30_000)
  return { faultyMs, patience: 1 }
}

function transportsOf(peers: Script['peers']): readonly string[] {
  const transports = peers.flatMap(({ dials }) => dials.map(({ transport }) => transport as string))
  if (peers.some(({ direct }) => direct !== undefined)) transports.push('direct')
  return [...new Set(transports)]
}

function drawFaults(dice: Dice, faultyMs: number, setting: FaultSetting): readonly Step[] {
  if (dice.chance(calmProbability)) return []
  const on = dice.some(faultKinds, kindProbability)
  const kinds: readonly FaultKind[] = on.length > 0 ? on : [dice.pick(faultKinds)]
  const weights = kinds.map((kind) => [kind, dice.magnitude(1, 10)] as const)
  const gapMs = faultyMs / dice.magnitude(3, 40)
  return timesWithin(dice, faultyMs, gapMs).map((atMs) => ({
    atMs,
    ...drawFault(weighted(dice, weights), dice, setting),
  }))
}

function drawActions(dice: Dice, faultyMs: number, { peers }: FaultSetting): readonly Step[] {
  const weights = documentsActionTypes.map(
    (type) => [type, actionWeights[type] * dice.pick([0, 0.3, 1, 1])] as const,
  )
  const gapMs = faultyMs / dice.magnitude(20, 160)
  // Something is written in each seed.
  const kinds = dice.chance(bulkProbability)
    ? (['write', 'write-bulk'] as const)
    : ['write' as const]
  const first = kinds.map((type) => ({ type, atMs: dice.integer(0, faultyMs) }))
  const others = timesWithin(dice, faultyMs, gapMs).map((atMs) => ({
    atMs,
    type: weighted(dice, weights),
  }))
  return [...first, ...others].map((action) => ({
    ...action,
    peer: dice.pick(peers),
    luck: dice.integer(0, luckMax),
  }))
}

function drawTransfers(
  dice: Dice,
  faultyMs: number,
  setting: FaultSetting,
  bytesPerMs: number,
): readonly Step[] {
  if (!dice.chance(transferProbability)) return []
  const gapMs = faultyMs / dice.magnitude(1, 20)
  const bytesMax = Math.min(transferBytesMax, bytesPerMs * transferMsMax)
  return timesWithin(dice, faultyMs, gapMs).map((atMs) => {
    const [from, to] = pairBy(dice, setting)
    const bytes = dice.magnitude(transferBytesMin, bytesMax)
    const answerBytes = dice.pick([0, 0, 100, dice.magnitude(1, bytesMax)])
    const ending = dice.fraction()
    return {
      atMs,
      type: 'transfer',
      from,
      to,
      priority: dice.pick(priorities),
      bytes,
      answerBytes,
      writeBytes: dice.magnitude(1_000, 100_000),
      writeMs: dice.pick([0, 0, dice.magnitude(1, 200)]),
      readMs: dice.pick([0, 0, 0, dice.magnitude(1, 500)]),
      patienceMs: dice.magnitude(1_000, 60_000),
      ...(ending < 0.08 && { resetsAfterBytes: dice.integer(0, bytes) }),
      ...(ending > 0.92 && { stopsAfterBytes: dice.integer(1, bytes) }),
    }
  })
}

/** Times in order, the gaps between them as in a Poisson process; some in quick succession. */
function timesWithin(dice: Dice, endMs: number, gapMs: number): readonly number[] {
  const times: number[] = []
  for (let atMs = 0; ;) {
    const isBurst = dice.chance(0.15)
    atMs += (isBurst ? 5 : gapMs) * -Math.log(1 - dice.fraction())
    if (atMs >= endMs) return times
    times.push(Math.round(atMs))
  }
}

function weighted<Item>(dice: Dice, weights: readonly (readonly [Item, number])[]): Item {
  const total = weights.reduce((sum, [, weight]) => sum + weight, 0)
  let left = dice.fraction() * total
  for (const [item, weight] of weights) {
    left -= weight
    if (left < 0) return item
  }
  return weights[0]![0]
}
