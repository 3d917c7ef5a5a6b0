/** What the neighbourhood decides and tells; the composition root passes it on. */

import type { MeshEvent } from '../command.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { LifecycleReason } from '../lifecycle-change.ts'
import type { Output } from '../output.ts'
import type { Problem } from '../problem.ts'
import type { LinkDownReason } from './close-reason.ts'
import type { DialerOutput } from './dialer.ts'
import type { LinkDescription, MeshFrameKind } from './link-port.ts'

/** How a sleep was found out. */
export type WakeReason = Extract<LifecycleReason, 'late-deadline' | 'clock-leap'>

export type NeighbourhoodOutput =
  | DialerOutput
  | Extract<Output, { readonly type: 'channel-send' | 'close-channel' }>
  | { readonly type: 'link-up'; readonly link: LinkDescription }
  /**
   * Its channel or, notably, its round-trip time changed; no frame was lost, but for packets where some
   * are given up.
   */
  | {
      readonly type: 'link-changed'
      readonly link: LinkDescription
      readonly arePacketsGivenUp: boolean
    }
  /** Frames that were accepted may be lost. A `link-up` of the same peer may follow at once. */
  | { readonly type: 'link-down'; readonly peer: PeerId; readonly reason: LinkDownReason }
  | {
      readonly type: 'frame'
      readonly peer: PeerId
      readonly kind: MeshFrameKind
      readonly payload: Uint8Array
    }
  /** After `full`: there is room again. */
  | { readonly type: 'link-writable'; readonly peer: PeerId }
  /** Nothing ran for that long, at least. */
  | { readonly type: 'woke'; readonly sleptMs: number; readonly reason: WakeReason }
  | { readonly type: 'problem'; readonly problem: Problem; readonly peer?: PeerId }
  | Extract<MeshEvent, { readonly type: 'meeting-ended' }>
