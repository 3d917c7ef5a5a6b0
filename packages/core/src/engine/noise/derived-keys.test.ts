/** Keys that come of others: the next one of a direction, and further secrets of a handshake. */

import { expect, test } from 'vitest'

import { concatBytes } from '../bytes/compare.ts'
import { encodeHex } from '../bytes/hex.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import { nobleCryptography } from '../crypto/noble.ts'
import { CipherState } from './cipher-state.ts'
import { handshakePatterns } from './handshake-pattern.ts'
import { HandshakeState, type HandshakeRole } from './handshake-state.ts'

const empty = new Uint8Array(0)

test('[HS1] both ends come to the same next key, and the one before does not open its packets', () => {
  const key = new Uint8Array(32).fill(7)
  const [one, other] = [key, key].map((bytes) => new CipherState(bytes, nobleCryptography))
  const sealed = concatBytes(...one!.rekeyed().sealAt(5, empty, encodeUtf8('kettle')))
  expect(other!.openAt(5, empty, sealed)).toBeUndefined()
  expect(other!.rekeyed().openAt(5, empty, sealed)).toEqual(encodeUtf8('kettle'))
  expect(other!.rekeyed().rekeyed().openAt(5, empty, sealed)).toBeUndefined()
})

test('[HS1] the next key is the first 32 bytes of zeros sealed under the last nonce', () => {
  const key = new Uint8Array(32).fill(7)
  const nonce = new Uint8Array(12).fill(0xff, 4)
  const [next] = nobleCryptography.seal(key, nonce, empty, new Uint8Array(32))
  const expected = new CipherState(next, nobleCryptography).sealAt(0, empty, empty)
  const rekeyed = new CipherState(key, nobleCryptography).rekeyed()
  expect(rekeyed.sealAt(0, empty, empty).map(encodeHex)).toEqual(expected.map(encodeHex))
})

test('[HS1] both ends of a handshake export the same secret for a label, and another for another', () => {
  const stateOf = (role: HandshakeRole, ephemeral: number) =>
    new HandshakeState({
      pattern: handshakePatterns.NNpsk0,
      role,
      cryptography: nobleCryptography,
      prologue: empty,
      ephemeralSecretKey: new Uint8Array(32).fill(ephemeral),
      psks: [new Uint8Array(32).fill(3)],
    })
  const initiator = stateOf('initiator', 1)
  const responder = stateOf('responder', 2)
  for (const [writer, reader] of [
    [initiator, responder],
    [responder, initiator],
  ] as const) {
    const written = writer.writeMessage(empty)
    if (written.type === 'done') reader.readMessage(written.bytes)
  }
  const [first, second] = ['first', 'second'].map((label) => encodeUtf8(label))
  expect(initiator.exportKey(first!)).toEqual(responder.exportKey(first!))
  expect(initiator.exportKey(first!)).not.toEqual(initiator.exportKey(second!))
  expect(initiator.exportKey(first!)).toHaveLength(32)
})
