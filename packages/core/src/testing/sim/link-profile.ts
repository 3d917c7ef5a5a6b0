/** What the pipes of a simulated world are like. */

import type { ChannelTraits } from '../../transport/channel.ts'

export interface LinkProfile {
  readonly latencyMs: number
  /** Up to that much is added to the latency of each message; order is kept. */
  readonly jitterMs: number
  readonly bytesPerMs: number
  readonly traits: ChannelTraits
}

function profile(
  latencyMs: number,
  jitterMs: number,
  bytesPerMs: number,
  messageBytesMax: number,
  costClass: ChannelTraits['cost']['class'],
): LinkProfile {
  const cost = { class: costClass, metered: false }
  const traits = { messageBytesMax, reliable: true, ordered: true, encrypted: false, cost }
  return { latencyMs, jitterMs, bytesPerMs, traits }
}

/** A quiet wireless network: 3 ms, 40 Mbit/s. */
export const wifi = (): LinkProfile => profile(3, 2, 5_000, 65_536, 'lan')

/** A full room: 40 ms and as much again now and then, 4 Mbit/s. */
export const wifiCrowded = (): LinkProfile => profile(40, 40, 500, 65_536, 'lan')

/** A server across the country: 60 ms, 10 Mbit/s. */
export const wan = (): LinkProfile => profile(60, 10, 1_250, 65_536, 'wan')

/** A GATT link: 20 kB/s in messages of 182 bytes. */
export const bluetooth = (): LinkProfile => profile(15, 15, 20, 182, 'bluetooth')
