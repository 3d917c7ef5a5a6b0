/** Ends of the conformance suite that live in a page. */

import { EndServer, localEnd } from '@fieldmesh/core/testing'
import { webrtc } from '@fieldmesh/transport-webrtc'

const ends = new EndServer()

export function makeEnd(peer: string): number {
  return ends.add(localEnd(webrtc(), peer))
}

export function callEnd(end: number, method: string, args: readonly unknown[]): Promise<unknown> {
  return ends.call(end, method, args)
}
