/** Carries signals between two ends of a test, as a mesh would. */

import type { TransportEnd } from '@fieldmesh/core/testing'

/** Carries what the first end says to the other, until the first is stopped. */
export function carrySignals(from: TransportEnd, to: TransportEnd): void {
  const carry = async () => {
    for (let signal = await from.nextSignal(); signal; signal = await from.nextSignal()) {
      await to.receiveSignal(from.peer, signal.hex)
    }
  }
  // An end in a page that is gone rejects: there is nobody left to carry for.
  carry().catch(() => undefined)
}
