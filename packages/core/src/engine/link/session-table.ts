/**
 * The sessions of all channels: which of them may have something to send, and when the first of them
 * wants to be called.
 *
 * Invariant: the floor is never later than the earliest deadline of sessions and contests, so that
 * asking for it costs nothing; it is made exact after each deadline that was handled.
 */

import type { EngineContext } from '../context.ts'
import type { ChannelId } from '../input.ts'
import type { ChannelSession } from './channel-session.ts'

/** See the file header. Bounded by who adds to it. */
export class SessionTable {
  readonly #context: EngineContext
  readonly #sessions = new Map<ChannelId, ChannelSession>()
  /** Sessions that may have something to send. */
  readonly #touched = new Set<ChannelSession>()
  #floorMs = Number.POSITIVE_INFINITY
  #isFloorStale = false

  constructor(context: EngineContext) {
    this.#context = context
  }

  /** All of them, in the order in which their channels opened. */
  get byChannel(): ReadonlyMap<ChannelId, ChannelSession> {
    return this.#sessions
  }

  add(session: ChannelSession): void {
    this.#sessions.set(session.channel, session)
    this.#context.recorder.link.channels.set(this.#sessions.size)
  }

  remove(session: ChannelSession): void {
    this.#sessions.delete(session.channel)
    this.#touched.delete(session)
    this.#context.recorder.link.channels.set(this.#sessions.size)
  }

  /** Something about the session changed: it may have to send, and its deadline may be earlier. */
  touch(session: ChannelSession): void {
    this.#touched.add(session)
    this.lowerFloor(session.nextDeadlineMs())
  }

  /** A session that was touched since it was last taken. */
  takeTouched(): ChannelSession | undefined {
    const [session] = this.#touched
    if (session) this.#touched.delete(session)
    return session
  }

  /** A deadline that may be earlier than all others. */
  lowerFloor(deadlineMs: number): void {
    this.#floorMs = Math.min(this.#floorMs, deadlineMs)
  }

  /** Deadlines were handled: later ones count now. */
  raiseFloor(): void {
    this.#isFloorStale = true
  }

  /** No later than the earliest deadline of all sessions and of `others`, which are few. */
  floorMs(others: () => Iterable<number>): number {
    if (this.#isFloorStale) {
      this.#isFloorStale = false
      this.#floorMs = Number.POSITIVE_INFINITY
      for (const session of this.#sessions.values()) this.lowerFloor(session.nextDeadlineMs())
      for (const deadlineMs of others()) this.lowerFloor(deadlineMs)
    }
    return this.#floorMs
  }
}
