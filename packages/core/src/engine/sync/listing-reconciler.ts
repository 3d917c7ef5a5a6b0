/**
 * The listing reconciler: pages through all heads in key order. Rule SY10 of docs/specs/sync.md.
 *
 * The driver sends its heads page by page. The other side walks its own listing beside each page and
 * gives back only its heads that the driver lacks or holds otherwise; what it lacks itself it now
 * knows. One page is under way at a time, so neither side holds more than two pages.
 */

import { unreachable } from '../assert.ts'
import { equalBytes } from '../bytes/compare.ts'
import type { DocumentKey } from './change.ts'
import { compareDocumentKeys } from './document-key.ts'
import type { Reconciler, ReconcilerOutput } from './reconciler.ts'
import type { ListedHead } from './replica-port.ts'
import type { ReplicaRequests } from './replica-requests.ts'
import { headsPerMessageMax } from './sync-message-codec.ts'
import type { ComparisonMessage } from './sync-message.ts'

type Page = Extract<ComparisonMessage, { type: 'page' }>

type ListingState =
  | { readonly type: 'idle' }
  /** Driver: the next page is being listed. */
  | { readonly type: 'listing' }
  /** Driver: a page was sent. */
  | { readonly type: 'awaiting-differences'; readonly last: boolean }
  /** Driver: differences came; waits for room. */
  | { readonly type: 'paused'; readonly done: boolean; readonly last: boolean }
  /** Other side: own heads beside the page are being listed. */
  | { readonly type: 'comparing'; readonly page: Page }
  /** Other side: differences were found and wait for room to be told. */
  | {
      readonly type: 'telling'
      readonly page: Page
      readonly done: boolean
      readonly heads: readonly ListedHead[]
    }
  /** Other side: differences were sent, but not all of the page's. */
  | { readonly type: 'awaiting-continue'; readonly page: Page }
  /** Other side: the page is done with. */
  | { readonly type: 'awaiting-page' }

export class ListingReconciler implements Reconciler {
  readonly #requests: ReplicaRequests
  readonly #drives: boolean
  readonly #outputs: ReconcilerOutput[] = []
  #state: ListingState = { type: 'idle' }
  /** Up to here both listings were compared. */
  #cursor: DocumentKey | undefined
  /** Tells answers of the replica to this comparison from those to one that was forgotten. */
  #generation = 0

  constructor(requests: ReplicaRequests, drives: boolean) {
    this.#requests = requests
    this.#drives = drives
  }

  start(nowMs: number): void {
    this.#cursor = undefined
    this.#listPage(nowMs)
  }

  messageReceived(message: ComparisonMessage, nowMs: number): boolean {
    const state = this.#state
    switch (message.type) {
      case 'page': {
        if (this.#drives) return false
        if (message.first) this.#cursor = undefined
        else if (state.type !== 'awaiting-page' || !this.#isAhead(message)) return false
        this.#compare(message, nowMs)
        return true
      }
      case 'differences':
        if (state.type !== 'awaiting-differences') return false
        if (message.heads.length > 0) this.#outputs.push({ type: 'differs', heads: message.heads })
        this.#state = { type: 'paused', done: message.done, last: state.last }
        return true
      case 'continue':
        if (state.type !== 'awaiting-continue') return false
        this.#compare(state.page, nowMs)
        return true
      default:
        return unreachable(message)
    }
  }

  proceed(nowMs: number): void {
    const state = this.#state
    if (state.type === 'paused') {
      if (!state.done) {
        this.#state = { type: 'awaiting-differences', last: state.last }
        this.#outputs.push({ type: 'send', message: { type: 'continue' } })
      } else if (state.last) {
        this.#state = { type: 'idle' }
        this.#outputs.push({ type: 'finished' })
      } else {
        this.#listPage(nowMs)
      }
    } else if (state.type === 'telling') {
      this.#tell(state.page, state.done, state.heads, nowMs)
    }
  }

  poll(): ReconcilerOutput | undefined {
    return this.#outputs.shift()
  }

  close(): void {
    this.#generation += 1
    this.#state = { type: 'idle' }
  }

  #listPage(nowMs: number): void {
    const first = this.#cursor === undefined
    this.#state = { type: 'listing' }
    this.#list(nowMs, (heads, more) => {
      const last = !more || heads.length === 0
      this.#cursor = heads.at(-1)?.document ?? this.#cursor
      this.#state = { type: 'awaiting-differences', last }
      this.#outputs.push({ type: 'send', message: { type: 'page', first, last, heads } })
    })
  }

  #compare(page: Page, nowMs: number): void {
    this.#state = { type: 'comparing', page }
    this.#list(nowMs, (heads, more) => {
      const ownEnd = more ? heads.at(-1)?.document : undefined
      const pageEnd = page.last ? undefined : page.heads.at(-1)?.document
      const end = earlier(ownEnd, pageEnd)
      const { differing, telling } = this.#difference(page.heads, heads, end)
      const done = end === pageEnd
      this.#cursor = end
      if (differing.length > 0) this.#outputs.push({ type: 'differs', heads: differing })
      this.#state = { type: 'telling', page, done, heads: telling }
    })
  }

  /** The heads up to `end` that are not the same on both sides: theirs to fetch, ours to tell. */
  #difference(
    theirs: readonly ListedHead[],
    ours: readonly ListedHead[],
    end: DocumentKey | undefined,
  ): { differing: ListedHead[]; telling: ListedHead[] } {
    const within = ({ document }: ListedHead) =>
      (this.#cursor === undefined || compareDocumentKeys(document, this.#cursor) > 0) &&
      (end === undefined || compareDocumentKeys(document, end) <= 0)
    const left = theirs.filter(within)
    const right = ours.filter(within)
    const differing: ListedHead[] = []
    const telling: ListedHead[] = []
    let leftIndex = 0
    let rightIndex = 0
    while (leftIndex < left.length || rightIndex < right.length) {
      const their = left[leftIndex]
      const our = right[rightIndex]
      const order = compareHeads(their, our)
      if (order <= 0) leftIndex += 1
      if (order >= 0) rightIndex += 1
      if (their !== undefined && our !== undefined && order === 0) {
        if (equalBytes(their.digest, our.digest)) continue
      }
      if (their !== undefined && order <= 0) differing.push(their)
      if (our !== undefined && order >= 0) telling.push(our)
    }
    return { differing, telling }
  }

  #tell(page: Page, done: boolean, heads: readonly ListedHead[], nowMs: number): void {
    if (!done && heads.length === 0) {
      this.#compare(page, nowMs)
      return
    }
    if (!done) this.#state = { type: 'awaiting-continue', page }
    else this.#state = { type: page.last ? 'idle' : 'awaiting-page' }
    this.#outputs.push({ type: 'send', message: { type: 'differences', done, heads } })
  }

  #list(nowMs: number, then: (heads: readonly ListedHead[], more: boolean) => void): void {
    this.#generation += 1
    const generation = this.#generation
    this.#requests.listHeads(this.#cursor, headsPerMessageMax, nowMs, (heads, more) => {
      if (generation === this.#generation) then(heads, more)
    })
  }

  #isAhead(page: Page): boolean {
    const first = page.heads[0]
    if (first === undefined) return page.last
    return this.#cursor !== undefined && compareDocumentKeys(first.document, this.#cursor) > 0
  }
}

/** The one that comes first; `undefined` is the end of all keys. */
function earlier(
  left: DocumentKey | undefined,
  right: DocumentKey | undefined,
): DocumentKey | undefined {
  if (left === undefined || right === undefined) return left ?? right
  return compareDocumentKeys(left, right) < 0 ? left : right
}

function compareHeads(left: ListedHead | undefined, right: ListedHead | undefined): number {
  if (left === undefined) return 1
  if (right === undefined) return -1
  return compareDocumentKeys(left.document, right.document)
}
