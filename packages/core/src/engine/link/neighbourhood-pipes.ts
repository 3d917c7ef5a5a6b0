/**
 * What `TwoNeighbourhoods` is made of: the channels between two peers, and a peer with all that it has
 * seen.
 */

import type { Recorder } from '../../recorder/recorder.ts'
import type { Cryptography } from '../crypto/cryptography.ts'
import { SeededRandom } from '../crypto/random.ts'
import { Identity } from '../identity/identity.ts'
import { Neighbourhood } from './neighbourhood.ts'
import type { NeighbourhoodOutput } from './neighbourhood-output.ts'
import { dialling } from './virtual-network.ts'

/** What a peer is made with. */
export interface SideOptions {
  readonly cryptography: Cryptography
  /** Shared by all runs: making one is dear, and nothing here reads it. */
  readonly recorder: Recorder
  /** Who dials. */
  readonly diallers: readonly (0 | 1)[]
  /** They know one secret. */
  readonly isSecretShared: boolean
}

/** One direction of a channel. */
export interface Flight {
  /** On their way, each with its place among those that were sent. */
  readonly messages: { readonly place: number; readonly bytes: Uint8Array }[]
  sent: number
  sentBytes: number
}

export function newFlight(): Flight {
  return { messages: [], sent: 0, sentBytes: 0 }
}

/** A channel between the two. */
export interface Pipe {
  readonly dialler: 0 | 1
  /** What each end has sent. */
  readonly flights: readonly [Flight, Flight]
  /** `closed` at an end that has been told. */
  readonly states: ['open' | 'opening' | 'closed', 'open' | 'opening' | 'closed']
  isCut: boolean
}

const app = 'cafe'

/** One peer. */
export class Side {
  neighbourhood!: Neighbourhood
  readonly told: NeighbourhoodOutput[] = []
  readonly #history: string[] = []
  isLinked = false
  complaint: string | undefined
  readonly #index: 0 | 1
  readonly #options: SideOptions
  #epoch = 0

  constructor(index: 0 | 1, options: SideOptions) {
    this.#index = index
    this.#options = options
  }

  /** A new boot, which knows of nothing. */
  boot(nowMs: number): void {
    const { cryptography, recorder, isSecretShared, diallers } = this.#options
    const index = this.#index
    this.#epoch += 1
    this.isLinked = false
    const seed = new Uint8Array(32).fill(index)
    seed[0] = this.#epoch
    this.neighbourhood = new Neighbourhood(
      { random: new SeededRandom(seed), cryptography, recorder },
      {
        identity: identityOf(index, cryptography),
        app,
        secret: new Uint8Array(32).fill(isSecretShared ? 1 : 1 + index),
        epoch: this.#epoch,
      },
    )
    this.neighbourhood.transportStarted('pipe', dialling, nowMs)
    if (diallers.includes(index)) this.neighbourhood.addressFound('pipe', 'there', nowMs)
  }

  /** All that it has seen. */
  get history(): string {
    return this.#history.join(' ')
  }

  note(event: string): void {
    this.#history.push(event)
  }

  /** Up and down alternate, and frames come in between. */
  tell(output: NeighbourhoodOutput): void {
    this.told.push(output)
    if (output.type === 'link-up') {
      if (this.isLinked) this.complaint ??= 'linked twice'
      this.isLinked = true
    } else if (output.type === 'link-down') {
      if (!this.isLinked) this.complaint ??= 'down without having been up'
      this.isLinked = false
    } else if (output.type === 'frame' || output.type === 'link-changed') {
      if (!this.isLinked) this.complaint ??= `${output.type} without a link`
    }
  }
}

/** Both have them, whatever happens: made once. */
const identities = new Map<number, Identity>()

export function identityOf(index: number, cryptography: Cryptography): Identity {
  const known = identities.get(index)
  if (known) return known
  const identity = new Identity(new Uint8Array(32).fill(index + 1), cryptography)
  identities.set(index, identity)
  return identity
}
