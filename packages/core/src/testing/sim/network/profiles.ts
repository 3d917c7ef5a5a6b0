/** What the pipes of a simulated world are like, by name. */

import type { ChannelTraits } from '../../../transport/channel.ts'

export interface LinkProfile {
  readonly latencyMs: number
  /** Up to that much is added to the latency of each message. */
  readonly jitterMs: number
  readonly bytesPerMs: number
  /**
   * Bytes that wait at the narrowest place. A reliable pipe holds its sender back before that; one
   * that is not drops what comes beyond.
   */
  readonly queueBytesMax: number
  /** Shares of messages. On a reliable pipe a loss is a pause, and nothing is doubled. */
  readonly lossRate: number
  readonly duplicateRate: number
  /** Of pipes without order: the share of messages that others overtake. */
  readonly reorderRate: number
  /** Longest message that passes in truth, whatever the traits say. */
  readonly passedBytesMax: number
  /** Longer ones arrive cut instead of not at all. */
  readonly cutsLonger: boolean
  readonly traits: ChannelTraits
}

/** What a pipe promises: both of order and reliability, one of them, or none. */
export type Delivery = 'strict' | 'unordered' | 'lossy' | 'loose'

/** A profile as scripts write it: a name, and what is different from it. */
export interface ProfileSpec {
  readonly name: ProfileName
  /** `strict` by default. */
  readonly delivery?: Delivery
  readonly passedBytesMax?: number
  readonly cutsLonger?: boolean
}

/** Whether a pipe may take less than its traits say: peers find that out only where they expect it. */
export function mayTakeLess({ traits }: LinkProfile): boolean {
  return !traits.reliable || traits.cost.class === 'bluetooth'
}

interface Medium {
  readonly latencyMs: number
  readonly jitterMs: number
  readonly bytesPerMs: number
  readonly messageBytesMax: number
  readonly costClass: ChannelTraits['cost']['class']
  readonly lossRate?: number
  readonly duplicateRate?: number
  readonly reorderRate?: number
}

const media = {
  /** A quiet wireless network: 3 ms, 40 Mbit/s. */
  wifi: {
    latencyMs: 3,
    jitterMs: 2,
    bytesPerMs: 5_000,
    messageBytesMax: 65_536,
    costClass: 'lan',
  },
  /** A full room: 40 ms and as much again now and then, 4 Mbit/s. */
  wifiCrowded: {
    latencyMs: 40,
    jitterMs: 40,
    bytesPerMs: 500,
    messageBytesMax: 65_536,
    costClass: 'lan',
  },
  /** At the edge of reach: 25 ms, 10 Mbit/s, one message in fifty lost. */
  wifiLossy: {
    latencyMs: 25,
    jitterMs: 15,
    bytesPerMs: 1_250,
    messageBytesMax: 16_384,
    costClass: 'lan',
    lossRate: 0.02,
    duplicateRate: 0.01,
    reorderRate: 0.05,
  },
  /** A server across the country: 60 ms, 10 Mbit/s. */
  wan: {
    latencyMs: 60,
    jitterMs: 10,
    bytesPerMs: 1_250,
    messageBytesMax: 65_536,
    costClass: 'wan',
  },
  /** Through a relay far away: 100 ms, 1 Mbit/s. */
  relay: {
    latencyMs: 100,
    jitterMs: 20,
    bytesPerMs: 125,
    messageBytesMax: 65_536,
    costClass: 'relay',
    lossRate: 0.005,
    reorderRate: 0.05,
  },
  /** A GATT link: 20 kB/s in messages of 182 bytes. */
  bluetooth: {
    latencyMs: 15,
    jitterMs: 15,
    bytesPerMs: 20,
    messageBytesMax: 182,
    costClass: 'bluetooth',
  },
  /** The worst GATT link: the same in messages of 20 bytes. */
  bluetoothNarrow: {
    latencyMs: 15,
    jitterMs: 15,
    bytesPerMs: 20,
    messageBytesMax: 20,
    costClass: 'bluetooth',
  },
} as const satisfies Readonly<Record<string, Medium>>

export type ProfileName = keyof typeof media

/** What waits at the narrowest place lasts that long. */
const queueMs = 200
const queueBytesMin = 8_192
/** The same where what comes beyond is lost: as in the cheapest access points. */
const lossyQueueMs = 30
const lossyQueueBytesMin = 4_096

export function profileOf(spec: ProfileSpec): LinkProfile {
  const medium: Medium = media[spec.name]
  const { latencyMs, jitterMs, bytesPerMs, messageBytesMax, costClass } = medium
  const delivery = spec.delivery ?? 'strict'
  const isReliable = delivery === 'strict' || delivery === 'unordered'
  return {
    latencyMs,
    jitterMs,
    bytesPerMs,
    queueBytesMax: isReliable
      ? Math.max(queueBytesMin, queueMs * bytesPerMs)
      : Math.max(lossyQueueBytesMin, lossyQueueMs * bytesPerMs),
    lossRate: medium.lossRate ?? 0,
    duplicateRate: medium.duplicateRate ?? 0,
    reorderRate: medium.reorderRate ?? 0,
    passedBytesMax: spec.passedBytesMax ?? messageBytesMax,
    cutsLonger: spec.cutsLonger ?? false,
    traits: {
      messageBytesMax,
      reliable: isReliable,
      ordered: delivery === 'strict' || delivery === 'lossy',
      encrypted: false,
      cost: { class: costClass, metered: false },
    },
  }
}

export const wifi = (): LinkProfile => profileOf({ name: 'wifi' })
export const wifiLossy = (): LinkProfile => profileOf({ name: 'wifiLossy' })
export const relay = (): LinkProfile => profileOf({ name: 'relay' })
export const bluetooth = (): LinkProfile => profileOf({ name: 'bluetooth' })
