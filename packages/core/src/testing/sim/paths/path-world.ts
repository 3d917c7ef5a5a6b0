/**
 * A world of a few peers joined by channels, in virtual time: everything that happens is an event in
 * one queue, and one seed tells the whole run.
 */

import type { Cryptography } from '../../../engine/crypto/cryptography.ts'
import { SeededRandom } from '../../../engine/crypto/random.ts'
import type { DialId } from '../../../engine/input.ts'
import type { Route } from '../../../engine/mesh/router.ts'
import { EventQueue } from '../world/event-queue.ts'
import { PathChannel, type PathClock } from './path-channel.ts'
import { PathPeer, usualTransport, type PathPeerOptions } from './path-peer.ts'
import type { PathProfile } from './path-profile.ts'

export interface PathWorldOptions {
  readonly cryptography: Cryptography
  /** An integer from 0 to 65,535. */
  readonly seed: number
  /** Routes are laid down by `lay`; else peers find them. */
  readonly hasStaticRoutes?: boolean
}

/** Which peer it is, and in which boot. */
export type PathPeerBoot = Pick<PathPeerOptions, 'keyByte' | 'epoch'>

/** A place where two peers are joined by a channel, as long as it is not cut. */
export class PathJoint {
  /** What the next channel is like. */
  profile: PathProfile
  /** Dials open channels. */
  isWhole = true
  channel: PathChannel | undefined
  readonly left: PathPeer
  readonly right: PathPeer
  readonly transport: string

  constructor(left: PathPeer, right: PathPeer, profile: PathProfile, transport: string) {
    this.left = left
    this.right = right
    this.profile = profile
    this.transport = transport
  }

  /** The channel breaks, which both ends hear of so much later; dials fail until `mend`. */
  cut(detectionMs: number): void {
    this.isWhole = false
    this.channel?.cut(detectionMs)
  }

  /** Dials open channels again, of another kind where one is given. */
  mend(profile = this.profile): void {
    this.profile = profile
    this.isWhole = true
  }
}

export class PathWorld implements PathClock {
  readonly #options: PathWorldOptions
  readonly #random: SeededRandom
  readonly #queue = new EventQueue()
  readonly #peers: PathPeer[] = []
  readonly #joints: PathJoint[] = []
  #nowMs = 0

  constructor(options: PathWorldOptions) {
    this.#options = options
    const { seed } = options
    this.#random = new SeededRandom(options.cryptography.sha256(Uint8Array.of(seed, seed >> 8)))
  }

  get nowMs(): number {
    return this.#nowMs
  }

  fraction(): number {
    return this.#random.fraction()
  }

  at(atMs: number, action: () => void): void {
    this.#queue.push(Math.max(atMs, this.#nowMs), action)
  }

  /** Its key is one that no other has, or that of its former boot. */
  addPeer(name: string, boot: PathPeerBoot = { keyByte: this.#peers.length + 1 }): PathPeer {
    const { cryptography, seed, hasStaticRoutes = false } = this.#options
    const peer = new PathPeer(this, { name, ...boot, seed, cryptography, hasStaticRoutes })
    peer.onDial = (dial, address) => this.#dialled(dial, address)
    this.#peers.push(peer)
    return peer
  }

  /** Joins two peers; the left one dials. Joints of two transports between them are one link. */
  join(
    left: PathPeer,
    right: PathPeer,
    profile: PathProfile,
    transport = usualTransport,
  ): PathJoint {
    const joint = new PathJoint(left, right, profile, transport)
    this.#joints.push(joint)
    for (const peer of [left, right]) peer.startTransport(transport)
    left.dial(transport, `joint ${this.#joints.length - 1}`)
    return joint
  }

  /** Lays down the route along these peers, each joined with the next, in both directions. */
  lay(path: readonly PathPeer[], sizeClass: Route['sizeClass']): void {
    for (const [index, peer] of path.entries()) {
      for (const [other, destination] of path.entries()) {
        if (Math.abs(other - index) < 2) continue
        const nextHop = path[index + Math.sign(other - index)]!.id
        const hopCount = Math.abs(other - index)
        peer.do(() => {
          peer.router!.lay(destination.id, { nextHop, metric: 100 * hopCount, hopCount, sizeClass })
        })
      }
    }
  }

  /** Lets virtual time pass until then, or until the condition holds. */
  run(untilMs: number, done: () => boolean = () => false): void {
    while (this.#queue.nextAtMs <= untilMs) {
      if (done()) return
      this.#nowMs = this.#queue.nextAtMs
      this.#queue.pop()!()
    }
    if (Number.isFinite(untilMs)) this.#nowMs = Math.max(this.#nowMs, untilMs)
  }

  #dialled(dial: DialId, address: string): void {
    const joint = this.#joints[Number(address.slice('joint '.length))]!
    const { left, right, transport } = joint
    this.at(this.#nowMs + 2 * joint.profile.latencyMs, () => {
      if (!joint.isWhole || right.isAsleep) {
        left.dialFailed(dial)
        return
      }
      const { profile } = joint
      const [leftEnd, rightEnd] = [left.makeEnd(), right.makeEnd()]
      const channel = new PathChannel(this, profile, leftEnd, rightEnd)
      joint.channel = channel
      right.open(rightEnd, channel, transport, profile.traits)
      left.open(leftEnd, channel, transport, profile.traits, dial)
    })
  }
}
