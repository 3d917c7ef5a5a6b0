/**
 * The push queue of one neighbour: changes to send at once, documents to announce a little later,
 * and which changes it is known to hold or was sent.
 */

import type { Change, DocumentKey } from './change.ts'
import { documentKeyText } from './document-key.ts'
import { HeldSeqs } from './seq-ranges.ts'
import { announcedPerMessageMax, deliveriesPerMessageMax } from './sync-message-codec.ts'
import type { AnnouncedDocument, ChangeName } from './sync-message.ts'
import { compareWriters, writerText } from './version-operations.ts'

/** Changes waiting for a slow neighbour, in bytes; beyond it they are dropped: comparing is cheaper. */
export const pushQueueBytesMax = 1024 * 1024

/** Changes in one message, in bytes (or a single larger one). */
const messageBytesMax = 64 * 1024

/** Writers announced for one document in one batch; the neighbour asks for all when there are more. */
const announcedWritersMax = 64

export class PushQueue {
  readonly #known = new HeldSeqs()
  #changes: Change[] = []
  #queuedBytes = 0
  #announcedByDocument = new Map<
    string,
    { document: DocumentKey; names: Map<string, ChangeName> }
  >()
  #announceAtMs = Number.POSITIVE_INFINITY

  get queuedBytes(): number {
    return this.#queuedBytes
  }

  /** When to send the announcements; `Infinity` without any. */
  get announceAtMs(): number {
    return this.#announceAtMs
  }

  get hasChanges(): boolean {
    return this.#changes.length > 0
  }

  /** The neighbour holds that change, or it is on its way there. */
  knows(change: ChangeName): boolean {
    return this.#known.has(change, change.seq)
  }

  /** Notes that the neighbour holds those changes of a writer. */
  learn(writer: ChangeName, from = writer.seq): void {
    this.#known.add(writer, { from, to: writer.seq })
  }

  /** Queues a change. False when that is too much: the whole queue was dropped. */
  push(change: Change): boolean {
    this.#changes.push(change)
    this.#queuedBytes += changeBytes(change)
    if (this.#queuedBytes <= pushQueueBytesMax || this.#changes.length === 1) {
      this.learn(change)
      return true
    }
    this.#changes = []
    this.#queuedBytes = 0
    return false
  }

  /** The next message's worth of changes. */
  takeChanges(): readonly Change[] {
    let bytes = 0
    let count = 0
    for (const change of this.#changes) {
      const size = changeBytes(change)
      if (count === deliveriesPerMessageMax) break
      if (count > 0 && bytes + size > messageBytesMax) break
      bytes += size
      count += 1
    }
    this.#queuedBytes -= bytes
    return this.#changes.splice(0, count)
  }

  /** Queues an announcement. False, and nothing is queued, when there are too many already. */
  announce(document: DocumentKey, name: ChangeName, atMs: number): boolean {
    const text = documentKeyText(document)
    const announced = this.#announcedByDocument.get(text) ?? {
      document,
      names: new Map<string, ChangeName>(),
    }
    const writer = writerText(name)
    const fits =
      announced.names.has(writer) ||
      (announced.names.size < announcedWritersMax &&
        (announced.names.size > 0 || this.#announcedByDocument.size < announcedPerMessageMax))
    if (!fits) return false
    const seq = Math.max(name.seq, announced.names.get(writer)?.seq ?? 0)
    announced.names.set(writer, { peer: name.peer, epoch: name.epoch, seq })
    this.#announcedByDocument.set(text, announced)
    this.#announceAtMs = Math.min(this.#announceAtMs, atMs)
    return true
  }

  /** The announcements that still say something new, which are forgotten by this. */
  takeAnnouncements(): readonly AnnouncedDocument[] {
    const documents: AnnouncedDocument[] = []
    for (const { document, names } of this.#announcedByDocument.values()) {
      const changes = [...names.values()].filter((name) => !this.knows(name)).sort(compareWriters)
      if (changes.length > 0) documents.push({ document, changes })
    }
    this.#announcedByDocument = new Map()
    this.#announceAtMs = Number.POSITIVE_INFINITY
    return documents
  }
}

/** About how many bytes a change takes in a message. */
function changeBytes(change: Change): number {
  let bytes = 16
  for (const { document, content } of change.parts) {
    bytes += 16 + document.collection.length + document.id.length
    if (content.type === 'delete') continue
    for (const update of content.updates) bytes += 4 + update.length
  }
  return bytes
}
