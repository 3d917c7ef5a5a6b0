/** Which channels get a session, and the farewell to those that do not (rules LK1 and LK2). */

import type { ChannelTraits } from '../../transport/channel.ts'
import type { EngineContext } from '../context.ts'
import type { ChannelSession } from './channel-session.ts'
import { encodeCloseReason } from './close-reason.ts'
import type { WireCloseReason } from './close-reason.ts'
import { FrameCipher } from './frame-cipher.ts'
import { FramePacker } from './frame-packer.ts'
import { messagesOfChannel } from './messages-of-channel.ts'

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
  if (traits.messageBytesMax < messageBytesMin) return 'unsupported-channel'
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
  context: EngineContext,
  traits: ChannelTraits,
  reason: WireCloseReason,
  nowMs: number,
): Uint8Array | undefined {
  const frames = [{ kind: 'close', payload: encodeCloseReason(reason) } as const]
  const messages = messagesOfChannel(context, traits)
  const contentsBytes = messages.allowance(nowMs)?.contentsBytes ?? 0
  const packer = new FramePacker(new FrameCipher())
  const contents = packer.pack(contentsBytes, 0, () => frames.pop())
  return contents && !packer.isUnderWay(0) ? messages.wrap(contents, nowMs) : undefined
}
