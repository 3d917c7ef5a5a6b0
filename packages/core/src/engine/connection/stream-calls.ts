/** What is asked of streams, each handed to the connection that it is on. */

import type { PeerId } from '../identity/peer-id.ts'
import type { Priority } from '../link/link-port.ts'
import type { PeerTable } from './peer-table.ts'
import type { StreamDirectory, StreamPlace } from './stream-directory.ts'
import type { StreamHandle, StreamPort, StreamRefusal, StreamWriteResult } from './stream-port.ts'

/** See `StreamPort`. Handles of streams that are over are passed over. */
export class StreamCalls implements StreamPort {
  readonly #peers: PeerTable
  readonly #directory: StreamDirectory

  constructor(peers: PeerTable, directory: StreamDirectory) {
    this.#peers = peers
    this.#directory = directory
  }

  openStream(
    peer: PeerId,
    protocol: string,
    priority: Priority,
    nowMs: number,
  ): StreamHandle | StreamRefusal {
    const connection = this.#peers.get(peer)?.connection
    return connection?.openStream({ protocol, priority }, nowMs) ?? 'no-connection'
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
    this.#peers.get(peer)?.connection?.streamsChanged(nowMs)
  }
}
