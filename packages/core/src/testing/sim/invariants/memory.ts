/** What an engine holds for its links and connections stays within the bounds of docs/limits.md, and credit is never negative. */

import { congestionWindowBytesMax } from '../../../engine/connection/congestion.ts'
import { connectionWindowBytesMax } from '../../../engine/connection/connection-credit.ts'
import type { ConnectionMeasure } from '../../../engine/connection/connection.ts'
import { packetsInFlightMax } from '../../../engine/connection/loss-recovery.ts'
import { unsentBytesMax } from '../../../engine/connection/message-stream.ts'
import { streamsOpenMax } from '../../../engine/connection/stream-ids.ts'
import { streamWriteBytesMax } from '../../../engine/connection/stream-port.ts'
import { keptBytesMax } from '../../../engine/link/outbound-frames.ts'
import { queueBytesMax } from '../../../engine/link/send-queue.ts'
import { priorities } from '../../../engine/link/link-port.ts'
import { packetBytesMax } from '../../../engine/mesh/packet.ts'
import type { Boot } from '../peers/boot.ts'
import type { World } from '../world/world.ts'

/** Steps of a boot between two looks: they walk over all streams. */
const lookEvery = 64

/** The largest messages that sync sends in a simulation: a batch of changes, or a bulky row. */
const messageBytesMost = 1024 * 1024
/** Of an unfinished message at most four times what has arrived of it is held (ST4). */
const heldPerArrived = 4

/** Streams of applications that either end may have open. */
const openStreamsMost = 2 * streamsOpenMax

/** Each well-known stream takes messages while it holds less than this unsent, and one more. */
const messageStreamBytesMost = unsentBytesMax + messageBytesMost

const most: Readonly<Partial<Record<keyof ConnectionMeasure, number>>> = {
  // What was sent is held until it is acknowledged.
  sendBufferBytes:
    priorities.length * messageStreamBytesMost +
    openStreamsMost * 2 * streamWriteBytesMax +
    congestionWindowBytesMax,
  receiveBufferBytes:
    connectionWindowBytesMax + priorities.length * heldPerArrived * messageBytesMost,
  unconsumedBytes: connectionWindowBytesMax,
  unusedCreditBytes: connectionWindowBytesMax,
  openStreams: openStreamsMost,
  // Probes go whatever the window says: one packet of each priority at a time.
  bytesInFlight: congestionWindowBytesMax + priorities.length * packetBytesMax,
  packetsInFlight: packetsInFlightMax + priorities.length,
}

/** Queues take frames up to their bounds, and as a whole what fits beside one more. */
const heldBytesMost = priorities.length * queueBytesMax + keptBytesMax + packetBytesMax

/** See the file header. */
export class Memory {
  readonly #world: World
  #stepCount = 0

  constructor(world: World) {
    this.#world = world
  }

  stepped(boot: Boot): void {
    this.#stepCount += 1
    if (this.#stepCount % lookEvery === 0) this.look(boot)
  }

  look({ name, engine }: Boot): void {
    const { heldBytesByLink, connections } = engine.measure()
    for (const heldBytes of heldBytesByLink) {
      this.#check(name, 'bytes held for a link', heldBytes, heldBytesMost)
    }
    for (const connection of connections) {
      for (const [what, bound] of Object.entries(most)) {
        const value = connection[what as keyof ConnectionMeasure]
        this.#check(name, `${what} of a connection`, value, bound)
      }
    }
  }

  #check(name: string, what: string, value: number, bound: number): void {
    if (value >= 0 && value <= bound) return
    this.#world.violated('bounds', `${name}: ${what}: ${value}, at most ${bound}`)
  }
}
