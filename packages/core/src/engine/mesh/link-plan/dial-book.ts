/** What layer 1 says of its dial targets, kept by address and by wanted peer. */

import type { PeerId } from '../../identity/peer-id.ts'
import type { DialReport } from '../../link/dialer.ts'
import type { LinkReason } from './link-account.ts'

/** A target, and what is decided about it. */
export interface BookedDial {
  report: DialReport
  /** When it moved to its state. */
  sinceMs: number
  /** What became of the latest dial, if it failed. */
  failure: string | undefined
  /** Of a discovered address: whether it is dialled. */
  isReleased: boolean
  /** Why it is dialled, or was last. */
  releaseReason: LinkReason
  /** When it was last released to find out who is there. */
  exploredAtMs: number
}

/** See the file header. As many as the dialer keeps. */
export class DialBook {
  readonly #dials = new Map<string, BookedDial>()

  changed(report: DialReport, nowMs: number): void {
    const key = keyOf(report.transport, report.address, report.isWanted)
    const known = this.#dials.get(key)
    const failure = report.state === 'backoff' ? report.reason : undefined
    if (known === undefined) {
      this.#dials.set(key, {
        report,
        sinceMs: nowMs,
        failure,
        isReleased: false,
        releaseReason: 'lacking-links',
        exploredAtMs: -Infinity,
      })
      return
    }
    known.report = report
    known.sinceMs = nowMs
    if (report.state === 'up') known.failure = undefined
    else known.failure = failure ?? known.failure
  }

  gone({ transport, address, isWanted }: DialReport): void {
    this.#dials.delete(keyOf(transport, address, isWanted))
  }

  /** The dial of a peer that is wanted over that transport. */
  wanted(peer: PeerId, transport: string): BookedDial | undefined {
    return this.#dials.get(keyOf(transport, peer, true))
  }

  /** Every address. */
  *addresses(): Iterable<BookedDial> {
    for (const dial of this.#dials.values()) if (!dial.report.isWanted) yield dial
  }

  /** Addresses at which that peer answers, or is said to. */
  *addressesOf(peer: PeerId): Iterable<BookedDial> {
    for (const dial of this.addresses()) if (dial.report.peer === peer) yield dial
  }
}

/** Whether the target's channel is open, or rests because another one is. */
export function isEstablished({ report: { state } }: BookedDial): boolean {
  return state === 'up' || state === 'standby'
}

/** Whether a dial is due or under way. */
export function isUnderWay({ report: { state } }: BookedDial): boolean {
  return state === 'waiting' || state === 'dialing' || state === 'handshaking'
}

function keyOf(transport: string, address: string, isWanted: boolean): string {
  return `${transport} ${isWanted ? 'peer' : 'address'} ${address}`
}
