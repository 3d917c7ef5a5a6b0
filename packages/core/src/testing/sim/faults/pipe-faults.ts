/** What goes wrong with pipes that are open. */

import { unreachable } from '../../../engine/assert.ts'
import type { Pipe } from '../network/pipe.ts'
import type { Dice } from '../world/dice.ts'
import type { World } from '../world/world.ts'
import { pairBy, type FaultSetting } from './fault-setting.ts'

/** Between two peers, over one transport or all. Directed ones disturb what `from` sends. */
export type PipeFault =
  /** Both ends notice. */
  | ({ readonly type: 'break' } & Pair)
  /** Within that message, which the receiver notices, later the sender. */
  | ({ readonly type: 'break-message'; readonly messages: number } & Pair)
  /** Nobody notices. */
  | ({ readonly type: 'vanish' } & Pair)
  /** Nothing moves for a while, then all at once. */
  | ({ readonly type: 'clog'; readonly durationMs: number } & Pair)
  /** Next to nothing moves for a while. */
  | ({ readonly type: 'throttle'; readonly slowness: number; readonly durationMs: number } & Pair)
  /** Everything takes longer to arrive for a while. */
  | ({ readonly type: 'delay'; readonly delayMs: number; readonly durationMs: number } & Pair)
  /** A pipe that may lose messages loses all that are longer, for a while. */
  | ({
      readonly type: 'shrink'
      readonly passedBytesMax: number
      readonly durationMs: number
    } & Pair)
  /** The sender hears late that its bytes have left. */
  | ({ readonly type: 'slow-drain'; readonly delayMs: number; readonly durationMs: number } & Pair)
  /** A pipe that may lose messages loses, doubles and reorders many. */
  | ({
      readonly type: 'storm'
      readonly lossRate: number
      readonly duplicateRate: number
      readonly reorderRate: number
      readonly durationMs: number
    } & Pair)

interface Pair {
  readonly from: string
  readonly to: string
  /** Over every transport when absent. */
  readonly transport?: string
}

/** The least that any path of datagrams takes (RFC 791). */
export const passedBytesMin = 68

export const pipeFaultKinds = [
  'break',
  'break-message',
  'vanish',
  'clog',
  'throttle',
  'delay',
  'shrink',
  'slow-drain',
  'storm',
] as const satisfies readonly PipeFault['type'][]

export function drawPipeFault(
  type: PipeFault['type'],
  dice: Dice,
  setting: FaultSetting,
): PipeFault {
  const [from, to] = pairBy(dice, setting)
  const transport = dice.pick([undefined, undefined, ...setting.transports])
  const pair: Pair = { from, to, ...(transport !== undefined && { transport }) }
  const durationMs = dice.magnitude(100, 20_000)
  switch (type) {
    case 'break':
    case 'vanish':
      return { type, ...pair }
    case 'break-message':
      return { type, ...pair, messages: dice.integer(1, 12) }
    case 'clog':
      return { type, ...pair, durationMs }
    case 'throttle':
      return { type, ...pair, slowness: dice.magnitude(5, 500), durationMs }
    case 'delay':
    case 'slow-drain':
      return { type, ...pair, delayMs: dice.magnitude(20, 2_000), durationMs }
    case 'shrink':
      return { type, ...pair, passedBytesMax: dice.magnitude(passedBytesMin, 1_400), durationMs }
    case 'storm': {
      const rates = {
        lossRate: dice.pick([0, 0.05, 0.2, 0.5]),
        duplicateRate: dice.pick([0, 0.05, 0.3]),
        reorderRate: dice.pick([0, 0.1, 0.5]),
      }
      return { type, ...pair, ...rates, durationMs }
    }
    default:
      return unreachable(type)
  }
}

/** False when there is no such pipe. */
export function performPipeFault(fault: PipeFault, { wiring }: World): boolean {
  const { from, to, transport } = fault
  const pipes = wiring.between(from, to, transport).filter((pipe) => minds(pipe, fault.type))
  for (const pipe of pipes) disturb(fault, pipe)
  return pipes.length > 0
}

/** Whether a pipe can be disturbed in that way, by what it promises. */
function minds(pipe: Pipe, type: PipeFault['type']): boolean {
  if (type === 'storm') return pipe.isLoose
  return type !== 'shrink' || pipe.isLossy
}

function disturb(fault: PipeFault, pipe: Pipe): void {
  const { from } = fault
  switch (fault.type) {
    case 'break':
      return pipe.break()
    case 'break-message':
      return pipe.breakWithin(from, fault.messages)
    case 'vanish':
      return pipe.vanish()
    case 'clog':
      return pipe.stall(from, fault.durationMs)
    case 'throttle':
      return pipe.slow(from, fault.slowness, fault.durationMs)
    case 'delay':
      return pipe.delay(from, fault.delayMs, fault.durationMs)
    case 'shrink':
      return pipe.shrink(from, fault.passedBytesMax, fault.durationMs)
    case 'slow-drain':
      return pipe.delayDrains(from, fault.delayMs, fault.durationMs)
    case 'storm':
      return pipe.storm(fault, fault.durationMs)
    default:
      unreachable(fault)
  }
}
