/**
 * Two channels of one transport to one neighbour are one too many: which of them stays (rule LK34 of
 * docs/specs/link.md). Only the deciding end holds a contest, since the two may see cost differently.
 *
 * Whether the older channel still lives shows in its answer to a probe: a peer that dials again may
 * well have lost it. So the decision waits until all have answered, or have had their time.
 */

import { costRank } from './channel-choice.ts'
import type { ChannelSession } from './channel-session.ts'

/** What a channel has to show a sign of life in before another one replaces it, in milliseconds. */
export const contestMs = 2_000

/** One channel that stays, and those of its transport that make way for it. */
export interface ContestResult {
  readonly stays: ChannelSession
  readonly leave: readonly {
    readonly session: ChannelSession
    readonly reason: 'duplicate' | 'silent'
  }[]
}

/** The contests of one link. */
export class DuplicateContest {
  readonly #receivedBefore = new Map<ChannelSession, number>()
  #deadlineMs = Number.POSITIVE_INFINITY

  get deadlineMs(): number {
    return this.#deadlineMs
  }

  /** A channel has become part of the link, whose others are given. */
  enter(entrant: ChannelSession, others: readonly ChannelSession[], nowMs: number): void {
    const rivals = others.filter(({ transport }) => transport === entrant.transport)
    if (rivals.length === 0) return
    this.#deadlineMs = Math.min(this.#deadlineMs, nowMs + contestMs)
    for (const session of [entrant, ...rivals]) {
      session.probe()
      if (this.#receivedBefore.has(session)) continue
      this.#receivedBefore.set(session, session.receivedMessages)
    }
  }

  /** What is decided by now, once. */
  decide(sessions: readonly ChannelSession[], nowMs: number): readonly ContestResult[] {
    if (this.#receivedBefore.size === 0) return []
    const entrants = sessions.filter(
      (session) => this.#receivedBefore.has(session) && session.usable,
    )
    const hasAnswered = (session: ChannelSession): boolean =>
      session.receivedMessages > (this.#receivedBefore.get(session) ?? 0)
    if (nowMs < this.#deadlineMs && !entrants.every(hasAnswered)) return []
    const results: ContestResult[] = []
    for (const transport of new Set(entrants.map((session) => session.transport))) {
      const rivals = entrants.filter((session) => session.transport === transport)
      const living = rivals.filter(hasAnswered)
      const stays = best(living.length > 0 ? living : rivals)
      const leaving = rivals.filter((session) => session !== stays)
      const leave = leaving.map((session) => ({
        session,
        reason: hasAnswered(session) ? ('duplicate' as const) : ('silent' as const),
      }))
      if (stays && leave.length > 0) results.push({ stays, leave })
    }
    this.#receivedBefore.clear()
    this.#deadlineMs = Number.POSITIVE_INFINITY
    return results
  }
}

/** The preferred one; of equals the newest, since who dials again has lost the older one. */
function best(sessions: readonly ChannelSession[]): ChannelSession | undefined {
  let found: ChannelSession | undefined
  for (const session of sessions) if (!found || rank(session) <= rank(found)) found = session
  return found
}

/** Cost class first, then metered or not, then who dialled: the deciding end. */
function rank(session: ChannelSession): number {
  return costRank(session.traits.cost) * 2 + (session.role === 'initiator' ? 0 : 1)
}
