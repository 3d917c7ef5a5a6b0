/**
 * A bounded parser of Yjs updates (version 1 of its encoding): what is checked before Yjs sees
 * bytes of another peer, and what `yjs-split.ts` cuts.
 *
 * It never throws, recurses at most `nestingMax` deep and allocates in proportion to the input. An
 * update that it passes decodes without an error; that its references make sense is not known until
 * it is merged. Rule DO9 of docs/specs/documents.md.
 */

import { ByteReader } from '../engine/bytes/reader.ts'
import { skipAny, skipAnyObject, skipJson, skipText } from './yjs-values.ts'

/** Names one unit of content: client and clock. */
export interface ItemId {
  readonly client: number
  readonly clock: number
}

/** Content kinds by their code in the encoding. */
export const contentKind = {
  deleted: 1,
  json: 2,
  binary: 3,
  string: 4,
  embed: 5,
  format: 6,
  type: 7,
  any: 8,
  document: 9,
} as const

/** A run of units of one client, as it lies in the bytes of the update. */
export interface ParsedStruct {
  readonly type: 'collected' | 'skip' | 'item'
  readonly clock: number
  /** Units: at least one. */
  readonly length: number
  /** Where its bytes begin and end. */
  readonly start: number
  readonly end: number
  /** Of items: flags and content kind, references, and where the content begins. */
  readonly info: number
  readonly origin: ItemId | undefined
  readonly rightOrigin: ItemId | undefined
  readonly parent: ItemId | undefined
  readonly contentStart: number
}

export interface ParsedClient {
  readonly client: number
  /** In order of clocks, without holes (those are structs of type `skip`). At least one. */
  readonly structs: readonly ParsedStruct[]
}

/** Deleted units of one client. */
export interface ParsedDeletes {
  readonly client: number
  readonly ranges: readonly { readonly clock: number; readonly length: number }[]
}

export interface ParsedUpdate {
  readonly clients: readonly ParsedClient[]
  readonly deletes: readonly ParsedDeletes[]
}

export const contentMask = 0x1f
export const originFlag = 0x80
export const rightOriginFlag = 0x40
export const keyFlag = 0x20

const collectedCode = 0
const skipCode = 10
const typeKinds = 7
const elementType = 3
const hookType = 5

/** Whether the bytes are one well-formed update of at most `bytesMax` bytes. */
export function checkUpdate(update: Uint8Array, bytesMax: number): boolean {
  return update.length <= bytesMax && parseUpdate(update) !== undefined
}

/** The structure of an update, or `undefined` when it is malformed in any way. */
export function parseUpdate(update: Uint8Array): ParsedUpdate | undefined {
  const reader = new ByteReader(update)
  const clients = readList(reader, 4, () => readClient(reader, update.length))
  const deletes = readList(reader, 4, () => readDeletes(reader))
  if (!distinct(clients) || !distinct(deletes)) reader.fail()
  return reader.finished ? { clients, deletes } : undefined
}

/** Reads a count and that many elements, each of which takes at least `bytesMin` bytes. */
function readList<Element>(reader: ByteReader, bytesMin: number, read: () => Element): Element[] {
  const count = reader.varint(Math.floor(reader.remaining / bytesMin) + 1)
  const list: Element[] = []
  for (let index = 0; index < count && !reader.failed; index += 1) list.push(read())
  return list
}

function readClient(reader: ByteReader, size: number): ParsedClient {
  const count = reader.varint(reader.remaining)
  const client = reader.varint()
  let clock = reader.varint()
  if (count === 0) reader.fail()
  const structs: ParsedStruct[] = []
  for (let index = 0; index < count && !reader.failed; index += 1) {
    const struct = readStruct(reader, client, clock, size)
    clock += struct.length
    if (struct.length === 0 || clock > Number.MAX_SAFE_INTEGER) reader.fail()
    structs.push(struct)
  }
  return { client, structs }
}

function readStruct(reader: ByteReader, client: number, clock: number, size: number): ParsedStruct {
  const start = size - reader.remaining
  const info = reader.u8()
  const code = info & contentMask
  if (code === collectedCode || code === skipCode) {
    // Yjs tells the two by these five bits and ignores the flags; it never sets them.
    if (info !== code) reader.fail()
    const length = reader.varint()
    const type = code === skipCode ? 'skip' : 'collected'
    const end = size - reader.remaining
    return { ...noItem, type, clock, length, start, end, info, contentStart: end }
  }
  const origin = (info & originFlag) === 0 ? undefined : readId(reader)
  const rightOrigin = (info & rightOriginFlag) === 0 ? undefined : readId(reader)
  let parent: ItemId | undefined
  if (origin === undefined && rightOrigin === undefined) {
    const rooted = reader.varint(1)
    if (rooted === 1) skipText(reader)
    else parent = readId(reader)
    if ((info & keyFlag) !== 0) skipText(reader)
  }
  for (const id of [origin, rightOrigin, parent]) {
    // A struct that refers to itself or to what its own client wrote later breaks Yjs.
    if (id !== undefined && id.client === client && id.clock >= clock) reader.fail()
  }
  const contentStart = size - reader.remaining
  const length = readContent(reader, code)
  const end = size - reader.remaining
  return {
    type: 'item',
    clock,
    length,
    start,
    end,
    info,
    origin,
    rightOrigin,
    parent,
    contentStart,
  }
}

const noItem = { origin: undefined, rightOrigin: undefined, parent: undefined }

/** Skips the content; the number of its units. */
function readContent(reader: ByteReader, code: number): number {
  switch (code) {
    case contentKind.deleted:
      return reader.varint()
    case contentKind.json:
      return readList(reader, 1, () => skipJson(reader, 'or-undefined')).length
    case contentKind.binary:
      reader.bytes(reader.remaining)
      return 1
    case contentKind.string:
      return skipText(reader)
    case contentKind.embed:
      skipJson(reader, 'value')
      return 1
    case contentKind.format:
      skipText(reader)
      skipJson(reader, 'value')
      return 1
    case contentKind.type: {
      const kind = reader.varint(typeKinds - 1)
      if (kind === elementType || kind === hookType) skipText(reader)
      return 1
    }
    case contentKind.any:
      return readList(reader, 1, () => skipAny(reader, 0)).length
    case contentKind.document:
      skipText(reader)
      skipAnyObject(reader)
      return 1
    default:
      reader.fail()
      return 0
  }
}

function readDeletes(reader: ByteReader): ParsedDeletes {
  const client = reader.varint()
  const ranges = readList(reader, 2, () => {
    const clock = reader.varint()
    const length = reader.varint()
    if (length === 0 || clock + length > Number.MAX_SAFE_INTEGER) reader.fail()
    return { clock, length }
  })
  return { client, ranges }
}

function readId(reader: ByteReader): ItemId {
  return { client: reader.varint(), clock: reader.varint() }
}

/** Yjs forgets all but the last of two lists of one client. */
function distinct(lists: readonly { readonly client: number }[]): boolean {
  return new Set(lists.map(({ client }) => client)).size === lists.length
}
