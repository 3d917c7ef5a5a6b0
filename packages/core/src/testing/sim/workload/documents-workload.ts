/** What applications do with documents: every kind of command, drawn from the luck of an action. */

import type { JsonObject, Query } from '../../../documents/query.ts'
import { unreachable } from '../../../engine/assert.ts'
import type { ReadRow, WriteOperation } from '../../../engine/command.ts'
import type { DocumentKey } from '../../../engine/sync/change.ts'
import type { Attempt, Ledger } from './ledger.ts'
import { Dice } from '../world/dice.ts'
import { ObservedRows } from './observed-rows.ts'
import { drawEdits, valueBy } from './row-edits.ts'
import { SimulatedPage } from './simulated-page.ts'
import type { SimulatedPeer } from '../peers/simulated-peer.ts'
import type { World } from '../world/world.ts'

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

/** One thing that one peer does. */
export interface DocumentsAction {
  readonly type: DocumentsActionType
  readonly peer: string
  /** Names the dice that decide the rest. */
  readonly luck: number
}

export type DocumentsActionType = (typeof documentsActionTypes)[number]
export const documentsActionTypes = [
  'write',
  'update',
  'observe',
  'open-page',
  'use-page',
  'compare',
  'write-bulk',
] as const

/** See the file header. */
export class DocumentsWorkload {
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

  /** The peer does it, if it is up. */
  perform({ type, peer: name, luck }: DocumentsAction): void {
    const peer = this.#world.peer(name)
    const dice = new Dice(`documents ${luck}`)
    if (!peer.isUp) return
    switch (type) {
      case 'write':
        return this.#write(peer, dice)
      case 'update':
        return this.update(peer, dice)
      case 'observe':
        return this.observe(peer, dice.pick(queries))
      case 'open-page':
        return this.open(peer, dice.pick(notes))
      case 'use-page':
        return this.#useOnePage(peer, dice)
      case 'compare':
        return this.#compare(peer, dice)
      case 'write-bulk':
        return this.writeBulk(peer)
      default:
        unreachable(type)
    }
  }

  /** Reads a row and edits it as it was read. */
  update(peer: SimulatedPeer, dice: Dice): void {
    const document = orderBy(dice)
    peer.execute({ type: 'get', collection, id: document.id }, (read) => {
      if (!read.ok || read.value === undefined) return
      const { row, revision } = read.value as ReadRow
      const attempt = this.#ledger.attempt()
      const by = peer.plan.name
      const edits = drawEdits({ dice, ledger: this.#ledger, attempt, document, by }, row)
      const update = { type: 'update', collection, id: row._id, revision, edits } as const
      this.#execute(peer, dice, attempt, [update])
    })
  }

  /** Inserts the row, or adds a field to it. */
  upsert(peer: SimulatedPeer, dice: Dice, document: DocumentKey): void {
    const attempt = this.#ledger.attempt()
    this.#execute(peer, dice, attempt, [this.#upsertion(peer, dice, attempt, document)])
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
    this.#run(peer, attempt, [{ type: 'upsert', collection, row }])
  }

  delete(peer: SimulatedPeer, document: DocumentKey): void {
    const attempt = this.#ledger.attempt()
    this.#run(peer, attempt, [this.#deletion(peer, attempt, document)])
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

  edit(page: SimulatedPage, dice: Dice): void {
    const { document, peer } = page
    const attempt = this.#ledger.attempt()
    const by = peer.plan.name
    const edits = drawEdits({ dice, ledger: this.#ledger, attempt, document, by }, page.content())
    page.edit(edits, (answer) => this.#ledger.answered(attempt, page.peer, answer))
  }

  #write(peer: SimulatedPeer, dice: Dice): void {
    const attempt = this.#ledger.attempt()
    const operations: WriteOperation[] = []
    for (let count = dice.chance(0.7) ? 1 : dice.integer(2, 4); count > 0; count -= 1) {
      const document = orderBy(dice)
      const draw = dice.fraction()
      if (draw < 0.55) operations.push(this.#upsertion(peer, dice, attempt, document))
      else if (draw < 0.7) operations.push(this.#insertion(peer, attempt, document))
      // With others behind it, a deletion that is refused would take them all with it too often.
      else if (operations.length > 0 || count > 1) continue
      else if (draw < 0.88) operations.push(this.#deletion(peer, attempt, document))
      else {
        operations.push(this.#deletion(peer, attempt, document))
        operations.push(this.#insertion(peer, attempt, document))
      }
    }
    if (operations.length > 0) this.#execute(peer, dice, attempt, operations)
  }

  /** When a query is answered, a live one shows the same: both know what is durable by then. */
  #compare(peer: SimulatedPeer, dice: Dice): void {
    const observed = this.observed.filter((candidate) => candidate.peer === peer)
    if (observed.length === 0) return
    const { query } = dice.pick(observed)
    peer.execute({ type: 'find', query }, (answer) => {
      // What is written and not answered yet, or was kept though it failed, is found all the same.
      if (!answer.ok || peer.isWriting || peer.disk.hasMisled) return
      const found = JSON.stringify(answer.value)
      for (const { rows, query: other } of observed) {
        if (other !== query || rows === undefined || JSON.stringify(rows) === found) continue
        const what = `a live query lags: ${JSON.stringify(query)}`
        this.#world.violated('live', `${peer.plan.name}: ${what}`)
      }
    })
  }

  #useOnePage(peer: SimulatedPeer, dice: Dice): void {
    const pages = this.pages.filter((page) => page.peer === peer && page.isLoaded)
    if (pages.length === 0) return
    const page = dice.pick(pages)
    const draw = dice.fraction()
    if (draw < 0.7) this.edit(page, dice)
    else if (draw < 0.92) page.setState(JSON.stringify({ at: dice.integer(0, 99) }))
    else if (page.isSaved) page.close()
  }

  #execute(
    peer: SimulatedPeer,
    dice: Dice,
    attempt: Attempt,
    operations: readonly WriteOperation[],
  ): void {
    this.#run(peer, attempt, operations)
    // A query that begins while a write is under way must not miss it.
    if (dice.chance(0.1)) this.observe(peer, dice.pick(queries))
  }

  #run(peer: SimulatedPeer, attempt: Attempt, operations: readonly WriteOperation[]): void {
    peer.execute({ type: 'write', operations }, (answer) => {
      this.#ledger.answered(attempt, peer, answer)
    })
  }

  #upsertion(
    peer: SimulatedPeer,
    dice: Dice,
    attempt: Attempt,
    document: DocumentKey,
  ): WriteOperation {
    const by = peer.plan.name
    const { text } = this.#ledger.leave(attempt, by, document)
    const row = { _id: document.id, fields: { [text]: valueBy(dice, by) } }
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
}

export function isDocumentsAction(step: { readonly type: string }): step is DocumentsAction {
  return (documentsActionTypes as readonly string[]).includes(step.type)
}

function orderBy(dice: Dice): DocumentKey {
  return { collection, id: dice.pick(orderIds) }
}
