/**
 * Sealing of frames, before they are cut and after they are put together (rules FR6 to FR8 and FR12
 * of docs/specs/link.md): all of most frames, and of large mesh packets the beginning alone, since
 * what follows it is end-to-end ciphertext already.
 *
 * Clear until `secure` is called, and for ever on channels that encrypt and are bound. Frames of
 * one priority keep their order, those of two may not: so each priority counts its own nonces,
 * four apart, and none repeats, whatever the key.
 */

import { concatBytes } from '../bytes/compare.ts'
import { tagBytes } from '../noise/cipher-state.ts'
import type { CipherState } from '../noise/cipher-state.ts'
import type { TransportKeys } from '../noise/handshake-state.ts'
import { KeyUse } from '../noise/key-use.ts'
import type { KeyLifetime } from '../noise/key-use.ts'
import {
  frameKindCodes,
  framePayloadBytesMax,
  payloadBytesOf,
  priorityIndexes,
  wholePayload,
} from './frame.ts'
import type { IncomingFrame, PriorityIndex } from './frame.ts'
import type { FramePayload } from './link-port.ts'

/** Largest body of a frame, in bytes: the payload and its tag. */
export const frameBodyBytesMax = framePayloadBytesMax + tagBytes

/**
 * Packets up to this, in bytes, are sealed as a whole: the smallest size class, which all packets of
 * a connection's handshake stay below. What a packet says in clear is never in them.
 */
export const wholeSealedPacketBytesMax = 1_200

/** Of a larger packet this much is sealed: its header and more; one block of the cipher. */
const sealedHeadBytes = 64

/** A body as the bytes of it come one after the other; views of the payload among them. */
export type FrameBody = readonly Uint8Array[]

/** One channel's sealing state, both directions. */
export class FrameCipher {
  #send: FrameDirection | undefined
  #receive: FrameDirection | undefined
  #use: KeyUse | undefined

  /** From here on frames are sealed and must decipher. */
  secure(keys: TransportKeys, lifetime: KeyLifetime): void {
    this.#send = new FrameDirection(keys.send)
    this.#receive = new FrameDirection(keys.receive)
    this.#use = new KeyUse(lifetime)
  }

  /**
   * True once for each key that has sealed enough: a frame of kind `rekey` is to be sent now. To be
   * asked before each frame of priority control.
   */
  takeRenewal(nowMs: number): boolean {
    if (this.#use?.isSpent(nowMs) !== true) return false
    this.#use.renew(nowMs)
    return true
  }

  /** How long the body of a frame is that has so much payload. */
  bodyBytesOf(kindCode: number, payloadBytes: number): number {
    return this.#seals(kindCode) ? payloadBytes + tagBytes : payloadBytes
  }

  /**
   * The body of the next frame of its priority, to be called when its first fragment is written: after
   * one of kind `rekey`, the next key seals.
   */
  seal(kindCode: number, priority: PriorityIndex, payload: FramePayload): FrameBody {
    if (!this.#send || !this.#seals(kindCode)) {
      return payload instanceof Uint8Array ? [payload] : payload
    }
    const body = this.#send.seal(kindCode, priority, payload)
    if (kindCode === frameKindCodes.rekey) this.#send.rekey(() => false)
    else this.#use?.sealed(payloadBytesOf(payload))
    return body
  }

  /**
   * The payload, or `undefined` when it does not decipher: then the body is as it was. Else the body
   * is taken over, and the payload may be a view of it.
   */
  open(frame: IncomingFrame): Uint8Array | undefined {
    if (!this.#receive || frame.kindCode === frameKindCodes.auth) return frame.body
    return this.#receive.open(frame)
  }

  /**
   * The other end has sent a frame of kind `rekey`; `hasBegun` says of which priorities a frame had
   * begun before it, and so has the key before. False where nothing is sealed.
   */
  rekeyReceived(hasBegun: (priority: PriorityIndex) => boolean): boolean {
    this.#receive?.rekey(hasBegun)
    return this.#receive !== undefined
  }

  #seals(kindCode: number): boolean {
    return this.#send !== undefined && kindCode !== frameKindCodes.auth
  }
}

/** One direction: its key, and how many frames of each priority there have been. */
class FrameDirection {
  #key: CipherState
  readonly #frames = [0, 0, 0, 0]
  /** Of each priority the key that its next frame alone has, where that is a former one. */
  readonly #former: (CipherState | undefined)[] = priorityIndexes.map(() => undefined)
  /** Header byte; for a packet sealed in part, how long it is and its last bytes. */
  readonly #additional = new Uint8Array(1 + 4 + tagBytes)
  readonly #additionalView = new DataView(this.#additional.buffer)
  readonly #headerByte = this.#additional.subarray(0, 1)
  readonly #last = this.#additional.subarray(5)

  constructor(key: CipherState) {
    this.#key = key
  }

  seal(kindCode: number, priority: PriorityIndex, payload: FramePayload): FrameBody {
    const nonce = this.#nextNonce(priority)
    const bytes = payloadBytesOf(payload)
    if (!isSealedInPart(kindCode, bytes)) {
      const additional = this.#additionalOf(kindCode, priority)
      return this.#key.sealAt(nonce, additional, wholePayload(payload))
    }
    const [head, clear] = splitHead(payload)
    this.#last.set(lastBytes(clear))
    const additional = this.#additionalInPart(kindCode, priority, bytes)
    const [sealed, tag] = this.#key.sealAt(nonce, additional, head)
    return [sealed, ...clear, tag]
  }

  open({ kindCode, priority, body }: IncomingFrame): Uint8Array | undefined {
    const key = this.#former[priority] ?? this.#key
    this.#former[priority] = undefined
    const nonce = this.#nextNonce(priority)
    const bytes = body.length - tagBytes
    if (!isSealedInPart(kindCode, bytes)) {
      return key.openAt(nonce, this.#additionalOf(kindCode, priority), body)
    }
    this.#last.set(body.subarray(bytes - tagBytes, bytes))
    const additional = this.#additionalInPart(kindCode, priority, bytes)
    const sealed = concatBytes(body.subarray(0, sealedHeadBytes), body.subarray(bytes))
    const head = key.openAt(nonce, additional, sealed)
    if (!head) return undefined
    body.set(head)
    return body.subarray(0, bytes)
  }

  /** Goes on to the next key, but for the frames that have begun. */
  rekey(hasBegun: (priority: PriorityIndex) => boolean): void {
    for (const priority of priorityIndexes) {
      if (hasBegun(priority)) this.#former[priority] ??= this.#key
    }
    this.#key = this.#key.rekeyed()
  }

  #nextNonce(priority: PriorityIndex): number {
    const nonce = this.#frames[priority]! * 4 + priority
    this.#frames[priority]! += 1
    return nonce
  }

  /** The header without the two bits that fragmentation decides. */
  #additionalOf(kindCode: number, priority: PriorityIndex): Uint8Array {
    this.#additional[0] = (kindCode << 4) | (priority << 2)
    return this.#headerByte
  }

  #additionalInPart(kindCode: number, priority: PriorityIndex, bytes: number): Uint8Array {
    this.#additional[0] = (kindCode << 4) | (priority << 2)
    this.#additionalView.setUint32(1, bytes)
    return this.#additional
  }
}

/** Both ends know it by kind and length. */
function isSealedInPart(kindCode: number, payloadBytes: number): boolean {
  return kindCode === frameKindCodes.packet && payloadBytes > wholeSealedPacketBytesMax
}

/** The first bytes, which are sealed, in an array of their own, and those that stay as they are. */
function splitHead(
  payload: FramePayload,
): readonly [head: Uint8Array, clear: readonly Uint8Array[]] {
  const head = new Uint8Array(sealedHeadBytes)
  const clear: Uint8Array[] = []
  let filled = 0
  for (const part of payload instanceof Uint8Array ? [payload] : payload) {
    const taken = Math.min(part.length, sealedHeadBytes - filled)
    if (taken > 0) head.set(taken === part.length ? part : part.subarray(0, taken), filled)
    if (taken < part.length) clear.push(taken === 0 ? part : part.subarray(taken))
    filled += taken
  }
  return [head, clear]
}

/** The last bytes of what stays in clear: mostly a part by themselves, the tag of a packet. */
function lastBytes(parts: readonly Uint8Array[]): Uint8Array {
  const last = parts.at(-1)!
  return last.length < tagBytes
    ? concatBytes(...parts).subarray(-tagBytes)
    : last.subarray(-tagBytes)
}
