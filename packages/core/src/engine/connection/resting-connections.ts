/**
 * Which connections rest, and how much memory they hold together (rule CN44). Beyond the bound the
 * one that has rested for longest is given up.
 */

import type { PeerEntry } from './peer-entry.ts'

/** 16 MiB: a dozen peers that left in the middle of large messages, or thousands that left idle. */
export const restingBytesMax = 16 * 1024 * 1024

/** By entry, in the order in which they came to rest. */
export class RestingConnections {
  readonly #bytesByEntry = new Map<PeerEntry, number>()
  #bytes = 0

  get size(): number {
    return this.#bytesByEntry.size
  }

  /** Memory of all of them. */
  get bytes(): number {
    return this.#bytes
  }

  /** Takes note of what the entry's connection holds now, if it rests. */
  update(entry: PeerEntry): void {
    const { connection } = entry
    const former = this.#bytesByEntry.get(entry) ?? 0
    if (connection?.isResting === true) {
      const bytes = connection.restingBytes
      this.#bytesByEntry.set(entry, bytes)
      this.#bytes += bytes - former
    } else if (former > 0) {
      this.#bytesByEntry.delete(entry)
      this.#bytes -= former
    }
  }

  /** Who has to be given up for the others; `undefined` while they are within the bound. */
  excess(): PeerEntry | undefined {
    return this.#bytes > restingBytesMax ? this.oldest() : undefined
  }

  /** The one that has rested for longest. */
  oldest(): PeerEntry | undefined {
    return this.#bytesByEntry.keys().next().value
  }
}
