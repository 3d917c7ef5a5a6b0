/**
 * Handshake patterns (Noise revision 34, sections 7 and 9): which tokens each message carries.
 *
 * `XXpsk0` is the base pattern `XX` with the modifier `psk0`: a `psk` token at the beginning of
 * the first message; `pskN` puts one at the end of message N.
 */

import { assert } from '../assert.ts'

export type HandshakeToken = 'e' | 's' | 'ee' | 'es' | 'se' | 'ss' | 'psk'

/** Base patterns that this code base has use for. */
export type BasePatternName = 'NN' | 'N' | 'X' | 'XX' | 'IK'

export interface HandshakePattern {
  /** With its modifiers, such as `XXpsk0`. */
  readonly name: string
  /** The responder's static key is known to the initiator beforehand (`<- s`). */
  readonly responderStaticKnown: boolean
  /** Messages in order; the initiator sends the first, and they alternate. */
  readonly messages: readonly (readonly HandshakeToken[])[]
  /** It has `psk` tokens: then each `e` is mixed into the key too (section 9.2). */
  readonly usesPsk: boolean
}

const basePatterns: Readonly<
  Record<BasePatternName, Pick<HandshakePattern, 'responderStaticKnown' | 'messages'>>
> = {
  NN: { responderStaticKnown: false, messages: [['e'], ['e', 'ee']] },
  N: { responderStaticKnown: true, messages: [['e', 'es']] },
  X: { responderStaticKnown: true, messages: [['e', 'es', 's', 'ss']] },
  XX: { responderStaticKnown: false, messages: [['e'], ['e', 'ee', 's', 'es'], ['s', 'se']] },
  IK: {
    responderStaticKnown: true,
    messages: [
      ['e', 'es', 's', 'ss'],
      ['e', 'ee', 'se'],
    ],
  },
}

/** The pattern with pre-shared keys at the given places, in ascending order (`0` for `psk0`). */
export function handshakePattern(
  base: BasePatternName,
  pskPlaces: readonly number[] = [],
): HandshakePattern {
  const { responderStaticKnown, messages } = basePatterns[base]
  const modified = messages.map((tokens) => [...tokens])
  for (const place of pskPlaces) {
    assert(place >= 0 && place <= modified.length, `${base} has no place for psk${place}`)
    if (place === 0) modified[0]!.unshift('psk')
    else modified[place - 1]!.push('psk')
  }
  return {
    name: base + pskPlaces.map((place) => `psk${place}`).join('+'),
    responderStaticKnown,
    messages: modified,
    usesPsk: pskPlaces.length > 0,
  }
}

/** The patterns that this code base speaks. */
export const handshakePatterns = {
  /** Links and connections at first contact. */
  XXpsk0: handshakePattern('XX', [0]),
  /** Links between peers that have met. */
  IKpsk2: handshakePattern('IK', [2]),
  /** Connections that a ticket resumes. */
  NNpsk0: handshakePattern('NN', [0]),
} as const
