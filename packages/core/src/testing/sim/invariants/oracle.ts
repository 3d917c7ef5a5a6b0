/** What a mended mesh has to be like, in sentences about how it is not. */

import { decodeStoredHead, documentStorageKey } from '../../../documents/storage-layout.ts'
import type { DocumentHead } from '../../../documents/head.ts'
import type { JsonValue, Query, Row } from '../../../documents/query.ts'
import { encodeHex } from '../../../engine/bytes/hex.ts'
import type { DocumentKey } from '../../../engine/sync/change.ts'
import { documentKeyText } from '../../../engine/sync/document-key.ts'
import { sameDocument, type Ledger, type Mark } from '../workload/ledger.ts'
import { SimulatedPage } from '../workload/simulated-page.ts'
import type { SimulatedPeer } from '../peers/simulated-peer.ts'
import {
  collection,
  notes,
  rowIds,
  type DocumentsWorkload,
} from '../workload/documents-workload.ts'
import type { Invariant } from '../world/violation.ts'
import type { World } from '../world/world.ts'

/** Longer than a query or an opening takes once disks are well. */
const answerMsMax = 60_000
/** Awareness is said again every 15 s. */
const awarenessMsMax = 60_000

/** A document as a peer shows it: its marks, or undefined when it does not exist. */
type Shown = ReadonlySet<string> | undefined

/** See the file header. It asks through commands, as an application would, and looks at disks. */
export class Oracle {
  readonly #world: World
  readonly #ledger: Ledger
  readonly #peers: readonly SimulatedPeer[]

  constructor(world: World, ledger: Ledger, peers: readonly SimulatedPeer[]) {
    this.#world = world
    this.#ledger = ledger
    this.#peers = peers
  }

  /** Whether all peers are up and hold the same changes. */
  hasConverged(): boolean {
    const digests = this.#peers.map((peer) => digestOf(peer))
    return digests.every((digest) => digest !== undefined && digest === digests[0])
  }

  describe(): string {
    return this.#peers.map((peer) => `${peer.plan.name} ${digestOf(peer) ?? 'down'}`).join(', ')
  }

  /** Every peer shows the same rows and free documents, and those that the ledger asks for. */
  checkDocuments(): void {
    let expected: readonly [rows: string, notes: string] | undefined
    for (const peer of this.#peers) {
      const rows = this.find(peer, { collection, filter: {} })
      const contents = this.#contentsOf(peer)
      if (rows === undefined || contents === undefined) continue
      const texts = [JSON.stringify(rows), JSON.stringify(contents)] as const
      if (expected === undefined) {
        this.#checkLedger(peer, rows, contents)
        expected = texts
      }
      if (texts[0] !== expected[0]) this.#violated(`${peer.plan.name} shows other rows`)
      if (texts[1] !== expected[1]) this.#violated(`${peer.plan.name} shows other free documents`)
    }
  }

  /** Live queries and live documents show what is found when asked anew. */
  checkLive({ observed, pages }: DocumentsWorkload): void {
    for (const { peer, query, rows } of observed) {
      const found = this.find(peer, query)
      if (JSON.stringify(found) === JSON.stringify(rows)) continue
      this.#violated(
        `${peer.plan.name}: a live query is not what is found: ${JSON.stringify(query)}`,
        'live',
      )
    }
    for (const page of pages) {
      const { peer, document } = page
      const content = this.#contentOf(peer, document)
      if (page.isLoaded && JSON.stringify(page.content()) === content) continue
      this.#violated(
        `${peer.plan.name}: a live document ${document.id} is not what is stored`,
        'live',
      )
    }
  }

  /** Every page knows the states of all others of its document, and no more. */
  checkAwareness({ pages }: DocumentsWorkload): void {
    const isRight = (page: SimulatedPage) => {
      const others = pages.filter(
        (other) => other !== page && sameDocument(other.document, page.document),
      )
      const states = others.flatMap(({ ownState }) => (ownState === undefined ? [] : [ownState]))
      const known = [...page.states].map(String).sort().join()
      return known === states.map(String).sort().join()
    }
    if (this.#world.runUntil(() => pages.every(isRight), awarenessMsMax)) return
    for (const page of pages.filter((candidate) => !isRight(candidate))) {
      this.#violated(
        `${page.peer.plan.name} has wrong awareness of ${page.document.id}`,
        'awareness',
      )
    }
  }

  /** The rows that a peer finds. */
  find(peer: SimulatedPeer, query: Query): readonly Row[] | undefined {
    let found: readonly Row[] | undefined
    peer.execute({ type: 'find', query }, (answer) => {
      if (answer.ok) found = answer.value as readonly Row[]
    })
    if (!this.#world.runUntil(() => found !== undefined, answerMsMax)) {
      this.#violated(`${peer.plan.name} does not answer a query`, 'unanswered')
    }
    return found
  }

  #contentsOf(peer: SimulatedPeer): readonly string[] | undefined {
    const contents = notes.map((document) => this.#contentOf(peer, document))
    return contents.every((content) => content !== undefined) ? contents : undefined
  }

  /** What a page sees that is opened now. */
  #contentOf(peer: SimulatedPeer, document: DocumentKey): string | undefined {
    const page = new SimulatedPage(this.#world, peer, document)
    if (!this.#world.runUntil(() => page.isLoaded, answerMsMax)) {
      this.#violated(`${peer.plan.name} does not load ${document.id}`, 'unanswered')
      return undefined
    }
    const content = JSON.stringify(page.content())
    page.close()
    return content
  }

  #checkLedger(peer: SimulatedPeer, rows: readonly Row[], contents: readonly string[]): void {
    const shownByDocument = new Map<string, Shown>()
    for (const row of rows) {
      shownByDocument.set(documentKeyText({ collection, id: row._id }), marksOf(row))
    }
    for (const [index, note] of notes.entries()) {
      const content = JSON.parse(contents[index]!) as JsonValue
      shownByDocument.set(documentKeyText(note), marksOf(content))
    }
    for (const mark of this.#ledger.marks) {
      this.#checkMark(mark, shownByDocument.get(documentKeyText(mark.document)), peer)
    }
    for (const id of rowIds) {
      const document = { collection, id }
      const text = documentKeyText(document)
      this.#checkInvented(document, shownByDocument.get(text))
      this.#checkDeletions(document, headOf(peer, document), shownByDocument.has(text))
    }
    for (const note of notes) this.#checkInvented(note, shownByDocument.get(documentKeyText(note)))
  }

  /** What was acknowledged is there, unless it was taken away; what was taken away is not. */
  #checkMark(mark: Mark, shown: Shown, peer: SimulatedPeer): void {
    const { text, document, by, fate, incarnation } = mark
    const isShown = shown?.has(text) === true
    const what = `${text} in ${document.id}, written at ${by}`
    if (isShown && mark.removal === 'acknowledged')
      this.#violated(`${what}, was removed and is there`)
    if (isShown && fate === 'refused') this.#violated(`${what}, was refused and is there`)
    const head = headOf(peer, document)
    if (isShown && incarnation !== undefined && head?.incarnation !== incarnation) {
      this.#violated(`${what}, is of another incarnation`)
    }
    if (isShown || fate !== 'acknowledged' || isTakenAway(mark)) return
    // A deletion of its incarnation, answered or not, takes it away as well.
    const isDeleted = this.#ledger.deletions.some(
      (deletion) =>
        sameDocument(deletion.document, document) &&
        deletion.fate !== 'refused' &&
        (deletion.incarnation ?? incarnation) === (incarnation ?? deletion.incarnation),
    )
    const isOver =
      head !== undefined &&
      (incarnation === undefined ||
        head.incarnation > incarnation ||
        (head.incarnation === incarnation && head.deleted))
    if (!isDeleted || !isOver) this.#violated(`${what}, was acknowledged and is lost`)
  }

  /** What is there, somebody has written there. */
  #checkInvented(document: DocumentKey, shown: Shown): void {
    for (const text of shown ?? []) {
      const mark = this.#ledger.mark(text)
      if (mark !== undefined && sameDocument(mark.document, document)) continue
      this.#violated(`${document.id} shows ${text}, which nobody wrote there`)
    }
  }

  /** What was deleted stays deleted, whatever incarnations followed. */
  #checkDeletions(document: DocumentKey, head: DocumentHead | undefined, isShown: boolean): void {
    if (isShown !== (head !== undefined && !head.deleted && head.incarnation > 0)) {
      this.#violated(`${document.id}: head and row contradict each other`)
    }
    for (const { incarnation, fate, by, document: deleted } of this.#ledger.deletions) {
      if (!sameDocument(deleted, document)) continue
      if (fate !== 'acknowledged' || incarnation === undefined) continue
      const isOver =
        head !== undefined &&
        (head.incarnation > incarnation || (head.incarnation === incarnation && head.deleted))
      if (!isOver) this.#violated(`${document.id}, deleted at ${by}, is back`)
    }
  }

  #violated(sentence: string, invariant: Invariant = 'writes'): void {
    this.#world.violated(invariant, sentence)
  }
}

function isTakenAway(mark: Mark): boolean {
  return mark.removal !== 'refused' || (mark.within !== undefined && isTakenAway(mark.within))
}

function digestOf(peer: SimulatedPeer): string | undefined {
  const digest = peer.engine?.rootDigest()
  return digest && encodeHex(digest)
}

function headOf(peer: SimulatedPeer, document: DocumentKey): DocumentHead | undefined {
  const key = documentStorageKey(document)
  const [found] = peer.disk.read([{ type: 'get', space: 'heads', key }])[0] ?? []
  return found && decodeStoredHead(found.value)
}

/** Every mark in a value: keys and texts. */
function marksOf(value: JsonValue): ReadonlySet<string> {
  const marks = new Set<string>()
  const collect = (part: JsonValue): void => {
    if (typeof part === 'string' && /^m\d+$/.test(part)) marks.add(part)
    if (typeof part !== 'object' || part === null) return
    for (const [key, inner] of Object.entries(part)) {
      if (!Array.isArray(part)) collect(key)
      collect(inner)
    }
  }
  collect(value)
  return marks
}
