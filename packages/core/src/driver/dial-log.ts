/** The dials that came to nothing: the last failure of each address, until one succeeds there. */

import { DialFailure, type DialFailureReason, type DialObstacle } from '../transport/transport.ts'

/** Addresses kept; the one that failed longest ago is dropped. */
export const failedDialsMax = 64

export interface FailedDial {
  readonly transport: string
  /** As the transport understands it: the id of the peer where it signals through the mesh. */
  readonly address: string
  readonly reason: DialFailureReason
  readonly obstacle: DialObstacle | undefined
  /** A sentence of the transport. */
  readonly message: string
  /** Failures in a row. */
  readonly count: number
}

/** See the file header. */
export class DialLog {
  readonly #failed = new Map<string, FailedDial>()

  /** Longest ago first. */
  get failed(): readonly FailedDial[] {
    return [...this.#failed.values()]
  }

  succeeded(transport: string, address: string): void {
    this.#failed.delete(keyOf(transport, address))
  }

  /** Dials that were cancelled say nothing, unless they had their time. */
  failedWith(transport: string, address: string, error: unknown): void {
    const { reason = 'unreachable', obstacle } = error instanceof DialFailure ? error : {}
    const key = keyOf(transport, address)
    const count = (this.#failed.get(key)?.count ?? 0) + 1
    const message = error instanceof Error ? error.message : String(error)
    this.#failed.delete(key)
    this.#failed.set(key, { transport, address, reason, obstacle, message, count })
    if (this.#failed.size <= failedDialsMax) return
    for (const oldest of this.#failed.keys()) {
      this.#failed.delete(oldest)
      return
    }
  }
}

function keyOf(transport: string, address: string): string {
  return `${transport} ${address}`
}
