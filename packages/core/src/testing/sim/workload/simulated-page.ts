/**
 * A page of a simulated peer: a free document held open, edited and followed live, with an awareness
 * state. It is over when the boot of its peer is.
 */

import type { OpenDocument } from '../../../documents/documents-port.ts'
import type { Edit } from '../../../documents/edit.ts'
import type { JsonObject } from '../../../documents/query.ts'
import type { CommandAnswer, MeshEvent, SubscriberId } from '../../../engine/command.ts'
import type { DocumentKey } from '../../../engine/sync/change.ts'
import type { SimulatedPeer } from '../peers/simulated-peer.ts'
import type { Dice } from '../world/dice.ts'
import type { World } from '../world/world.ts'

interface Waiting {
  readonly update: Uint8Array
  readonly answered: (answer: CommandAnswer) => void
}

/** What storage refused is sent again after that long. */
const retryMs = 1_000
/** Applying what arrives takes up to that long. */
const applyMsMax = 30

/** See the file header. */
export class SimulatedPage {
  readonly peer: SimulatedPeer
  readonly document: DocumentKey
  readonly #world: World
  readonly #dice: Dice
  readonly #epoch: number
  readonly #subscriber: SubscriberId
  #clientId = 0
  #replica: OpenDocument | undefined
  readonly #sending: Waiting[] = []
  /** What others are doing, by peer and client; the own state is not among them. */
  readonly states = new Map<string, string>()
  #state: string | null = null
  #isLoaded = false
  #isClosed = false

  constructor(world: World, peer: SimulatedPeer, document: DocumentKey) {
    this.#world = world
    this.#dice = world.dice(`page ${peer.plan.name} ${world.nowMs}`)
    this.peer = peer
    this.document = document
    this.#epoch = peer.epoch
    this.#subscriber = peer.subscribe((event) => this.#take(event))
    peer.execute({ type: 'open-document', subscriber: this.#subscriber, document }, (answer) => {
      if (!answer.ok) return this.close()
      this.#clientId = (answer.value as { readonly clientId: number }).clientId
      this.#replica = world.documents.create(this.#clientId)
    })
  }

  get isOpen(): boolean {
    return !this.#isClosed && this.peer.epoch === this.#epoch
  }

  /** All that was stored when the document was opened is here. */
  get isLoaded(): boolean {
    return this.isOpen && this.#isLoaded
  }

  /** Every edit of this page has been answered. */
  get isSaved(): boolean {
    return this.#sending.length === 0
  }

  /** How others name this page's state, and the state; undefined without one. */
  get ownState(): readonly [string, string] | undefined {
    if (this.#state === null) return undefined
    return [`${this.peer.id} ${this.#clientId}`, this.#state]
  }

  content(): JsonObject {
    return this.#replica?.toJson() ?? {}
  }

  /** Edits the document; `answered` once that is durable, or refused for good. */
  edit(edits: readonly Edit[], answered: (answer: CommandAnswer) => void): void {
    const outcome = this.#replica?.edit(edits)
    if (outcome?.type !== 'edited' || outcome.update === undefined) {
      this.#world.violated('live', `${this.peer.plan.name} cannot edit ${this.document.id}`)
      return
    }
    this.#sending.push({ update: outcome.update, answered })
    if (this.#sending.length === 1) this.#send()
  }

  setState(state: string | null): void {
    this.#state = state
    this.peer.execute({ type: 'set-awareness', subscriber: this.#subscriber, state })
  }

  close(): void {
    if (!this.isOpen) return
    this.#isClosed = true
    this.peer.execute({ type: 'close-document', subscriber: this.#subscriber })
    this.#replica?.destroy()
  }

  /** One at a time and in order, so that what was refused comes before what builds on it. */
  #send(): void {
    const next = this.#sending[0]
    if (!this.isOpen || next === undefined) return
    const { update } = next
    const subscriber = this.#subscriber
    this.peer.execute({ type: 'update-document', subscriber, update }, (answer) => {
      if (!answer.ok && answer.problem.code.startsWith('storage-')) {
        this.#world.after(retryMs, () => this.#send())
        return
      }
      this.#sending.shift()
      next.answered(answer)
      this.#send()
    })
  }

  #take(event: MeshEvent): void {
    if (!this.isOpen) return
    if (event.type === 'awareness-changed') {
      for (const { peer, clientId, state } of event.changes) {
        if (state === null) this.states.delete(`${peer} ${clientId}`)
        else this.states.set(`${peer} ${clientId}`, state)
      }
    }
    if (event.type !== 'document-updated') return
    const { updates, loaded } = event
    if (this.#replica?.applyUpdates(updates) !== true) {
      this.#world.violated('live', `${this.peer.plan.name} was sent updates that cannot be applied`)
    }
    this.#isLoaded = loaded
    const bytes = updates.reduce((total, update) => total + update.length, 0)
    this.#world.after(applyMsMax * this.#dice.fraction(), () => {
      if (!this.isOpen) return
      const subscriber = this.#subscriber
      this.peer.execute({ type: 'acknowledge-document', subscriber, bytes })
    })
  }
}
