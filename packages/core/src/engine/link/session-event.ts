/** What one channel is made of, and what it tells the links. */

import type { ChannelId } from '../input.ts'
import type { ChannelTraits } from '../../transport/channel.ts'
import type { CloseReason } from './close-reason.ts'
import type { LinkHandshake, RemoteIdentity } from './link-handshake.ts'
import type { MeshFrameKind } from './link-port.ts'

/** See the picture in channel-session.ts. */
export type SessionState = 'handshaking' | 'up' | 'suspect' | 'draining' | 'closing' | 'closed'

export interface SessionOptions {
  readonly channel: ChannelId
  readonly transport: string
  readonly traits: ChannelTraits
  readonly role: 'initiator' | 'responder'
  readonly handshake: LinkHandshake
}

export type SessionEvent =
  | { readonly type: 'established'; readonly remote: RemoteIdentity }
  | { readonly type: 'frame'; readonly kind: MeshFrameKind; readonly payload: Uint8Array }
  /** The round trip was measured. */
  | { readonly type: 'measured' }
  | { readonly type: 'suspect' }
  /** It ends with this reason; `remote` when the other end gave it. */
  | { readonly type: 'ended'; readonly reason: CloseReason; readonly by: 'local' | 'remote' }
