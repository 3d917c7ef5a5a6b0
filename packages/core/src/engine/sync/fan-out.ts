/**
 * Live fan-out: which neighbour gets a change pushed, which only hears of it. Rules SY13 to SY15 of
 * docs/specs/sync.md.
 *
 * A local change goes to every neighbour. One that came from a neighbour goes on to those that are
 * not linked with it: the others have it from there. In case that view of the topology is stale they
 * get a late announcement, and ask for what they lack.
 */

import type { EngineContext } from '../context.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { Change, DocumentKey } from './change.ts'
import type { PushQueue } from './push-queue.ts'
import type { ChangeName } from './sync-message.ts'
import type { Version } from './version.ts'

/**
 * How long announcements gather. Two neighbours that got one change from a third would both announce
 * it; up to as much again, at random, lets one go first and the other keep silent.
 */
export const announcementDelayMs = 500

/** What is known of the links of others. */
export interface Topology {
  /** Whether those two peers are believed to have a link, and so to sync with each other. */
  linked(left: PeerId, right: PeerId): boolean
}

export class FanOut {
  readonly #context: EngineContext
  readonly #topology: Topology
  readonly #queuesByPeer = new Map<PeerId, PushQueue>()

  constructor(context: EngineContext, topology: Topology) {
    this.#context = context
    this.#topology = topology
  }

  neighbourUp(peer: PeerId, queue: PushQueue): void {
    this.#queuesByPeer.set(peer, queue)
  }

  neighbourDown(peer: PeerId): void {
    this.#queuesByPeer.delete(peer)
  }

  /** Queues a local change for everybody. Gives the neighbours whose queue overflowed. */
  committed(change: Change): readonly PeerId[] {
    return [...this.#queuesByPeer]
      .filter(([, queue]) => !this.#push(queue, change))
      .map(([peer]) => peer)
  }

  /** Queues a change that `from` sent. Gives the neighbours whose queue overflowed. */
  applied(change: Change, from: PeerId, nowMs: number): readonly PeerId[] {
    const overflowed: PeerId[] = []
    for (const [peer, queue] of this.#queuesByPeer) {
      if (peer === from || peer === change.peer || queue.knows(change)) continue
      const queued = this.#topology.linked(from, peer)
        ? change.parts.every(({ document }) => this.#announce(queue, document, change, nowMs))
        : this.#push(queue, change)
      if (!queued) overflowed.push(peer)
    }
    return overflowed
  }

  /** Announces a checkpoint that `from` sent. Gives the neighbours whose queue overflowed. */
  checkpointApplied(
    document: DocumentKey,
    version: Version,
    from: PeerId,
    nowMs: number,
  ): readonly PeerId[] {
    const overflowed: PeerId[] = []
    for (const [peer, queue] of this.#queuesByPeer) {
      if (peer === from) continue
      if (!version.every((entry) => this.#announce(queue, document, entry, nowMs))) {
        overflowed.push(peer)
      }
    }
    return overflowed
  }

  #push(queue: PushQueue, change: Change): boolean {
    this.#context.recorder.sync.changesPushed.add()
    return queue.push(change)
  }

  #announce(queue: PushQueue, document: DocumentKey, name: ChangeName, nowMs: number): boolean {
    const delayMs = announcementDelayMs * (1 + this.#context.random.fraction())
    return queue.announce(document, name, nowMs + delayMs)
  }
}
