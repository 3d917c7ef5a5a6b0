/**
 * Congestion control: how many bytes may be under way. Controllers stand side by side behind one
 * interface (rules RC6 to RC18): `congestion-default.ts` for what people wait for,
 * `congestion-scavenger.ts` for bulk.
 */

/** 64 KiB: reaches full speed within a few round trips, and a relay's queue takes it. */
export const congestionWindowBytesInitial = 64 * 1024

/** 8 KiB on a narrow path: 0.4 s of a Bluetooth link of 20 kB/s. */
export const narrowWindowBytesInitial = 8 * 1024

/**
 * A path that takes no larger packets, in bytes, is narrow: a Bluetooth link is in it (rule RO13 of
 * docs/specs/routing.md).
 */
export const narrowPacketBytesMax = 4096

/**
 * 1 MiB each for the default and for the scavenger: 84 Mbit/s at 100 ms. What is unacknowledged is
 * held in memory, so it is bounded.
 */
export const congestionWindowBytesMax = 1024 * 1024

/** The window never falls below two packets: one could leave its acknowledgement to a timer. */
export const congestionWindowPacketsMin = 2

/** Packet size assumed before the path is known, in bytes. */
export const packetBytesAssumed = 1200

/** What one acknowledgement says of the packets of one controller. */
export interface Acknowledged {
  /** Of packets that arrived on this path and were not known to. */
  readonly bytes: number
  /** When the latest of them was sent. */
  readonly sentAtMs: number
  /** Measured on the latest of them, if that is as large as packets get; the peer's delay taken off. */
  readonly roundTripMs: number | undefined
  /** The window, not the sender or the mesh, was the limit. */
  readonly isLimited: boolean
}

/** Decides how many bytes may be in flight. Sizes are those of whole packets. */
export interface CongestionController {
  readonly windowBytes: number
  acknowledged(acknowledged: Acknowledged, nowMs: number): void
  /**
   * Packets were lost or marked, the latest of them sent at `sentAtMs`. True when the window shrank:
   * once a round trip (RFC 9002, section 7.3.2).
   */
  congested(cause: 'loss' | 'mark', sentAtMs: number, nowMs: number): boolean
  /** The losses behind the latest reduction were none. */
  undo(): void
  /** Nothing arrived for so long that what was known of the path is void (RFC 9002, section 7.6). */
  collapse(): void
  /** The path is another one; the size of its packets tells how wide it is. */
  reset(pathBytes: number): void
  /** How large packets are now. */
  setPacketBytes(bytes: number): void
}

/** The first window on a path that takes packets of that size. */
export function initialWindowBytes(pathBytes: number): number {
  return pathBytes <= narrowPacketBytesMax ? narrowWindowBytesInitial : congestionWindowBytesInitial
}

/** The window within its bounds. */
export function boundedWindowBytes(windowBytes: number, packetBytes: number): number {
  const least = congestionWindowPacketsMin * packetBytes
  return Math.min(Math.max(windowBytes, least), Math.max(congestionWindowBytesMax, least))
}
