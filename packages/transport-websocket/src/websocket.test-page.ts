/** The dialling end of the conformance suite, and a look at what the page would refuse. */

import { EndServer, localEnd } from '@fieldmesh/core/testing'
import { websocket } from '@fieldmesh/transport-websocket'

const ends = new EndServer()

export function makeEnd(peer: string): number {
  return ends.add(localEnd(websocket(), peer))
}

export function callEnd(end: number, method: string, args: readonly unknown[]): Promise<unknown> {
  return ends.call(end, method, args)
}
