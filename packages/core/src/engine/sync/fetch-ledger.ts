/**
 * The fetch ledger: which documents are being asked for, so that of several neighbours with the
 * same news one is asked. A claim lapses, so that a neighbour that does not answer blocks nothing.
 */

import { documentKeyText } from './document-key.ts'
import type { DocumentKey } from './change.ts'

/** How long one neighbour has a document to itself. */
export const claimMs = 15_000

export class FetchLedger {
  readonly #claimsByDocument = new Map<
    string,
    { readonly owner: object; readonly untilMs: number }
  >()

  /** Claims the document; when somebody else has it, nothing happens but telling until when. */
  claim(owner: object, document: DocumentKey, nowMs: number): number | undefined {
    const text = documentKeyText(document)
    const claim = this.#claimsByDocument.get(text)
    if (claim !== undefined && claim.owner !== owner && claim.untilMs > nowMs) return claim.untilMs
    this.#claimsByDocument.set(text, { owner, untilMs: nowMs + claimMs })
    return undefined
  }

  release(owner: object, document: DocumentKey): void {
    const text = documentKeyText(document)
    if (this.#claimsByDocument.get(text)?.owner === owner) this.#claimsByDocument.delete(text)
  }
}
