/**
 * Route frames of the common-neighbour router (rules RT1 to RT4): a table, an update of it, or the
 * request for a table.
 *
 * Sequence numbers count the frames of one boot of the sender, over all its neighbours; `base` names
 * the frame that an update continues, so that a receiver sees every gap.
 */

import { ByteReader } from '../bytes/reader.ts'
import { ByteWriter } from '../bytes/writer.ts'
import { decodePeerId, encodePeerId, peerIdBytes, type PeerId } from '../identity/peer-id.ts'
import { metricInfinite } from './metric.ts'
import { sizeClassOf, type SizeClass } from './size-class.ts'

export const routeFrameVersion = 1
/** Destinations in a frame. A hub of a thousand links fits; what is beyond stays unadvertised. */
export const routeEntriesMax = 1_024

const kinds = ['advertisement', 'request'] as const

/** A neighbour of the sender. */
export interface RouteEntry {
  readonly peer: PeerId
  /** Of the sender's link to it; `metricInfinite` retracts. */
  readonly metric: number
  readonly sizeClass: SizeClass
}

export type RouteFrame =
  | {
      readonly type: 'advertisement'
      readonly epoch: number
      /** From 1. */
      readonly sequence: number
      /** The frame to this neighbour before this one; 0 for a whole table. */
      readonly base: number
      readonly entries: readonly RouteEntry[]
    }
  | { readonly type: 'request'; readonly epoch: number }

/** The wire form. At most `routeEntriesMax` entries. */
export function encodeRouteFrame(frame: RouteFrame): Uint8Array {
  const writer = new ByteWriter()
    .u8(routeFrameVersion)
    .u8(kinds.indexOf(frame.type))
    .varint(frame.epoch)
  if (frame.type === 'request') return writer.finish()
  writer.varint(frame.sequence).varint(frame.base).varint(frame.entries.length)
  for (const entry of frame.entries) {
    writer.raw(decodePeerId(entry.peer)).u16(entry.metric).u8(entry.sizeClass)
  }
  return writer.finish()
}

/** The frame, or `undefined` when it breaks a rule. */
export function decodeRouteFrame(bytes: Uint8Array): RouteFrame | undefined {
  const reader = new ByteReader(bytes)
  const version = reader.u8()
  const type = kinds[reader.u8()]
  const epoch = reader.varint()
  if (reader.failed || version !== routeFrameVersion || type === undefined) return undefined
  if (type === 'request') return reader.finished ? { type, epoch } : undefined
  const sequence = reader.varint()
  const base = reader.varint()
  const count = reader.varint(routeEntriesMax)
  const entries: RouteEntry[] = []
  for (let index = 0; index < count && !reader.failed; index += 1) {
    const peer = encodePeerId(reader.raw(peerIdBytes))
    const metric = reader.u16()
    const sizeClass = sizeClassOf(reader.u8())
    if (sizeClass === undefined || metric === 0) reader.fail()
    else entries.push({ peer, metric, sizeClass })
  }
  if (!reader.finished || sequence === 0 || base >= sequence) return undefined
  return { type, epoch, sequence, base, entries }
}

/** Whether the entry takes the destination back. */
export function isRetraction(entry: RouteEntry): boolean {
  return entry.metric === metricInfinite
}
