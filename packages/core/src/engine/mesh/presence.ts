/**
 * Presence: what every peer says of itself, passed on from neighbour to neighbour
 * (rules PR1 to PR16).
 *
 * Apart from routing, which alone says who is reachable. A record is checked in the order of cost:
 * novelty, format, signature, room; only then is it held and passed on.
 */

import type { EngineContext } from '../context.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { LinkPort } from '../link/link-port.ts'
import { PresenceIssuer } from './presence-issuer.ts'
import { decodePresenceFrame, PresenceOutboxes } from './presence-outbox.ts'
import {
  comparePresenceVersions,
  decodePresenceRecord,
  isOfLaterVersion,
  peekPresenceRecord,
  verifyPresenceRecord,
  type PresenceContent,
  type PresenceHeader,
  type PresenceRecord,
  type RecordSigner,
} from './presence-record.ts'
import { PresenceTable } from './presence-table.ts'

/** Bad records from one neighbour before it is muted; an honest one never sends any. */
export const badRecordsMax = 32
/** How long a muted neighbour's presence is ignored. */
export const mutedMs = 60_000
/** Who is out of sight is found out this long after a change. */
export const sweepDelayMs = 1_000

interface Standing {
  badRecords: number
  mutedUntilMs: number
}

/** Holds and spreads presence. */
export class Presence {
  readonly #context: EngineContext
  readonly #local: PeerId
  readonly #isRouted: (peer: PeerId) => boolean
  readonly #table = new PresenceTable()
  readonly #issuer: PresenceIssuer
  readonly #outboxes: PresenceOutboxes
  readonly #standings = new Map<PeerId, Standing>()
  #sweepDeadlineMs = Infinity
  #changed = false

  /** `isRouted` asks the router. */
  constructor(
    context: EngineContext,
    signer: RecordSigner,
    epoch: number,
    links: LinkPort,
    isRouted: (peer: PeerId) => boolean,
  ) {
    this.#context = context
    this.#local = signer.peer
    this.#isRouted = isRouted
    this.#issuer = new PresenceIssuer(context, signer, epoch)
    this.#outboxes = new PresenceOutboxes(context, links, (origin) => {
      return origin === this.#local ? this.#issuer.bytes : this.#table.get(origin)?.bytes
    })
  }

  /** `bytesPerSecond`: what the link carries. */
  neighbourUp(peer: PeerId, bytesPerSecond: number, nowMs: number): void {
    this.#standings.set(peer, { badRecords: 0, mutedUntilMs: -Infinity })
    const origins = [this.#local]
    for (const { record, detachedSinceMs } of this.#table.all()) {
      if (detachedSinceMs === undefined) origins.push(record.peer)
    }
    this.#outboxes.neighbourUp(peer, bytesPerSecond, origins, nowMs)
    this.reachabilityChanged(nowMs)
  }

  /** What the link carries has changed. */
  neighbourChanged(peer: PeerId, bytesPerSecond: number): void {
    this.#outboxes.neighbourChanged(peer, bytesPerSecond)
  }

  neighbourDown(peer: PeerId, nowMs: number): void {
    this.#standings.delete(peer)
    this.#outboxes.neighbourDown(peer)
    this.reachabilityChanged(nowMs)
  }

  neighbourWritable(peer: PeerId, nowMs: number): void {
    this.#outboxes.neighbourWritable(peer, nowMs)
  }

  /** Somebody became reachable or unreachable. */
  reachabilityChanged(nowMs: number): void {
    this.#changed = true
    this.#scheduleSweep(nowMs)
  }

  /** What this peer says of itself from now on. */
  setContent(content: PresenceContent, nowMs: number): void {
    if (this.#issuer.setContent(content, this.#table.size, nowMs)) {
      this.#outboxes.spread(this.#local, undefined, nowMs)
    }
    this.#changed = true
  }

  /** A presence frame of a neighbour; hostile until proven otherwise. */
  frameReceived(from: PeerId, frame: Uint8Array, nowMs: number): void {
    const { mesh } = this.#context.recorder
    const standing = this.#standings.get(from)
    if (standing === undefined) return
    if (nowMs < standing.mutedUntilMs) {
      mesh.presenceRecordsMuted.add()
      return
    }
    const records = decodePresenceFrame(frame)
    if (records === undefined) {
      mesh.presenceFramesMalformed.add()
      this.#countBad(from, standing, nowMs)
      return
    }
    for (const bytes of records) {
      if (!this.#recordReceived(from, bytes, nowMs)) this.#countBad(from, standing, nowMs)
      if (nowMs < standing.mutedUntilMs) return
    }
  }

  /** The newest record of a peer that has not said farewell. */
  get(peer: PeerId): PresenceRecord | undefined {
    const record = this.#table.get(peer)?.record
    return record?.farewell === false ? record : undefined
  }

  /** Its newest record is a farewell. */
  hasLeft(peer: PeerId): boolean {
    return this.#table.get(peer)?.record.farewell === true
  }

  /** All records of others that have not said farewell. */
  *records(): Iterable<PresenceRecord> {
    for (const { record } of this.#table.all()) if (!record.farewell) yield record
  }

  /** Whether what the record says of its links is current. */
  isAttached(peer: PeerId): boolean {
    return this.#table.isAttached(peer)
  }

  /** Says farewell to all neighbours. */
  stop(nowMs: number): void {
    this.#issuer.farewell(nowMs)
    this.#outboxes.spread(this.#local, undefined, nowMs)
    this.#outboxes.flush(nowMs)
  }

  /** True once after records or reachability changed. */
  takeChanged(): boolean {
    const changed = this.#changed
    this.#changed = false
    return changed
  }

  nextDeadlineMs(): number {
    return Math.min(
      this.#issuer.nextDeadlineMs(),
      this.#outboxes.nextDeadlineMs(),
      this.#sweepDeadlineMs,
    )
  }

  handleDeadline(nowMs: number): void {
    if (this.#issuer.handleDeadline(nowMs)) this.#outboxes.spread(this.#local, undefined, nowMs)
    this.#outboxes.handleDeadline(nowMs)
    if (nowMs >= this.#sweepDeadlineMs) this.#sweep(nowMs)
  }

  /** False for a record that no honest peer sends. */
  #recordReceived(from: PeerId, bytes: Uint8Array, nowMs: number): boolean {
    const { mesh } = this.#context.recorder
    const { cryptography } = this.#context
    if (isOfLaterVersion(bytes)) {
      mesh.presenceRecordsLater.add()
      return true
    }
    const header = peekPresenceRecord(bytes, cryptography)
    if (header === undefined) {
      mesh.presenceRecordsMalformed.add()
      return false
    }
    if (!this.#isNews(header)) {
      mesh.presenceRecordsDuplicate.add()
      return true
    }
    const record = decodePresenceRecord(bytes, cryptography)
    if (record === undefined) {
      mesh.presenceRecordsMalformed.add()
      return false
    }
    if (!verifyPresenceRecord(bytes, cryptography)) {
      mesh.presenceRecordsForged.add()
      return false
    }
    if (record.peer === this.#local) mesh.identityInUse.record(record.epoch, record.sequence)
    else this.#hold(from, record, bytes.slice(), nowMs)
    return true
  }

  #isNews(header: PresenceHeader): boolean {
    if (header.peer === this.#local) {
      return comparePresenceVersions(this.#issuer.version, header) < 0
    }
    return this.#table.isNews(header.peer, header)
  }

  #hold(from: PeerId, record: PresenceRecord, bytes: Uint8Array, nowMs: number): void {
    const { mesh } = this.#context.recorder
    const known = this.get(record.peer) !== undefined
    if (this.#table.put(record, bytes, nowMs) === 'full') {
      mesh.presenceRecordsOverflow.add()
      return
    }
    mesh.presenceRecordsAccepted.add()
    mesh.presenceRecords.set(this.#table.size)
    if (!known && !record.farewell) mesh.presenceAppeared.record(record.peer)
    if (known && record.farewell) mesh.presenceRemoved.record(record.peer, 'farewell')
    this.#changed = true
    this.#scheduleSweep(nowMs)
    this.#outboxes.spread(record.peer, from, nowMs)
  }

  #countBad(from: PeerId, standing: Standing, nowMs: number): void {
    standing.badRecords += 1
    if (standing.badRecords < badRecordsMax) return
    standing.badRecords = 0
    standing.mutedUntilMs = nowMs + mutedMs
    this.#context.recorder.mesh.presenceMuted.record(from)
  }

  #scheduleSweep(nowMs: number): void {
    this.#sweepDeadlineMs = Math.min(this.#sweepDeadlineMs, nowMs + sweepDelayMs)
  }

  #sweep(nowMs: number): void {
    const { mesh } = this.#context.recorder
    const { dropped, changed } = this.#table.sweep(this.#isRouted, nowMs)
    for (const peer of dropped) mesh.presenceRemoved.record(peer, 'out-of-sight')
    mesh.presenceRecords.set(this.#table.size)
    this.#changed ||= changed
    this.#sweepDeadlineMs = this.#table.nextExpiryMs()
  }
}
