/**
 * Connections over a path of packets alone, without links: a bottleneck with a queue that marks and
 * drops, loss, doubles, late packets, and another path at any time.
 *
 * Both directions are alike. Priorities are not: the queue is one, as in a router that knows none.
 */

import { concatBytes } from '../../../engine/bytes/compare.ts'
import type { ConnectionOutput } from '../../../engine/connection/connection-output.ts'
import { Connections } from '../../../engine/connection/connections.ts'
import type { Cryptography } from '../../../engine/crypto/cryptography.ts'
import { SeededRandom } from '../../../engine/crypto/random.ts'
import { Identity } from '../../../engine/identity/identity.ts'
import type { PeerId } from '../../../engine/identity/peer-id.ts'
import type { Priority } from '../../../engine/link/link-port.ts'
import type { PacketPort, PacketSendResult } from '../../../engine/mesh/packet-port.ts'
import { StandingQueue } from '../../../engine/mesh/standing-queue.ts'
import { createFlightRecorder, type FlightRecorder } from '../../../recorder/recorder.ts'
import { EventQueue } from '../world/event-queue.ts'

export interface PacketConditions {
  readonly bytesPerMs: number
  readonly latencyMs: number
  readonly jitterMs: number
  /** Bytes that wait for the bottleneck; a packet that finds no room is lost. */
  readonly queueBytes: number
  /** A standing queue marks, as that of a relay does. */
  readonly isMarking: boolean
  readonly lossShare: number
  readonly duplicateShare: number
  /** Part of the packets that take `reorderMs` longer. */
  readonly reorderShare: number
  readonly reorderMs: number
  readonly packetBytes: number
}

export const calmConditions: PacketConditions = {
  bytesPerMs: 1250,
  latencyMs: 20,
  jitterMs: 0,
  queueBytes: 1024 * 1024,
  isMarking: false,
  lossShare: 0,
  duplicateShare: 0,
  reorderShare: 0,
  reorderMs: 0,
  packetBytes: 16 * 1024,
}

/** One end of the path. */
export class PacketEnd {
  readonly id: PeerId
  readonly flight: FlightRecorder = createFlightRecorder({ eventBytesMax: 65_536 })
  readonly connections: Connections
  readonly listeners: ((output: ConnectionOutput) => void)[] = []
  readonly #path: PacketPath
  #armedAtMs = Number.POSITIVE_INFINITY
  /** When the last packet that was sent has left the bottleneck. */
  clearAtMs = 0
  queue = new StandingQueue()

  constructor(path: PacketPath, keyByte: number, seed: number, cryptography: Cryptography) {
    this.#path = path
    const identity = new Identity(new Uint8Array(32).fill(keyByte), cryptography)
    this.id = identity.peer
    const port: PacketPort = {
      send: (_to, priority, payload) =>
        path.send(
          this,
          priority,
          payload instanceof Uint8Array ? payload : concatBytes(...payload),
        ),
      payloadBytesMax: () => (path.isRouted ? path.conditions.packetBytes : 0),
    }
    const context = {
      random: new SeededRandom(cryptography.sha256(Uint8Array.of(keyByte, seed, seed >> 8))),
      cryptography,
      recorder: this.flight.recorder,
    }
    const secret = new Uint8Array(32).fill(9)
    this.connections = new Connections(context, { identity, app: 'paths', secret, epoch: 1 }, port)
  }

  count(instrument: string): number {
    return this.flight.snapshot().counters[instrument] ?? 0
  }

  /** Does something to the connections, and tells what follows. */
  do(action: (nowMs: number) => void): void {
    const path = this.#path
    this.flight.recorder.setTime(path.nowMs)
    action(path.nowMs)
    for (let output = this.connections.poll(); output; output = this.connections.poll()) {
      for (const listener of this.listeners) listener(output)
    }
    const deadlineMs = this.connections.nextDeadlineMs()
    if (deadlineMs >= this.#armedAtMs || deadlineMs === Number.POSITIVE_INFINITY) return
    this.#armedAtMs = deadlineMs
    path.at(deadlineMs, () => {
      if (this.#armedAtMs !== deadlineMs) return
      this.#armedAtMs = Number.POSITIVE_INFINITY
      this.do((nowMs) => this.connections.handleDeadline(nowMs))
    })
  }
}

export class PacketPath {
  conditions: PacketConditions
  /** Packets get through. */
  isWhole = true
  /** Both ends believe that they do. */
  isRouted = true
  readonly left: PacketEnd
  readonly right: PacketEnd
  readonly #random: SeededRandom
  readonly #queue = new EventQueue()
  #nowMs = 0

  constructor(cryptography: Cryptography, seed: number, conditions: Partial<PacketConditions>) {
    this.conditions = { ...calmConditions, ...conditions }
    this.#random = new SeededRandom(cryptography.sha256(Uint8Array.of(seed, seed >> 8)))
    this.left = new PacketEnd(this, 1, seed, cryptography)
    this.right = new PacketEnd(this, 2, seed, cryptography)
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

  /** Connects both ends, and lets it settle. */
  connect(): void {
    let connected = 0
    for (const end of [this.left, this.right]) {
      end.listeners.push(({ type }) => {
        if (type === 'connected') connected += 1
      })
    }
    this.left.do((nowMs) => this.left.connections.open(this.right.id, nowMs))
    this.run(this.#nowMs + 60_000, () => connected === 2)
    if (connected < 2) throw new Error('the ends of the path did not connect')
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

  /** Nothing gets through any more; both ends are told there is no route, or nobody is. */
  cut(isTold: boolean): void {
    this.isWhole = false
    if (!isTold) return
    this.isRouted = false
    this.#tell((end, peer, nowMs) => end.connections.peerUnreachable(peer, nowMs))
  }

  /** A path again, of another kind where one is given, which both ends are told of. */
  mend(conditions: Partial<PacketConditions> = {}): void {
    this.#begin(conditions)
    this.#tell((end, peer, nowMs) => end.connections.peerReachable(peer, nowMs))
  }

  /** Another path takes the place of this one. */
  change(conditions: Partial<PacketConditions>, isFormerGone: boolean): void {
    this.#begin(conditions)
    this.#tell((end, peer, nowMs) => end.connections.pathChanged(peer, isFormerGone, nowMs))
  }

  send(from: PacketEnd, priority: Priority, payload: Uint8Array): PacketSendResult {
    const { conditions } = this
    if (!this.isWhole) return 'accepted'
    const { bytesPerMs, latencyMs, jitterMs, queueBytes, isMarking } = conditions
    const waitMs = Math.max(0, from.clearAtMs - this.#nowMs)
    if (waitMs * bytesPerMs + payload.length > queueBytes) return 'accepted'
    const congestionMarked = from.queue.leaves(waitMs, this.#nowMs + waitMs) && isMarking
    from.clearAtMs = this.#nowMs + waitMs + payload.length / bytesPerMs
    if (this.fraction() < conditions.lossShare) return 'accepted'
    const to = from === this.left ? this.right : this.left
    const copies = this.fraction() < conditions.duplicateShare ? 2 : 1
    for (let copy = 0; copy < copies; copy += 1) {
      const isLate = this.fraction() < conditions.reorderShare
      const extraMs = jitterMs * this.fraction() + (isLate ? conditions.reorderMs : 0)
      this.at(from.clearAtMs + latencyMs + extraMs, () => {
        if (!this.isWhole) return
        const arrival = { priority, congestionMarked }
        to.do((nowMs) => to.connections.packetReceived(from.id, payload, arrival, nowMs))
      })
    }
    return 'accepted'
  }

  #begin(conditions: Partial<PacketConditions>): void {
    this.conditions = { ...this.conditions, ...conditions }
    this.isWhole = true
    this.isRouted = true
    for (const end of [this.left, this.right]) {
      end.clearAtMs = this.#nowMs
      end.queue = new StandingQueue()
    }
  }

  #tell(tell: (end: PacketEnd, peer: PeerId, nowMs: number) => void): void {
    for (const [end, other] of [
      [this.left, this.right],
      [this.right, this.left],
    ] as const) {
      end.do((nowMs) => tell(end, other.id, nowMs))
    }
  }
}
