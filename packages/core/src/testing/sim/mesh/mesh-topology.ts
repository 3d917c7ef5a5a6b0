/** Shapes of large meshes, drawn by dice: who is linked with whom. Peers are numbers from 0. */

import type { Dice } from '../world/dice.ts'

export type Edge = readonly [left: number, right: number]

export interface MeshTopology {
  readonly peerCount: number
  readonly edges: readonly Edge[]
}

/** Long meshes that are drawn, at the most, until one has the diameter asked for. */
const drawsMax = 100

/** A random connected mesh: a random tree, and random links up to the degree on average. */
export function randomTopology(dice: Dice, peerCount: number, degree: number): MeshTopology {
  const edges = new EdgeSet()
  for (let index = 1; index < peerCount; index += 1) edges.add(index, dice.integer(0, index - 1))
  const wanted = Math.min((peerCount * degree) / 2, (peerCount * (peerCount - 1)) / 2)
  while (edges.size < wanted) {
    edges.add(dice.integer(0, peerCount - 1), dice.integer(0, peerCount - 1))
  }
  return { peerCount, edges: edges.list() }
}

/**
 * A long mesh, as of people in an aircraft: peers in rows, each linked within its row and with the next
 * one. Of exactly that diameter, which has to be below the number of peers.
 */
export function longTopology(
  dice: Dice,
  peerCount: number,
  degree: number,
  diameter: number,
): MeshTopology {
  for (let draw = 0; draw < drawsMax; draw += 1) {
    const topology = rowsOf(dice, peerCount, degree, diameter + 1)
    if (diameterOf(topology) === diameter) return topology
  }
  throw new RangeError(`no mesh of ${peerCount} peers and diameter ${diameter} was drawn`)
}

/** Links on the longest of the shortest paths; infinite when the mesh is not connected. */
export function diameterOf({ peerCount, edges }: MeshTopology): number {
  const neighbours = neighboursOf(peerCount, edges)
  let diameter = 0
  for (let from = 0; from < peerCount; from += 1) {
    const distances = distancesFrom(from, neighbours)
    if (distances.size < peerCount) return Number.POSITIVE_INFINITY
    for (const distance of distances.values()) diameter = Math.max(diameter, distance)
  }
  return diameter
}

function rowsOf(dice: Dice, peerCount: number, degree: number, rowCount: number): MeshTopology {
  const edges = new EdgeSet()
  const rows: number[][] = Array.from({ length: rowCount }, () => [])
  for (let index = 0; index < peerCount; index += 1) {
    rows[Math.floor((index * rowCount) / peerCount)]!.push(index)
  }
  for (const [place, row] of rows.entries()) {
    const next = rows[place + 1]
    for (const [seat, index] of row.entries()) {
      if (seat > 0) edges.add(index, row[seat - 1]!)
      if (next !== undefined) edges.add(index, next[seat % next.length]!)
    }
  }
  const wanted = (peerCount * degree) / 2
  while (edges.size < wanted) {
    const place = dice.integer(0, rowCount - 1)
    const other = Math.min(rowCount - 1, place + dice.integer(0, 1))
    edges.add(dice.pick(rows[place]!), dice.pick(rows[other]!))
  }
  return { peerCount, edges: edges.list() }
}

function neighboursOf(peerCount: number, edges: readonly Edge[]): readonly (readonly number[])[] {
  const neighbours: number[][] = Array.from({ length: peerCount }, () => [])
  for (const [left, right] of edges) {
    neighbours[left]!.push(right)
    neighbours[right]!.push(left)
  }
  return neighbours
}

function distancesFrom(
  from: number,
  neighbours: readonly (readonly number[])[],
): ReadonlyMap<number, number> {
  const distances = new Map([[from, 0]])
  for (const [index, distance] of distances) {
    for (const next of neighbours[index]!)
      if (!distances.has(next)) distances.set(next, distance + 1)
  }
  return distances
}

/** Each pair once, in either order; nobody is linked with itself. */
class EdgeSet {
  readonly #edges = new Map<string, Edge>()

  get size(): number {
    return this.#edges.size
  }

  add(left: number, right: number): void {
    if (left === right) return
    this.#edges.set(`${Math.min(left, right)}-${Math.max(left, right)}`, [left, right])
  }

  list(): readonly Edge[] {
    return [...this.#edges.values()]
  }
}
