/** What an engine decides. The driver carries it out and reports back as input. */

import type { StorageRead, StorageWrite } from '../storage/storage.ts'
import type { CommandAnswer, MeshEvent } from './command.ts'
import type { StreamOutput } from './connection/stream-port.ts'
import type { PeerId } from './identity/peer-id.ts'
import type { ChannelId, CommandId, DialId, StorageRequestId } from './input.ts'

export type Output =
  /** Answered by `channel-opened` with this dial, or by `dial-failed`. */
  | {
      readonly type: 'dial'
      readonly dial: DialId
      readonly transport: string
      readonly address: string
    }
  /** Answered by `dial-failed` with `cancelled`, unless the channel opened first. */
  | { readonly type: 'cancel-dial'; readonly dial: DialId }
  /**
   * One message for a channel. The engine keeps within its credit: at most 256 KiB (or one message)
   * beyond what `channel-drained` reported, so the driver never has to refuse one.
   */
  | {
      readonly type: 'channel-send'
      readonly channel: ChannelId
      readonly bytes: Uint8Array
    }
  /** Close after what was sent. `channel-closed` follows. */
  | { readonly type: 'close-channel'; readonly channel: ChannelId }
  /** A signal from that peer's transport of the same name. */
  | {
      readonly type: 'signal-received'
      readonly transport: string
      readonly peer: PeerId
      readonly signal: Uint8Array
    }
  | {
      readonly type: 'storage-read'
      readonly request: StorageRequestId
      readonly reads: readonly StorageRead[]
    }
  | {
      readonly type: 'storage-write'
      readonly request: StorageRequestId
      readonly writes: readonly StorageWrite[]
    }
  | {
      readonly type: 'command-answered'
      readonly command: CommandId
      readonly answer: CommandAnswer
    }
  | { readonly type: 'event'; readonly event: MeshEvent }
  /** What happens to the application's streams; bytes are the driver's from here on. */
  | { readonly type: 'stream'; readonly event: ApplicationStreamEvent }
  /** Everything is said and written; the driver may close storage and transports. */
  | { readonly type: 'stopped' }

/** Streams as the application hears of them; waiting for allowance is the engine's. */
export type ApplicationStreamEvent = Exclude<StreamOutput, { readonly type: 'streams-available' }>
