/**
 * The cryptography port over `node:crypto`: about ten times the throughput of plain JavaScript.
 *
 * Gives byte for byte what engine/crypto/noble.ts gives. The one thing they cannot share is the
 * equation for Ed25519 signatures of a dishonest signer (OpenSSL checks without the cofactor); a
 * public key that is not canonical or of small order is refused here too.
 */

import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  hash,
  sign,
  verify,
} from 'node:crypto'
import type { KeyObject } from 'node:crypto'

import type { Cryptography } from '../engine/crypto/cryptography.ts'

const cipherName = 'chacha20-poly1305'
const tagBytes = 16
const keyBytes = 32
const hashBytes = 32
/** Of SHA-256. */
const hashBlockBytes = 64

/**
 * Parsed keys kept, in all. A key object costs some 10 µs to parse; a handshake uses four. At the
 * bound the oldest is dropped and parsed again when it is met.
 */
const parsedKeysMax = 256

/** DER around a raw 32-byte key (RFC 8410, section 7): everything before the key is constant. */
const derPrefixes = {
  'x25519-secret': Buffer.from('302e020100300506032b656e04220420', 'hex'),
  'x25519-public': Buffer.from('302a300506032b656e032100', 'hex'),
  'ed25519-secret': Buffer.from('302e020100300506032b657004220420', 'hex'),
  'ed25519-public': Buffer.from('302a300506032b6570032100', 'hex'),
} as const

type KeyKind = keyof typeof derPrefixes

/** Canonical encodings of the points of order 1, 2, 4 and 8, without the sign bit. */
const smallOrderKeys = new Set([
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0000000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
])

/** By kind and raw key. */
const parsedKeys = new Map<string, KeyObject>()

/**
 * Keys of ciphers by the array that holds them, whose bytes do not change. Handed in raw, a key costs
 * 15 µs for each message instead of 4.
 */
const cipherKeys = new WeakMap<Uint8Array, KeyObject>()

/** The port for Node peers. Its only state is caches of parsed keys. */
export const nodeCryptography: Cryptography = {
  x25519PublicKey: (secretKey) => publicKeyOf('x25519-secret', secretKey),

  x25519SharedSecret(secretKey, publicKey) {
    try {
      return plain(
        diffieHellman({
          privateKey: parsedKey('x25519-secret', secretKey),
          publicKey: parsedKey('x25519-public', publicKey),
        }),
      )
    } catch {
      // OpenSSL refuses to derive an all-zero secret.
      return undefined
    }
  },

  ed25519PublicKey: (secretKey) => publicKeyOf('ed25519-secret', secretKey),

  ed25519Sign: (message, secretKey) =>
    plain(sign(null, message, parsedKey('ed25519-secret', secretKey))),

  ed25519Verify(signature, message, publicKey) {
    if (!isStrictPublicKey(publicKey)) return false
    try {
      return verify(null, message, parsedKey('ed25519-public', publicKey), signature)
    } catch {
      return false
    }
  },

  sha256: (message) => plain(hash('sha256', message, 'buffer')),

  hmacSha256,

  seal(key, nonce, additional, plaintext) {
    const options = { authTagLength: tagBytes }
    const cipher = createCipheriv(cipherName, cipherKey(key), nonce, options)
    cipher.setAAD(additional, { plaintextLength: plaintext.length })
    const ciphertext = bare(cipher.update(plaintext))
    cipher.final()
    return [ciphertext, bare(cipher.getAuthTag())]
  },

  open(key, nonce, additional, ciphertext) {
    const length = ciphertext.length - tagBytes
    if (length < 0) return undefined
    const decipher = createDecipheriv(cipherName, cipherKey(key), nonce, {
      authTagLength: tagBytes,
    })
    decipher.setAAD(additional, { plaintextLength: length })
    decipher.setAuthTag(ciphertext.subarray(length))
    const opened = decipher.update(ciphertext.subarray(0, length))
    try {
      decipher.final()
      return bare(opened)
    } catch {
      return undefined
    }
  },
}

/** RFC 2104. `createHmac` parses its key each time, for 14 µs; this takes 3, and a handshake has 40. */
function hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array {
  const blockKey = key.length > hashBlockBytes ? hash('sha256', key, 'buffer') : key
  const inner = new Uint8Array(hashBlockBytes + message.length).fill(0x36, 0, hashBlockBytes)
  const outer = new Uint8Array(hashBlockBytes + hashBytes).fill(0x5c, 0, hashBlockBytes)
  for (const [index, byte] of blockKey.entries()) {
    inner[index]! ^= byte
    outer[index]! ^= byte
  }
  inner.set(message, hashBlockBytes)
  outer.set(hash('sha256', inner, 'buffer'), hashBlockBytes)
  return plain(hash('sha256', outer, 'buffer'))
}

function cipherKey(raw: Uint8Array): KeyObject {
  const known = cipherKeys.get(raw)
  if (known) return known
  const key = createSecretKey(raw)
  cipherKeys.set(raw, key)
  return key
}

function parsedKey(kind: KeyKind, raw: Uint8Array): KeyObject {
  if (raw.length !== keyBytes) throw new RangeError(`key is ${raw.length} bytes, needs 32`)
  const name = `${kind}:${Buffer.from(raw).toString('latin1')}`
  const known = parsedKeys.get(name)
  if (known) return known
  const der = { key: Buffer.concat([derPrefixes[kind], raw]), format: 'der' } as const
  const parsed = kind.endsWith('secret')
    ? createPrivateKey({ ...der, type: 'pkcs8' })
    : createPublicKey({ ...der, type: 'spki' })
  if (parsedKeys.size >= parsedKeysMax) {
    for (const oldest of parsedKeys.keys()) {
      parsedKeys.delete(oldest)
      break
    }
  }
  parsedKeys.set(name, parsed)
  return parsed
}

function publicKeyOf(kind: KeyKind, secretKey: Uint8Array): Uint8Array {
  const der = createPublicKey(parsedKey(kind, secretKey)).export({ format: 'der', type: 'spki' })
  return plain(der.subarray(der.length - keyBytes))
}

/** Canonical (RFC 8032, section 5.1.3) and not of small order. */
function isStrictPublicKey(publicKey: Uint8Array): boolean {
  if (publicKey.length !== keyBytes) return false
  const y = Buffer.from(publicKey)
  y[31] = (y[31] ?? 0) & 0x7f
  // The field's prime is 2^255 - 19: larger encodings begin with ed..ff and are otherwise all ones.
  const beyondPrime = y[31] === 0x7f && y[0]! >= 0xed && y.subarray(1, 31).every((b) => b === 0xff)
  return !beyondPrime && !smallOrderKeys.has(y.toString('hex'))
}

/** A plain array of its own: a `Buffer` may be a view into a pool that others write. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}

/** The same bytes without `Buffer`: for buffers that are not of a pool, as ciphers make them. */
function bare(bytes: Buffer): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}
