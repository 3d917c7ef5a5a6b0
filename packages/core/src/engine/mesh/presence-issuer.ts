/**
 * When this peer signs a new record of itself (rules PR5 and PR6): at once, but never twice within
 * a quarter of a second (longer in large meshes), far more rarely when only what is measured of links
 * moved, and now and then anyway.
 */

import { equalBytes } from '../bytes/compare.ts'
import type { EngineContext } from '../context.ts'
import {
  emptyPresenceContent,
  encodePresenceContent,
  encodePresenceRecord,
  type PresenceContent,
  type PresenceVersion,
  type RecordSigner,
} from './presence-record.ts'

/** Links come up in groups; each record costs a signature here and a check everywhere. */
export const issueIntervalMs = 250
/** Measurements alone are no reason to hurry. */
export const measuredIssueIntervalMs = 5_000
/** Each peer that is known makes a record wait longer, since all of them are to hear of it. */
const issueIntervalMsPerPeer = 10
const measuredIssueIntervalMsPerPeer = 100
/** Heals what was lost for a reason nobody thought of. */
export const refreshIntervalMs = 300_000

/** Why a record was signed. */
type IssueReason = 'first' | 'changed' | 'measured' | 'refresh' | 'farewell'

interface Issued {
  readonly atMs: number
  readonly exact: Uint8Array
  /** The content without what is measured of links. */
  readonly coarse: Uint8Array
}

/** Signs this peer's records. */
export class PresenceIssuer {
  readonly #context: EngineContext
  readonly #signer: RecordSigner
  readonly #epoch: number
  #content: PresenceContent | undefined
  #issued: Issued | undefined
  #sequence = 0
  #bytes: Uint8Array | undefined
  #due: { readonly atMs: number; readonly reason: IssueReason } | undefined

  constructor(context: EngineContext, signer: RecordSigner, epoch: number) {
    this.#context = context
    this.#signer = signer
    this.#epoch = epoch
  }

  /** The record signed last. */
  get bytes(): Uint8Array | undefined {
    return this.#bytes
  }

  get version(): PresenceVersion {
    return { epoch: this.#epoch, sequence: this.#sequence }
  }

  /**
   * What the next record is to say, in a mesh of so many other peers. True when a new one was signed
   * right away.
   */
  setContent(content: PresenceContent, peerCount: number, nowMs: number): boolean {
    this.#content = content
    this.#due = this.#plan(content, peerCount, nowMs)
    return this.handleDeadline(nowMs)
  }

  /** Signs the last record: this peer leaves. */
  farewell(nowMs: number): void {
    this.#issue(emptyPresenceContent, 'farewell', nowMs)
    this.#content = undefined
    this.#due = undefined
  }

  nextDeadlineMs(): number {
    return this.#due?.atMs ?? Infinity
  }

  /** True when a new record was signed. */
  handleDeadline(nowMs: number): boolean {
    if (this.#content === undefined || this.#due === undefined || nowMs < this.#due.atMs) {
      return false
    }
    this.#issue(this.#content, this.#due.reason, nowMs)
    this.#due = { atMs: nowMs + refreshIntervalMs, reason: 'refresh' }
    return true
  }

  #plan(
    content: PresenceContent,
    peerCount: number,
    nowMs: number,
  ): { atMs: number; reason: IssueReason } {
    const issued = this.#issued
    if (issued === undefined) return { atMs: nowMs, reason: 'first' }
    if (!equalBytes(issued.coarse, encodeCoarse(content))) {
      const intervalMs = Math.max(issueIntervalMs, peerCount * issueIntervalMsPerPeer)
      return { atMs: issued.atMs + intervalMs, reason: 'changed' }
    }
    if (!equalBytes(issued.exact, encodePresenceContent(content))) {
      const intervalMs = Math.max(
        measuredIssueIntervalMs,
        peerCount * measuredIssueIntervalMsPerPeer,
      )
      return { atMs: issued.atMs + intervalMs, reason: 'measured' }
    }
    return { atMs: issued.atMs + refreshIntervalMs, reason: 'refresh' }
  }

  #issue(content: PresenceContent, reason: IssueReason, nowMs: number): void {
    this.#sequence += 1
    const bytes = encodePresenceRecord(content, this.version, reason === 'farewell', this.#signer)
    this.#bytes = bytes
    this.#issued = {
      atMs: nowMs,
      exact: encodePresenceContent(content),
      coarse: encodeCoarse(content),
    }
    const { mesh } = this.#context.recorder
    mesh.presenceRecordsIssued.add()
    mesh.presenceIssued.record(this.#sequence, reason, bytes.length)
  }
}

function encodeCoarse(content: PresenceContent): Uint8Array {
  const neighbours = content.neighbours.map((neighbour) => {
    return { ...neighbour, rttStep: 0, qualityStep: 0 }
  })
  return encodePresenceContent({ ...content, neighbours })
}
