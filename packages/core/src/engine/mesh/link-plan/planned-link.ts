/** A link that is wanted to a peer, over a transport that signals through the mesh. */

import type { EngineContext } from '../../context.ts'
import type { PeerId } from '../../identity/peer-id.ts'
import type { LinkReason, LinkState, WantReason } from './link-account.ts'

/** See the file header. It stays while the link stands, which is dialled again when it breaks. */
export interface PlannedLink {
  readonly peer: PeerId
  readonly transport: string
  readonly reason: WantReason
  readonly sinceMs: number
  /** `waiting`: the other end is to dial first. */
  state: 'waiting' | 'wanted'
  /** When this end dials, if it waits. */
  readonly dialAtMs: number
  /** It has been linked at one time. */
  wasLinked: boolean
}

/** Leaves an event of a decision. */
export function recordDecision(
  { recorder }: EngineContext,
  peer: PeerId,
  transport: string,
  to: LinkState,
  reason: LinkReason,
): void {
  recorder.mesh.linkDecided.record(peer, transport, to, reason)
}
