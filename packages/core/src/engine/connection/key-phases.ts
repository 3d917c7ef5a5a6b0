/**
 * The keys of one set of connection keys as they follow each other (RFC 9001, section 6; rules CN37
 * to CN39). Each direction changes by itself: the sender when it has used a key enough, the receiver
 * when a packet of the next phase opens.
 *
 * Invariant: no key seals two packets of one number; the two ends are never more than one phase
 * apart, since the sender goes on only when a packet of its present phase was acknowledged.
 */

import { assert } from '../assert.ts'
import type { CipherState } from '../noise/cipher-state.ts'
import { keyLifetime, KeyUse, type KeyLifetime } from '../noise/key-use.ts'
import { packetNumberMax } from './packet-number.ts'

/** How much one key may seal. */
export interface KeyLimits {
  /** Packets and bytes of frames under one key of a direction; then the next key follows. */
  readonly phase: KeyLifetime
  /** Packet numbers of a direction; then the connection is resumed with others. */
  readonly numbers: number
  /** Packets that do not open, in all: the keys count as used up. */
  readonly forgeries: number
}

/**
 * Numbers stay 2^16 below `packetNumberMax`: more than is ever sent at once. 2^34 forgeries are the
 * integrity limit of ChaCha20-Poly1305 (RFC 9001, section 6.6: 2^36 packets of 16 KiB) for packets of
 * 64 KiB.
 */
export const keyLimits: KeyLimits = {
  phase: keyLifetime,
  numbers: packetNumberMax - 2 ** 16,
  forgeries: 2 ** 34,
}

/**
 * How long packets of the phase before still open: a packet that has waited longer than this at the
 * hops of its way was given up by them.
 */
export const formerKeyMsMax = 10_000

/** One bit of each packet tells its phase: 0, 1, 0 and so on. */
export type KeyPhase = 0 | 1

/** The key that seals. */
export class SendKeys {
  readonly #use: KeyUse
  #cipher: CipherState
  #phase: KeyPhase = 0
  /** First packet of this phase. */
  #firstNumber = 0
  #lastNumber = -1

  constructor(cipher: CipherState, lifetime: KeyLifetime) {
    this.#cipher = cipher
    this.#use = new KeyUse(lifetime)
  }

  /** The key and phase for the packet of that number, which must be above all before. */
  take(
    number: number,
    frameBytes: number,
    largestAcknowledged: number,
    nowMs: number,
  ): { readonly cipher: CipherState; readonly phase: KeyPhase } {
    assert(number > this.#lastNumber, 'a packet number is used once')
    this.#lastNumber = number
    if (this.#use.isSpent(nowMs) && largestAcknowledged >= this.#firstNumber) {
      this.#cipher = this.#cipher.rekeyed()
      this.#phase = other(this.#phase)
      this.#firstNumber = number
      this.#use.renew(nowMs)
    }
    this.#use.sealed(frameBytes)
    return { cipher: this.#cipher, phase: this.#phase }
  }
}

/** A key that may still be needed for packets that were overtaken. */
interface FormerKey {
  readonly cipher: CipherState
  readonly expiresAtMs: number
}

/** The keys that open: the present one, the next one, and for a while the one before. */
export class ReceiveKeys {
  #cipher: CipherState
  #phase: KeyPhase = 0
  /** Lowest number that opened in this phase. */
  #firstNumber = 0
  #former: FormerKey | undefined
  /** Made when the first packet asks for it, and kept: a flipped bit costs no more than a forged tag. */
  #next: CipherState | undefined

  constructor(cipher: CipherState) {
    this.#cipher = cipher
  }

  /** When `handleDeadline` has to be called; `Infinity` for never. */
  get deadlineMs(): number {
    return this.#former?.expiresAtMs ?? Number.POSITIVE_INFINITY
  }

  /** Erases the key of the phase before when its time is over. */
  handleDeadline(nowMs: number): void {
    if (nowMs >= this.deadlineMs) this.#former = undefined
  }

  /** The frames of a packet; `undefined` when it is not authentic. Only an authentic one changes anything. */
  open(
    phase: KeyPhase,
    number: number,
    header: Uint8Array,
    ciphertext: Uint8Array,
    nowMs: number,
  ): Uint8Array | undefined {
    if (phase === this.#phase) {
      const frames = this.#cipher.openAt(number, header, ciphertext)
      if (frames !== undefined) this.#firstNumber = Math.min(this.#firstNumber, number)
      return frames
    }
    if (number < this.#firstNumber) {
      this.handleDeadline(nowMs)
      return this.#former?.cipher.openAt(number, header, ciphertext)
    }
    this.#next ??= this.#cipher.rekeyed()
    const frames = this.#next.openAt(number, header, ciphertext)
    if (frames === undefined) return undefined
    this.#former = { cipher: this.#cipher, expiresAtMs: nowMs + formerKeyMsMax }
    this.#cipher = this.#next
    this.#next = undefined
    this.#phase = phase
    this.#firstNumber = number
    return frames
  }
}

function other(phase: KeyPhase): KeyPhase {
  return phase === 0 ? 1 : 0
}
