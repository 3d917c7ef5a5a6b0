/** What every layer of one engine shares: handed in once, never global. */

import type { Recorder } from '../recorder/recorder.ts'
import type { Cryptography } from './crypto/cryptography.ts'
import type { Random } from './crypto/random.ts'

/** Injected into each layer's constructor. Time is not here: each call brings its own `nowMs`. */
export interface EngineContext {
  readonly random: Random
  readonly cryptography: Cryptography
  readonly recorder: Recorder
}
