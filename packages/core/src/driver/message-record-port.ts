/**
 * The record port over a MessagePort: one message a task, bytes transferred.
 *
 * Only whole buffers can be transferred, and a transferred one is gone for the sender. So bytes that
 * are a view of something larger are copied first, unless the sender gives the rest away as well, and
 * so are all bytes of a sender that may still want them (an engine that keeps a frame for sending it
 * again).
 */

import { comesWithBuffer } from '../engine/connection/stream-port.ts'
import type { RecordPort } from './record-port.ts'

export interface MessageRecordPortOptions {
  /**
   * `move`: the sender gives up the bytes that it posts, and their buffer when they are all of it;
   * `give`: also when they are most of it. `copy`: it may go on reading them.
   */
  readonly bytes: 'move' | 'give' | 'copy'
}

/** See the file header. */
export class MessageRecordPort<Sent extends object, Received> implements RecordPort<
  Sent,
  Received
> {
  /** Let go of when it is closed: a port lives as long as anybody holds it. */
  #port: MessagePort | undefined
  readonly #bytes: MessageRecordPortOptions['bytes']
  #batch: Sent[] = []

  constructor(port: MessagePort, { bytes }: MessageRecordPortOptions) {
    this.#port = port
    this.#bytes = bytes
  }

  post(record: Sent): void {
    if (this.#port === undefined) return
    this.#batch.push(record)
    if (this.#batch.length === 1) queueMicrotask(() => this.#flush())
  }

  transfer(record: Sent, objects: readonly object[]): void {
    this.#flush()
    // What can move is for the platform to say; it throws what it cannot.
    this.#port?.postMessage([record], objects as readonly Transferable[] as Transferable[])
  }

  receive(receiver: (records: readonly Received[]) => void): void {
    // Setting the handler starts the port, which has kept what came earlier.
    if (this.#port === undefined) return
    this.#port.onmessage = ({ data }: MessageEvent<readonly Received[]>) => receiver(data)
  }

  close(): void {
    this.#flush()
    if (this.#port) this.#port.onmessage = null
    this.#port?.close()
    this.#port = undefined
  }

  #flush(): void {
    if (this.#batch.length === 0) return
    const transfer = new Set<ArrayBuffer>()
    const batch = this.#batch.map((record) => this.#prepare(record, transfer))
    this.#batch = []
    this.#port?.postMessage(batch, [...transfer])
  }

  /** The record with all its bytes in buffers of their own, which are added to `transfer`. */
  #prepare(record: Sent, transfer: Set<ArrayBuffer>): Sent {
    const prepared: Record<string, unknown> = {}
    for (const [name, value] of Object.entries(record)) {
      if (value instanceof Uint8Array) prepared[name] = this.#transferable(value, transfer)
      else if (Array.isArray(value) && value[0] instanceof Uint8Array) {
        prepared[name] = value.map((bytes: Uint8Array) => this.#transferable(bytes, transfer))
      } else prepared[name] = value
    }
    return prepared as Sent
  }

  #transferable(bytes: Uint8Array, transfer: Set<ArrayBuffer>): Uint8Array {
    const { buffer } = bytes
    const isMovable = this.#isMovable(bytes) && !transfer.has(buffer as ArrayBuffer)
    const own = isMovable ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes)
    transfer.add(own.buffer)
    return own
  }

  #isMovable(bytes: Uint8Array): boolean {
    if (this.#bytes === 'copy' || !(bytes.buffer instanceof ArrayBuffer)) return false
    if (this.#bytes === 'give') return comesWithBuffer(bytes)
    return bytes.buffer.byteLength === bytes.byteLength
  }
}
