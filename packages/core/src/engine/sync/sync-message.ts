/** Messages: what two sync neighbours say to each other. Layouts: rule SY9 of docs/specs/sync.md. */

import type { PeerId } from '../identity/peer-id.ts'
import type { Change, DocumentKey } from './change.ts'
import type { ChangesWanted, Delivery, ListedHead } from './replica-port.ts'
import type { Writer } from './version.ts'

/** A change of that writer, by its number. */
export interface ChangeName extends Writer {
  readonly seq: number
}

/** The last changes of its writers to a document that the sender holds. */
export interface AnnouncedDocument {
  readonly document: DocumentKey
  readonly changes: readonly ChangeName[]
}

/** `holder` holds the writer's changes `from` to `to` durably. */
export interface HeldRange {
  readonly writer: Writer
  readonly holder: PeerId
  readonly from: number
  readonly to: number
}

/** Finding out which documents differ; the reconciler's own. */
export type ComparisonMessage =
  /** The driver's heads in key order, from where the last page ended up to the last one listed. */
  | {
      readonly type: 'page'
      /** A new comparison begins. */
      readonly first: boolean
      /** The page reaches to the end of all keys. */
      readonly last: boolean
      readonly heads: readonly ListedHead[]
    }
  /** The other side's heads within that page that the driver lacks or holds otherwise. */
  | {
      readonly type: 'differences'
      /** The page is done with; otherwise `continue` is awaited. */
      readonly done: boolean
      readonly heads: readonly ListedHead[]
    }
  | { readonly type: 'continue' }

export type SyncMessage =
  | ComparisonMessage
  | { readonly type: 'root'; readonly digest: Uint8Array; readonly asks: boolean }
  /** One at a time to a neighbour; answered by one `answer` with the same number. */
  | {
      readonly type: 'fetch'
      readonly request: number
      readonly wanted: readonly ChangesWanted[]
    }
  | {
      readonly type: 'answer'
      readonly request: number
      /** It was cut short: apply, then ask again. */
      readonly more: boolean
      readonly deliveries: readonly Delivery[]
    }
  /** Pushed unasked, in the order in which they became durable. */
  | { readonly type: 'changes'; readonly changes: readonly Change[] }
  | { readonly type: 'announcement'; readonly documents: readonly AnnouncedDocument[] }
  | { readonly type: 'acknowledgement'; readonly ranges: readonly HeldRange[] }
