import { readFileSync } from 'node:fs'
import { sha256 } from '@noble/hashes/sha2.js'
import { describe, expect, test } from 'vitest'
import { decodeHex, encodeHex } from '../bytes/hex.ts'
import type { Cryptography } from '../crypto/cryptography.ts'
import { decodeAwareness, encodeAwareness } from './awareness-codec.ts'
import type { AwarenessState } from './awareness-codec.ts'
import type { ChangePart } from './change.ts'
import { addDigests, partDigest } from './digest.ts'
import { decodeSyncMessage, encodeSyncMessage } from './sync-message-codec.ts'
import type { MessageEnds } from './sync-message-codec.ts'
import type { SyncMessage } from './sync-message.ts'
import type { Writer } from './version.ts'

interface Vectors {
  readonly sums: readonly { readonly left: string; readonly right: string; readonly sum: string }[]
  readonly parts: readonly {
    readonly name: string
    readonly writer: Writer
    readonly seq: number
    readonly part: ChangePart
    readonly hash: string
  }[]
  readonly ends: MessageEnds
  readonly messages: readonly {
    readonly name: string
    readonly message: SyncMessage
    readonly bytes: string
  }[]
  readonly refused: readonly { readonly name: string; readonly bytes: string }[]
  readonly awareness: readonly {
    readonly name: string
    readonly state: AwarenessState
    readonly bytes: string
  }[]
}

const file = new URL('../../../../../docs/specs/vectors/sync.json', import.meta.url)

// Byte strings are hexadecimal in the file; these are the fields that hold them.
const vectors = JSON.parse(readFileSync(file, 'utf8'), (key, value: unknown) => {
  if (key === 'digest') return decodeHex(value as string)
  if (key === 'updates') return (value as string[]).map(decodeHex)
  return value
}) as Vectors

function bytesOf(hex: string): Uint8Array {
  return decodeHex(hex)!
}

describe('golden vectors', () => {
  test.each(vectors.sums)('[SY1] $left + $right', ({ left, right, sum }) => {
    expect(encodeHex(addDigests(bytesOf(left), bytesOf(right)))).toBe(sum)
  })

  test.each(vectors.parts)('[SY2] digest of $name', ({ writer, seq, part, hash }) => {
    const cryptography = { sha256 } as unknown as Cryptography
    expect(encodeHex(partDigest(cryptography, writer, seq, part))).toBe(hash)
  })

  test.each(vectors.messages)('[SY9] $name', ({ message, bytes }) => {
    expect(encodeHex(encodeSyncMessage(message, vectors.ends))).toBe(bytes)
    expect(decodeSyncMessage(bytesOf(bytes), vectors.ends)).toEqual(message)
  })

  test.each(vectors.refused)('[SY9] refused: $name', ({ bytes }) => {
    expect(decodeSyncMessage(bytesOf(bytes), vectors.ends)).toBeUndefined()
  })

  test.each(vectors.awareness)('[AW1] $name', ({ state, bytes }) => {
    expect(encodeHex(encodeAwareness(state))).toBe(bytes)
    expect(decodeAwareness(bytesOf(bytes))).toEqual(state)
  })
})
