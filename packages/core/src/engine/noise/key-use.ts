/**
 * How long one key seals (rules CN38 of docs/specs/connection.md, FR12 of docs/specs/link.md): then
 * the next one follows, REKEY of it.
 */

/** What a key seals at most; the first of these that is reached ends it. */
export interface KeyLifetime {
  /** Frames of a link, or packets of a connection. */
  readonly messages: number
  readonly bytes: number
  /** From when the key was first asked for. */
  readonly ms: number
}

/** Messages under one key: far less than the cipher bears, and seldom enough to cost nothing. */
const keyMessagesMax = 2 ** 20

/** Bytes under one key: a key that is found out tells of no more. */
const keyBytesMax = 2 ** 30

/** How long a key is used, in milliseconds: the same where little is said. */
const keyMsMax = 3_600_000

/** At these the next key follows. */
export const keyLifetime: KeyLifetime = {
  messages: keyMessagesMax,
  bytes: keyBytesMax,
  ms: keyMsMax,
}

/** How much the present key of one direction has sealed. */
export class KeyUse {
  readonly #lifetime: KeyLifetime
  #messages = 0
  #bytes = 0
  #sinceMs: number | undefined

  constructor(lifetime: KeyLifetime) {
    this.#lifetime = lifetime
  }

  /** The key has sealed enough. The first time it is asked, the time of the key begins. */
  isSpent(nowMs: number): boolean {
    this.#sinceMs ??= nowMs
    const { messages, bytes, ms } = this.#lifetime
    return this.#messages >= messages || this.#bytes >= bytes || nowMs - this.#sinceMs >= ms
  }

  /** The key has sealed one more message. */
  sealed(bytes: number): void {
    this.#messages += 1
    this.#bytes += bytes
  }

  /** The next key takes the place of the present one. */
  renew(nowMs: number): void {
    this.#messages = 0
    this.#bytes = 0
    this.#sinceMs = nowMs
  }
}
