/**
 * Protected packets: sealed under numbers that are used once, opened once (rules CN7 to CN10, CN37 to
 * CN40).
 */

import { assert } from '../assert.ts'
import { tagBytes } from '../noise/cipher-state.ts'
import type { TransportKeys } from '../noise/handshake-state.ts'
import { keyLimits, ReceiveKeys, SendKeys, type KeyLimits } from './key-phases.ts'
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

/** The keys of one handshake. The number is the nonce of the AEAD, the header its additional data. */
export class PacketProtection {
  readonly #send: SendKeys
  readonly #receive: ReceiveKeys
  readonly #remoteId: ConnectionId
  readonly #limits: KeyLimits
  #nextNumber = 0
  #forgeryCount = 0

  constructor(keys: TransportKeys, remoteId: ConnectionId, limits: KeyLimits = keyLimits) {
    this.#send = new SendKeys(keys.send, limits.phase)
    this.#receive = new ReceiveKeys(keys.receive)
    this.#remoteId = remoteId
    this.#limits = limits
  }

  /** All numbers below have been used. */
  get nextNumber(): number {
    return this.#nextNumber
  }

  /** These keys should not be used any more: the connection is to be resumed. */
  get isUsedUp(): boolean {
    return this.#nextNumber >= this.#limits.numbers || this.#forgeryCount >= this.#limits.forgeries
  }

  /** When `handleDeadline` has to be called; `Infinity` for never. */
  get deadlineMs(): number {
    return this.#receive.deadlineMs
  }

  /** Erases keys whose time is over. */
  handleDeadline(nowMs: number): void {
    this.#receive.handleDeadline(nowMs)
  }

  /** A packet of the frames, under the next number; the frames are only read. */
  seal(frames: Uint8Array, largestAcknowledged: number, nowMs: number): SealedPacket {
    const number = this.#nextNumber
    assert(number < packetNumberMax, 'packet numbers are used up')
    this.#nextNumber += 1
    const numberBytes = packetNumberBytes(number, largestAcknowledged)
    const { cipher, phase } = this.#send.take(number, frames.length, largestAcknowledged, nowMs)
    const header = encodeProtectedHeader(this.#remoteId, number, numberBytes, phase)
    const sealed = cipher.sealAt(number, header, frames)
    return { number, parts: [header, ...sealed], bytes: header.length + frames.length + tagBytes }
  }

  /** The number that a packet stands for; it may still be a replay or a forgery. */
  numberOf(packet: Packet & { type: 'protected' }, largestReceived: number): number {
    return expandPacketNumber(packet.truncatedNumber, packet.numberBytes, largestReceived)
  }

  /** The frames of a packet of that number; `undefined` when it is not authentic. */
  open(
    packet: Packet & { type: 'protected' },
    number: number,
    nowMs: number,
  ): Uint8Array | undefined {
    const { phase, header, ciphertext } = packet
    const frames = this.#receive.open(phase, number, header, ciphertext, nowMs)
    if (frames === undefined) this.#forgeryCount += 1
    return frames
  }
}
