import type { DiscoveryCounts } from './lan-discovery.ts'

/** What a UDP transport has dropped or refused since it was made, for diagnosis. Counts only grow. */
export interface UdpCounts extends DiscoveryCounts {
  /** Datagrams that are none of this protocol. */
  malformed: number
  /** Datagrams with a tag that no channel has: of channels that are gone, or guessed. */
  unknown: number
  /** Of these, how many were left without an answer because there were too many. */
  unanswered: number
  /** Cookies that were made up, or too old. */
  cookiesRefused: number
  /** Dials of others refused: too many channels or strangers, or another version. */
  dialsRefused: number
}

/** All zero. */
export function createUdpCounts(): UdpCounts {
  return {
    malformed: 0,
    unknown: 0,
    unanswered: 0,
    cookiesRefused: 0,
    dialsRefused: 0,
    announcementsMalformed: 0,
    sightingsRefused: 0,
  }
}
