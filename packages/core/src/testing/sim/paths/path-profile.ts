/** What the channels of simulated paths are like: rate, delay, and how they lose and reorder. */

import type { ChannelTraits } from '../../../transport/channel.ts'

export interface PathProfile {
  /** Of each direction, in bytes of channel messages. */
  readonly bytesPerMs: number
  /** One way, besides the time that a message takes to be sent. */
  readonly latencyMs: number
  /** Up to that much more for each message; order is kept where the traits say so. */
  readonly jitterMs: number
  /** Part of the messages that vanish; 0 on a reliable channel. */
  readonly lossShare: number
  /** Part of the messages that take `reorderMs` longer; 0 on an ordered channel. */
  readonly reorderShare: number
  readonly reorderMs: number
  /**
   * Bytes that the host takes beyond what has left, and reports as drained: a socket's buffer. No
   * priority reaches them, and nobody sees them but by their delay.
   */
  readonly hostBufferBytes: number
  readonly traits: ChannelTraits
}

/** A profile from its differences to a reliable, ordered channel without a host's buffer. */
export function pathProfile(
  costClass: ChannelTraits['cost']['class'],
  bytesPerMs: number,
  latencyMs: number,
  messageBytesMax: number,
  rest: Partial<Omit<PathProfile, 'traits'>> = {},
): PathProfile {
  const ordered = (rest.reorderShare ?? 0) === 0
  const reliable = (rest.lossShare ?? 0) === 0
  return {
    bytesPerMs,
    latencyMs,
    jitterMs: 0,
    lossShare: 0,
    reorderShare: 0,
    reorderMs: 0,
    hostBufferBytes: 0,
    traits: {
      messageBytesMax,
      reliable,
      ordered: ordered && reliable,
      encrypted: false,
      cost: { class: costClass, metered: false },
    },
    ...rest,
  }
}
