/** What is asked of streams, each handed to the connection that it is on. */

import type { PeerId } from '../identity/peer-id.ts'
import type { Priority } from '../link/link-port.ts'
import type { PeerEntry } from './peer-entry.ts'
import type { PeerTable } from './peer-table.ts'
import type { StreamDirectory, StreamPlace } from './stream-directory.ts'
import type { StreamHandle, StreamPort, StreamRefusal, StreamWriteResult } from './stream-port.ts'

/** See `StreamPort`. Handles of streams that are over are passed over. */
export class StreamCalls implements StreamPort {
  readonly #peers: PeerTable
  readonly #directory: StreamDirectory
  readonly #settle: (entry: PeerEntry, nowMs: number) => void

  /** `settle` is called after anything that may have changed what is due. */
  constructor(
    peers: PeerTable,
    directory: StreamDirectory,
    settle: (entry: PeerEntry, nowMs: number) => void,
  ) {
    this.#peers = peers
    this.#directory = directory
    this.#settle = settle
  }

  openStream(
    peer: PeerId,
    protocol: string,
    priority: Priority,
    nowMs: number,
  ): StreamHandle | StreamRefusal {
    const entry = this.#peers.get(peer)
    if (entry?.connection === undefined) return 'no-connection'
    const opened = entry.connection.openStream({ protocol, priority }, nowMs)
    this.#settle(entry, nowMs)
    return opened
  }

  writeStream(stream: StreamHandle, bytes: Uint8Array, nowMs: number): StreamWriteResult {
    const place = this.#directory.get(stream)
    if (place === undefined) return 'closed'
    const result = place.streams.write(place.id, bytes)
    if (result === 'accepted') this.#flush(place, nowMs)
    return result
  }

  finishStream(stream: StreamHandle, nowMs: number): void {
    this.#change(stream, nowMs, ({ streams, id }) => streams.finish(id))
  }

  resetStream(stream: StreamHandle, code: number, nowMs: number): void {
    this.#change(stream, nowMs, ({ streams, id }) => streams.reset(id, code))
  }

  stopStream(stream: StreamHandle, code: number, nowMs: number): void {
    this.#change(stream, nowMs, ({ streams, id }) => streams.stop(id, code))
  }

  consumedStream(stream: StreamHandle, bytes: number, nowMs: number): void {
    this.#change(stream, nowMs, ({ streams, id }) => streams.consume(id, bytes))
  }

  #change(stream: StreamHandle, nowMs: number, change: (place: StreamPlace) => void): void {
    const place = this.#directory.get(stream)
    if (place === undefined) return
    change(place)
    this.#flush(place, nowMs)
  }

  #flush({ peer }: StreamPlace, nowMs: number): void {
    const entry = this.#peers.get(peer)
    if (entry === undefined) return
    entry.connection?.streamsChanged(nowMs)
    this.#settle(entry, nowMs)
  }
}
