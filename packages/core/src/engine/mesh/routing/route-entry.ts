/**
 * What a peer tells a neighbour of one destination, and the digest of all it has told (rules RO2, RO6).
 */

import { ByteWriter } from '../../bytes/writer.ts'
import { decodePeerId, type PeerId } from '../../identity/peer-id.ts'
import { hopLimitInitial } from '../packet.ts'
import { linkMetricMax, linkMetricMin } from '../metric.ts'
import { smallerSizeClass, type SizeClass } from '../size-class.ts'
import type { NeighbourQuality } from '../router.ts'
import type { Distance } from './route-version.ts'

/** Hops of a path: a packet could not travel a longer one. */
export const hopCountMax = hopLimitInitial
/** Metric of a path: of `hopCountMax` links at their worst. */
export const pathMetricMax = hopCountMax * linkMetricMax
/** Sequence numbers: at ten a second, the most that a peer counts, they last for 13 years. */
export const sequenceMax = 2 ** 32 - 1

/** The path of the teller to a destination. */
export interface RouteEntry extends Distance {
  /** 0 for the destination itself. */
  readonly hopCount: number
  readonly sizeClass: SizeClass
}

/** Whether numbers can be those of a path: 0 hops cost nothing, and each hop its least metric. */
export function isPlausible({ sequence, metric, hopCount }: RouteEntry): boolean {
  if (sequence < 1 || sequence > sequenceMax) return false
  if (hopCount > hopCountMax || metric > pathMetricMax) return false
  return hopCount === 0 ? metric === 0 : metric >= hopCount * linkMetricMin
}

/** The same path as seen from across a link; `undefined` when it is too long to be travelled. */
export function extendEntry(entry: RouteEntry, link: NeighbourQuality): RouteEntry | undefined {
  if (entry.hopCount >= hopCountMax) return undefined
  const metric = entry.metric + link.metric
  if (metric > pathMetricMax) return undefined
  const { epoch, sequence } = entry
  const sizeClass = smallerSizeClass(entry.sizeClass, link.sizeClass)
  return { epoch, sequence, metric, hopCount: entry.hopCount + 1, sizeClass }
}

/**
 * The entry's share of a digest, from 1 to 2^32 - 1: FNV-1a of peer, epoch, hop count and class,
 * sequence number and metric as they stand in a frame. It finds accidents; it stops nobody who lies.
 */
export function entryHash(peer: PeerId, entry: RouteEntry): number {
  const bytes = new ByteWriter()
    .raw(decodePeerId(peer))
    .varint(entry.epoch)
    .u8(pathByte(entry))
    .varint(entry.sequence)
    .varint(entry.metric)
    .view()
  let hash = 0x811c9dc5
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193)
  // 0 stands for a destination that nothing is told of.
  return hash >>> 0 || 1
}

/** Hop count and size class in one byte. */
export function pathByte({ hopCount, sizeClass }: RouteEntry): number {
  return (hopCount << 2) | sizeClass
}
