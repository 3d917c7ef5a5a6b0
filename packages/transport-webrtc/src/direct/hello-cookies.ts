/**
 * Cookies of a port that is dialled directly (rule DR9 of docs/specs/direct.md): whoever brings one
 * back has received it at the address that it was made for. They are computed, not remembered.
 */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** A cookie is good in the window in which it was made and in the next one. */
export const cookieWindowMs = 10_000
/** As long as a browser's DTLS takes: no longer than what asks for it. */
export const cookieBytes = 20

/** See the file header. */
export class HelloCookies {
  readonly #secret = randomBytes(32)

  /** The cookie for a way (both addresses and ports in one text) and a `random` of 32 bytes. */
  issue(way: string, random: Uint8Array, nowMs: number): Uint8Array {
    return this.#compute(way, random, windowAt(nowMs))
  }

  /** Whether the cookie was made for them, and not too long ago. */
  check(way: string, random: Uint8Array, cookie: Uint8Array, nowMs: number): boolean {
    if (cookie.length !== cookieBytes) return false
    const current = windowAt(nowMs)
    return [current, current - 1].some((window) =>
      timingSafeEqual(this.#compute(way, random, window), cookie),
    )
  }

  #compute(way: string, random: Uint8Array, window: number): Uint8Array {
    const cookie = Buffer.alloc(cookieBytes)
    cookie.writeUInt16BE(window & 0xffff)
    // Fixed lengths first, so that no two ends make the same text.
    const mark = createHmac('sha256', this.#secret)
      .update(cookie.subarray(0, 2))
      .update(random)
      .update(way)
      .digest()
    cookie.set(mark.subarray(0, cookieBytes - 2), 2)
    return cookie
  }
}

function windowAt(nowMs: number): number {
  return Math.floor(nowMs / cookieWindowMs)
}
