/** Who looks on while a world runs: see invariants/. */

import type { Input } from '../../../engine/input.ts'
import type { Recorder } from '../../../recorder/recorder.ts'
import type { Boot } from '../peers/boot.ts'
import type { SimulatedPeer } from '../peers/simulated-peer.ts'

export interface Watch {
  /** Puts itself between an engine that is to be made and its recorder. */
  tap(peer: SimulatedPeer, epoch: number, recorder: Recorder): Recorder
  /** An engine took in an input, and what it decided was carried out. */
  stepped(peer: SimulatedPeer, boot: Boot, input: Input): void
  /** The application asks the running boot to stop. */
  stops(peer: SimulatedPeer): void
  /** A boot is about to end. */
  ends(peer: SimulatedPeer, boot: Boot): void
}

/** Nobody looks. */
export const noWatch: Watch = {
  tap: (_peer, _epoch, recorder) => recorder,
  stepped: () => {},
  stops: () => {},
  ends: () => {},
}
