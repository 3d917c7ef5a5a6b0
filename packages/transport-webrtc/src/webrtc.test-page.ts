/** Ends of the conformance suite that live in a page, or in its worker over a transport of the page. */

import { EndServer, localEnd, workerEnds } from '@fieldmesh/core/testing'
import type { TransportEnd } from '@fieldmesh/core/testing'
import { webrtc } from './page.ts'

/**
 * Where the bytes of an end go: `page`: they are used there; `relayed`: from the page to a worker;
 * `direct`: to the worker, past the page.
 */
export type EndPlace = 'page' | 'relayed' | 'direct'

const ends = new EndServer()
let inWorker: ReturnType<typeof workerEnds> | undefined
let handedOverCount = 0

// Counts what leaves the page for good, so that a test knows which way the bytes went.
const { postMessage } = MessagePort.prototype
MessagePort.prototype.postMessage = function (this: MessagePort, ...args: unknown[]) {
  const [, moved] = args
  const count = Array.isArray(moved)
    ? moved.filter((each) => each instanceof RTCDataChannel).length
    : 0
  Reflect.apply(postMessage, this, args)
  handedOverCount += count
}

export function makeEnd(peer: string, place: EndPlace): number {
  return ends.add(endAt(peer, place))
}

export function callEnd(end: number, method: string, args: readonly unknown[]): Promise<unknown> {
  return ends.call(end, method, args)
}

/** Data channels that have been handed over so far. */
export function handedOver(): number {
  return handedOverCount
}

let busy: ReturnType<typeof setInterval> | undefined

/** Keeps the page busy for half of the time, 25 ms at a stretch, until it is told to rest. */
export function beHalfBusy(isBusy: boolean): void {
  clearInterval(busy)
  busy = undefined
  if (isBusy) busy = setInterval(() => spin(25), 50)
}

function spin(ms: number): void {
  const endMs = performance.now() + ms
  while (performance.now() < endMs);
}

function endAt(peer: string, place: EndPlace): TransportEnd {
  if (place === 'page') return localEnd(webrtc(), peer)
  inWorker ??= workerEnds(
    new Worker(new URL('ends-worker.test-page.ts', import.meta.url), { type: 'module' }),
  )
  return inWorker(webrtc({ direct: place === 'direct' }), peer)
}
