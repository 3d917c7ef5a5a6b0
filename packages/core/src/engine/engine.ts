/**
 * The engine: every protocol of a peer as one deterministic state machine.
 *
 * The law: `handle` one input, then `poll` until it gives nothing, then come back at
 * `nextDeadlineMs` at the latest. No call does input or output, reads a clock or draws randomness.
 */

import type { DocumentsPort } from '../documents/documents-port.ts'
import type { Cryptography } from './crypto/cryptography.ts'
import type { Input } from './input.ts'
import type { Output } from './output.ts'

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
  readonly metadata: Readonly<Record<string, string>>
  readonly cryptography: Cryptography
  readonly documents: DocumentsPort
}

/** A peer without a body. See the file header for the law of its use. */
export class Engine {
  readonly #options: EngineOptions

  constructor(options: EngineOptions) {
    this.#options = options
  }

  /** Name of the application whose mesh this peer belongs to. */
  get app(): string {
    return this.#options.app
  }

  /** Takes in what happened at `nowMs` (monotonic, never decreasing). */
  handle(_input: Input, _nowMs: number): void {}

  /** The next thing to carry out, or `undefined` when there is nothing more for now. */
  poll(): Output | undefined {
    return undefined
  }

  /** When to hand in a `deadline` input, on the clock of `nowMs`; `Infinity` for never. */
  nextDeadlineMs(): number {
    return Number.POSITIVE_INFINITY
  }
}
