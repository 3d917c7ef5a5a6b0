/** Contents on their way through a message sequence, and what one acknowledgement says of them. */

import type { DeliverySnapshot } from './delivery-rate.ts'

/** One transmission of contents. */
export interface Transmission {
  readonly sentAtMs: number
  /** Counts all transmissions. */
  readonly order: number
}

/** Contents with their place in the sequence. */
export interface SentMessage {
  readonly sequence: number
  /** Gone once acknowledged. */
  contents: Uint8Array | undefined
  readonly contentsBytes: number
  /** Transmissions so far. */
  attempts: number
  /** How often it was lost while what was sent later arrived. */
  losses: number
  /** Length of the message, as if it had been sent whole. */
  wireBytes: number
  /** Length of the parts in which it was sent last; 0 when it was sent whole. */
  partBytes: number
  /** What was known when it was sent last. */
  snapshot: DeliverySnapshot
  state: 'under-way' | 'lost' | 'acknowledged'
  /** The last transmissions, by attempt modulo `attemptModulus`. */
  readonly transmissions: (Transmission | undefined)[]
  order: number
  earlier: SentMessage | undefined
  later: SentMessage | undefined
}

/** What an acknowledgement brought. */
export interface Progress {
  readonly messages: number
  readonly bytes: number
  /** Length of the longest of them that was sent whole. */
  readonly longestBytes: number
  /** One whose last attempt, in parts, is known to have arrived. */
  readonly parted: SentMessage | undefined
  /** The one sent last of those newly acknowledged, if it is known when. */
  readonly newest: DeliverySnapshot | undefined
  readonly rttMs: number | undefined
  /** Messages that were taken for lost and had arrived. */
  readonly inVain: number
}

/** What one acknowledgement newly acknowledges. */
export class Gathering implements Progress {
  messages = 0
  bytes = 0
  longestBytes = 0
  parted: SentMessage | undefined
  inVain = 0
  rttMs: number | undefined
  newest: DeliverySnapshot | undefined
  newestOrder = -1
  readonly #named: SentMessage | undefined
  readonly #namedTransmission: Transmission | undefined

  constructor(named: SentMessage | undefined, namedTransmission: Transmission | undefined) {
    this.#named = named
    this.#namedTransmission = namedTransmission
  }

  /** Which transmission of the message arrived, if that is certain. */
  take(message: SentMessage): Transmission | undefined {
    this.messages += 1
    this.bytes += message.wireBytes
    if (message.partBytes === 0) {
      this.longestBytes = Math.max(this.longestBytes, message.wireBytes)
    }
    const transmission =
      message === this.#named
        ? this.#namedTransmission
        : message.attempts === 1
          ? message.transmissions[0]
          : undefined
    if (transmission && transmission.order > this.newestOrder) {
      this.newestOrder = transmission.order
      this.newest = transmission.order === message.order ? message.snapshot : undefined
    }
    if (message.partBytes > 0 && transmission?.order === message.order) this.parted = message
    return transmission
  }
}
