/**
 * The content of a golden store as JSON lines: what a store written by a released version holds,
 * for comparing with what a later version reads from it. Bytes are `{ "bytes": "<hexadecimal>" }`.
 */

import { decodeHex, encodeHex } from '../engine/bytes/hex.ts'
import type { StorageKey, StorageSpace, StorageValue } from '../storage/storage.ts'

/** An entry of any space. Entries of a golden store are in the order of spaces and keys. */
export interface GoldenEntry {
  readonly space: StorageSpace
  readonly key: StorageKey
  readonly value: StorageValue
}

type JsonPart = string | number | { readonly bytes: string }

interface JsonEntry {
  readonly space: StorageSpace
  readonly key: readonly JsonPart[]
  readonly value: JsonPart
}

/** The entries of a golden store's lines. */
export function parseGoldenStore(text: string): readonly GoldenEntry[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const { space, key, value } = JSON.parse(line) as JsonEntry
      return { space, key: key.map(partOf), value: partOf(value) as StorageValue }
    })
}

/** The lines of a golden store. */
export function formatGoldenStore(entries: readonly GoldenEntry[]): string {
  return entries
    .map(({ space, key, value }) => {
      const entry: JsonEntry = { space, key: key.map(jsonOf), value: jsonOf(value) }
      return `${JSON.stringify(entry)}\n`
    })
    .join('')
}

function partOf(part: JsonPart): StorageKey[number] {
  return typeof part === 'object' ? decodeHex(part.bytes)! : part
}

function jsonOf(part: StorageKey[number]): JsonPart {
  return part instanceof Uint8Array ? { bytes: encodeHex(part) } : part
}
