/**
 * A neighbour: everything about syncing with one peer that a virtual connection leads to. It lives
 * as long as that connection; the next one begins anew.
 */

import { unreachable } from '../assert.ts'
import { equalBytes } from '../bytes/compare.ts'
import type { MessagePort } from '../connection/message-port.ts'
import type { EngineContext } from '../context.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { Answerer } from './answerer.ts'
import type { DocumentKey } from './change.ts'
import type { FetchLedger } from './fetch-ledger.ts'
import { Fetcher } from './fetcher.ts'
import { Inbox } from './inbox.ts'
import { ListingReconciler } from './listing-reconciler.ts'
import { Outbox } from './outbox.ts'
import { PushQueue } from './push-queue.ts'
import type { Reconciler, ReconcilerOutput } from './reconciler.ts'
import type { ReplicaPort } from './replica-port.ts'
import type { ReplicaRequests } from './replica-requests.ts'
import { RootCheck } from './root-check.ts'
import type { SyncMessage } from './sync-message.ts'
import type { WriteTracker } from './write-tracker.ts'

/** What all neighbours of one engine share. */
export interface NeighbourEnvironment {
  readonly context: EngineContext
  readonly local: PeerId
  readonly messages: MessagePort
  readonly replica: ReplicaPort
  readonly requests: ReplicaRequests
  readonly ledger: FetchLedger
  readonly tracker: WriteTracker
}

/** Why a neighbour is to be compared with although it seemed to be in step. */
export type SuspicionReason =
  | 'push-queue-full'
  | 'inbox-full'
  | 'fetch-queue-full'
  | 'fetch-timeout'
  | 'fetch-without-progress'
  | 'storage-failed'

export class Neighbour {
  readonly peer: PeerId
  readonly queue = new PushQueue()
  readonly inbox = new Inbox()
  readonly #environment: NeighbourEnvironment
  readonly #outbox: Outbox
  readonly #fetcher: Fetcher
  readonly #answerer: Answerer
  readonly #reconciler: Reconciler
  readonly #rootCheck: RootCheck
  /** The neighbour asked for our root and is answered once its news are fetched. */
  #rootAsked = false
  /** The reconciler has reported everything; its finds are still being fetched. */
  #comparisonFetching = false
  #comparisonStartedAtMs = 0

  constructor(environment: NeighbourEnvironment, peer: PeerId, nowMs: number) {
    const { context, local, messages, requests, ledger } = environment
    const drives = local < peer
    this.peer = peer
    this.#environment = environment
    this.#outbox = new Outbox(context, messages, { from: local, to: peer })
    this.#fetcher = new Fetcher(context, peer, requests, ledger, this.inbox, this.#outbox)
    this.#answerer = new Answerer(context, requests, this.#outbox, this.queue)
    this.#reconciler = new ListingReconciler(requests, drives)
    this.#rootCheck = new RootCheck(drives, nowMs)
  }

  /** Takes in any message but pushed changes and acknowledgements. False when it was unexpected. */
  messageReceived(
    message: Exclude<SyncMessage, { type: 'changes' | 'acknowledgement' }>,
    nowMs: number,
  ): boolean {
    switch (message.type) {
      case 'root':
        if (message.asks) this.#rootAsked = true
        this.#rootReceived(message.digest, nowMs)
        return true
      case 'page':
      case 'differences':
      case 'continue':
        return this.#reconciler.messageReceived(message, nowMs)
      case 'fetch':
        return this.#answerer.ask(message)
      case 'answer':
        if (!this.#fetcher.answered(message.request, message.more)) return false
        this.inbox.fetched(message.deliveries)
        return true
      case 'announcement':
        for (const { document, changes } of message.documents) {
          for (const change of changes) this.queue.learn(change)
          const queued = this.#fetcher.wantAnnounced(document, changes)
          if (!queued) this.suspect('fetch-queue-full', nowMs)
        }
        return true
      default:
        return unreachable(message)
    }
  }

  heard(nowMs: number): void {
    this.#rootCheck.heard(nowMs)
  }

  streamWritable(nowMs: number): void {
    this.#outbox.flush(nowMs)
  }

  rootChanged(nowMs: number): void {
    this.#rootCheck.rootChanged(nowMs)
  }

  suspect(reason: SuspicionReason, nowMs: number): void {
    this.#changeState(reason, () => this.#rootCheck.suspect(nowMs))
  }

  /** A delivery of this neighbour came before its predecessor. */
  wantMissing(document: DocumentKey, nowMs: number): void {
    if (!this.#fetcher.wantMissing(document)) this.suspect('fetch-queue-full', nowMs)
  }

  /** The deliveries of an answer were dealt with; with `progress` when one of them was new. */
  fetchApplied(progress: boolean, nowMs: number): void {
    if (!this.#fetcher.applied(progress, nowMs)) this.suspect('fetch-without-progress', nowMs)
  }

  /** Does everything that can be done now, and leaves nothing half done. */
  advance(nowMs: number): void {
    this.#pushChanges(nowMs)
    this.#answerer.advance(nowMs)
    this.#fetcher.advance(nowMs)
    this.#advanceComparison(nowMs)
    this.#sendDue(nowMs)
    this.#answerRoot(nowMs)
  }

  handleDeadline(nowMs: number, changedAtMs: number): void {
    if (this.#fetcher.handleDeadline(nowMs)) this.suspect('fetch-timeout', nowMs)
    if (this.#outbox.blocked) return
    this.#changeState('deadline', () => {
      const due = this.#rootCheck.due(nowMs, changedAtMs)
      if (due === 'give-up') this.#comparisonFetching = false
      if (due === 'ask' || due === 'tell') this.#sendRoot(due === 'ask', nowMs)
    })
  }

  nextDeadlineMs(): number {
    const fetcherMs = this.#fetcher.nextDeadlineMs()
    // While the stream is full nothing can be sent; `streamWritable` comes first.
    if (this.#outbox.blocked) return fetcherMs
    return Math.min(
      fetcherMs,
      this.#rootCheck.nextDeadlineMs(),
      this.queue.announceAtMs,
      this.#environment.tracker.dueAtMs(this.peer),
    )
  }

  close(): void {
    this.#fetcher.close()
    this.#answerer.close()
    this.#reconciler.close()
  }

  #pushChanges(nowMs: number): void {
    while (this.queue.hasChanges && !this.#outbox.blocked) {
      this.#outbox.send({ type: 'changes', changes: this.queue.takeChanges() }, nowMs)
    }
  }

  #advanceComparison(nowMs: number): void {
    const { recorder } = this.#environment.context
    for (;;) {
      let output = this.#reconciler.poll()
      if (output === undefined && !this.#outbox.blocked && this.#fetcher.hasRoom) {
        this.#reconciler.proceed(nowMs)
        output = this.#reconciler.poll()
      }
      if (output === undefined) break
      this.#comparisonOutput(output, nowMs)
    }
    if (!this.#comparisonFetching || !this.#fetcher.idle || !this.inbox.idle) return
    if (this.#outbox.blocked) return
    this.#comparisonFetching = false
    recorder.sync.comparisonMs.observe(nowMs - this.#comparisonStartedAtMs)
    this.#changeState('compared', () => this.#rootCheck.compared())
    this.#sendRoot(true, nowMs)
  }

  #comparisonOutput(output: ReconcilerOutput, nowMs: number): void {
    switch (output.type) {
      case 'send':
        this.#outbox.send(output.message, nowMs)
        return
      case 'differs':
        this.#environment.context.recorder.sync.documentsDiffering.add(output.heads.length)
        for (const { document, digest } of output.heads) {
          const queued = this.#fetcher.wantDigest(document, digest)
          if (!queued) this.suspect('fetch-queue-full', nowMs)
        }
        this.#fetcher.advance(nowMs)
        return
      case 'finished':
        this.#comparisonFetching = true
        return
    }
  }

  #sendDue(nowMs: number): void {
    const { tracker, context } = this.#environment
    if (!this.#outbox.blocked && nowMs >= tracker.dueAtMs(this.peer)) {
      const ranges = tracker.take(this.peer)
      context.recorder.sync.acknowledgementsSent.add(ranges.length)
      if (ranges.length > 0) this.#outbox.send({ type: 'acknowledgement', ranges }, nowMs)
    }
    if (!this.#outbox.blocked && nowMs >= this.queue.announceAtMs) {
      const documents = this.queue.takeAnnouncements()
      context.recorder.sync.changesAnnounced.add(documents.length)
      if (documents.length > 0) this.#outbox.send({ type: 'announcement', documents }, nowMs)
    }
  }

  #answerRoot(nowMs: number): void {
    if (!this.#rootAsked || this.#outbox.blocked) return
    if (!this.#fetcher.idle || !this.inbox.idle) return
    this.#rootAsked = false
    this.#sendRoot(false, nowMs)
  }

  #sendRoot(asks: boolean, nowMs: number): void {
    if (asks) this.#environment.context.recorder.sync.rootChecks.add()
    const digest = this.#environment.replica.rootDigest()
    this.#outbox.send({ type: 'root', asks, digest }, nowMs)
  }

  #rootReceived(digest: Uint8Array, nowMs: number): void {
    const equal = equalBytes(digest, this.#environment.replica.rootDigest())
    if (equal) this.#environment.tracker.inStep(this.peer, nowMs)
    this.#changeState(equal ? 'roots-equal' : 'roots-differ', () => {
      if (!this.#rootCheck.rootReceived(equal, nowMs)) return
      this.#environment.context.recorder.sync.comparisonsStarted.add()
      this.#comparisonStartedAtMs = nowMs
      this.#comparisonFetching = false
      this.#reconciler.start(nowMs)
    })
  }

  #changeState(reason: string, change: () => void): void {
    const before = this.#rootCheck.state
    change()
    const { state } = this.#rootCheck
    if (state === before) return
    this.#environment.context.recorder.sync.rootStateChanged.record(this.peer, state, reason)
  }
}
