/** What goes wrong with disks: they fail, keep what they say they lost, or take their time. */

import { unreachable } from '../../../engine/assert.ts'
import type { SimulatedPeer } from '../peers/simulated-peer.ts'
import type { Dice } from '../world/dice.ts'
import type { World } from '../world/world.ts'
import type { FaultSetting } from './fault-setting.ts'

export type DiskFault = { readonly peer: string; readonly durationMs: number } & (
  | {
      readonly type: 'disk-failure'
      readonly reason: 'io' | 'quota'
      /** What it reports as failed is kept all the same. */
      readonly keeps: boolean
    }
  | { readonly type: 'slow-disk' }
)

export const diskFaultKinds = [
  'disk-failure',
  'slow-disk',
] as const satisfies readonly DiskFault['type'][]

/** A disk that is this many times slower than usual takes up to a second. */
const diskSlowness = 200

export function drawDiskFault(
  type: DiskFault['type'],
  dice: Dice,
  setting: FaultSetting,
): DiskFault {
  const fault = { peer: dice.pick(setting.peers), durationMs: dice.magnitude(10, 5_000) }
  switch (type) {
    case 'disk-failure':
      return {
        type,
        ...fault,
        reason: dice.pick(['io', 'quota'] as const),
        keeps: dice.chance(0.4),
      }
    case 'slow-disk':
      return { type, ...fault }
    default:
      return unreachable(type)
  }
}

/** False when the peer is down. */
export function performDiskFault(fault: DiskFault, world: World): boolean {
  const peer = world.peer(fault.peer)
  if (fault.type === 'slow-disk') peer.disk.slowness = diskSlowness
  else peer.disk.failure = { reason: fault.reason, keeps: fault.keeps }
  world.after(fault.durationMs, () => mendDisk(peer))
  return peer.isUp
}

/** The disk is well. */
export function mendDisk({ disk }: SimulatedPeer): void {
  disk.failure = undefined
  disk.slowness = 1
}
