/**
 * Reading what other peers need: heads, and changes beyond a version (rules DO18 and DO23 of
 * docs/specs/documents.md). Everything is read from storage, so nothing leaves that is not durable.
 */

import { ByteWriter } from '../engine/bytes/writer.ts'
import type { Change, DocumentKey } from '../engine/sync/change.ts'
import { writeDelivery } from '../engine/sync/delivery-codec.ts'
import type { ChangesWanted, Delivery, ReplicaRequestId } from '../engine/sync/replica-port.ts'
import { compareWriters, entryOf, writerText } from '../engine/sync/version-operations.ts'
import type { Version } from '../engine/sync/version.ts'
import type { StorageRead, StorageReadResult } from '../storage/storage.ts'
import { sumBytes } from './document-state.ts'
import type { DocumentHead } from './head.ts'
import type { ReplicaOutputs } from './replica-outputs.ts'
import {
  decodeCheckpoint,
  decodeLogged,
  decodeStoredHead,
  documentStorageKey,
  keyedDocument,
  type LoggedChange,
  type StoredCheckpoint,
} from './storage-layout.ts'
import type { StorageRequests } from './storage-requests.ts'

/** Documents whose logs one storage read covers. */
const documentsPerRead = 16

const entriesMax = 100_000

/** A delivery with its place in the order of arrival, which keeps every writer's changes in order. */
interface Placed {
  readonly ordinal: number
  readonly delivery: Delivery
  readonly bytes: number
}

interface ChangesRequest {
  readonly request: ReplicaRequestId
  readonly wanted: readonly ChangesWanted[]
  readonly bytesMax: number
  /** Documents read so far. */
  read: number
  bytes: number
  readonly placed: Placed[]
}

/** See the file header. When storage fails a read, the answer is empty; sync asks again in time. */
export class ChangeReader {
  readonly #outputs: ReplicaOutputs
  readonly #requests: StorageRequests

  constructor(outputs: ReplicaOutputs, requests: StorageRequests) {
    this.#outputs = outputs
    this.#requests = requests
  }

  listHeads(request: ReplicaRequestId, after: DocumentKey | undefined, limit: number): void {
    const read: StorageRead = {
      type: 'list',
      space: 'heads',
      prefix: [],
      limit: limit + 1,
      ...(after === undefined ? {} : { after: documentStorageKey(after) }),
    }
    this.#requests.read([read], (results) => {
      const entries = results?.[0] ?? []
      const heads = entries.slice(0, limit).flatMap(({ key, value }) => {
        const document = keyedDocument(key)
        const head = decodeStoredHead(value)
        if (document === undefined || head === undefined) return []
        return [{ document, digest: head.digest }]
      })
      const more = entries.length > limit
      this.#outputs.push({ type: 'notice', notice: { type: 'heads-listed', request, heads, more } })
    })
  }

  readHeads(request: ReplicaRequestId, documents: readonly DocumentKey[]): void {
    const reads = documents.map((document): StorageRead => {
      return { type: 'get', space: 'heads', key: documentStorageKey(document) }
    })
    this.#requests.read(reads, (results) => {
      const heads = documents.flatMap((document, index) => {
        const entry = results?.[index]?.[0]
        const head = entry === undefined ? undefined : decodeStoredHead(entry.value)
        return head === undefined ? [] : [{ document, head }]
      })
      this.#outputs.push({ type: 'notice', notice: { type: 'heads-read', request, heads } })
    })
  }

  readChanges(request: ReplicaRequestId, wanted: readonly ChangesWanted[], bytesMax: number): void {
    this.#readNext({ request, wanted, bytesMax, read: 0, bytes: 0, placed: [] })
  }

  #readNext(state: ChangesRequest): void {
    const group = state.wanted.slice(state.read, state.read + documentsPerRead)
    if (group.length === 0) return this.#answer(state, false)
    const reads = group.flatMap(({ document }): StorageRead[] => [
      { type: 'get', space: 'heads', key: documentStorageKey(document) },
      {
        type: 'list',
        space: 'changes',
        prefix: documentStorageKey(document),
        limit: entriesMax,
      },
    ])
    this.#requests.read(reads, (results) => {
      if (results === undefined) return this.#answer(state, false)
      this.#takeGroup(state, group, results)
    })
  }

  /** Takes logs up to the first document that needs its checkpoint read as well. */
  #takeGroup(
    state: ChangesRequest,
    group: readonly ChangesWanted[],
    results: readonly StorageReadResult[],
  ): void {
    for (const [index, wanted] of group.entries()) {
      const head = decodeOptional(results[index * 2])
      const logged = decodeLog(results[index * 2 + 1])
      state.read += 1
      if (head === undefined) continue
      const missing = missingChanges(head, logged, wanted.version)
      if (missing === undefined) return this.#readCheckpoint(state, wanted)
      for (const change of missing) this.#place(state, change)
      if (state.bytes >= state.bytesMax) break
    }
    this.#continue(state)
  }

  #readCheckpoint(state: ChangesRequest, { document, version }: ChangesWanted): void {
    const prefix = documentStorageKey(document)
    const reads: StorageRead[] = [
      { type: 'list', space: 'checkpoints', prefix, limit: entriesMax },
      { type: 'list', space: 'changes', prefix, limit: entriesMax },
    ]
    this.#requests.read(reads, (results) => {
      const checkpoint = decodeCheckpoint(results?.[0] ?? [])
      const logged = decodeLog(results?.[1])
      if (checkpoint !== undefined) this.#placeCheckpoint(state, document, checkpoint)
      for (const change of logged) {
        const inCheckpoint = checkpoint !== undefined && change.ordinal < checkpoint.nextOrdinal
        if (!inCheckpoint && isMissing(change, version)) this.#place(state, change)
      }
      this.#continue(state)
    })
  }

  #continue(state: ChangesRequest): void {
    if (state.read >= state.wanted.length) return this.#answer(state, false)
    if (state.bytes >= state.bytesMax) return this.#answer(state, true)
    this.#readNext(state)
  }

  #placeCheckpoint(state: ChangesRequest, document: DocumentKey, stored: StoredCheckpoint): void {
    const { head, updates, nextOrdinal } = stored
    const bytes = sumBytes(updates) + head.version.length * 32
    const delivery: Delivery = { type: 'checkpoint', document, head, updates }
    state.bytes += bytes
    state.placed.push({ ordinal: nextOrdinal - 0.5, delivery, bytes })
  }

  #place(state: ChangesRequest, { ordinal, change }: LoggedChange): void {
    const delivery: Delivery = { type: 'change', change }
    const writer = new ByteWriter(256)
    writeDelivery(writer, delivery)
    state.bytes += writer.length
    state.placed.push({ ordinal, delivery, bytes: writer.length })
  }

  /** Oldest first, parts of one change together, cut where the bound is reached. */
  #answer(state: ChangesRequest, more: boolean): void {
    const ordered = state.placed.toSorted((left, right) => left.ordinal - right.ordinal)
    const deliveries: Delivery[] = []
    let bytes = 0
    let cut = false
    let before: Placed | undefined
    for (const placed of ordered) {
      const joined = before?.ordinal === placed.ordinal ? joinParts(before, placed) : undefined
      if (joined !== undefined) deliveries.pop()
      else if (bytes >= state.bytesMax) {
        cut = true
        break
      }
      const next: Placed = joined ?? placed
      deliveries.push(next.delivery)
      bytes += placed.bytes
      before = next
    }
    const { request } = state
    this.#outputs.push({
      type: 'notice',
      notice: { type: 'changes-read', request, deliveries, more: more || cut },
    })
  }
}

/** One delivery of two parts of one change; `undefined` when they are not that. */
function joinParts(left: Placed, right: Placed): Placed | undefined {
  if (left.delivery.type !== 'change' || right.delivery.type !== 'change') return undefined
  const [a, b] = [left.delivery.change, right.delivery.change]
  if (compareWriters(a, b) !== 0 || a.seq !== b.seq) return undefined
  const change: Change = { ...a, parts: [...a.parts, ...b.parts] }
  const bytes = left.bytes + right.bytes
  return { ordinal: left.ordinal, delivery: { type: 'change', change }, bytes }
}

/**
 * The logged changes beyond a version, in order; `undefined` when the log lacks one of them, so
 * that only the checkpoint tells.
 */
function missingChanges(
  head: DocumentHead,
  logged: readonly LoggedChange[],
  version: Version,
): LoggedChange[] | undefined {
  const reached = new Map<string, number>()
  for (const entry of version) reached.set(writerText(entry), entry.seq)
  const missing: LoggedChange[] = []
  for (const entry of logged) {
    if (!isMissing(entry, version)) continue
    const writer = writerText(entry.change)
    if (entry.change.parts[0]!.previous === (reached.get(writer) ?? 0)) {
      reached.set(writer, entry.change.seq)
      missing.push(entry)
    }
  }
  const complete = head.version.every((entry) => (reached.get(writerText(entry)) ?? 0) >= entry.seq)
  return complete ? missing : undefined
}

function isMissing({ change }: LoggedChange, version: Version): boolean {
  return change.seq > (entryOf(version, change)?.seq ?? 0)
}

function decodeOptional(result: StorageReadResult | undefined): DocumentHead | undefined {
  const entry = result?.[0]
  return entry === undefined ? undefined : decodeStoredHead(entry.value)
}

function decodeLog(result: StorageReadResult | undefined): LoggedChange[] {
  return (result ?? []).flatMap((entry) => decodeLogged(entry) ?? [])
}
