/**
 * A mesh of routers alone, joined by links that keep order and lose nothing: real routers, everything
 * else is a model. Time is virtual; a link that breaks loses what is under way on it.
 *
 * At each change of a next hop the path from there is followed: it must never come back to itself.
 */

import { encodePeerId, type PeerId } from '../../engine/identity/peer-id.ts'
import { wholePayload } from '../../engine/link/frame.ts'
import type { NeighbourQuality } from '../../engine/mesh/router.ts'
import { DistanceVectorRouter } from '../../engine/mesh/routing/distance-vector-router.ts'
import { nobleCryptography } from '../../engine/crypto/noble.ts'
import { SeededRandom } from '../../engine/crypto/random.ts'
import { FlightRecorder } from '../../recorder/recorder.ts'
import { registry } from '../../recorder/registry.ts'
import { followNextHops } from '../sim/mesh/next-hops.ts'
import type { MeshView } from '../sim/mesh/reach.ts'
import { EventQueue } from '../sim/world/event-queue.ts'

/** One way of a link. */
interface Direction {
  readonly to: number
  readonly delayMs: number
  /** Frames under way arrive in order. */
  arrivesAtMs: number
  /** Counts the times that the link came up, so that what was under way before is lost. */
  isUp: boolean
}

interface ModelPeer {
  readonly id: PeerId
  epoch: number
  router: DistanceVectorRouter
  readonly links: Map<number, Direction>
  wakesAtMs: number
}

/** How a link is. */
export interface ModelLink {
  readonly delayMs: number
  readonly quality: NeighbourQuality
}

/** A path that came back to itself. */
export interface ModelLoop {
  readonly atMs: number
  readonly destination: PeerId
  readonly path: readonly PeerId[]
}

/** Bytes of a frame beside its payload: header of the frame and seal. */
const frameOverheadBytes = 20

/** The id of the n-th peer. */
export function modelPeerId(index: number): PeerId {
  return encodePeerId(Uint8Array.of(0, 0, 0, 0, 0, 0, index >> 8, index & 0xff))
}

/** See the file header. */
export class ModelMesh implements MeshView<number> {
  readonly loops: ModelLoop[] = []
  nowMs = 0
  nextHopChanges = 0
  frames = 0
  /** Payloads of route frames. */
  bytes = 0
  /** The last time that any next hop changed. */
  changedAtMs = 0
  readonly #queue = new EventQueue()
  readonly #peers: ModelPeer[] = []
  readonly #indexById = new Map<PeerId, number>()
  readonly #context = {
    random: new SeededRandom(new Uint8Array(32)),
    cryptography: nobleCryptography,
    recorder: new FlightRecorder(registry, { level: 'off' }).recorder,
  }

  constructor(peerCount: number) {
    for (let index = 0; index < peerCount; index += 1) {
      const id = modelPeerId(index)
      this.#indexById.set(id, index)
      const router = this.#boot(index, id, 1)
      this.#peers.push({ id, epoch: 1, router, links: new Map(), wakesAtMs: Infinity })
    }
  }

  /** Bytes on links, with what each frame costs beside its payload. */
  get linkBytes(): number {
    return this.bytes + this.frames * frameOverheadBytes
  }

  get peerCount(): number {
    return this.#peers.length
  }

  router(index: number): DistanceVectorRouter {
    return this.#peers[index]!.router
  }

  isLinked(left: number, right: number): boolean {
    return this.#peers[left]!.links.has(right)
  }

  peers(): Iterable<number> {
    return this.#peers.keys()
  }

  neighbours(index: number): readonly number[] {
    return [...this.#peers[index]!.links.keys()]
  }

  nextHop(at: number, destination: number): number | undefined {
    const nextHop = this.router(at).nextHop(modelPeerId(destination))
    return nextHop === undefined ? undefined : this.#indexById.get(nextHop)
  }

  link(left: number, right: number, { delayMs, quality }: ModelLink): void {
    const [one, other] = [this.#peers[left]!, this.#peers[right]!]
    one.links.set(right, { to: right, delayMs, arrivesAtMs: 0, isUp: true })
    other.links.set(left, { to: left, delayMs, arrivesAtMs: 0, isUp: true })
    one.router.neighbourUp(other.id, quality, this.nowMs)
    this.#carry(left)
    other.router.neighbourUp(one.id, quality, this.nowMs)
    this.#carry(right)
  }

  change(left: number, right: number, quality: NeighbourQuality): void {
    this.router(left).neighbourChanged(modelPeerId(right), quality, this.nowMs)
    this.#carry(left)
    this.router(right).neighbourChanged(modelPeerId(left), quality, this.nowMs)
    this.#carry(right)
  }

  unlink(left: number, right: number): void {
    for (const [from, to] of [
      [left, right],
      [right, left],
    ] as const) {
      const direction = this.#peers[from]!.links.get(to)
      if (direction !== undefined) direction.isUp = false
      this.#peers[from]!.links.delete(to)
    }
    this.router(left).neighbourDown(modelPeerId(right), this.nowMs)
    this.#carry(left)
    this.router(right).neighbourDown(modelPeerId(left), this.nowMs)
    this.#carry(right)
  }

  /** The peer vanishes, and is there again as after a boot, without links. */
  reboot(index: number): void {
    for (const neighbour of this.neighbours(index)) this.unlink(index, neighbour)
    const peer = this.#peers[index]!
    peer.epoch += 1
    peer.router = this.#boot(index, peer.id, peer.epoch)
  }

  /** Something is to happen at a time. */
  at(atMs: number, action: () => void): void {
    this.#queue.push(atMs, action)
  }

  /** Goes on until this time. */
  runUntil(untilMs: number): void {
    while (this.#queue.nextAtMs <= untilMs) {
      this.nowMs = this.#queue.nextAtMs
      this.#queue.pop()?.()
    }
    this.nowMs = untilMs
  }

  #boot(index: number, id: PeerId, epoch: number): DistanceVectorRouter {
    const links = {
      send: (
        to: PeerId,
        _kind: string,
        _priority: string,
        payload: Parameters<typeof wholePayload>[0],
      ) => this.#send(index, this.#indexById.get(to)!, wholePayload(payload)),
    }
    return new DistanceVectorRouter(this.#context, id, epoch, links)
  }

  #send(from: number, to: number, frame: Uint8Array): 'accepted' | 'no-link' {
    const direction = this.#peers[from]!.links.get(to)
    if (direction === undefined) return 'no-link'
    this.frames += 1
    this.bytes += frame.length
    direction.arrivesAtMs = Math.max(direction.arrivesAtMs, this.nowMs + direction.delayMs)
    this.#queue.push(direction.arrivesAtMs, () => {
      if (!direction.isUp) return
      this.router(to).frameReceived(modelPeerId(from), frame, this.nowMs)
      this.#carry(to)
    })
    return 'accepted'
  }

  /** Looks at what changed, and wakes the router when it wants to be woken. */
  #carry(index: number): void {
    const peer = this.#peers[index]!
    for (let change = peer.router.poll(); change !== undefined; change = peer.router.poll()) {
      if (change.previous?.nextHop === change.route?.nextHop) continue
      this.nextHopChanges += 1
      this.changedAtMs = this.nowMs
      const { destination } = change
      const target = this.#indexById.get(destination)!
      // Links that only one end knows to be gone still count: so packets fare.
      const { path, end } = followNextHops(index, target, (at) => this.nextHop(at, target))
      if (end === 'circle') {
        this.loops.push({ atMs: this.nowMs, destination, path: path.map(modelPeerId) })
      }
    }
    const dueMs = Math.max(peer.router.nextDeadlineMs(), this.nowMs)
    if (dueMs >= peer.wakesAtMs || dueMs === Infinity) return
    peer.wakesAtMs = dueMs
    this.#queue.push(dueMs, () => {
      if (peer.wakesAtMs !== dueMs) return
      peer.wakesAtMs = Infinity
      if (this.nowMs >= peer.router.nextDeadlineMs()) peer.router.handleDeadline(this.nowMs)
      this.#carry(index)
    })
  }
}
