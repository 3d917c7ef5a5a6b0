import { expect, test } from 'vitest'
import { nodeCryptography } from '../../../driver/node-cryptography.ts'
import { rememberedCryptography } from './remembered-cryptography.ts'

const key = (byte: number) => new Uint8Array(32).fill(byte)
const message = new Uint8Array(2_000).fill(3)

test('is worked out once, and the same as without memory', () => {
  let workCount = 0
  const original = {
    ...nodeCryptography,
    ed25519Sign: (...inputs: [Uint8Array, Uint8Array]) => {
      workCount += 1
      return nodeCryptography.ed25519Sign(...inputs)
    },
  }
  const remembered = rememberedCryptography(original)
  for (const byte of [1, 2, 1, 2]) {
    const signature = remembered.ed25519Sign(message, key(byte))
    expect(signature).toEqual(nodeCryptography.ed25519Sign(message, key(byte)))
    // What is done to it concerns nobody else.
    signature.fill(0)
  }
  expect(workCount).toBe(2)
  expect(rememberedCryptography(original)).toBe(remembered)
})

test('inputs that differ do not meet, whatever is cut where', () => {
  const remembered = rememberedCryptography(nodeCryptography)
  const publicKey = remembered.ed25519PublicKey(key(1))
  const signature = remembered.ed25519Sign(message, key(1))
  for (let round = 0; round < 2; round += 1) {
    expect(remembered.ed25519Verify(signature, message, publicKey)).toBe(true)
    expect(remembered.ed25519Verify(signature, message.subarray(1), publicKey)).toBe(false)
    expect(remembered.ed25519Verify(signature, message, remembered.ed25519PublicKey(key(2)))).toBe(
      false,
    )
    expect(remembered.x25519SharedSecret(key(1), remembered.x25519PublicKey(key(2)))).toEqual(
      remembered.x25519SharedSecret(key(2), remembered.x25519PublicKey(key(1))),
    )
    expect(remembered.x25519SharedSecret(key(1), key(0))).toBeUndefined()
  }
})
