/**
 * The books of a scenario: what was asked of the mesh, and what it answered.
 *
 * Every edit leaves a mark of its own in a document, a text such as `m17` that is a key or an
 * element somewhere in it. So it can be told afterwards which edits are there: those that were
 * acknowledged must be, those that were taken away must not be.
 */

import {
  decodeLogged,
  decodeStoredHead,
  documentStorageKey,
} from '../../../documents/storage-layout.ts'
import type { CommandAnswer, WriteId } from '../../../engine/command.ts'
import type { ProblemCode } from '../../../engine/problem.ts'
import type { DocumentKey } from '../../../engine/sync/change.ts'
import { documentKeyText } from '../../../engine/sync/document-key.ts'
import { entryOf } from '../../../engine/sync/version-operations.ts'
import { parseWriteId } from '../../../engine/sync/write-id.ts'
import type { SimulatedPeer } from '../peers/simulated-peer.ts'
import type { World } from '../world/world.ts'

/** How an attempt ended: `perhaps` until it is answered, and when storage failed under it. */
export type Fate = 'perhaps' | 'acknowledged' | 'refused'

/** The mark that one edit leaves in a document. */
export interface Mark {
  readonly text: string
  readonly document: DocumentKey
  readonly by: string
  /** It lies within what this one marks, and goes with it. */
  readonly within: Mark | undefined
  fate: Fate
  /** Which incarnation it is part of, if that could be told. */
  incarnation: number | undefined
  /** Of the edits that take it away; `refused` as long as there is none. */
  removal: Fate
}

/** A deletion of a document. */
export interface Deletion {
  readonly document: DocumentKey
  readonly by: string
  fate: Fate
  /** What it deleted, if that could be told. */
  incarnation: number | undefined
}

/** What one command is to do. */
export interface Attempt {
  readonly marks: Mark[]
  readonly removals: Mark[]
  readonly deletions: Deletion[]
}

/**
 * Refused with one of these, a command has done nothing: unless the disk has kept a batch that it
 * reported as failed, so that the command met its own effect when it was tried again.
 */
const harmless: readonly ProblemCode[] = [
  'document-exists',
  'document-missing',
  'document-changed',
  'mesh-closed',
]

/** See the file header. */
export class Ledger {
  readonly #world: World
  readonly #marks = new Map<string, Mark>()
  readonly #deletions: Deletion[] = []
  acknowledgedCount = 0
  readonly refusals: Partial<Record<ProblemCode, number>> = {}

  constructor(world: World) {
    this.#world = world
  }

  get marks(): Iterable<Mark> {
    return this.#marks.values()
  }

  get deletions(): readonly Deletion[] {
    return this.#deletions
  }

  mark(text: string): Mark | undefined {
    return this.#marks.get(text)
  }

  attempt(): Attempt {
    return { marks: [], removals: [], deletions: [] }
  }

  /** A new mark that the attempt leaves. */
  leave(attempt: Attempt, by: string, document: DocumentKey, within?: Mark): Mark {
    const text = `m${this.#marks.size + 1}`
    const mark: Mark = {
      text,
      document,
      by,
      within,
      fate: 'perhaps',
      incarnation: undefined,
      removal: 'refused',
    }
    this.#marks.set(text, mark)
    attempt.marks.push(mark)
    return mark
  }

  /** The attempt takes a mark away. */
  remove(attempt: Attempt, text: string): void {
    const mark = this.#marks.get(text)
    if (mark === undefined) return
    if (mark.removal === 'refused') mark.removal = 'perhaps'
    attempt.removals.push(mark)
  }

  /** The attempt deletes a document. */
  delete(attempt: Attempt, by: string, document: DocumentKey): void {
    const deletion: Deletion = { document, by, fate: 'perhaps', incarnation: undefined }
    this.#deletions.push(deletion)
    attempt.deletions.push(deletion)
  }

  /** The attempt was answered by `peer`. */
  answered(attempt: Attempt, peer: SimulatedPeer, answer: CommandAnswer): void {
    const { marks, removals, deletions } = attempt
    if (!answer.ok) {
      const { code } = answer.problem
      this.refusals[code] = (this.refusals[code] ?? 0) + 1
      // A removal that was refused leaves the mark to another removal, which may have happened.
      if (peer.disk.hasMisled || !harmless.includes(code)) return
      for (const item of [...marks, ...deletions]) item.fate = 'refused'
      return
    }
    this.acknowledgedCount += 1
    const { write } = answer.value as { readonly write: WriteId | undefined }
    for (const item of [...marks, ...deletions]) {
      item.fate = 'acknowledged'
      this.#checkDurable(peer, item.document, write)
    }
    for (const mark of marks) mark.incarnation = incarnationOf(peer, mark.document, write)
    for (const mark of removals) mark.removal = 'acknowledged'
    for (const deletion of deletions) {
      const { document } = deletion
      const incarnation = incarnationOf(peer, document, write)
      // With an insertion after it, what is stored is the next incarnation.
      const inserts = marks.some((mark) => sameDocument(mark.document, document))
      deletion.incarnation = inserts && incarnation !== undefined ? incarnation - 1 : incarnation
    }
  }

  /** Acknowledged is durable: the disk has to know the write at that moment. */
  #checkDurable(peer: SimulatedPeer, document: DocumentKey, write: WriteId | undefined): void {
    const parsed = parseWriteId(write ?? '')
    const key = documentStorageKey(document)
    const [found] = peer.disk.read([{ type: 'get', space: 'heads', key }])[0] ?? []
    const head = found === undefined ? undefined : decodeStoredHead(found.value)
    const entry = parsed && head && entryOf(head.version, parsed.writer)
    if (parsed !== undefined && (entry?.seq ?? 0) >= parsed.seq) return
    this.#world.violated('writes', `${peer.plan.name} acknowledged ${write} before it was durable`)
  }
}

export function sameDocument(left: DocumentKey, right: DocumentKey): boolean {
  return documentKeyText(left) === documentKeyText(right)
}

/** The incarnation that a write is of, while it is in the log of its writer. */
function incarnationOf(
  peer: SimulatedPeer,
  document: DocumentKey,
  write: WriteId | undefined,
): number | undefined {
  const parsed = parseWriteId(write ?? '')
  const prefix = documentStorageKey(document)
  const [entries = []] = peer.disk.read([
    { type: 'list', space: 'changes', prefix, limit: Number.MAX_SAFE_INTEGER },
  ])
  for (const entry of entries) {
    const change = decodeLogged(entry)?.change
    if (parsed === undefined || change?.seq !== parsed.seq) continue
    const { writer } = parsed
    if (change.peer === writer.peer && change.epoch === writer.epoch) {
      return change.parts[0]?.incarnation
    }
  }
  return undefined
}
