/** What goes wrong between two peers, whatever pipes they have: partitions, ranges, failing dials. */

import { unreachable } from '../../../engine/assert.ts'
import type { DialFailureReason } from '../../../transport/transport.ts'
import type { Dice } from '../world/dice.ts'
import type { World } from '../world/world.ts'
import { pairBy, type FaultSetting } from './fault-setting.ts'

export type PathFault = {
  readonly from: string
  readonly to: string
  readonly durationMs: number
} & (
  | { readonly type: 'partition' }
  /** Nothing that `from` sends arrives; the other way is open. */
  | { readonly type: 'one-way' }
  /** Dials of `from` fail. */
  | { readonly type: 'dial-failure'; readonly reason: DialFailureReason }
  /** The two walk away from each other, and come back. */
  | { readonly type: 'out-of-range'; readonly transport: string; readonly isNoticed: boolean }
)

export const pathFaultKinds = [
  'partition',
  'one-way',
  'dial-failure',
  'out-of-range',
] as const satisfies readonly PathFault['type'][]

/** After a final reason an address is not dialled for half a minute. */
const reasons = ['unreachable', 'unreachable', 'refused', 'timeout', 'not-permitted'] as const

export function drawPathFault(
  type: PathFault['type'],
  dice: Dice,
  setting: FaultSetting,
): PathFault {
  const [from, to] = pairBy(dice, setting)
  const fault = { from, to, durationMs: dice.magnitude(200, 30_000 * setting.patience) }
  switch (type) {
    case 'partition':
    case 'one-way':
      return { type, ...fault }
    case 'dial-failure':
      return { type, ...fault, reason: dice.pick(reasons) }
    case 'out-of-range': {
      const transport = dice.pick(setting.transports)
      return { type, ...fault, transport, isNoticed: dice.chance(0.5) }
    }
    default:
      return unreachable(type)
  }
}

/** False when there was nothing to disturb. */
export function performPathFault(fault: PathFault, { wiring, nowMs }: World): boolean {
  const { from, to } = fault
  const untilMs = nowMs + fault.durationMs
  switch (fault.type) {
    case 'partition':
      wiring.partition(from, to, untilMs)
      return true
    case 'one-way':
      wiring.paths.sever(from, to, untilMs)
      return true
    case 'dial-failure':
      wiring.paths.refuseDials(from, to, fault.reason, untilMs)
      return true
    case 'out-of-range': {
      const pipes = wiring.between(from, to, fault.transport)
      wiring.paths.separate(from, to, fault.transport, untilMs)
      for (const pipe of pipes) {
        if (fault.isNoticed) pipe.break()
        else pipe.vanish()
      }
      return pipes.length > 0
    }
    default:
      return unreachable(fault)
  }
}
