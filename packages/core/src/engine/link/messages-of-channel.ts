/** Which messages a channel has, by its traits (rules FR11, LK17 and LK26 of docs/specs/link.md). */

import type { ChannelTraits } from '../../transport/channel.ts'
import type { EngineContext } from '../context.ts'
import { noiseMessageBytesMax } from '../noise/cipher-state.ts'
import type { ChannelMessages } from './channel-messages.ts'
import { PlainMessages } from './plain-messages.ts'
import { SequencedMessages } from './sequenced-messages.ts'

/** Largest message, in bytes: small frames are gathered up to it, and a longer one breaks a rule. */
export const messageBytesMax = noiseMessageBytesMax

/**
 * The same over Bluetooth, whose channels are so slow that a longer one would hold up a keystroke: at
 * 20 kB/s for 50 ms.
 */
export const bluetoothMessageBytesMax = 1_024

/** The same where messages may be lost: the more packets of a path one takes, the more often it is. */
export const lossyMessageBytesMax = 8_952

/** What every GATT link takes, whatever it claims: stacks cut what is longer and do not tell. */
const safeBluetoothBytes = 20

/** What every path of the internet carries, whatever a channel claims (RFC 9000, section 14). */
const safeMessageBytes = 1_200

/**
 * How fast a channel is taken to be before it was measured, in bytes per millisecond: a GATT link as
 * fast as most are. Others are measured before it matters: what they start with, 8 kB of bulk data,
 * drains within a turn of the host or takes no harm.
 */
const startBytesPerMs = { bluetooth: 20, lan: 80, wan: 80, relay: 80 } as const

/** A fresh state for a channel that just opened. */
export function messagesOfChannel(context: EngineContext, traits: ChannelTraits): ChannelMessages {
  const isBluetooth = traits.cost.class === 'bluetooth'
  const longest = isBluetooth ? bluetoothMessageBytesMax : messageBytesMax
  const claimedBytes = Math.min(traits.messageBytesMax, longest)
  if (traits.reliable && traits.ordered) {
    const safeBytes = isBluetooth ? safeBluetoothBytes : claimedBytes
    const sizing = { claimedBytes, safeBytes, startsWithClaim: true }
    return new PlainMessages(context, sizing, startBytesPerMs[traits.cost.class])
  }
  return new SequencedMessages(context, {
    claimedBytes: Math.min(claimedBytes, lossyMessageBytesMax),
    safeBytes: isBluetooth ? safeBluetoothBytes : safeMessageBytes,
    startsWithClaim: isBluetooth,
  })
}
