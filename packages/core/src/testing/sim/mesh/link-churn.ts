/** Links that come and go: at each step one goes, or one that went comes back. At most a tenth is away. */

import type { Dice } from '../world/dice.ts'
import type { Edge } from './mesh-topology.ts'

export interface LinkChurnOptions {
  readonly edges: readonly Edge[]
  readonly dice: Dice
  readonly goes: (edge: Edge) => void
  readonly comesBack: (edge: Edge) => void
}

/** See the file header. */
export class LinkChurn {
  readonly #options: LinkChurnOptions
  readonly #awayMax: number
  readonly #away: Edge[] = []

  constructor(options: LinkChurnOptions) {
    this.#options = options
    this.#awayMax = Math.max(1, Math.floor(options.edges.length / 10))
  }

  step(): void {
    const { edges, dice, goes, comesBack } = this.#options
    const away = this.#away
    if (away.length >= this.#awayMax || (away.length > 0 && dice.chance(0.5))) {
      const [back] = away.splice(dice.integer(0, away.length - 1), 1)
      comesBack(back!)
      return
    }
    const edge = dice.pick(edges)
    if (away.includes(edge)) return
    away.push(edge)
    goes(edge)
  }
}
