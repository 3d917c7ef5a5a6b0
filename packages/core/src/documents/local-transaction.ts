/**
 * A local write: the operations of one transaction turned into one change (rules DO1 and DO20 of
 * docs/specs/documents.md).
 *
 * Operations work on the contents at once, each on what the one before it left. When one is
 * refused, the whole transaction is, and the states it touched are stale.
 */

import { unreachable } from '../engine/assert.ts'
import type { WriteOperation } from '../engine/command.ts'
import type { Problem } from '../engine/problem.ts'
import { partsPerChangeMax } from '../engine/sync/change-codec.ts'
import type { Change, ChangePart, DocumentKey } from '../engine/sync/change.ts'
import { documentKeyText } from '../engine/sync/document-key.ts'
import { entryOf, versionEntriesMax } from '../engine/sync/version-operations.ts'
import type { Writer } from '../engine/sync/version.ts'
import {
  documentBytesMax,
  idLengthMax,
  incarnationMax,
  isCollectionName,
  isDocumentId,
  updateBytesTarget,
} from './document-limits.ts'
import { sumBytes, type DocumentState } from './document-state.ts'
import type { Edit } from './edit.ts'
import { checkPath, checkValue } from './json-check.ts'
import type { JsonObject } from './query.ts'
import { splitUpdate } from './yjs-split.ts'

/** Most bytes of the updates of one transaction. */
export const transactionBytesMax = documentBytesMax

/** One document as the transaction has left it so far. */
interface Draft {
  readonly state: DocumentState
  incarnation: number
  live: boolean
  updates: Uint8Array[]
  /** The content is no longer the one of the head. */
  changed: boolean
}

/** The documents that the operations name, each once, or why they cannot be carried out. */
export function documentsOf(operations: readonly WriteOperation[]): DocumentKey[] | Problem {
  const documents = new Map<string, DocumentKey>()
  for (const operation of operations) {
    const document = documentOf(operation)
    const problem = checkName(document)
    if (problem !== undefined) return problem
    documents.set(documentKeyText(document), document)
  }
  if (documents.size > partsPerChangeMax) {
    return {
      code: 'limit-reached',
      message: `a transaction touches ${documents.size} documents, the limit is ${partsPerChangeMax}`,
    }
  }
  return [...documents.values()]
}

/** See the file header. */
export class LocalTransaction {
  readonly #writer: Writer
  readonly #drafts = new Map<string, Draft>()

  constructor(writer: Writer, states: readonly DocumentState[]) {
    this.#writer = writer
    for (const state of states) {
      this.#drafts.set(documentKeyText(state.document), {
        state,
        incarnation: state.head.incarnation,
        live: state.live,
        updates: [],
        changed: false,
      })
    }
  }

  /** Carries out the operations; the first problem, after which nothing of them counts. */
  apply(operations: readonly WriteOperation[]): Problem | undefined {
    let problem: Problem | undefined
    for (const operation of operations) problem ??= this.#applyOne(operation)
    problem ??= this.#checkSize()
    if (problem === undefined) return undefined
    for (const { state, changed } of this.#drafts.values()) if (changed) state.stale = true
    return problem
  }

  /** The parts of the change, none when the operations changed nothing. */
  change(seq: number): { readonly change: Change; readonly states: readonly DocumentState[] } {
    const parts: ChangePart[] = []
    const states: DocumentState[] = []
    for (const draft of this.#drafts.values()) {
      const content = contentOf(draft)
      if (content === undefined) continue
      const { document, head } = draft.state
      const previous = entryOf(head.version, this.#writer)?.seq ?? 0
      parts.push({ document, previous, incarnation: draft.incarnation, content })
      states.push(draft.state)
    }
    const { peer, epoch } = this.#writer
    return { change: { peer, epoch, seq, parts }, states }
  }

  #applyOne(operation: WriteOperation): Problem | undefined {
    const draft = this.#drafts.get(documentKeyText(documentOf(operation)))!
    const name = nameOf(draft.state.document)
    switch (operation.type) {
      case 'insert':
        if (draft.live) return { code: 'document-exists', message: `${name} exists already` }
        return this.#upsert(draft, operation.row)
      case 'upsert':
        return this.#upsert(draft, operation.row)
      case 'update':
        if (!draft.live) return { code: 'document-missing', message: `${name} does not exist` }
        return this.#edit(draft, operation.edits, operation.revision)
      case 'delete':
        if (!draft.live) return { code: 'document-missing', message: `${name} does not exist` }
        this.#reset(draft)
        draft.live = false
        return undefined
      default:
        return unreachable(operation)
    }
  }

  #upsert(draft: Draft, row: JsonObject): Problem | undefined {
    const { _id: _, ...fields } = row
    const problem = checkValue(fields, [])
    if (problem !== undefined) return problem
    if (!draft.live) {
      if (draft.incarnation >= incarnationMax) {
        return {
          code: 'limit-reached',
          message: `${nameOf(draft.state.document)} was deleted too often`,
        }
      }
      this.#reset(draft)
      draft.incarnation += 1
      draft.live = true
    }
    return this.#add(draft, draft.state.content.upsert(fields))
  }

  #edit(draft: Draft, edits: readonly Edit[], revision: string): Problem | undefined {
    for (const edit of edits) {
      const problem = checkEdit(edit)
      if (problem !== undefined) return problem
    }
    if (revision !== draft.state.revision && edits.some(dependsOnIndex)) {
      const name = nameOf(draft.state.document)
      return { code: 'document-changed', message: `${name} was changed since it was read` }
    }
    draft.changed = true
    const outcome = draft.state.content.edit(edits)
    return outcome.type === 'refused' ? outcome.problem : this.#add(draft, outcome.update)
  }

  #add(draft: Draft, update: Uint8Array | undefined): Problem | undefined {
    if (update === undefined) return undefined
    draft.changed = true
    draft.state.contentBytes += update.length
    for (const part of splitUpdate(update, updateBytesTarget)) {
      if (part.length > updateBytesTarget) {
        return tooLarge(
          draft.state,
          `one value takes ${part.length} bytes, the limit is ${updateBytesTarget}`,
        )
      }
      draft.updates.push(part)
    }
    if (draft.state.head.version.length >= versionEntriesMax) {
      return tooLarge(draft.state, `it has ${versionEntriesMax} writers already`)
    }
    return draft.state.exceeds(documentBytesMax)
      ? tooLarge(draft.state, `the limit is ${documentBytesMax} bytes`)
      : undefined
  }

  /** Forgets the content: it was deleted, or there is none yet. */
  #reset(draft: Draft): void {
    if (draft.live || draft.changed) {
      draft.state.reset()
      draft.changed = true
    }
    draft.updates = []
  }

  #checkSize(): Problem | undefined {
    let bytes = 0
    for (const { updates } of this.#drafts.values()) bytes += sumBytes(updates)
    if (bytes <= transactionBytesMax) return undefined
    return {
      code: 'limit-reached',
      message: `a transaction writes ${bytes} bytes, the limit is ${transactionBytesMax}`,
    }
  }
}

/** Refused: the document would be over one of its limits. */
export function tooLarge(state: DocumentState, reason: string): Problem {
  return { code: 'document-too-large', message: `${nameOf(state.document)}: ${reason}` }
}

function contentOf(draft: Draft): ChangePart['content'] | undefined {
  if (!draft.live) return draft.state.live ? { type: 'delete' } : undefined
  const inserted = draft.incarnation !== draft.state.head.incarnation
  if (!inserted && draft.updates.length === 0) return undefined
  return { type: 'update', updates: draft.updates }
}

function checkEdit(edit: Edit): Problem | undefined {
  const problem = checkPath(edit.path)
  if (problem !== undefined) return problem
  switch (edit.type) {
    case 'set':
      return checkValue(edit.value, edit.path)
    case 'unset':
      return undefined
    case 'splice': {
      const count = edit.index + edit.deleteCount
      if (!Number.isSafeInteger(count) || edit.index < 0 || edit.deleteCount < 0) {
        return { code: 'value-invalid', message: 'a splice needs whole numbers from 0' }
      }
      return checkValue(edit.values, edit.path)
    }
    default:
      return unreachable(edit)
  }
}

/** Whether the edit means something else after elements of an array have moved. */
function dependsOnIndex(edit: Edit): boolean {
  return edit.type === 'splice' || edit.path.some((step) => typeof step === 'number')
}

function documentOf(operation: WriteOperation): DocumentKey {
  const { collection } = operation
  const inserts = operation.type === 'insert' || operation.type === 'upsert'
  return { collection, id: inserts ? operation.row._id : operation.id }
}

function checkName({ collection, id }: DocumentKey): Problem | undefined {
  if (typeof collection !== 'string' || !isCollectionName(collection)) {
    return { code: 'value-invalid', message: `"${collection}" is no name of a collection` }
  }
  if (typeof id === 'string' && isDocumentId(id)) return undefined
  return { code: 'value-invalid', message: `an _id is a text of 1 to ${idLengthMax} characters` }
}

function nameOf({ collection, id }: DocumentKey): string {
  return `document "${id}" of collection "${collection}"`
}
