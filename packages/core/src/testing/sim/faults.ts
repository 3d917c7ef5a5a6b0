/** What goes wrong in a scenario, drawn from the seed, and its end. */

import type { SimulatedPeer } from './simulated-peer.ts'
import type { World } from './world.ts'

/** Kinds of fault and how often each happened. */
export interface FaultCounts {
  brokenLinks: number
  brokenMessages: number
  silentCuts: number
  partitions: number
  clogs: number
  crashes: number
  stops: number
  diskFailures: number
  slowDisks: number
}

/** A disk that is this many times slower than usual takes up to a second. */
const diskSlowness = 200
/** A pipe that is this many times slower than usual carries next to nothing. */
const pipeSlowness = 500

/** See the file header. */
export class Faults {
  readonly counts: FaultCounts = {
    brokenLinks: 0,
    brokenMessages: 0,
    silentCuts: 0,
    partitions: 0,
    clogs: 0,
    crashes: 0,
    stops: 0,
    diskFailures: 0,
    slowDisks: 0,
  }
  readonly #world: World
  readonly #peers: readonly SimulatedPeer[]
  readonly #busy: (peer: SimulatedPeer) => void
  #isOver = false

  /**
   * Only these peers, and what is between them, are disturbed. `busy` puts a peer to work, so that it
   * is in the middle of something when it ends.
   */
  constructor(world: World, peers: readonly SimulatedPeer[], busy: (peer: SimulatedPeer) => void) {
    this.#world = world
    this.#peers = peers
    this.#busy = busy
  }

  /** Perhaps one fault. */
  disturb(): void {
    const draw = this.#world.fraction()
    if (draw < 0.22) this.#disturbNetwork()
    else if (draw < 0.3) this.#endPeer(this.#world.pick(this.#peers))
    else if (draw < 0.37) this.#disturbDisk(this.#world.pick(this.#peers))
  }

  /** Ends every fault: all pipes are as they should be, all disks well, all peers up. */
  mend(): void {
    this.#isOver = true
    this.#world.wiring.heal()
    for (const peer of this.#peers) {
      this.#mendDisk(peer)
      peer.boot()
    }
  }

  /** Crashes or stops a peer; it boots again after a while, once it is down. */
  #endPeer(peer: SimulatedPeer): void {
    if (!peer.isUp) return
    this.#busy(peer)
    if (this.#world.fraction() < 0.6) {
      this.counts.crashes += 1
      peer.crash()
      this.#bootLater(peer)
    } else {
      this.counts.stops += 1
      peer.stop(() => this.#bootLater(peer))
    }
  }

  #bootLater(peer: SimulatedPeer): void {
    if (this.#isOver) this.#world.after(0, () => peer.boot())
    else this.#after(10, 20_000, () => peer.boot())
  }

  #disturbNetwork(): void {
    const world = this.#world
    const { wiring } = world
    const [left, right] = this.#pair()
    const draw = world.fraction()
    if (draw < 0.25) return wiring.heal()
    if (draw < 0.4) {
      this.counts.partitions += 1
      wiring.partition(left, right)
    }
    for (const pipe of wiring.between(left, right)) {
      if (draw < 0.55) {
        this.counts.brokenLinks += 1
        pipe.break()
      } else if (draw < 0.7) {
        this.counts.brokenMessages += 1
        pipe.breakWithin(left, world.integer(1, 12))
      } else if (draw < 0.85) {
        this.counts.silentCuts += 1
        pipe.vanish()
      } else {
        this.counts.clogs += 1
        pipe.clog(left, pipeSlowness, world.integer(500, 20_000))
      }
    }
  }

  /** Two peers, mostly such as have a pipe between them. */
  #pair(): readonly [string, string] {
    const left = this.#world.pick(this.#peers).plan.name
    const others = this.#peers.map(({ plan }) => plan.name).filter((name) => name !== left)
    const linked = others.filter((name) => this.#world.wiring.between(left, name).length > 0)
    const isAnybody = linked.length === 0 || this.#world.fraction() < 0.2
    return [left, this.#world.pick(isAnybody ? others : linked)]
  }

  #disturbDisk(peer: SimulatedPeer): void {
    const world = this.#world
    if (world.fraction() < 0.4) {
      this.counts.slowDisks += 1
      peer.disk.slowness = diskSlowness
    } else {
      this.counts.diskFailures += 1
      const keeps = world.fraction() < 0.4
      peer.disk.failure = { reason: world.pick(['io', 'quota'] as const), keeps }
    }
    this.#after(10, 5_000, () => this.#mendDisk(peer))
  }

  #mendDisk({ disk }: SimulatedPeer): void {
    disk.failure = undefined
    disk.slowness = 1
  }

  #after(leastMs: number, mostMs: number, action: () => void): void {
    this.#world.after(this.#world.integer(leastMs, mostMs), () => {
      if (!this.#isOver) action()
    })
  }
}
