/** Between whom faults are drawn. */

import type { Dice } from '../world/dice.ts'

export interface FaultSetting {
  /** Names of the peers that faults may happen to. */
  readonly peers: readonly string[]
  /** Those of them that dial each other, over whatever. */
  readonly pairs: readonly (readonly [string, string])[]
  /** Transports in use. */
  readonly transports: readonly string[]
  /** How many times as long as usual absences last at most: 1 but where runs last for very long. */
  readonly patience: number
}

/** Two peers, in either order; mostly such as dial each other. */
export function pairBy(dice: Dice, { peers, pairs }: FaultSetting): readonly [string, string] {
  if (pairs.length > 0 && dice.chance(0.8)) {
    const [left, right] = dice.pick(pairs)
    return dice.chance(0.5) ? [left, right] : [right, left]
  }
  const from = dice.pick(peers)
  return [from, dice.pick(peers.filter((peer) => peer !== from))]
}
