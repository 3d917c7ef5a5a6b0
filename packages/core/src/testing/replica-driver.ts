/**
 * Drives one replica by hand: a store that answers when told to, and fails or forgets when told to.
 */

import { createYjsDocuments } from '../documents/yjs-documents.ts'
import { Replica, type ReplicaCommand, type ReplicaOutput } from '../documents/replica.ts'
import { assert, unreachable } from '../engine/assert.ts'
import type { CommandAnswer, MeshEvent } from '../engine/command.ts'
import { nobleCryptography } from '../engine/crypto/noble.ts'
import { SeededRandom } from '../engine/crypto/random.ts'
import { decodePeerId, type PeerId } from '../engine/identity/peer-id.ts'
import type { StorageAnswer } from '../engine/input.ts'
import type { Problem } from '../engine/problem.ts'
import type { Delivery, ReplicaNotice } from '../engine/sync/replica-port.ts'
import { FlightRecorder } from '../recorder/recorder.ts'
import { registry } from '../recorder/registry.ts'
import { OrderedEntries } from '../storage/ordered-entries.ts'
import {
  storageSpaces,
  type StorageEntry,
  type StorageFailureReason,
  type StorageRead,
  type StorageSpace,
  type StorageWrite,
} from '../storage/storage.ts'

/** What survives a crash of a replica. */
export class ReplicaStore {
  readonly #spaces = Object.fromEntries(
    storageSpaces.map((space) => [space, new OrderedEntries()]),
  ) as Record<StorageSpace, OrderedEntries>
  /** Openings so far: the epoch of the last one. */
  epoch = 0

  read(read: StorageRead): readonly StorageEntry[] {
    const entries = this.#spaces[read.space]
    if (read.type === 'list') return entries.list(read.prefix, read.after, read.limit)
    const entry = entries.get(read.key)
    return entry === undefined ? [] : [entry]
  }

  /** All entries of a space. */
  entries(space: StorageSpace): readonly StorageEntry[] {
    return this.read({ type: 'list', space, prefix: [], limit: Number.MAX_SAFE_INTEGER })
  }

  write(write: StorageWrite): void {
    const entries = this.#spaces[write.space]
    switch (write.type) {
      case 'put':
        return entries.put({ key: write.key, value: write.value })
      case 'delete':
        return entries.delete(write.key)
      case 'delete-prefix':
        return entries.deletePrefix(write.prefix)
      default:
        return unreachable(write)
    }
  }
}

/** What happens to one storage operation. */
export type StorageFate =
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly reason: StorageFailureReason }
  /** Done, but reported as failed: what a connection to a disk that breaks may look like. */
  | { readonly type: 'done-but-failed' }

type StorageOutput = ReplicaOutput & { readonly type: 'storage-read' | 'storage-write' }

export interface ReplicaDriverOptions {
  readonly store: ReplicaStore
  readonly peer: PeerId
  readonly seed: number
  /** Decides about operation number `count`, from 1; by default all are done. */
  readonly fate?: DecideFate
}

/** `bytes` is the size of the values that are to be written. */
export type DecideFate = (count: number, bytes: number) => StorageFate

/** See the file header. Each driver is one boot of a peer. */
export class ReplicaDriver {
  readonly replica: Replica
  readonly peer: PeerId
  readonly epoch: number
  readonly store: ReplicaStore
  readonly recorder = new FlightRecorder(registry)
  readonly answers = new Map<number, CommandAnswer>()
  readonly events: MeshEvent[] = []
  readonly notices: ReplicaNotice[] = []
  readonly problems: Problem[] = []
  nowMs = 0
  operations = 0
  #waiting: StorageOutput[] = []
  #lastCommand = 0
  #lastRequest = 0
  readonly #fate: DecideFate

  constructor({ store, peer, seed, fate }: ReplicaDriverOptions) {
    this.store = store
    this.peer = peer
    this.#fate = fate ?? (() => ({ type: 'done' }))
    store.epoch += 1
    this.epoch = store.epoch
    const bytes = new Uint8Array(32)
    new DataView(bytes.buffer).setFloat64(0, seed)
    new DataView(bytes.buffer).setFloat64(8, this.epoch)
    bytes.set(decodePeerId(peer), 16)
    const context = {
      random: new SeededRandom(bytes),
      cryptography: nobleCryptography,
      recorder: this.recorder.recorder,
    }
    const documents = createYjsDocuments()
    this.replica = new Replica(context, { peer, epoch: this.epoch, documents })
    this.replica.start(this.nowMs)
    this.drain()
  }

  /** Hands in a command; its answer appears in `answers`. */
  command(body: ReplicaCommand): number {
    const command = (this.#lastCommand += 1)
    this.replica.handleCommand(command, body, this.nowMs)
    this.drain()
    return command
  }

  /** Hands in a command, lets everything settle and gives the answer. */
  ask(body: ReplicaCommand): CommandAnswer {
    const command = this.command(body)
    this.settle()
    const answer = this.answers.get(command)
    assert(answer !== undefined, `${body.type} is answered`)
    return answer
  }

  /** Applies deliveries as from a peer; the number of the request. */
  apply(from: PeerId, deliveries: readonly Delivery[]): number {
    const request = this.nextRequest()
    this.replica.apply(request, from, deliveries, this.nowMs)
    this.drain()
    return request
  }

  nextRequest(): number {
    return (this.#lastRequest += 1)
  }

  /** Lets everything settle and takes the notice that answers a request. */
  answerTo(request: number): ReplicaNotice {
    this.drain()
    this.settle()
    const index = this.notices.findIndex(
      (notice) => notice.type !== 'committed' && notice.request === request,
    )
    assert(index >= 0, 'every request is answered')
    return this.notices.splice(index, 1)[0]!
  }

  /** Takes out what the replica says. */
  drain(): void {
    for (let output = this.replica.poll(); output !== undefined; output = this.replica.poll()) {
      switch (output.type) {
        case 'storage-read':
        case 'storage-write':
          this.#waiting.push(output)
          break
        case 'command-answered':
          assert(!this.answers.has(output.command), 'a command is answered once')
          this.answers.set(output.command, output.answer)
          break
        case 'event':
          this.events.push(output.event)
          break
        case 'notice':
          this.notices.push(output.notice)
          break
        case 'problem':
          this.problems.push(output.problem)
          break
        default:
          unreachable(output)
      }
    }
  }

  /** Carries out the oldest storage operation, if any. */
  step(): boolean {
    const answer = this.hold()
    answer?.()
    return answer !== undefined
  }

  /** Carries out the oldest storage operation, if any, and keeps its answer until that is called. */
  hold(): (() => void) | undefined {
    const output = this.#waiting.shift()
    if (output === undefined) return undefined
    this.operations += 1
    const answer = this.#carryOut(output)
    return () => {
      this.replica.storageAnswered(output.request, answer, this.nowMs)
      this.drain()
    }
  }

  /** Time goes on to the next deadline, if that is not too far. */
  advance(withinMs: number): boolean {
    const deadlineMs = this.replica.nextDeadlineMs()
    if (deadlineMs > this.nowMs + withinMs) return false
    this.nowMs = Math.max(this.nowMs, deadlineMs)
    this.replica.handleDeadline(this.nowMs)
    this.drain()
    return true
  }

  /** Storage answers and time goes on until nothing more happens. */
  settle(): void {
    for (let round = 0; round < 1_000_000; round += 1) {
      if (!this.step() && !this.advance(5000)) return
    }
    assert(false, 'a replica comes to rest')
  }

  #carryOut(output: StorageOutput): StorageAnswer {
    let bytes = 0
    for (const write of output.type === 'storage-write' ? output.writes : []) {
      if (write.type === 'put') bytes += write.value.length
    }
    const fate = this.#fate(this.operations, bytes)
    if (fate.type === 'failed') return { ...fate, message: 'as told' }
    if (output.type === 'storage-read') {
      return { type: 'read', results: output.reads.map((read) => this.store.read(read)) }
    }
    for (const write of output.writes) this.store.write(write)
    if (fate.type === 'done') return { type: 'written' }
    return { type: 'failed', reason: 'io', message: 'as told' }
  }
}
