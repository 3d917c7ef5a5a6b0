/** What is up goes down before it is up again: links, neighbours of the mesh, connections. */

import type { World } from '../world/world.ts'

/** Events that begin and end something, and which argument names it. */
const machines = [
  { thing: 'link', up: 'link.linkUp', down: 'link.linkDown' },
  { thing: 'neighbour', up: 'mesh.neighbourUp', down: 'mesh.neighbourDown' },
  { thing: 'connection', up: 'connection.connected', down: 'connection.disconnected' },
] as const

/** See the file header. One for each boot. */
export class Alternation {
  readonly #world: World
  readonly #name: string
  readonly #up = new Set<string>()

  constructor(world: World, name: string) {
    this.#world = world
    this.#name = name
  }

  /** `id` is the first argument of the event: the peer at the other end. */
  recorded(event: string, id: string): void {
    for (const { thing, up, down } of machines) {
      const key = `${thing} to ${id}`
      if (event === up) {
        if (this.#up.has(key)) this.#violated(`${key} is up twice`)
        this.#up.add(key)
      } else if (event === down && !this.#up.delete(key)) {
        this.#violated(`${key} is down and was not up`)
      }
    }
  }

  #violated(what: string): void {
    this.#world.violated('alternation', `${this.#name}: the ${what}`)
  }
}
