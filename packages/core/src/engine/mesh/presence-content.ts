/**
 * This peer's own presence content, within the bounds that others hold it to: what an application
 * or a hub with many links has too much of is left out here, not refused by everybody else.
 */

import { decodeUtf8, encodeUtf8 } from '../bytes/utf8.ts'
import type { LinkDescription } from '../link/link-port.ts'
import type { QualityStep } from './link-quality.ts'
import { linkMetric } from './metric.ts'
import {
  libraryVersionBytesMax,
  metadataEntriesMax,
  metadataEntryBytesMax,
  nameCharactersMax,
  platformBytesMax,
  recordNeighboursMax,
  transportNameBytesMax,
  transportsMax,
  type PresenceContent,
  type PresenceNeighbour,
  type PresenceTransport,
} from './presence-record.ts'
import type { RttStep } from './rtt-step.ts'

/** A link, and the steps of round trip and quality that others are told of it. */
export interface LocalLink {
  readonly description: LinkDescription
  readonly rttStep: RttStep
  readonly qualityStep: QualityStep
}

/** What stays the same in all that a peer says of itself; bounded. */
export type PresenceProfile = Pick<
  PresenceContent,
  'name' | 'platform' | 'libraryVersion' | 'metadata'
>

/** The profile, cut to what others accept. */
export function boundedProfile(profile: PresenceProfile): PresenceProfile {
  return {
    name: boundedName(profile.name),
    platform: fitting(profile.platform, platformBytesMax),
    libraryVersion: fitting(profile.libraryVersion, libraryVersionBytesMax),
    metadata: boundedMetadata(profile.metadata),
  }
}

/** The name, cut to its bound. */
function boundedName(name: string): string {
  return Array.from(wellFormed(name)).slice(0, nameCharactersMax).join('')
}

/** The entries that keep to the bound, in key order, the first 16 of them. */
function boundedMetadata(
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
  profile: PresenceProfile,
  transports: Iterable<PresenceTransport>,
  links: Iterable<LocalLink>,
): PresenceContent {
  return {
    ...profile,
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

function neighbourOf({ description, rttStep, qualityStep }: LocalLink): PresenceNeighbour {
  const { peer, cost } = description
  const transport = fitting(description.transport, transportNameBytesMax)
  return { peer, transport, cost, rttStep, qualityStep }
}

/** The text, or nothing when it is too long. */
function fitting(text: string, bytesMax: number): string {
  const formed = wellFormed(text)
  return encodeUtf8(formed).length <= bytesMax ? formed : ''
}

/** What a reader will see of it: lone surrogates become U+FFFD on the wire. */
function wellFormed(text: string): string {
  return decodeUtf8(encodeUtf8(text)) ?? ''
}
