/** Datagrams that have not left yet: the latest of each key, in the order of the keys' arrival. */

/** Keys that wait at once; beyond it the oldest gives way. */
export const queuedDatagramsMax = 64

/** Bytes that wait at once, beyond the latest one; beyond it the oldest give way. */
export const queuedDatagramBytesMax = 256 * 1024

/** A bounded map that forgets its oldest entries. */
export class DatagramQueue {
  readonly #payloads = new Map<string, Uint8Array>()
  #bytes = 0

  get size(): number {
    return this.#payloads.size
  }

  /** Queues a payload in place of the one with its key; returns how many others were dropped. */
  put(key: string, payload: Uint8Array): number {
    const replaced = this.#payloads.get(key)
    if (replaced !== undefined) this.#bytes -= replaced.length
    this.#payloads.set(key, payload)
    this.#bytes += payload.length
    let dropped = 0
    for (const oldest of this.#payloads.keys()) {
      const within =
        this.#payloads.size <= queuedDatagramsMax && this.#bytes <= queuedDatagramBytesMax
      if (within || this.#payloads.size === 1) break
      this.#remove(oldest)
      dropped += 1
    }
    return dropped
  }

  /** The next payload; it stays until `shift`. */
  peek(): Uint8Array | undefined {
    return this.#payloads.values().next().value
  }

  /** Removes the next payload. */
  shift(): void {
    const key = this.#payloads.keys().next().value
    if (key !== undefined) this.#remove(key)
  }

  /** Drops all; returns how many there were. */
  clear(): number {
    const { size } = this.#payloads
    this.#payloads.clear()
    this.#bytes = 0
    return size
  }

  #remove(key: string): void {
    this.#bytes -= this.#payloads.get(key)!.length
    this.#payloads.delete(key)
  }
}
