/**
 * What each neighbour is still to be sent of the records (rules PR8, PR9 and PR14).
 *
 * Not records are queued but whose record is due: however often one changes meanwhile, the newest
 * is sent once, and the queue never outgrows the table.
 */

import { ByteReader } from '../bytes/reader.ts'
import { ByteWriter } from '../bytes/writer.ts'
import type { EngineContext } from '../context.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { LinkPort } from '../link/link-port.ts'
import { BandwidthShare } from './bandwidth-share.ts'
import { presenceRecordBytesMax } from './presence-record.ts'

export const presenceFrameVersion = 1
/** A frame of presence; small enough to verify all that it holds in one go. */
export const presenceFrameBytesMax = 16 * 1024
/** The least time between two frames to a neighbour, so that records travel together. */
export const presenceFrameIntervalMs = 50

/** What a link carries beyond its share after a pause: what a neighbour of a small mesh is told first. */
export const presenceBurstBytesMax = 16 * 1024
/** What presence takes of a link. The share of the slowest would not carry a record within a minute. */
const bandwidthShare = {
  share: 0.01,
  burstBytesMax: presenceBurstBytesMax,
  bytesPerSecondMin: 64,
}

interface Outbox {
  readonly due: Set<PeerId>
  readonly bandwidth: BandwidthShare
  /** The link said full. */
  blocked: boolean
  sendAtMs: number
}

/** The signed records of a frame, unread; `undefined` when the frame itself is malformed. */
export function decodePresenceFrame(frame: Uint8Array): readonly Uint8Array[] | undefined {
  if (frame.length > presenceFrameBytesMax) return undefined
  const reader = new ByteReader(frame)
  if (reader.u8() !== presenceFrameVersion) return undefined
  const records: Uint8Array[] = []
  while (!reader.failed && reader.remaining > 0) records.push(reader.bytes(presenceRecordBytesMax))
  return reader.finished ? records : undefined
}

/** A frame of these records. */
export function encodePresenceFrame(records: readonly Uint8Array[]): Uint8Array {
  const writer = new ByteWriter(presenceFrameBytesMax).u8(presenceFrameVersion)
  for (const record of records) writer.bytes(record)
  return writer.finish()
}

/** Sends records to neighbours. */
export class PresenceOutboxes {
  readonly #context: EngineContext
  readonly #links: LinkPort
  readonly #bytesOf: (origin: PeerId) => Uint8Array | undefined
  readonly #outboxes = new Map<PeerId, Outbox>()

  /** `bytesOf` gives the present record of a peer; a peer without one is passed over. */
  constructor(
    context: EngineContext,
    links: LinkPort,
    bytesOf: (origin: PeerId) => Uint8Array | undefined,
  ) {
    this.#context = context
    this.#links = links
    this.#bytesOf = bytesOf
  }

  /**
   * A new neighbour gets all of these. Its own among them, if there is one: should it know less of
   * itself than we do, somebody else uses its key, or it was restored from a copy.
   */
  neighbourUp(
    peer: PeerId,
    bytesPerSecond: number,
    origins: Iterable<PeerId>,
    nowMs: number,
  ): void {
    const outbox = {
      due: new Set(origins),
      bandwidth: new BandwidthShare(bandwidthShare, bytesPerSecond),
      blocked: false,
      sendAtMs: nowMs,
    }
    this.#outboxes.set(peer, outbox)
    this.#send(peer, outbox, nowMs)
  }

  /** What its link carries has changed. */
  neighbourChanged(peer: PeerId, bytesPerSecond: number): void {
    this.#outboxes.get(peer)?.bandwidth.linkChanged(bytesPerSecond)
  }

  neighbourDown(peer: PeerId): void {
    this.#outboxes.delete(peer)
  }

  neighbourWritable(peer: PeerId, nowMs: number): void {
    const outbox = this.#outboxes.get(peer)
    if (outbox === undefined || !outbox.blocked) return
    outbox.blocked = false
    if (nowMs >= outbox.sendAtMs) this.#send(peer, outbox, nowMs)
  }

  /** A record is news for everybody but the neighbour that it came from. */
  spread(origin: PeerId, arrivedFrom: PeerId | undefined, nowMs: number): void {
    for (const [peer, outbox] of this.#outboxes) {
      if (peer === arrivedFrom) outbox.due.delete(origin)
      else outbox.due.add(origin)
      if (nowMs >= outbox.sendAtMs) this.#send(peer, outbox, nowMs)
    }
  }

  nextDeadlineMs(): number {
    let deadlineMs = Infinity
    for (const { due, blocked, sendAtMs } of this.#outboxes.values()) {
      if (due.size > 0 && !blocked) deadlineMs = Math.min(deadlineMs, sendAtMs)
    }
    return deadlineMs
  }

  handleDeadline(nowMs: number): void {
    for (const [peer, outbox] of this.#outboxes) {
      if (nowMs >= outbox.sendAtMs) this.#send(peer, outbox, nowMs)
    }
  }

  /** Sends everything that is due, whatever it costs, as far as links take it. */
  flush(nowMs: number): void {
    for (const [peer, outbox] of this.#outboxes) {
      while (this.#sendFrame(peer, outbox, nowMs));
    }
  }

  #send(peer: PeerId, outbox: Outbox, nowMs: number): void {
    while (nowMs >= outbox.sendAtMs && this.#sendFrame(peer, outbox, nowMs));
  }

  /** Sends one frame; false when there is none to send, or the link is full. */
  #sendFrame(peer: PeerId, outbox: Outbox, nowMs: number): boolean {
    if (outbox.due.size === 0 || outbox.blocked) return false
    const { origins, records } = this.#batch(outbox, nowMs)
    if (records.length > 0) {
      const frame = encodePresenceFrame(records)
      const result = this.#links.send(peer, 'presence', 'sync', frame, nowMs)
      // Without a link its end is on its way up to us, and takes the outbox with it.
      outbox.blocked = result !== 'accepted'
      if (outbox.blocked) return false
      const { mesh } = this.#context.recorder
      mesh.presenceRecordsSent.add(records.length)
      mesh.presenceBytesSent.add(frame.length)
      outbox.bandwidth.pay(frame.length, nowMs)
      // The next frame waits for others of its kind, and until the bytes of this one are paid for.
      outbox.sendAtMs = Math.max(nowMs + presenceFrameIntervalMs, outbox.bandwidth.paidUntilMs)
    }
    for (const origin of origins) outbox.due.delete(origin)
    return true
  }

  #batch(
    outbox: Outbox,
    nowMs: number,
  ): { readonly origins: PeerId[]; readonly records: Uint8Array[] } {
    const origins: PeerId[] = []
    const records: Uint8Array[] = []
    // One record goes in any case.
    const bytesMax = Math.min(presenceFrameBytesMax, outbox.bandwidth.creditBytes(nowMs))
    let bytes = 1
    for (const origin of outbox.due) {
      const record = this.#bytesOf(origin)
      // A length prefix takes 2 bytes at most.
      const isMore = record !== undefined && records.length > 0
      if (isMore && bytes + record.length + 2 > bytesMax) break
      origins.push(origin)
      if (record === undefined) continue
      records.push(record)
      bytes += record.length + 2
    }
    return { origins, records }
  }
}
