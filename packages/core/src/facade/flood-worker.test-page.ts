/** A worker that answers like an engine's, and whose one document is large. */

import { expose } from 'comlink'
import { Doc } from 'yjs'
import { MessageRecordPort } from '../driver/message-record-port.ts'
import type { Command, CommandAnswer } from '../engine/command.ts'
import type { PeerId } from '../engine/identity/peer-id.ts'
import type {
  WorkerApi,
  WorkerOpening,
  WorkerOpenOptions,
  WorkerPorts,
} from '../worker/worker-api.ts'
import type { EngineReport } from './engine-access.ts'

const peer = '00112233aabbccdd' as PeerId
const documentBytes = 5 * 1024 * 1024
/** What each round of edits adds, at least. */
const roundBytes = 48 * 1024

/** Updates of at most 64 KiB: by turns 1,200 small fields and a long text. */
function largeDocument(): Uint8Array[] {
  const doc = new Doc()
  const updates: Uint8Array[] = []
  doc.on('update', (update: Uint8Array) => updates.push(update))
  for (let round = 0; round * roundBytes < documentBytes; round += 1) {
    doc.transact(() => {
      if (round % 2 === 0) {
        const fields = doc.getMap('fields')
        for (let field = 0; field < 1_200; field += 1) {
          fields.set(`field ${round}-${field}`, `value ${field}`)
        }
      } else {
        const text = doc.getText('text')
        text.insert(text.length, `${round} `.repeat(20_000).slice(0, 60_000))
      }
    })
  }
  return updates
}

class FloodingEngine implements WorkerApi {
  #reports: MessageRecordPort<EngineReport, never> | undefined
  #updates: readonly Uint8Array[] = []

  hello(): true {
    return true
  }

  async open(_options: WorkerOpenOptions, { reports }: WorkerPorts): Promise<WorkerOpening> {
    this.#reports = new MessageRecordPort<EngineReport, never>(reports, { bytes: 'move' })
    this.#updates = largeDocument()
    return { ok: true, peer }
  }

  async execute(command: Command): Promise<CommandAnswer> {
    if (command.type === 'presence') {
      return { ok: true, value: { local: peer, peers: [], connections: [] } }
    }
    if (command.type === 'open-document') {
      const { subscriber } = command
      // All at once, as an engine would not: the page's own bounds are to hold.
      const updates = this.#updates
      this.#reports?.post({ type: 'document-updated', subscriber, updates, loaded: true })
      return { ok: true, value: { clientId: 7 } }
    }
    return { ok: true, value: undefined }
  }

  async stop(): Promise<void> {
    this.#reports?.post({ type: 'ended' })
  }
}

expose(new FloodingEngine())
