/** What happens to a machine: it crashes, stops, sleeps, is hidden, or its wall clock is set. */

import { unreachable } from '../../../engine/assert.ts'
import type { SimulatedPeer } from '../peers/simulated-peer.ts'
import type { Dice } from '../world/dice.ts'
import type { World } from '../world/world.ts'
import type { FaultSetting } from './fault-setting.ts'

export type PeerFault = { readonly peer: string } &
  /** Ends without a word, and boots again after a while. */
  (
    | {
        readonly type: 'crash'
        readonly downMs: number
        /** It waits until something is being written, which is lost. */
        readonly isAmidWrite: boolean
      }
    /** Ends in good order, and boots again after a while. */
    | { readonly type: 'stop'; readonly downMs: number }
    /** Nothing runs for a while; its pipes may be gone when it wakes. */
    | { readonly type: 'sleep'; readonly durationMs: number; readonly cutsPipes: boolean }
    /** Its timers come once a minute for a while. */
    | { readonly type: 'hide'; readonly durationMs: number }
    | { readonly type: 'clock-forward'; readonly jumpMs: number }
    | { readonly type: 'clock-back'; readonly jumpMs: number }
  )

export const peerFaultKinds = [
  'crash',
  'stop',
  'sleep',
  'hide',
  'clock-forward',
  'clock-back',
] as const satisfies readonly PeerFault['type'][]

export function drawPeerFault(
  type: PeerFault['type'],
  dice: Dice,
  setting: FaultSetting,
): PeerFault {
  const peer = dice.pick(setting.peers)
  const downMs = dice.magnitude(10, 15_000 * setting.patience)
  switch (type) {
    case 'crash':
      return { type, peer, downMs, isAmidWrite: dice.chance(0.5) }
    case 'stop':
      return { type, peer, downMs }
    case 'sleep':
      return {
        type,
        peer,
        durationMs: dice.magnitude(500, 60_000 * setting.patience),
        cutsPipes: dice.chance(0.4),
      }
    case 'hide':
      return { type, peer, durationMs: dice.magnitude(5_000, 180_000 * setting.patience) }
    case 'clock-forward':
    case 'clock-back':
      return { type, peer, jumpMs: dice.magnitude(1_000, 86_400_000) }
    default:
      return unreachable(type)
  }
}

/** What a fault that takes its time asks and tells. */
export interface FaultCourse {
  /** Nothing is to be down any more. */
  readonly isMended: () => boolean
  /** It has had its effect after all. */
  readonly happened: () => void
}

/** False when it has no effect now: the peer is down, or sleeps already, or writes nothing yet. */
export function performPeerFault(
  fault: PeerFault,
  world: World,
  { isMended, happened }: FaultCourse,
): boolean {
  const peer = world.peer(fault.peer)
  const bootLater = (downMs: number) => {
    world.after(isMended() ? 0 : downMs, () => peer.boot())
  }
  if (!peer.isUp) return false
  switch (fault.type) {
    case 'crash':
      if (!fault.isAmidWrite) {
        peer.crash()
        bootLater(fault.downMs)
        return true
      }
      peer.whenWriting(() => {
        if (isMended()) return
        peer.crash()
        bootLater(fault.downMs)
        happened()
      })
      return false
    case 'stop':
      peer.stop(() => bootLater(fault.downMs))
      return true
    case 'sleep':
      return sleep(peer, fault, world)
    case 'hide':
      peer.hide(true)
      world.after(fault.durationMs, () => peer.hide(false))
      return true
    case 'clock-forward':
      peer.machine.setWall(fault.jumpMs)
      return true
    case 'clock-back':
      peer.machine.setWall(-fault.jumpMs)
      return true
    default:
      return unreachable(fault)
  }
}

/** Whatever happened to the peer is over. */
export function mendPeer(peer: SimulatedPeer): void {
  peer.hide(false)
  peer.wake()
  peer.boot()
}

function sleep(
  peer: SimulatedPeer,
  { durationMs, cutsPipes }: PeerFault & { readonly type: 'sleep' },
  world: World,
): boolean {
  if (!peer.sleep()) return false
  if (cutsPipes) for (const pipe of peer.pipes) pipe.vanish()
  world.after(durationMs, () => peer.wake())
  return true
}
