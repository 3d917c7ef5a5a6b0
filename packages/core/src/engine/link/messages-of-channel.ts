/** Which messages a channel has, by its traits (rules FR11 and LK17 of docs/specs/link.md). */

import type { ChannelTraits } from '../../transport/channel.ts'
import type { EngineContext } from '../context.ts'
import { noiseMessageBytesMax } from '../noise/cipher-state.ts'
import type { ChannelMessages } from './channel-messages.ts'
import { PlainMessages } from './plain-messages.ts'
import { SequencedMessages } from './sequenced-messages.ts'

/** Largest message, in bytes: small frames are gathered up to it, and a longer one breaks a rule. */
export const messageBytesMax = noiseMessageBytesMax

/**
 * Largest message on a channel that may lose those that are longer than its path takes: what every
 * path of the internet carries (RFC 9000, section 14).
 */
export const safeMessageBytes = 1_200

/**
 * How fast a channel is taken to be before it was measured, in bytes per millisecond: a GATT link as
 * fast as most are. Others are measured before it matters: what they start with, 8 kB of bulk data,
 * drains within a turn of the host or takes no harm.
 */
const startBytesPerMs = { bluetooth: 20, lan: 80, wan: 80, relay: 80 } as const

/** A fresh state for a channel that just opened. */
export function messagesOfChannel(context: EngineContext, traits: ChannelTraits): ChannelMessages {
  const messageBytes = Math.min(traits.messageBytesMax, messageBytesMax)
  if (traits.reliable && traits.ordered) {
    return new PlainMessages(context, messageBytes, startBytesPerMs[traits.cost.class])
  }
  return new SequencedMessages(context, Math.min(messageBytes, safeMessageBytes))
}
