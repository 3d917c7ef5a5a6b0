/** Which channels get a session, and the farewell to those that do not (rules LK1 and LK2). */

import type { ChannelTraits } from '../../transport/channel.ts'
import type { ChannelSession } from './channel-session.ts'
import { encodeCloseReason } from './close-reason.ts'
import type { WireCloseReason } from './close-reason.ts'
import { FrameCipher } from './frame-cipher.ts'
import { FramePacker } from './frame-packer.ts'

/** Open channels, at most; a further one is closed with `limit`. A hub serves about as many peers. */
export const channelsMax = 1024

/** Channels that others opened and have not proven yet, at most: strangers share this room. */
export const strangersMax = 128

/** Smallest messages that a channel must take, in bytes: those of a worst-case GATT link. */
export const messageBytesMin = 20

/** Why a channel that just opened is not admitted beside those there are. */
export function admissionRefusal(
  traits: ChannelTraits,
  isDialled: boolean,
  sessions: ReadonlyMap<number, ChannelSession>,
): WireCloseReason | undefined {
  if (!traits.reliable || !traits.ordered || traits.messageBytesMax < messageBytesMin) {
    return 'unsupported-channel'
  }
  if (sessions.size >= channelsMax) return 'limit'
  if (isDialled) return undefined
  let strangers = 0
  for (const session of sessions.values()) {
    if (session.role === 'responder' && session.state === 'handshaking') strangers += 1
  }
  return strangers >= strangersMax ? 'limit' : undefined
}

/** The one message of a channel that is not admitted, unless it takes none so long. */
export function refusalMessage(
  traits: ChannelTraits,
  reason: WireCloseReason,
): Uint8Array | undefined {
  const frames = [{ kind: 'close', payload: encodeCloseReason(reason) } as const]
  const packer = new FramePacker(new FrameCipher())
  const message = packer.pack(traits.messageBytesMax, 0, () => frames.pop())
  return packer.isUnderWay(0) ? undefined : message
}
