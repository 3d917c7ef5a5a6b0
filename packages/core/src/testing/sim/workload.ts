/** What applications do in a scenario: every kind of command, drawn from the seed. */

import type { Edit } from '../../documents/edit.ts'
import type { JsonObject, Query } from '../../documents/query.ts'
import type { ReadRow, WriteOperation } from '../../engine/command.ts'
import type { DocumentKey } from '../../engine/sync/change.ts'
import type { Attempt, Ledger } from './ledger.ts'
import { ObservedRows } from './observed-rows.ts'
import { drawEdits, valueBy } from './row-edits.ts'
import { SimulatedPage } from './simulated-page.ts'
import type { SimulatedPeer } from './simulated-peer.ts'
import type { World } from './world.ts'

/** The collection of all rows. */
export const collection = 'orders'
/** Few documents, so that peers often edit the same one. */
const rowCount = 8
const noteCount = 3
const pagesPerPeer = 2
const queriesPerPeer = 4

const queries: readonly Query[] = [
  { collection, filter: {} },
  { collection, filter: { 'status.state': { $in: ['peer1', 'hub1'] } } },
  { collection, filter: { items: { $exists: true } }, sort: [['status.steps', -1]] },
  { collection, filter: { 'lines.done': true }, sort: [['_id', -1]], skip: 1, limit: 3 },
]

/** The bulky row: more than a channel takes at once, in fields that each fit into one update. */
const bulkId = 'bulk'
const bulkFieldCount = 8
const bulkFieldLength = 50_000

const orderIds = Array.from({ length: rowCount }, (_, index) => `order-${index + 1}`)
/** The names of all rows and free documents that a workload writes. */
export const rowIds = [bulkId, ...orderIds]
export const notes: readonly DocumentKey[] = Array.from({ length: noteCount }, (_, index) => ({
  collection: '',
  id: `note-${index + 1}`,
}))

/** See the file header. */
export class Workload {
  readonly #world: World
  readonly #ledger: Ledger
  #pages: SimulatedPage[] = []
  #observed: ObservedRows[] = []

  constructor(world: World, ledger: Ledger) {
    this.#world = world
    this.#ledger = ledger
  }

  /** Pages that are open. */
  get pages(): readonly SimulatedPage[] {
    this.#pages = this.#pages.filter((page) => page.isOpen)
    return this.#pages
  }

  /** Live queries that are running. */
  get observed(): readonly ObservedRows[] {
    return this.#observed.filter((observed) => observed.rows !== undefined)
  }

  /** One peer does one thing. */
  act(peer: SimulatedPeer): void {
    if (!peer.isUp) return
    const draw = this.#world.fraction()
    if (draw < 0.26) this.#write(peer)
    else if (draw < 0.65) this.update(peer)
    else if (draw < 0.67) this.observe(peer, this.#world.pick(queries))
    else if (draw < 0.74) this.open(peer, this.#world.pick(notes))
    else if (draw < 0.82) this.#compare(peer)
    else this.#useOnePage(peer)
  }

  /** Reads a row and edits it as it was read. */
  update(peer: SimulatedPeer): void {
    const document = this.#row()
    peer.execute({ type: 'get', collection, id: document.id }, (read) => {
      if (!read.ok || read.value === undefined) return
      const { row, revision } = read.value as ReadRow
      const attempt = this.#ledger.attempt()
      const by = peer.plan.name
      const edits = drawEdits(
        { world: this.#world, ledger: this.#ledger, attempt, document, by },
        row,
      )
      this.#execute(peer, attempt, [{ type: 'update', collection, id: row._id, revision, edits }])
    })
  }

  /** Inserts the row, or adds a field to it. */
  upsert(peer: SimulatedPeer, document: DocumentKey): void {
    const attempt = this.#ledger.attempt()
    this.#execute(peer, attempt, [this.#upsertion(peer, attempt, document)])
  }

  /** Writes one row that is large. */
  writeBulk(peer: SimulatedPeer): void {
    const attempt = this.#ledger.attempt()
    const document = { collection, id: bulkId }
    const by = peer.plan.name
    const fields = Array.from({ length: bulkFieldCount }, () => {
      const { text } = this.#ledger.leave(attempt, by, document)
      return [text, by.padEnd(bulkFieldLength, '.')]
    })
    const row = { _id: bulkId, fields: Object.fromEntries(fields) as JsonObject }
    this.#execute(peer, attempt, [{ type: 'upsert', collection, row }])
  }

  delete(peer: SimulatedPeer, document: DocumentKey): void {
    const attempt = this.#ledger.attempt()
    this.#execute(peer, attempt, [this.#deletion(peer, attempt, document)])
  }

  observe(peer: SimulatedPeer, query: Query): void {
    this.#observed = this.#observed.filter(({ rows }) => rows !== undefined)
    if (this.#observed.filter((observed) => observed.peer === peer).length >= queriesPerPeer) return
    this.#observed.push(new ObservedRows(this.#world, peer, query))
  }

  /** Opens every kind of live query at a peer. */
  observeAll(peer: SimulatedPeer): void {
    for (const query of queries) this.#observed.push(new ObservedRows(this.#world, peer, query))
  }

  open(peer: SimulatedPeer, document: DocumentKey): void {
    if (this.pages.filter((page) => page.peer === peer).length >= pagesPerPeer) return
    this.#pages.push(new SimulatedPage(this.#world, peer, document))
  }

  edit(page: SimulatedPage): void {
    const attempt = this.#ledger.attempt()
    const edits = this.#noteEdits(page, attempt)
    page.edit(edits, (answer) => this.#ledger.answered(attempt, page.peer, answer))
  }

  #write(peer: SimulatedPeer): void {
    const attempt = this.#ledger.attempt()
    const operations: WriteOperation[] = []
    const world = this.#world
    for (let count = world.fraction() < 0.7 ? 1 : world.integer(2, 4); count > 0; count -= 1) {
      const document = this.#row()
      const draw = world.fraction()
      if (draw < 0.55) operations.push(this.#upsertion(peer, attempt, document))
      else if (draw < 0.7) operations.push(this.#insertion(peer, attempt, document))
      // With others behind it, a deletion that is refused would take them all with it too often.
      else if (operations.length > 0 || count > 1) continue
      else if (draw < 0.88) operations.push(this.#deletion(peer, attempt, document))
      else {
        operations.push(this.#deletion(peer, attempt, document))
        operations.push(this.#insertion(peer, attempt, document))
      }
    }
    if (operations.length > 0) this.#execute(peer, attempt, operations)
  }

  /** When a query is answered, a live one shows the same: both know what is durable by then. */
  #compare(peer: SimulatedPeer): void {
    const observed = this.observed.filter((candidate) => candidate.peer === peer)
    if (observed.length === 0) return
    const { query } = this.#world.pick(observed)
    peer.execute({ type: 'find', query }, (answer) => {
      // What is written and not answered yet, or was kept though it failed, is found all the same.
      if (!answer.ok || peer.isWriting || peer.disk.hasMisled) return
      const found = JSON.stringify(answer.value)
      for (const { rows, query: other } of observed) {
        if (other !== query || rows === undefined || JSON.stringify(rows) === found) continue
        this.#world.violated(`${peer.plan.name}: a live query lags: ${JSON.stringify(query)}`)
      }
    })
  }

  #useOnePage(peer: SimulatedPeer): void {
    const pages = this.pages.filter((page) => page.peer === peer && page.isLoaded)
    if (pages.length === 0) return
    const page = this.#world.pick(pages)
    const draw = this.#world.fraction()
    if (draw < 0.7) this.edit(page)
    else if (draw < 0.92) page.setState(JSON.stringify({ at: this.#world.integer(0, 99) }))
    else if (page.isSaved) page.close()
  }

  #noteEdits(page: SimulatedPage, attempt: Attempt): readonly Edit[] {
    const { document, peer } = page
    const by = peer.plan.name
    return drawEdits(
      { world: this.#world, ledger: this.#ledger, attempt, document, by },
      page.content(),
    )
  }

  #execute(peer: SimulatedPeer, attempt: Attempt, operations: readonly WriteOperation[]): void {
    peer.execute({ type: 'write', operations }, (answer) => {
      this.#ledger.answered(attempt, peer, answer)
    })
    // A query that begins while a write is under way must not miss it.
    if (this.#world.fraction() < 0.1) this.observe(peer, this.#world.pick(queries))
  }

  #upsertion(peer: SimulatedPeer, attempt: Attempt, document: DocumentKey): WriteOperation {
    const by = peer.plan.name
    const { text } = this.#ledger.leave(attempt, by, document)
    const row = { _id: document.id, fields: { [text]: valueBy(this.#world, by) } }
    return { type: 'upsert', collection, row }
  }

  #insertion(peer: SimulatedPeer, attempt: Attempt, document: DocumentKey): WriteOperation {
    const by = peer.plan.name
    const leave = () => this.#ledger.leave(attempt, by, document).text
    const content: JsonObject = { fields: { [leave()]: by }, items: [leave()], lines: [] }
    return { type: 'insert', collection, row: { _id: document.id, ...content } }
  }

  #deletion(peer: SimulatedPeer, attempt: Attempt, document: DocumentKey): WriteOperation {
    this.#ledger.delete(attempt, peer.plan.name, document)
    return { type: 'delete', collection, id: document.id }
  }

  #row(): DocumentKey {
    return { collection, id: this.#world.pick(orderIds) }
  }
}
