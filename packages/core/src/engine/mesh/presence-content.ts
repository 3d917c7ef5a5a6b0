/**
 * This peer's own presence content, within the bounds that others hold it to: what an application
 * or a hub with many links has too much of is left out here, not refused by everybody else.
 */

import { decodeUtf8, encodeUtf8 } from '../bytes/utf8.ts'
import type { LinkDescription } from '../link/link-port.ts'
import { linkMetric } from './metric.ts'
import {
  metadataEntriesMax,
  metadataEntryBytesMax,
  nameCharactersMax,
  recordNeighboursMax,
  transportNameBytesMax,
  transportsMax,
  type PresenceContent,
  type PresenceNeighbour,
  type PresenceTransport,
} from './presence-record.ts'

/** A link, and the RTT step that others are told of it. */
export interface LocalLink {
  readonly description: LinkDescription
  readonly rttStep: number
}

/** The name, cut to its bound. */
export function boundedName(name: string): string {
  return Array.from(wellFormed(name)).slice(0, nameCharactersMax).join('')
}

/** The entries that keep to the bound, in key order, the first 16 of them. */
export function boundedMetadata(
  metadata: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const fitting = Object.entries(metadata)
    .map(([key, value]) => [wellFormed(key), wellFormed(value)] as const)
    .filter(([key, value]) => {
      return encodeUtf8(key).length + encodeUtf8(value).length <= metadataEntryBytesMax
    })
    .sort(([left], [right]) => (left < right ? -1 : 1))
  return Object.fromEntries(fitting.slice(0, metadataEntriesMax))
}

/** What this peer says of itself now: of its links the 64 best. */
export function presenceContentOf(
  name: string,
  metadata: Readonly<Record<string, string>>,
  transports: Iterable<PresenceTransport>,
  links: Iterable<LocalLink>,
): PresenceContent {
  return {
    name,
    metadata,
    transports: [...transports]
      .filter((transport) => encodeUtf8(transport.name).length <= transportNameBytesMax)
      .sort((left, right) => (left.name < right.name ? -1 : 1))
      .slice(0, transportsMax),
    neighbours: [...links]
      .sort((left, right) => linkMetric(left.description) - linkMetric(right.description))
      .slice(0, recordNeighboursMax)
      .map(neighbourOf)
      .sort((left, right) => (left.peer < right.peer ? -1 : 1)),
  }
}

function neighbourOf({ description, rttStep }: LocalLink): PresenceNeighbour {
  const { peer, cost, transport } = description
  const fits = encodeUtf8(transport).length <= transportNameBytesMax
  return { peer, transport: fits ? transport : '', cost, rttStep }
}

/** What a reader will see of it: lone surrogates become U+FFFD on the wire. */
function wellFormed(text: string): string {
  return decodeUtf8(encodeUtf8(text)) ?? ''
}
