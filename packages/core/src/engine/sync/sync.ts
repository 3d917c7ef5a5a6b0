/**
 * Sync (L5): keeps the local documents and those of every neighbour the same.
 *
 * Live changes fan out as they become durable; what got lost on the way, or happened while peers
 * were apart, is found by comparing and fetched. Specification: docs/specs/sync.md.
 */

import type { Command, CommandAnswer, SubscriberId } from '../command.ts'
import type { MessagePort } from '../connection/message-port.ts'
import type { EngineContext } from '../context.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { CommandId } from '../input.ts'
import type { Output } from '../output.ts'
import type { Problem } from '../problem.ts'
import { unreachable } from '../assert.ts'
import { Awareness } from './awareness.ts'
import type { DocumentKey } from './change.ts'
import { FanOut } from './fan-out.ts'
import type { Topology } from './fan-out.ts'
import { FetchLedger } from './fetch-ledger.ts'
import type { InboxBatch } from './inbox.ts'
import { Neighbour } from './neighbour.ts'
import type { NeighbourEnvironment } from './neighbour.ts'
import type { DeliveryOutcome, Delivery, ReplicaNotice, ReplicaPort } from './replica-port.ts'
import { ReplicaRequests } from './replica-requests.ts'
import { decodeSyncMessage } from './sync-message-codec.ts'
import type { Writer } from './version.ts'
import { parseWriteId } from './write-id.ts'
import { WriteTracker } from './write-tracker.ts'

/** A command that sync answers. */
export type SyncCommand = Extract<Command, { type: 'sync-status' | 'set-awareness' }>

export type SyncOutput = Extract<Output, { type: 'command-answered' | 'event' }>

export class Sync {
  readonly #context: EngineContext
  readonly #environment: NeighbourEnvironment
  readonly #tracker: WriteTracker
  readonly #fanOut: FanOut
  readonly #awareness: Awareness
  readonly #neighbours = new Map<PeerId, Neighbour>()
  readonly #answers: SyncOutput[] = []
  #changedAtMs = Number.NEGATIVE_INFINITY

  constructor(
    context: EngineContext,
    local: Writer,
    messages: MessagePort,
    replica: ReplicaPort,
    topology: Topology,
  ) {
    this.#context = context
    this.#tracker = new WriteTracker(local)
    this.#fanOut = new FanOut(context, topology)
    this.#awareness = new Awareness(context, local.peer, messages, topology)
    this.#environment = {
      context,
      local: local.peer,
      messages,
      replica,
      requests: new ReplicaRequests(replica),
      ledger: new FetchLedger(),
      tracker: this.#tracker,
    }
  }

  /** A virtual connection to a direct neighbour is established; one before it is forgotten. */
  neighbourUp(peer: PeerId, nowMs: number): void {
    this.#drop(peer)
    const neighbour = new Neighbour(this.#environment, peer, nowMs)
    this.#neighbours.set(peer, neighbour)
    this.#fanOut.neighbourUp(peer, neighbour.queue)
    this.#tracker.neighbourUp(peer, nowMs)
    this.#awareness.neighbourUp(peer, nowMs)
    this.#context.recorder.sync.neighbourUp.record(peer)
    this.#context.recorder.sync.neighbours.set(this.#neighbours.size)
    neighbour.handleDeadline(nowMs, this.#changedAtMs)
    this.#advance(nowMs)
  }

  neighbourDown(peer: PeerId, nowMs: number): void {
    if (!this.#drop(peer)) return
    this.#context.recorder.sync.neighbourDown.record(peer)
    this.#context.recorder.sync.neighbours.set(this.#neighbours.size)
    this.#advance(nowMs)
  }

  /** A message of a neighbour on the stream `sync`. */
  messageReceived(peer: PeerId, bytes: Uint8Array, nowMs: number): void {
    const { sync } = this.#context.recorder
    sync.messagesReceived.add()
    sync.messageBytesReceived.add(bytes.length)
    const neighbour = this.#neighbours.get(peer)
    if (neighbour === undefined) {
      sync.messagesUnexpected.add()
      return
    }
    const ends = { from: peer, to: this.#environment.local }
    const message = decodeSyncMessage(bytes, ends)
    if (message === undefined) {
      sync.messagesMalformed.add()
      sync.messageRefused.record(peer, 'malformed')
      return
    }
    neighbour.heard(nowMs)
    switch (message.type) {
      case 'changes': {
        const deliveries = message.changes.map((change) => ({ type: 'change' as const, change }))
        this.#deliveriesReceived(neighbour, deliveries, nowMs)
        if (!neighbour.inbox.push(deliveries, bytes.length)) {
          sync.inboxDropped.record(peer, bytes.length)
          neighbour.suspect('inbox-full', nowMs)
        }
        break
      }
      case 'acknowledgement':
        for (const range of message.ranges) {
          if (!this.#tracker.acknowledged(range, peer, nowMs)) {
            sync.messageRefused.record(peer, 'acknowledges-future')
          } else if (range.holder === peer) {
            neighbour.queue.learn({ ...range.writer, seq: range.to }, range.from)
          }
        }
        sync.acknowledgementsReceived.add(message.ranges.length)
        break
      default:
        if (!neighbour.messageReceived(message, nowMs)) {
          sync.messagesUnexpected.add()
          sync.messageRefused.record(peer, `unexpected-${message.type}`)
        } else if (message.type === 'answer') {
          this.#deliveriesReceived(neighbour, message.deliveries, nowMs)
        }
    }
    this.#advance(nowMs)
  }

  datagramReceived(peer: PeerId, payload: Uint8Array, nowMs: number): void {
    if (this.#neighbours.has(peer)) this.#awareness.datagramReceived(peer, payload, nowMs)
  }

  /** The stream `sync` to a neighbour takes messages again. */
  streamWritable(peer: PeerId, nowMs: number): void {
    this.#neighbours.get(peer)?.streamWritable(nowMs)
    this.#advance(nowMs)
  }

  replicaNotice(notice: ReplicaNotice, nowMs: number): void {
    if (notice.type === 'committed') {
      this.#context.recorder.sync.changesCommitted.add()
      this.#tracker.committed(notice.change.seq)
      this.#rootChanged(nowMs)
      this.#overflowed(this.#fanOut.committed(notice.change), nowMs)
    } else {
      this.#environment.requests.answered(notice, nowMs)
    }
    this.#advance(nowMs)
  }

  handleCommand(command: CommandId, body: SyncCommand, nowMs: number): void {
    const answer = this.#answerTo(body, nowMs)
    this.#answers.push({ type: 'command-answered', command, answer })
  }

  /** A subscriber opened a live document whose awareness goes under that client id. */
  documentOpened(subscriber: SubscriberId, document: DocumentKey, clientId: number): void {
    this.#awareness.documentOpened(subscriber, document, clientId)
  }

  documentClosed(subscriber: SubscriberId, nowMs: number): void {
    this.#awareness.documentClosed(subscriber, nowMs)
  }

  /** A peer, neighbour or not, cannot be reached any more. */
  peerUnreachable(peer: PeerId, nowMs: number): void {
    this.#awareness.peerUnreachable(peer, nowMs)
  }

  handleDeadline(nowMs: number): void {
    for (const neighbour of this.#neighbours.values()) {
      neighbour.handleDeadline(nowMs, this.#changedAtMs)
    }
    this.#awareness.handleDeadline(nowMs)
    this.#advance(nowMs)
  }

  nextDeadlineMs(): number {
    let deadlineMs = this.#awareness.nextDeadlineMs()
    for (const neighbour of this.#neighbours.values()) {
      deadlineMs = Math.min(deadlineMs, neighbour.nextDeadlineMs())
    }
    return deadlineMs
  }

  /** Says farewell where there is something to say, and forgets every neighbour. */
  stop(nowMs: number): void {
    this.#awareness.stop(nowMs)
    for (const peer of this.#neighbours.keys()) this.neighbourDown(peer, nowMs)
  }

  poll(): SyncOutput | undefined {
    const answer = this.#answers.shift()
    if (answer !== undefined) return answer
    const event = this.#awareness.poll()
    return event === undefined ? undefined : { type: 'event', event }
  }

  #answerTo(body: SyncCommand, nowMs: number): CommandAnswer {
    switch (body.type) {
      case 'set-awareness': {
        const problem = this.#awareness.setState(body.subscriber, body.state, nowMs)
        return problem === undefined ? { ok: true, value: undefined } : { ok: false, problem }
      }
      case 'sync-status': {
        const named = parseWriteId(body.write)
        if (named === undefined) return { ok: false, problem: notAWriteId(body.write) }
        const heldBy = this.#tracker.holders(named.writer, named.seq)
        return { ok: true, value: { write: body.write, heldBy } }
      }
      default:
        return unreachable(body)
    }
  }

  #drop(peer: PeerId): boolean {
    const neighbour = this.#neighbours.get(peer)
    if (neighbour === undefined) return false
    neighbour.close()
    this.#neighbours.delete(peer)
    this.#fanOut.neighbourDown(peer)
    this.#tracker.neighbourDown(peer)
    this.#awareness.neighbourDown(peer)
    return true
  }

  /** Lets every neighbour do what has become possible: one's news may be what another waits for. */
  #advance(nowMs: number): void {
    for (const neighbour of this.#neighbours.values()) this.#applyNext(neighbour, nowMs)
    for (const neighbour of this.#neighbours.values()) neighbour.advance(nowMs)
  }

  #applyNext(neighbour: Neighbour, nowMs: number): void {
    const batch = neighbour.inbox.take()
    if (batch === undefined) return
    if (batch.deliveries.length === 0) {
      neighbour.inbox.applied()
      if (batch.fetched) neighbour.fetchApplied(false, nowMs)
      this.#applyNext(neighbour, nowMs)
      return
    }
    this.#environment.requests.apply(neighbour.peer, batch.deliveries, nowMs, (outcomes, nowMs) =>
      this.#applied(neighbour, batch, outcomes, nowMs),
    )
  }

  /** Also for a neighbour that is gone: what is durable is passed on. */
  #applied(
    neighbour: Neighbour,
    batch: InboxBatch,
    outcomes: readonly DeliveryOutcome[],
    nowMs: number,
  ): void {
    let progress = false
    for (const [index, delivery] of batch.deliveries.entries()) {
      const outcome = outcomes[index] ?? 'failed'
      if (outcome === 'applied') progress = true
      this.#outcome(neighbour, delivery, outcome, nowMs)
    }
    if (progress) this.#rootChanged(nowMs)
    neighbour.inbox.applied()
    if (batch.fetched) neighbour.fetchApplied(progress, nowMs)
  }

  #outcome(
    neighbour: Neighbour,
    delivery: Delivery,
    outcome: DeliveryOutcome,
    nowMs: number,
  ): void {
    const { sync } = this.#context.recorder
    switch (outcome) {
      case 'applied':
        sync.deliveriesApplied.add()
        if (delivery.type === 'change') this.#tracker.holdsNow(delivery.change, nowMs)
        this.#overflowed(this.#forward(delivery, neighbour.peer, nowMs), nowMs)
        return
      case 'known':
        sync.deliveriesKnown.add()
        if (delivery.type === 'change') this.#tracker.holdsNow(delivery.change, nowMs)
        return
      case 'gap':
        sync.deliveriesGap.add()
        for (const document of documentsOf(delivery)) neighbour.wantMissing(document, nowMs)
        return
      case 'refused':
        sync.deliveriesRefused.add()
        return
      case 'failed':
        sync.deliveriesFailed.add()
        neighbour.suspect('storage-failed', nowMs)
        return
      default:
        unreachable(outcome)
    }
  }

  #forward(delivery: Delivery, from: PeerId, nowMs: number): readonly PeerId[] {
    if (delivery.type === 'change') return this.#fanOut.applied(delivery.change, from, nowMs)
    return this.#fanOut.checkpointApplied(delivery.document, delivery.head.version, from, nowMs)
  }

  #deliveriesReceived(neighbour: Neighbour, deliveries: readonly Delivery[], nowMs: number): void {
    for (const delivery of deliveries) {
      if (delivery.type !== 'change') continue
      neighbour.queue.learn(delivery.change)
      this.#tracker.received(delivery.change, neighbour.peer, nowMs)
    }
  }

  #overflowed(peers: readonly PeerId[], nowMs: number): void {
    for (const peer of peers) {
      this.#context.recorder.sync.pushQueueDropped.record(peer)
      this.#neighbours.get(peer)?.suspect('push-queue-full', nowMs)
    }
  }

  #rootChanged(nowMs: number): void {
    this.#changedAtMs = nowMs
    for (const neighbour of this.#neighbours.values()) neighbour.rootChanged(nowMs)
  }
}

function documentsOf(delivery: Delivery): readonly DocumentKey[] {
  if (delivery.type === 'checkpoint') return [delivery.document]
  return delivery.change.parts.map(({ document }) => document)
}

function notAWriteId(write: string): Problem {
  return {
    code: 'value-invalid',
    message: `'${write.slice(0, 64)}' is not a write id (peer-epoch-seq)`,
  }
}
