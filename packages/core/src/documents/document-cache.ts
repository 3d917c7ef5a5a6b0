/**
 * Documents held in memory, least recently used first to go. A document costs nothing while it is
 * not here.
 */

import { documentKeyText } from '../engine/sync/document-key.ts'
import type { DocumentKey } from '../engine/sync/change.ts'
import type { DocumentState } from './document-state.ts'

/** Documents kept for later. Those that work waits for, or that run ahead of storage, come on top. */
export const cachedDocumentsMax = 64

/** Content kept for later, in bytes of its encoding; a Y.Doc takes several times that. */
export const cachedBytesMax = 32 * 1024 * 1024

/** See the file header. */
export class DocumentCache {
  /** In order of use. */
  readonly #states = new Map<string, DocumentState>()

  get size(): number {
    return this.#states.size
  }

  /** The state, ready to be worked on. */
  get(document: DocumentKey): DocumentState | undefined {
    const name = documentKeyText(document)
    const state = this.#states.get(name)
    if (state === undefined || state.stale) return undefined
    this.#states.delete(name)
    this.#states.set(name, state)
    return state
  }

  /** It may be loaded: it is not here, or of no use and without anything that storage lacks. */
  isLoadable(document: DocumentKey): boolean {
    const state = this.#states.get(documentKeyText(document))
    return state === undefined || (state.stale && state.unsettled === 0)
  }

  add(state: DocumentState): void {
    this.drop(state.document)
    this.#states.set(documentKeyText(state.document), state)
  }

  drop(document: DocumentKey): void {
    const name = documentKeyText(document)
    this.#states.get(name)?.destroy()
    this.#states.delete(name)
  }

  /** Lets go of what is over the bounds, but for what runs ahead of storage and what is in use. */
  trim(inUse: () => ReadonlySet<string>): void {
    let bytes = this.#bytes()
    if (this.#states.size <= cachedDocumentsMax && bytes <= cachedBytesMax) return
    const kept = inUse()
    for (const [name, state] of this.#states) {
      if (this.#states.size <= cachedDocumentsMax && bytes <= cachedBytesMax) return
      if (state.unsettled > 0 || kept.has(name)) continue
      bytes -= state.contentBytes
      this.drop(state.document)
    }
  }

  #bytes(): number {
    let bytes = 0
    for (const state of this.#states.values()) bytes += state.contentBytes
    return bytes
  }
}
