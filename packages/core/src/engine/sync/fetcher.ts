/**
 * The fetcher of one neighbour: asks it for what is missing here of documents that it holds more
 * of. Rules SY11 and SY12 of docs/specs/sync.md.
 *
 * One request is under way at a time. Before it leaves, the documents' heads are read, and those
 * that have caught up meanwhile are left out.
 */

import type { DocumentHead } from '../../documents/head.ts'
import { equalBytes } from '../bytes/compare.ts'
import { ByteWriter } from '../bytes/writer.ts'
import type { EngineContext } from '../context.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { DocumentKey } from './change.ts'
import { documentKeyText } from './document-key.ts'
import type { FetchLedger } from './fetch-ledger.ts'
import type { Inbox } from './inbox.ts'
import type { Outbox } from './outbox.ts'
import type { ChangesWanted } from './replica-port.ts'
import type { ReplicaRequests } from './replica-requests.ts'
import { documentsPerFetchMax } from './sync-message-codec.ts'
import type { ChangeName } from './sync-message.ts'
import { writeVersion } from './version-codec.ts'
import { holds } from './version-operations.ts'

/** Documents waiting to be asked for; further ones are dropped and found by the next comparison. */
export const fetchQueueMax = 4096

/** Below this many waiting documents a comparison may report more. */
export const fetchQueueLow = 256

/** Versions in one request, in bytes (or a single longer one). */
const fetchBytesMax = 64 * 1024

/** Announced changes remembered for one document; with more it is asked for in any case. */
const announcedMax = 64

/** How long an answer may take; a large checkpoint over a slow link is what takes longest. */
export const answerTimeoutMs = 300_000

/** Why a document is wanted: it is asked for unless its head fulfils all of it. */
interface Wish {
  readonly document: DocumentKey
  /** The neighbour's head has this digest. */
  digest?: Uint8Array
  /** The neighbour announced these. */
  announced: ChangeName[]
  /** Something is known to be missing. */
  forced: boolean
  /** Asked for once so many batches of the neighbour's are dealt with: what came before may bring it. */
  readonly afterBatches: number
}

type FetchState =
  | { readonly type: 'idle' }
  | { readonly type: 'reading'; readonly documents: readonly DocumentKey[] }
  | {
      readonly type: 'awaiting' | 'applying'
      readonly documents: readonly DocumentKey[]
      readonly sentAtMs: number
      more: boolean
    }

export class Fetcher {
  readonly #context: EngineContext
  readonly #peer: PeerId
  readonly #requests: ReplicaRequests
  readonly #ledger: FetchLedger
  readonly #inbox: Inbox
  readonly #outbox: Outbox
  readonly #wishes = new Map<string, Wish>()
  #state: FetchState = { type: 'idle' }
  #lastRequest = 0
  /** When the first of the documents that others are being asked for can be asked for here. */
  #claimedUntilMs = Number.POSITIVE_INFINITY
  #closed = false

  constructor(
    context: EngineContext,
    peer: PeerId,
    requests: ReplicaRequests,
    ledger: FetchLedger,
    inbox: Inbox,
    outbox: Outbox,
  ) {
    this.#context = context
    this.#peer = peer
    this.#requests = requests
    this.#ledger = ledger
    this.#inbox = inbox
    this.#outbox = outbox
  }

  /** Nothing is wanted and nothing is under way. */
  get idle(): boolean {
    return this.#state.type === 'idle' && this.#wishes.size === 0
  }

  get hasRoom(): boolean {
    return this.#wishes.size < fetchQueueLow
  }

  /** The neighbour's head of the document has that digest. False when the queue is full. */
  wantDigest(document: DocumentKey, digest: Uint8Array): boolean {
    const wish = this.#wish(document)
    if (wish !== undefined) wish.digest = digest
    return wish !== undefined
  }

  /** The neighbour says that it holds those changes. False when the queue is full. */
  wantAnnounced(document: DocumentKey, changes: readonly ChangeName[]): boolean {
    const wish = this.#wish(document)
    if (wish === undefined) return false
    wish.announced.push(...changes.slice(0, announcedMax))
    if (wish.announced.length > announcedMax) {
      wish.announced = []
      wish.forced = true
    }
    return true
  }

  /** Something of the document is known to be missing. False when the queue is full. */
  wantMissing(document: DocumentKey): boolean {
    const wish = this.#wish(document)
    if (wish !== undefined) wish.forced = true
    return wish !== undefined
  }

  /** Starts the next request, when there is one to start. */
  advance(nowMs: number): void {
    if (this.#closed || this.#state.type !== 'idle' || this.#outbox.blocked) return
    const taken: Wish[] = []
    this.#claimedUntilMs = Number.POSITIVE_INFINITY
    for (const [text, wish] of this.#wishes) {
      if (taken.length === documentsPerFetchMax) break
      if (wish.afterBatches > this.#inbox.appliedCount) continue
      const claimedUntilMs = this.#ledger.claim(this, wish.document, nowMs)
      if (claimedUntilMs !== undefined) {
        this.#claimedUntilMs = Math.min(this.#claimedUntilMs, claimedUntilMs)
        continue
      }
      this.#wishes.delete(text)
      taken.push(wish)
    }
    if (taken.length === 0) return
    const documents = taken.map(({ document }) => document)
    this.#state = { type: 'reading', documents }
    this.#requests.readHeads(documents, nowMs, (heads, nowMs) => {
      if (!this.#closed) this.#headsRead(taken, heads, nowMs)
    })
  }

  /** Whether that answer was asked for; then `applied` follows once its deliveries are dealt with. */
  answered(request: number, more: boolean): boolean {
    if (this.#state.type !== 'awaiting' || request !== this.#lastRequest) return false
    this.#state = { ...this.#state, type: 'applying', more }
    return true
  }

  /**
   * The answer's deliveries were dealt with. False when the neighbour keeps more but what it gave
   * was of no use: asking again would not end.
   */
  applied(progress: boolean, nowMs: number): boolean {
    const state = this.#state
    if (state.type !== 'applying') return true
    this.#context.recorder.sync.fetchMs.observe(nowMs - state.sentAtMs)
    this.#finish(state.documents)
    if (!state.more) return true
    if (progress) for (const document of state.documents) this.wantMissing(document)
    return progress
  }

  nextDeadlineMs(): number {
    if (this.#state.type === 'awaiting') return this.#state.sentAtMs + answerTimeoutMs
    const waits = this.#state.type === 'idle' && this.#wishes.size > 0 && !this.#outbox.blocked
    return waits ? this.#claimedUntilMs : Number.POSITIVE_INFINITY
  }

  /** Gives up on an answer that does not come. True when it did. */
  handleDeadline(nowMs: number): boolean {
    const state = this.#state
    if (state.type !== 'awaiting' || nowMs < state.sentAtMs + answerTimeoutMs) return false
    this.#context.recorder.sync.fetchTimedOut.record(this.#peer, state.documents.length)
    this.#finish(state.documents)
    return true
  }

  close(): void {
    this.#closed = true
    if (this.#state.type !== 'idle') this.#finish(this.#state.documents)
    this.#wishes.clear()
  }

  #headsRead(
    taken: readonly Wish[],
    heads: readonly { readonly document: DocumentKey; readonly head: DocumentHead }[],
    nowMs: number,
  ): void {
    const headsByDocument = new Map(
      heads.map(({ document, head }) => [documentKeyText(document), head]),
    )
    const wanted: ChangesWanted[] = []
    let bytes = 0
    for (const wish of taken) {
      const head = headsByDocument.get(documentKeyText(wish.document))
      if (fulfilled(wish, head)) {
        this.#ledger.release(this, wish.document)
        continue
      }
      const version = head?.version ?? []
      const size = versionBytes(wish, version)
      if (wanted.length > 0 && bytes + size > fetchBytesMax) {
        // Back to the end of the queue, for the next request.
        this.#ledger.release(this, wish.document)
        this.#wishes.set(documentKeyText(wish.document), wish)
        continue
      }
      bytes += size
      wanted.push({ document: wish.document, version })
    }
    if (wanted.length === 0) {
      this.#state = { type: 'idle' }
      this.advance(nowMs)
      return
    }
    this.#lastRequest += 1
    this.#state = {
      type: 'awaiting',
      documents: wanted.map(({ document }) => document),
      sentAtMs: nowMs,
      more: false,
    }
    this.#context.recorder.sync.fetchesSent.add()
    this.#outbox.send({ type: 'fetch', request: this.#lastRequest, wanted }, nowMs)
  }

  #finish(documents: readonly DocumentKey[]): void {
    for (const document of documents) this.#ledger.release(this, document)
    this.#state = { type: 'idle' }
  }

  #wish(document: DocumentKey): Wish | undefined {
    const text = documentKeyText(document)
    const existing = this.#wishes.get(text)
    if (existing !== undefined) return existing
    if (this.#wishes.size >= fetchQueueMax) {
      this.#context.recorder.sync.fetchesDropped.add()
      return undefined
    }
    const afterBatches = this.#inbox.receivedCount
    const wish = { document, announced: [], forced: false, afterBatches }
    this.#wishes.set(text, wish)
    return wish
  }
}

function fulfilled(wish: Wish, head: DocumentHead | undefined): boolean {
  if (wish.forced || head === undefined) return false
  if (wish.digest !== undefined && !equalBytes(wish.digest, head.digest)) return false
  return wish.announced.every((change) => holds(head.version, change, change.seq))
}

function versionBytes(wish: Wish, version: ChangesWanted['version']): number {
  const writer = new ByteWriter()
  writeVersion(writer, version)
  return writer.length + wish.document.collection.length + wish.document.id.length
}
