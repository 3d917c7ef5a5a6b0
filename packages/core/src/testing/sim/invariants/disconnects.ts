/**
 * A connection ends for a reason that both ends can be asked about: it was closed, one end has a new
 * boot, or it had no route for a day. Whatever else happens, it goes on, and with it its streams.
 */

import type { SimulatedPeer } from '../peers/simulated-peer.ts'
import type { World } from '../world/world.ts'

/** What one boot of a peer knows of its connection to another. */
interface Known {
  /** Boot of the other end. */
  epoch: number
  isParked: boolean
  /** Connections that ended so far. */
  endedCount: number
  /** Handshakes that it answered, and that were not finished in time. */
  givenUpCount: number
}

/** See the file header. */
export class Disconnects {
  readonly #world: World
  /** By peer, boot, and id of the other. */
  readonly #known = new Map<string, Known>()
  /** Boots that were asked to stop, by peer and epoch. */
  readonly #stopped = new Set<string>()

  constructor(world: World) {
    this.#world = world
  }

  /** The application closes that boot. */
  stops(peer: SimulatedPeer): void {
    this.#stopped.add(`${peer.id} ${peer.epoch}`)
  }

  /** How many connections of the present boot to the other have ended, or are to end. */
  endedCount(peer: SimulatedPeer, other: SimulatedPeer): number {
    if (this.#stopped.has(`${peer.id} ${peer.epoch}`)) return Number.POSITIVE_INFINITY
    return this.#of(peer, peer.epoch, other.id).endedCount
  }

  recorded(
    peer: SimulatedPeer,
    epoch: number,
    event: string,
    values: readonly (string | number | undefined)[],
  ): void {
    if (!event.startsWith('connection.')) return
    const known = this.#of(peer, epoch, String(values[0]))
    switch (event) {
      case 'connection.connected':
        known.epoch = Number(values[1])
        known.isParked = false
        return
      case 'connection.parked':
        known.isParked = true
        return
      case 'connection.resumed':
        known.isParked = false
        return
      case 'connection.handshakeFailed':
        if (values[1] === 'expired') known.givenUpCount += 1
        return
      case 'connection.disconnected':
        this.#ended(peer, epoch, String(values[0]), String(values[1]))
        known.endedCount += 1
        return
      default:
    }
  }

  #ended(peer: SimulatedPeer, epoch: number, otherId: string, reason: string): void {
    const known = this.#of(peer, epoch, otherId)
    const other = this.#world.peers.find(({ id }) => id === otherId)
    if (other === undefined || this.#isDue(peer, epoch, other, known, reason)) return
    const ends = `${peer.plan.name} and ${other.plan.name}`
    this.#world.violated('disconnect', `the connection of ${ends} ended: ${reason}`)
  }

  #isDue(
    peer: SimulatedPeer,
    epoch: number,
    other: SimulatedPeer,
    known: Known,
    reason: string,
  ): boolean {
    switch (reason) {
      case 'local':
        return this.#stopped.has(`${peer.id} ${epoch}`)
      case 'remote':
        return this.#stopped.has(`${other.id} ${known.epoch}`)
      case 'restarted':
        return other.bootCount > known.epoch
      case 'expired':
        return known.isParked
      case 'replaced':
        return this.#hasLost(other, known.epoch, peer.id)
      default:
        return false
    }
  }

  /** It never had the connection, or has lost it for a reason that was looked at there. */
  #hasLost(peer: SimulatedPeer, epoch: number, other: string): boolean {
    const { endedCount, givenUpCount } = this.#of(peer, epoch, other)
    return endedCount > 0 || givenUpCount > 0
  }

  #of(peer: SimulatedPeer, epoch: number, other: string): Known {
    const key = `${peer.id} ${epoch} ${other}`
    const fresh = { epoch: 0, isParked: false, endedCount: 0, givenUpCount: 0 }
    const known = this.#known.get(key) ?? fresh
    this.#known.set(key, known)
    return known
  }
}
