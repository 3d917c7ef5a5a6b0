/**
 * Messages over a simulated path, on a well-known stream: from one peer to another, as fast as the stream
 * takes them. Whatever arrives is checked byte by byte. `Transfer` in workload.ts is for paths that are
 * measured: it looks at some bytes of each message only, so that a minute of megabytes costs little.
 */

import type { ConnectionOutput } from '../../../engine/connection/connection-output.ts'
import type { Priority } from '../../../engine/link/link-port.ts'
import { checkPlacedBytes, placedBytes } from './placed-bytes.ts'
import type { PathPeer } from './path-peer.ts'

/** Many of them go in one packet. */
const messageBytes = 500

/** See the file header. */
export class MessageTransfer {
  readonly #from: PathPeer
  readonly #to: PathPeer
  readonly #stream: Priority
  readonly #bytes: number
  #acceptedBytes = 0
  #receivedBytes = 0

  constructor(from: PathPeer, to: PathPeer, stream: Priority, bytes: number) {
    this.#from = from
    this.#to = to
    this.#stream = stream
    this.#bytes = bytes
    from.listeners.push((output) => this.#senderTold(output))
    to.listeners.push((output) => this.#receiverTold(output))
  }

  /** Begins; both ends must be connected. */
  start(): void {
    this.#from.do((nowMs) => this.#send(nowMs))
  }

  get receivedBytes(): number {
    return this.#receivedBytes
  }

  get isDone(): boolean {
    return this.#receivedBytes === this.#bytes
  }

  #send(nowMs: number): void {
    const { connections } = this.#from
    while (this.#acceptedBytes < this.#bytes) {
      const length = Math.min(messageBytes, this.#bytes - this.#acceptedBytes)
      const message = placedBytes(this.#acceptedBytes, length)
      if (connections.send(this.#to.id, this.#stream, message, nowMs) !== 'accepted') return
      this.#acceptedBytes += length
    }
  }

  #senderTold(output: ConnectionOutput): void {
    if (output.type !== 'stream-writable' || output.peer !== this.#to.id) return
    if (output.stream === this.#stream) this.#from.do((nowMs) => this.#send(nowMs))
  }

  #receiverTold(output: ConnectionOutput): void {
    if (output.type !== 'message' || output.peer !== this.#from.id) return
    if (output.stream !== this.#stream) return
    const { message } = output
    const length = Math.min(messageBytes, this.#bytes - this.#receivedBytes)
    if (message.length !== length) throw new Error(`a message of ${message.length} bytes`)
    checkPlacedBytes(message, this.#receivedBytes)
    this.#receivedBytes += length
  }
}
