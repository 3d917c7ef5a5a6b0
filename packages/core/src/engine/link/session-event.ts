/** What one channel is made of, and what it tells the links. */

import type { ChannelId } from '../input.ts'
import type { KeyLifetime } from '../noise/key-use.ts'
import type { ChannelTraits } from '../../transport/channel.ts'
import type { BundleFrame } from './bundle-frame.ts'
import type { CloseReason } from './close-reason.ts'
import type { PriorityIndex } from './frame.ts'
import type { LinkHandshake, RemoteIdentity } from './link-handshake.ts'
import type { MeshFrameKind } from './link-port.ts'

/** See the picture in channel-session.ts. */
export type SessionState = 'handshaking' | 'up' | 'suspect' | 'closing' | 'closed'

export interface SessionOptions {
  readonly channel: ChannelId
  readonly transport: string
  readonly traits: ChannelTraits
  readonly role: 'initiator' | 'responder'
  readonly handshake: LinkHandshake
  /** Of the keys, where frames are sealed. */
  readonly keyLifetime: KeyLifetime
}

export type SessionEvent =
  | { readonly type: 'established'; readonly remote: RemoteIdentity }
  | {
      readonly type: 'frame'
      readonly kind: MeshFrameKind
      readonly priority: PriorityIndex
      readonly payload: Uint8Array
    }
  | { readonly type: 'bundle'; readonly priority: PriorityIndex; readonly frame: BundleFrame }
  /** The round trip was measured. */
  | { readonly type: 'measured' }
  /** Data has been unanswered for a while. */
  | { readonly type: 'doubted' }
  /** Data has been unanswered for long. */
  | { readonly type: 'suspect' }
  /** Something came on a suspect channel. */
  | { readonly type: 'recovered' }
  /** It ends with this reason; `remote` when the other end gave it. */
  | { readonly type: 'ended'; readonly reason: CloseReason; readonly by: 'local' | 'remote' }
