/**
 * Frames about streams of applications: mostly such as an application's streams would have, so that
 * they get far, with a little at which rules break.
 */

import type { Frame } from '../../engine/connection/frame.ts'
import { encodeStreamHeader } from '../../engine/connection/stream-header.ts'
import { priorities, type Priority } from '../../engine/link/link-port.ts'
import type { HostileBytes } from './hostile-bytes.ts'

/** The application of the target accepts streams of it. */
export const fuzzedProtocol = 'fuzzed'

/** Streams of the target that the frames are about. */
const targetStreamsMax = 4

/** Invents frames of one connection. */
export class HostileStreams {
  readonly #bytes: HostileBytes
  /** The first id of the attacker's own streams. */
  readonly #firstId: number
  /** How far the attacker has written, by stream. */
  readonly #offsets = new Map<number, number>()
  /** Streams that the attacker has opened in good order. */
  #openedCount = 0

  constructor(bytes: HostileBytes, opensEven: boolean) {
    this.#bytes = bytes
    this.#firstId = opensEven ? 4 : 5
  }

  /** The connection is another one: all streams begin anew. */
  restart(): void {
    this.#offsets.clear()
    this.#openedCount = 0
  }

  /** A stream to open in good order, so that the attacker's own end knows of it too. */
  toOpen(): { readonly protocol: string; readonly priority: Priority } | undefined {
    const dice = this.#bytes
    if (this.#openedCount > 0 && !dice.chance(0.2)) return undefined
    const protocol = dice.chance(0.8) ? fuzzedProtocol : `p${dice.integer(0, 9)}`
    const header = { protocol, priority: dice.pick(priorities) }
    const id = this.#firstId + 2 * this.#openedCount
    this.#offsets.set(id, encodeStreamHeader(header).length)
    this.#openedCount += 1
    return header
  }

  /** Some frames, of one packet. */
  frames(): Frame[] {
    return Array.from({ length: this.#bytes.integer(1, 4) }, () => this.#frame())
  }

  #frame(): Frame {
    const dice = this.#bytes
    const stream = this.#id()
    const offset = this.#offsets.get(stream) ?? 0
    switch (dice.integer(0, 14)) {
      case 0:
        return { type: 'stop-sending', stream, code: dice.count() }
      case 1: {
        const finalSize = dice.chance(0.8) ? offset : Math.min(2 ** 50, dice.count())
        return { type: 'reset-stream', stream, code: dice.count(), finalSize }
      }
      case 2:
        return { type: 'stream-credit', stream, limit: dice.count() }
      case 3:
        return { type: 'stream-allowance', limit: Math.min(2 ** 48, dice.count()) }
      case 4:
        return { type: 'connection-credit', limit: dice.count() }
      default:
        return this.#data(stream, offset)
    }
  }

  #data(stream: number, offset: number): Frame {
    const dice = this.#bytes
    const data = offset === 0 && dice.chance(0.5) ? this.#header() : dice.bytes(2000)
    this.#offsets.set(stream, offset + data.length)
    const place = dice.chance(0.03) ? Math.min(2 ** 50, dice.count()) : offset
    return { type: 'stream', stream, offset: place, data, fin: dice.chance(0.05) }
  }

  #header(): Uint8Array {
    const dice = this.#bytes
    const header = encodeStreamHeader({ protocol: fuzzedProtocol, priority: dice.pick(priorities) })
    return dice.chance(0.9) ? header : dice.bend(header)
  }

  #id(): number {
    const dice = this.#bytes
    if (dice.chance(0.02)) return dice.count()
    if (dice.chance(0.1)) return (this.#firstId ^ 1) + 2 * dice.integer(0, targetStreamsMax - 1)
    return this.#firstId + 2 * dice.integer(0, Math.max(0, this.#openedCount - 1))
  }
}
