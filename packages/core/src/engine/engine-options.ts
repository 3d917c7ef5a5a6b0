/** What an engine is made of: the identity, the secrets and everything that it is not to make itself. */

import type { DocumentsPort } from '../documents/documents-port.ts'
import type { Recorder } from '../recorder/recorder.ts'
import type { KeyLimits } from './connection/key-phases.ts'
import type { Cryptography } from './crypto/cryptography.ts'
import type { KeyLifetime } from './noise/key-use.ts'

export interface EngineOptions {
  /** Name of the application; peers of different applications never talk. 1 to 64 characters. */
  readonly app: string
  /** 32 bytes that every peer of the mesh shares. */
  readonly secret: Uint8Array
  /** 32-byte Ed25519 secret key of this peer, kept in its store. */
  readonly identitySecretKey: Uint8Array
  /** Count of this store's openings: tells this boot from every other of the same identity. */
  readonly epoch: number
  /** 32 unpredictable bytes, fresh for each boot; all randomness derives from them. */
  readonly seed: Uint8Array
  /** What other peers are shown: at most 64 characters, and 16 entries of at most 256. */
  readonly name: string
  /** What other peers are shown: what this one runs on, at most 32 bytes. */
  readonly platform: string
  readonly metadata: Readonly<Record<string, string>>
  readonly cryptography: Cryptography
  readonly documents: DocumentsPort
  /** Made by `createRecorder`; the owner may read it at any time. */
  readonly recorder: Recorder
  /** How much one key of a link seals; a shorter life than usual is for tests. */
  readonly linkKeyLifetime?: KeyLifetime
  /** How much the keys of a connection seal; smaller limits than the usual are for tests. */
  readonly connectionKeyLimits?: KeyLimits
}
