/**
 * Cookies of a listening end (rule UD2 of docs/specs/udp.md): whoever brings one back has received it
 * at the address that it was made for. They are computed, not remembered: a stranger costs no memory.
 */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { cookieBytes, tagBytes } from './udp-datagram.ts'

/** A cookie is good in the window in which it was made and in the next one. */
export const cookieWindowMs = 10_000

/** See the file header. */
export class UdpCookies {
  readonly #secret = randomBytes(32)

  /** The cookie for an end (its address and port in one text) that dials with that tag. */
  issue(remote: string, tag: Uint8Array, nowMs: number): Uint8Array {
    return this.#compute(remote, tag, windowAt(nowMs))
  }

  /** The tag of this end that a cookie stands for; undefined when it is not one of these, or old. */
  check(
    remote: string,
    tag: Uint8Array,
    cookie: Uint8Array,
    nowMs: number,
  ): Uint8Array | undefined {
    const current = windowAt(nowMs)
    for (const window of [current, current - 1]) {
      const wanted = this.#compute(remote, tag, window)
      if (timingSafeEqual(wanted, cookie)) return wanted.subarray(cookieBytes - tagBytes)
    }
    return undefined
  }

  #compute(remote: string, tag: Uint8Array, window: number): Uint8Array {
    const cookie = Buffer.alloc(cookieBytes)
    cookie.writeUInt16BE(window & 0xffff)
    // Fixed lengths first, so that no two ends make the same text.
    const mark = createHmac('sha256', this.#secret)
      .update(cookie.subarray(0, 2))
      .update(tag)
      .update(remote)
      .digest()
    cookie.set(mark.subarray(0, cookieBytes - 2), 2)
    return cookie
  }
}

function windowAt(nowMs: number): number {
  return Math.floor(nowMs / cookieWindowMs)
}
