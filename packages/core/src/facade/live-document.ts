/** The shared document over the engine: a Y.Doc and an awareness kept in step with it. */

import { Doc } from 'yjs'
import type { TaskQueue } from '../driver/task-queue.ts'
import type { AwarenessChange, MeshEvent, SubscriberId } from '../engine/command.ts'
import { Awareness, type AwarenessState, type RemoteAwareness } from './awareness.ts'
import type { CommandCaller } from './engine-access.ts'
import { LocalUpdates } from './local-updates.ts'
import { MeshError } from './mesh-error.ts'
import { RemoteUpdates } from './remote-updates.ts'
import type { SharedDocument } from './shared-document.ts'

/** Longest awareness state taken in from others, in characters; longer ones are left out. */
const awarenessLengthMax = 64 * 1024

export interface LiveDocumentOptions {
  readonly name: string
  readonly subscriber: SubscriberId
  /** Fresh for this replica; the engine gives it. */
  readonly clientId: number
  readonly commands: CommandCaller
  readonly tasks: TaskQueue
  readonly nowMs: () => number
  readonly problem: (error: MeshError) => void
  /** The document is of no use any more: forget it. */
  readonly closed: () => void
}

/** See the file header. */
export class LiveDocument implements SharedDocument {
  readonly name: string
  readonly doc: Doc
  readonly awareness: Awareness
  readonly whenLoaded: Promise<void>
  readonly #options: LiveDocumentOptions
  readonly #local: LocalUpdates
  readonly #remote: RemoteUpdates
  #rejectLoaded!: (error: MeshError) => void
  #closed: Promise<void> | undefined
  /** Nothing is sent or reported any more; the engine tells the others that this replica left. */
  #isGone = false
  /** The own awareness state as JSON text; `sent` is what the engine was last told. */
  #awarenessText: string | null = null
  #awarenessSent: string | null = null
  #isSendingAwareness = false

  constructor(options: LiveDocumentOptions) {
    this.#options = options
    this.name = options.name
    this.doc = new Doc({ guid: options.name })
    this.doc.clientID = options.clientId
    let resolveLoaded!: () => void
    this.whenLoaded = new Promise((resolve, reject) => {
      resolveLoaded = resolve
      this.#rejectLoaded = reject
    })
    // Waiting for it is optional.
    this.whenLoaded.catch(() => {})

    const { commands, subscriber, tasks, nowMs } = options
    this.#local = new LocalUpdates({
      send: (update) => commands.call({ type: 'update-document', subscriber, update }),
      failed: (error) => options.problem(error),
    })
    this.#remote = new RemoteUpdates({
      doc: this.doc,
      origin: this,
      tasks,
      nowMs,
      acknowledge: (bytes) => {
        this.#send(commands.call({ type: 'acknowledge-document', subscriber, bytes }))
      },
      loaded: resolveLoaded,
    })
    this.doc.on('update', (update: Uint8Array, origin: unknown) => {
      if (origin !== this) this.#local.push(update)
    })
    this.awareness = new Awareness(this.doc)
    this.awareness.on('update', (_delta, origin) => {
      if (origin === 'local') this.#setAwareness(this.awareness.getLocalState())
    })
    this.#setAwareness(this.awareness.getLocalState())
  }

  /** Takes an event that names this subscriber. */
  event(event: MeshEvent): void {
    if (event.type === 'document-updated') this.#remote.push(event.updates, event.loaded)
    if (event.type === 'awareness-changed') {
      this.awareness.applyRemote(event.changes.flatMap(remoteAwarenessOf))
    }
  }

  async whenSaved(): Promise<void> {
    return this.#local.saved()
  }

  async close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  /** Ends at once, because the mesh has ended. */
  abandon(error: MeshError): void {
    if (!this.#isGone) this.#letGo(error)
  }

  async #close(): Promise<void> {
    const { commands, subscriber } = this.#options
    try {
      await this.#local.saved()
    } catch (error) {
      // Reported when it happened; what can be done here is to let go.
      if (!(error instanceof MeshError)) throw error
    }
    if (this.#isGone) return
    this.#letGo(new MeshError('mesh-closed', `the document ${this.name} is closed`))
    await commands.call({ type: 'close-document', subscriber }).catch(() => {})
  }

  #letGo(error: MeshError): void {
    this.#isGone = true
    this.#rejectLoaded(error)
    this.#local.stop(error)
    this.#remote.stop()
    this.awareness.destroy()
    this.doc.destroy()
    this.#options.closed()
  }

  #setAwareness(state: AwarenessState | null): void {
    this.#awarenessText = state && JSON.stringify(state)
    if (!this.#isSendingAwareness && !this.#isGone) void this.#sendAwareness()
  }

  /** One at a time, the latest first: what was overtaken is never sent. */
  async #sendAwareness(): Promise<void> {
    const { commands, subscriber } = this.#options
    this.#isSendingAwareness = true
    // Several fields are set in one go.
    await Promise.resolve()
    while (this.#awarenessText !== this.#awarenessSent && !this.#isGone) {
      const state = this.#awarenessText
      this.#awarenessSent = state
      try {
        await commands.call({ type: 'set-awareness', subscriber, state })
      } catch (error) {
        this.#report(error)
      }
    }
    this.#isSendingAwareness = false
  }

  #send(answer: Promise<unknown>): void {
    answer.catch((error: unknown) => this.#report(error))
  }

  #report(error: unknown): void {
    if (error instanceof MeshError && !this.#isGone) this.#options.problem(error)
  }
}

/** The state behind the text; none for what is no JSON object, which another peer may well send. */
function remoteAwarenessOf(change: AwarenessChange): readonly RemoteAwareness[] {
  const { clientId, clock, state: text } = change
  if (text === null) return [{ clientId, clock, state: null }]
  if (text.length > awarenessLengthMax) return []
  try {
    const state: unknown = JSON.parse(text)
    const isObject = typeof state === 'object' && state !== null && !Array.isArray(state)
    return isObject ? [{ clientId, clock, state: state as AwarenessState }] : []
  } catch {
    return []
  }
}
