/**
 * The digest: a set hash of 16 bytes, the sum modulo 2^128 of one hash for each part of a change.
 *
 * A sum does not depend on order and takes members away again, so digests are kept up incrementally:
 * a document's is the sum over its writers, the root's is the sum over the documents. Rules SY1, SY2
 * of docs/specs/sync.md.
 */

import { encodeUtf8 } from '../bytes/utf8.ts'
import { ByteWriter } from '../bytes/writer.ts'
import type { Cryptography } from '../crypto/cryptography.ts'
import { decodePeerId } from '../identity/peer-id.ts'
import { writeChangePart } from './change-codec.ts'
import type { ChangePart } from './change.ts'
import type { Writer } from './version.ts'

export const digestBytes = 16

/** Keeps these hashes apart from every other use of SHA-256 in the protocols. */
const domain = encodeUtf8('fieldmesh part 1')

/** The digest of nothing: sixteen zero bytes, in a new array. */
export function emptyDigest(): Uint8Array {
  return new Uint8Array(digestBytes)
}

/** Sum modulo 2^128 of two digests, read as big-endian integers; a new array. */
export function addDigests(left: Uint8Array, right: Uint8Array): Uint8Array {
  const sum = new Uint8Array(digestBytes)
  let carry = 0
  for (let index = digestBytes - 1; index >= 0; index -= 1) {
    const digit = left[index]! + right[index]! + carry
    sum[index] = digit
    carry = digit >> 8
  }
  return sum
}

/** Difference modulo 2^128: what has to be added to `right` to get `left`; a new array. */
export function subtractDigests(left: Uint8Array, right: Uint8Array): Uint8Array {
  const difference = new Uint8Array(digestBytes)
  let borrow = 0
  for (let index = digestBytes - 1; index >= 0; index -= 1) {
    const digit = left[index]! - right[index]! - borrow
    difference[index] = digit
    borrow = digit < 0 ? 1 : 0
  }
  return difference
}

/** The hash of one part of a change: the first 16 bytes of SHA-256 over everything it says. */
export function partDigest(
  cryptography: Cryptography,
  writer: Writer,
  seq: number,
  part: ChangePart,
): Uint8Array {
  const bytes = new ByteWriter(256)
    .raw(domain)
    .raw(decodePeerId(writer.peer))
    .varint(writer.epoch)
    .varint(seq)
  writeChangePart(bytes, part, seq)
  return cryptography.sha256(bytes.finish()).slice(0, digestBytes)
}
