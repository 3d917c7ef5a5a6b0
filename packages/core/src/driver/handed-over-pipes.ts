/**
 * The pipes that transports have handed over, as seen from the transports' side.
 *
 * What this platform cannot move is refused at once, and stays whole. Should one be lost on the way
 * without a word, it is given up after `adoptionMsMax`, and no other is handed over again.
 */

import { unreachable } from '../engine/assert.ts'
import type { HandedOverPipe, PipeId } from '../transport/hand-over.ts'
import type { PipeOrderPort, PipeReport } from './pipe-records.ts'

/**
 * How long the engine's thread may take to say that a pipe has arrived. It answers within a
 * millisecond unless it is busy; a session in which it is late fails, and the next one is relayed.
 */
const adoptionMsMax = 10_000

interface Entry {
  readonly opened: () => void
  readonly resolveGone: () => void
  readonly adoptionTimer: ReturnType<typeof setTimeout>
}

/** See the file header. */
export class HandedOverPipes {
  readonly #port: PipeOrderPort
  readonly #entries = new Map<PipeId, Entry>()
  #pipeCount = 0
  #isPossible = true

  constructor(port: PipeOrderPort) {
    this.#port = port
    port.receive((reports) => {
      for (const report of reports) this.#report(report)
    })
  }

  /** How many there are, those included that are not open yet. */
  get count(): number {
    return this.#entries.size
  }

  /** See `HandOver`. */
  handOver(
    dataChannel: object,
    messageBytesMax: number,
    opened: () => void,
  ): HandedOverPipe | undefined {
    if (!this.#isPossible || !this.#port.transfer) return undefined
    this.#pipeCount += 1
    const pipe = this.#pipeCount
    try {
      const order = { type: 'pipe-handed-over', pipe, dataChannel, messageBytesMax } as const
      this.#port.transfer(order, [dataChannel])
    } catch {
      // The browser does not know how (a DataCloneError); trying again would cost each connection.
      this.#isPossible = false
      return undefined
    }
    const gone = new Promise<void>((resolveGone) => {
      const adoptionTimer = setTimeout(() => {
        this.#isPossible = false
        this.#destroy(pipe)
      }, adoptionMsMax)
      this.#entries.set(pipe, { opened, resolveGone, adoptionTimer })
    })
    return {
      id: pipe,
      gone,
      close: (reason) => {
        if (this.#entries.has(pipe)) this.#port.post({ type: 'pipe-close', pipe, reason })
      },
      destroy: () => this.#destroy(pipe),
    }
  }

  /** Ends what is left; nothing is handed over any more. */
  close(): void {
    this.#isPossible = false
    for (const pipe of this.#entries.keys()) this.#destroy(pipe)
    this.#port.close()
  }

  #report(report: PipeReport): void {
    const entry = this.#entries.get(report.pipe)
    switch (report.type) {
      case 'pipe-adopted':
        clearTimeout(entry?.adoptionTimer)
        return
      case 'pipe-opened':
        entry?.opened()
        return
      case 'pipe-gone':
        this.#forget(report.pipe)
        return
      default:
        unreachable(report)
    }
  }

  #destroy(pipe: PipeId): void {
    if (!this.#entries.has(pipe)) return
    this.#port.post({ type: 'pipe-destroy', pipe })
    this.#forget(pipe)
  }

  #forget(pipe: PipeId): void {
    const entry = this.#entries.get(pipe)
    if (!entry) return
    this.#entries.delete(pipe)
    clearTimeout(entry.adoptionTimer)
    entry.resolveGone()
  }
}
