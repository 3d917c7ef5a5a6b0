/**
 * Sealing of whole frames, before they are cut and after they are put together (rules FR6 to FR8
 * of docs/specs/link.md).
 *
 * Clear until `secure` is called, and for ever on channels that encrypt and are bound. Frames of
 * one priority keep their order, those of two may not: so each priority counts its own nonces,
 * four apart, and none repeats.
 */

import { tagBytes } from '../noise/cipher-state.ts'
import type { TransportKeys } from '../noise/handshake-state.ts'
import { frameKindCodes, framePayloadBytesMax } from './frame.ts'
import type { IncomingFrame, PriorityIndex } from './frame.ts'

/** Largest body of a frame, in bytes: the payload and its tag. */
export const frameBodyBytesMax = framePayloadBytesMax + tagBytes

/** One channel's sealing state, both directions. */
export class FrameCipher {
  #keys: TransportKeys | undefined
  readonly #sealedFrames = [0, 0, 0, 0]
  readonly #openedFrames = [0, 0, 0, 0]

  /** From here on frames are sealed and must decipher. */
  secure(keys: TransportKeys): void {
    this.#keys = keys
  }

  seal(kindCode: number, priority: PriorityIndex, payload: Uint8Array): Uint8Array {
    if (!this.#keys || kindCode === frameKindCodes.auth) return payload
    const nonce = this.#sealedFrames[priority]! * 4 + priority
    this.#sealedFrames[priority]! += 1
    return this.#keys.send.sealAt(nonce, additionalData(kindCode, priority), payload)
  }

  /** The payload, or `undefined` when it does not decipher. */
  open({ kindCode, priority, body }: IncomingFrame): Uint8Array | undefined {
    if (!this.#keys || kindCode === frameKindCodes.auth) return body
    const nonce = this.#openedFrames[priority]! * 4 + priority
    this.#openedFrames[priority]! += 1
    return this.#keys.receive.openAt(nonce, additionalData(kindCode, priority), body)
  }
}

/** The header without the two bits that fragmentation decides. */
function additionalData(kindCode: number, priority: PriorityIndex): Uint8Array {
  return Uint8Array.of((kindCode << 4) | (priority << 2))
}
