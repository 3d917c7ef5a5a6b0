/** One attempt at a meeting, from either end: what ends it, and what became of it. */

import type { MeetingOutcome } from '../engine/command.ts'
import type { PeerId } from '../engine/identity/peer-id.ts'
import type { MeetingId } from '../engine/input.ts'
import { meshErrorOf, type MeshError } from './mesh-error.ts'

/** See the file header. */
export class MeetingAttempt {
  readonly id: MeetingId
  /** Who was met. Rejects with whatever ends the attempt. */
  readonly met: Promise<PeerId>
  readonly #abort = new AbortController()
  readonly #over: () => void
  #resolveMet!: (peer: PeerId) => void
  #timer: ReturnType<typeof setTimeout> | undefined
  #stopListening: () => void = () => {}
  #isOver = false

  /** `signal` ends it; `over` is called when it has ended, whatever the outcome. */
  constructor(id: MeetingId, signal: AbortSignal | undefined, over: () => void) {
    this.id = id
    this.#over = over
    this.met = new Promise((resolve, reject) => {
      this.#resolveMet = resolve
      // The reason may be the application's own value, whatever it is.
      this.signal.addEventListener('abort', () => reject(this.signal.reason as Error))
    })
    // Not everybody waits for it.
    this.met.catch(() => {})
    if (!signal) return
    const abort = () => this.end(signal.reason)
    signal.addEventListener('abort', abort)
    this.#stopListening = () => signal.removeEventListener('abort', abort)
    if (signal.aborted) abort()
  }

  /** Aborted, with what ended it, unless it came to a meeting. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** Ends it with that error when `Date.now` has come to that time. */
  endAt(atMs: number, error: () => MeshError): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.end(error()), atMs - Date.now())
  }

  /** From now on time does not end it. */
  stopTimer(): void {
    clearTimeout(this.#timer)
  }

  /** The engine has come to know the other end, or not. */
  ended(outcome: MeetingOutcome): void {
    if (!outcome.ok) {
      this.end(meshErrorOf(outcome.problem))
      return
    }
    this.#resolveMet(outcome.peer)
    this.#settle()
  }

  /** Ends it with that reason, unless it is over. */
  end(reason: unknown): void {
    if (this.#settle()) this.#abort.abort(reason)
  }

  /** True the first time. */
  #settle(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    this.stopTimer()
    this.#stopListening()
    this.#over()
    return true
  }
}
