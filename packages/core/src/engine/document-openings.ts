/** Documents that the application has asked to open, until the replica answers. */

import type { Command, CommandAnswer } from './command.ts'
import type { CommandId } from './input.ts'

type OpenDocument = Command & { readonly type: 'open-document' }

/** A document that is open now, and for whom. */
export interface OpenedDocument extends Pick<OpenDocument, 'subscriber' | 'document'> {
  readonly clientId: number
}

/** Bounded by the commands that wait for answers. */
export class DocumentOpenings {
  readonly #openings = new Map<CommandId, OpenDocument>()

  add(command: CommandId, body: OpenDocument): void {
    this.#openings.set(command, body)
  }

  /** A command has been answered: what it opened, if it was to open a document and did. */
  answered(command: CommandId, answer: CommandAnswer): OpenedDocument | undefined {
    const opening = this.#openings.get(command)
    if (opening === undefined) return undefined
    this.#openings.delete(command)
    if (!answer.ok) return undefined
    const { clientId } = answer.value as { readonly clientId: number }
    return { subscriber: opening.subscriber, document: opening.document, clientId }
  }
}
