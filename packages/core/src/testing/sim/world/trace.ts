/** A fingerprint of all that happened in a run: two runs of one seed must have the same. */

/** FNV-1a over two lanes of 32 bits with different offsets; not cryptographic. */
export class Trace {
  #low = 0x811c9dc5
  #high = 0x9e3779b9
  #eventCount = 0

  /** Events added so far. */
  get eventCount(): number {
    return this.#eventCount
  }

  /** Adds one event, told as text and, where it moved bytes, with them. */
  add(event: string, bytes?: Uint8Array): void {
    this.#eventCount += 1
    for (let index = 0; index < event.length; index += 1) this.#mix(event.charCodeAt(index))
    this.#mix(0x1_0000)
    if (bytes === undefined) return
    for (const byte of bytes) this.#mix(byte)
  }

  /** Sixteen hexadecimal digits. */
  digest(): string {
    return [this.#high, this.#low]
      .map((lane) => (lane >>> 0).toString(16).padStart(8, '0'))
      .join('')
  }

  #mix(value: number): void {
    this.#low = Math.imul(this.#low ^ value, 0x01000193)
    this.#high = Math.imul(this.#high ^ value, 0x85ebca6b) ^ (this.#high >>> 13)
  }
}
