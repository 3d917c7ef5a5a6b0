/** All faults: their kinds, how one is drawn, how it happens, and how all of them end. */

import type { Dice } from '../world/dice.ts'
import type { World } from '../world/world.ts'
import {
  diskFaultKinds,
  drawDiskFault,
  mendDisk,
  performDiskFault,
  type DiskFault,
} from './disk-faults.ts'
import type { FaultSetting } from './fault-setting.ts'
import { drawPathFault, pathFaultKinds, performPathFault, type PathFault } from './path-faults.ts'
import {
  drawPeerFault,
  mendPeer,
  peerFaultKinds,
  performPeerFault,
  type PeerFault,
} from './peer-faults.ts'
import { drawPipeFault, performPipeFault, pipeFaultKinds, type PipeFault } from './pipe-faults.ts'

/** Plain data: what goes wrong, where, and for how long. */
export type Fault = PipeFault | PathFault | PeerFault | DiskFault
export type FaultKind = Fault['type']

export const faultKinds: readonly FaultKind[] = [
  ...pipeFaultKinds,
  ...pathFaultKinds,
  ...peerFaultKinds,
  ...diskFaultKinds,
]

/** How often each kind had an effect. */
export type FaultCounts = Readonly<Partial<Record<FaultKind, number>>>

export function drawFault(type: FaultKind, dice: Dice, setting: FaultSetting): Fault {
  if (isOf(pipeFaultKinds, type)) return drawPipeFault(type, dice, setting)
  if (isOf(pathFaultKinds, type)) return drawPathFault(type, dice, setting)
  if (isOf(peerFaultKinds, type)) return drawPeerFault(type, dice, setting)
  return drawDiskFault(type, dice, setting)
}

/** Faults of one world: performed, counted, and mended in the end. */
export class Faults {
  readonly #world: World
  readonly #counts: Partial<Record<FaultKind, number>> = {}
  #isMended = false

  constructor(world: World) {
    this.#world = world
  }

  get counts(): FaultCounts {
    return this.#counts
  }

  perform(fault: Fault): void {
    if (this.#takesEffect(fault)) this.#happened(fault)
  }

  /** Ends every fault: all paths are open, all disks well, all peers up and awake. */
  mend(): void {
    this.#isMended = true
    this.#world.wiring.heal()
    for (const peer of this.#world.peers) {
      mendDisk(peer)
      mendPeer(peer)
    }
  }

  #happened({ type }: Fault): void {
    this.#counts[type] = (this.#counts[type] ?? 0) + 1
  }

  #takesEffect(fault: Fault): boolean {
    const { type } = fault
    if (isOf(pipeFaultKinds, type)) return performPipeFault(fault as PipeFault, this.#world)
    if (isOf(pathFaultKinds, type)) return performPathFault(fault as PathFault, this.#world)
    if (isOf(peerFaultKinds, type)) {
      return performPeerFault(fault as PeerFault, this.#world, {
        isMended: () => this.#isMended,
        happened: () => this.#happened(fault),
      })
    }
    return performDiskFault(fault as DiskFault, this.#world)
  }
}

function isOf<Kind extends string>(kinds: readonly Kind[], type: string): type is Kind {
  return (kinds as readonly string[]).includes(type)
}
