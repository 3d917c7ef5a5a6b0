/**
 * Protected packets: sealed under numbers that are used once, opened once (rules CN7 to CN10).
 */

import { assert } from '../assert.ts'
import { tagBytes } from '../noise/cipher-state.ts'
import type { TransportKeys } from '../noise/handshake-state.ts'
import { expandPacketNumber, packetNumberBytes, packetNumberMax } from './packet-number.ts'
import {
  encodeProtectedHeader,
  protectedHeaderBytes,
  type ConnectionId,
  type Packet,
} from './packet.ts'

/** Bytes that protection adds to the frames of a packet, at the most. */
export const protectionBytesMax = protectedHeaderBytes(4) + tagBytes

export interface SealedPacket {
  readonly number: number
  /** The packet, part after part. */
  readonly parts: readonly Uint8Array[]
  /** How long all of them are. */
  readonly bytes: number
}

/** The keys of one connection. The number is the nonce of the AEAD, the header its additional data. */
export class PacketProtection {
  readonly #keys: TransportKeys
  readonly #remoteId: ConnectionId
  #nextNumber = 0

  constructor(keys: TransportKeys, remoteId: ConnectionId) {
    this.#keys = keys
    this.#remoteId = remoteId
  }

  /** All numbers below have been used. */
  get nextNumber(): number {
    return this.#nextNumber
  }

  /** A packet of the frames, under the next number; the frames are only read. */
  seal(frames: Uint8Array, largestAcknowledged: number): SealedPacket {
    const number = this.#nextNumber
    assert(number < packetNumberMax, 'packet numbers are used up')
    this.#nextNumber += 1
    const numberBytes = packetNumberBytes(number, largestAcknowledged)
    const header = encodeProtectedHeader(this.#remoteId, number, numberBytes)
    const sealed = this.#keys.send.sealAt(number, header, frames)
    return { number, parts: [header, ...sealed], bytes: header.length + frames.length + tagBytes }
  }

  /** The number that a packet stands for; it may still be a replay or a forgery. */
  numberOf(packet: Packet & { type: 'protected' }, largestReceived: number): number {
    return expandPacketNumber(packet.truncatedNumber, packet.numberBytes, largestReceived)
  }

  /** The frames of a packet of that number; `undefined` when it is not authentic. */
  open(packet: Packet & { type: 'protected' }, number: number): Uint8Array | undefined {
    return this.#keys.receive.openAt(number, packet.header, packet.ciphertext)
  }
}
