/**
 * The documents port over Yjs. With its neighbours `shared-fields.ts`, `shared-json.ts` and
 * `shared-edit.ts` the only files that know Yjs.
 *
 * Yjs draws a random client id in the constructor of each document; nothing here depends on it. A
 * document has the idle id, which no update can carry, but while it makes a local edit: Yjs would
 * otherwise take its own stored edits for those of a rival, and draw another random id.
 */

import * as Y from 'yjs'
import type { DocumentsPort, EditOutcome, OpenDocument } from './documents-port.ts'
import type { Edit } from './edit.ts'
import type { JsonObject } from './query.ts'
import { applyEdit } from './shared-edit.ts'
import { SharedFields } from './shared-fields.ts'

/** Never in an update: ids there are not negative. */
const idleClientId = -1

/** The one factory of documents. It holds no state. */
export function createYjsDocuments(): DocumentsPort {
  return {
    create: (clientId) => new YjsDocument(clientId),
    mergeUpdates,
  }
}

function mergeUpdates(updates: readonly Uint8Array[]): Uint8Array | undefined {
  try {
    return Y.mergeUpdates([...updates])
  } catch {
    return undefined
  }
}

class YjsDocument implements OpenDocument {
  readonly #clientId: number
  readonly #doc: Y.Doc
  readonly #fields: SharedFields

  constructor(clientId: number) {
    this.#clientId = clientId
    this.#doc = new Y.Doc({ guid: '', gc: true })
    this.#doc.clientID = idleClientId
    this.#fields = new SharedFields(this.#doc)
  }

  applyUpdates(updates: readonly Uint8Array[]): boolean {
    try {
      for (const update of updates) Y.applyUpdate(this.#doc, update)
      return true
    } catch {
      // Well-formed, but its references contradict the document, or are nested too deeply.
      return false
    }
  }

  upsert(fields: JsonObject): Uint8Array | undefined {
    return this.#transact(() => this.#fields.merge('', fields))
  }

  edit(edits: readonly Edit[]): EditOutcome {
    let refused: EditOutcome | undefined
    const update = this.#transact(() => {
      for (const edit of edits) {
        const problem = applyEdit(this.#fields, edit)
        if (problem === undefined) continue
        refused = { type: 'refused', problem }
        return
      }
    })
    return refused ?? { type: 'edited', update }
  }

  toJson(): JsonObject {
    return this.#fields.toJson()
  }

  encodeState(): Uint8Array {
    return Y.encodeStateAsUpdate(this.#doc)
  }

  destroy(): void {
    this.#doc.destroy()
  }

  #transact(change: () => void): Uint8Array | undefined {
    let update: Uint8Array | undefined
    const keep = (bytes: Uint8Array) => {
      update = bytes
    }
    this.#doc.on('update', keep)
    this.#doc.clientID = this.#clientId
    try {
      this.#doc.transact(change)
    } finally {
      this.#doc.clientID = idleClientId
      this.#doc.off('update', keep)
    }
    return update
  }
}
