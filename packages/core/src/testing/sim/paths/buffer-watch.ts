/** The greatest buffers of peers and channels, looked at after every event, and what bounds them. */

import { congestionWindowBytesMax } from '../../../engine/connection/congestion.ts'
import { unsentBytesMax } from '../../../engine/connection/message-stream.ts'
import { priorities } from '../../../engine/link/link-port.ts'
import { keptBytesMax } from '../../../engine/link/outbound-frames.ts'
import { outstandingBytesMax } from '../../../engine/link/outstanding.ts'
import { queueBytesMax } from '../../../engine/link/send-queue.ts'
import { packetBytesMax } from '../../../engine/mesh/packet.ts'
import { ownBytesMax, transitBytesMax } from '../../../engine/mesh/transit-queue.ts'
import type { PathPeer } from './path-peer.ts'
import type { PathJoint } from './path-world.ts'

/** The greatest that any channel, link, peer or connection had, in bytes. */
export interface Buffers {
  /** Handed to a channel, and not reported as drained. */
  readonly channelBytes: number
  /** Frames of a link that waited, or that were kept until they are acknowledged. */
  readonly linkBytes: number
  /** Packets of a peer that waited for one full link. */
  readonly transitBytes: number
  /** Sent in a connection, and not acknowledged. */
  readonly underWayBytes: number
  /** Held in a connection for sending, or for reading. */
  readonly streamBytes: number
}

/** What each may be (docs/limits.md). */
export const bufferBounds: Buffers = {
  channelBytes: outstandingBytesMax + packetBytesMax,
  linkBytes: priorities.length * queueBytesMax + keptBytesMax + packetBytesMax,
  transitBytes: priorities.length * (transitBytesMax + ownBytesMax),
  underWayBytes: congestionWindowBytesMax + priorities.length * packetBytesMax,
  streamBytes: unsentBytesMax + congestionWindowBytesMax + packetBytesMax,
}

/** See the file header. */
export class BufferWatch {
  readonly #joints: readonly PathJoint[]
  #linkBytes = 0
  #transitBytes = 0
  #underWayBytes = 0
  #streamBytes = 0

  constructor(peers: readonly PathPeer[], joints: readonly PathJoint[]) {
    this.#joints = joints
    for (const peer of peers) peer.onSettled = () => this.#look(peer)
  }

  /** The greatest so far. */
  get greatest(): Buffers {
    const channels = this.#joints.map(({ channel }) => channel?.mostOutstandingBytes ?? 0)
    return {
      channelBytes: Math.max(...channels),
      linkBytes: this.#linkBytes,
      transitBytes: this.#transitBytes,
      underWayBytes: this.#underWayBytes,
      streamBytes: this.#streamBytes,
    }
  }

  #look(peer: PathPeer): void {
    this.#linkBytes = Math.max(this.#linkBytes, ...peer.neighbourhood.heldBytes())
    const { queuedBytes } = peer.flight.recorder.mesh
    this.#transitBytes = Math.max(this.#transitBytes, queuedBytes.value)
    for (const measure of peer.connections.measureAll()) {
      const { bytesInFlight, sendBufferBytes, receiveBufferBytes } = measure
      this.#underWayBytes = Math.max(this.#underWayBytes, bytesInFlight)
      this.#streamBytes = Math.max(this.#streamBytes, sendBufferBytes, receiveBufferBytes)
    }
  }
}
