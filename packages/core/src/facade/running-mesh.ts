/**
 * The running mesh: the facade's root, the same over an engine in a worker or in this process.
 *
 * Every call under way is known here, so that none waits for ever when the engine ends; every
 * subscriber is known, so that closing leaves none behind.
 */

import type { TaskQueue } from '../driver/task-queue.ts'
import type { Query, Row } from '../documents/query.ts'
import { unreachable } from '../engine/assert.ts'
import type {
  Command,
  CommandAnswer,
  CommandResults,
  MeshEvent,
  SubscriberId,
  SyncStatus,
  WriteId,
} from '../engine/command.ts'
import type { LinkAccount } from '../engine/mesh/link-plan/link-account.ts'
import type { PeerId } from '../engine/identity/peer-id.ts'
import type { LifecycleReason, LifecycleTransition } from '../engine/lifecycle-change.ts'
import { localNetworkObstacle } from '../transport-kit/local-network.ts'
import type { Problem } from '../engine/problem.ts'
import { abortable } from './abortable.ts'
import type {
  Collection,
  CollectionRow,
  LiveQuery,
  LiveResult,
  ObserveOptions,
} from './collection.ts'
import { diagnose } from './diagnose.ts'
import type { Diagnosis } from './diagnosis.ts'
import type { EngineAccess, EngineReport } from './engine-access.ts'
import { EngineCollection, type RowSource } from './engine-collection.ts'
import type { MeshEnvironment } from './environment.ts'
import type { Invitation, InviteOptions, Joining, JoinOptions } from './invitation.ts'
import { InvitationTable } from './invitation-table.ts'
import { LifecycleView } from './lifecycle-view.ts'
import type { Lifecycle } from './lifecycle.ts'
import { LiveDocument } from './live-document.ts'
import { LiveRows } from './live-rows.ts'
import { MeshError, meshErrorOf } from './mesh-error.ts'
import type { MeshStream, OpenStreamOptions } from './mesh-stream.ts'
import type { Mesh, MeshProblem } from './mesh.ts'
import type { Observation } from './observation.ts'
import { within } from './patience.ts'
import { PresenceView } from './presence-view.ts'
import type { Presence } from './presence.ts'
import { ProblemLog } from './problem-log.ts'
import type { SharedDocument } from './shared-document.ts'
import { StreamTable } from './stream-table.ts'

export interface RunningMeshOptions {
  readonly app: string
  readonly access: EngineAccess
  readonly environment: MeshEnvironment
  /** The mesh closes it. */
  readonly tasks: TaskQueue
}

/** How long closing waits for the last edits of shared documents. */
const savingMsMax = 2_000

interface Subscriber {
  event(event: MeshEvent): void
  abandon(error: MeshError): void
  /** Of a live query: goes on as another subscriber. */
  restart?(subscriber: SubscriberId): void
}

/** See the file header. */
export class RunningMesh implements Mesh, RowSource {
  readonly peer: PeerId
  readonly app: string
  readonly environment: MeshEnvironment
  readonly ended: Promise<MeshProblem | undefined>
  /** Undefined when closed: a module that was replaced is never collected, nor its mesh. */
  #host: { readonly access: EngineAccess; readonly tasks: TaskQueue } | undefined
  readonly #presence: PresenceView
  readonly #lifecycle = new LifecycleView()
  readonly #problems = new ProblemLog()
  readonly #subscribers = new Map<SubscriberId, Subscriber>()
  #subscriberCount = 0
  readonly #documents = new Set<LiveDocument>()
  readonly #streams: StreamTable
  readonly #invitations: InvitationTable
  /** Rejects the calls under way. */
  readonly #calls = new Set<(error: MeshError) => void>()
  /** Set once the engine has ended, or is to end for good. */
  #endError: MeshError | undefined
  #closed: Promise<void> | undefined
  #resolveEnded!: (problem: MeshProblem | undefined) => void

  constructor({ app, access, environment, tasks }: RunningMeshOptions) {
    this.app = app
    this.peer = access.peer
    this.environment = environment
    this.#host = { access, tasks }
    this.#presence = new PresenceView({ local: access.peer, peers: [], connections: [] })
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve
    })
    this.#streams = new StreamTable({
      port: access.streams,
      commands: this,
      problem: (error) => this.#problems.add(problemOf(error)),
    })
    this.#invitations = new InvitationTable({
      peer: access.peer,
      meetings: access.meetings,
      commands: this,
    })
    access.reports.receive((reports) => {
      for (const report of reports) this.#report(report)
    })
    void this.#fetchPresence()
  }

  get presence(): Presence {
    return this.#presence
  }

  get lifecycle(): Lifecycle {
    return this.#lifecycle
  }

  collection<R extends CollectionRow>(name: string): Collection<R> {
    return new EngineCollection<R>(this, name)
  }

  async document(
    name: string,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<SharedDocument> {
    signal?.throwIfAborted()
    const opening = this.#openDocument(name)
    try {
      return await abortable(opening, signal)
    } catch (error) {
      // Given up: what is still being opened is closed as soon as it is open.
      if (signal?.aborted) opening.then((document) => document.close()).catch(() => {})
      throw error
    }
  }

  subscribe(): Observation {
    return { stop: () => {} }
  }

  async openStream(peer: string, options: OpenStreamOptions): Promise<MeshStream> {
    return this.#streams.open(peer, options)
  }

  acceptStreams(protocol: string, acceptor: (stream: MeshStream) => void): Observation {
    return this.#streams.accept(protocol, acceptor)
  }

  async invite(options: InviteOptions = {}): Promise<Invitation> {
    this.#throwIfEnded()
    return this.#invitations.invite(options)
  }

  async join(invitation: string, options: JoinOptions = {}): Promise<Joining> {
    this.#throwIfEnded()
    return this.#invitations.join(invitation, options)
  }

  async links(): Promise<readonly LinkAccount[]> {
    return this.call({ type: 'links' })
  }

  async syncStatus(write: WriteId): Promise<SyncStatus> {
    return this.call({ type: 'sync-status', write })
  }

  async diagnose(): Promise<Diagnosis> {
    this.#throwIfEnded()
    // Node's navigator does not know.
    const { onLine = true } = navigator as { readonly onLine?: boolean }
    const localNetwork = await localNetworkObstacle()
    this.#throwIfEnded()
    return diagnose({
      environment: this.environment,
      graph: this.#presence.graph(),
      failedDials: this.#host?.access.failedDials ?? [],
      problems: this.#problems.problems,
      localNetwork,
      isOnline: onLine,
      wallMs: Date.now(),
    })
  }

  onProblem(observer: (problem: MeshProblem) => void): Observation {
    return this.#problems.observe(observer)
  }

  observe(
    query: Query,
    observer: (result: LiveResult<Row>) => void,
    { failed }: ObserveOptions,
  ): LiveQuery<Row> {
    const subscriber = this.#nextSubscriber()
    const live: LiveRows = new LiveRows({
      subscriber,
      query,
      commands: this,
      observer,
      failed: failed ?? ((error) => this.#problems.add(problemOf(error))),
      closed: () => this.#subscribers.delete(live.subscriber),
    })
    this.#subscribers.set(subscriber, live)
    return live
  }

  async call<C extends Command>(command: C): Promise<CommandResults[C['type']]> {
    const access = this.#host?.access
    if (this.#endError || !access) throw this.#endError ?? closedError()
    const answer = await new Promise<CommandAnswer>((resolve, reject) => {
      const settle = () => this.#calls.delete(reject)
      this.#calls.add(reject)
      access.execute(command).then(resolve, reject).finally(settle)
    })
    if (!answer.ok) throw meshErrorOf(answer.problem)
    // The engine answers each command with the result of its type.
    return answer.value as CommandResults[C['type']]
  }

  async close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  /** The page goes away: what can be done at once is done. */
  abandon(): void {
    this.#end(closedError())
    this.#host?.access.abandon()
  }

  /** Something happened to the page or the network. An engine that is gone need not know. */
  tellLifecycle(transition: Exclude<LifecycleTransition, 'woke'>, reason: LifecycleReason): void {
    this.#host?.access.execute({ type: 'tell-lifecycle', transition, reason }).catch(() => {})
  }

  /** The engine is lost: nothing more comes from where it was. */
  fail(problem: Problem): void {
    this.#report({ type: 'ended', problem })
  }

  async #close(): Promise<void> {
    if (!this.#host) return
    const { access, tasks } = this.#host
    if (!this.#endError) {
      await this.#saveDocuments()
      // Stop first, so that the engine knows of everything that was called before.
      const stopped = access.stop()
      this.#end(closedError())
      await stopped.catch(() => {})
    }
    await access.release()
    this.#host = undefined
    this.#presence.clear()
    this.#lifecycle.clear()
    this.#problems.clear()
    tasks.close()
    this.#resolveEnded(undefined)
  }

  async #saveDocuments(): Promise<void> {
    const saving = Promise.allSettled([...this.#documents].map((document) => document.close()))
    await within(saving, savingMsMax, () => [])
  }

  #report(report: EngineReport): void {
    switch (report.type) {
      case 'rows-changed':
      case 'document-updated':
      case 'awareness-changed':
        this.#subscribers.get(report.subscriber)?.event(report)
        return
      case 'rows-stale':
        this.#restart(report.subscriber)
        return
      case 'presence-changed':
        this.#presence.set(report.graph)
        return
      case 'lifecycle-changed':
        this.#lifecycle.changed(report.change)
        return
      case 'problem': {
        const { problem, peer } = report
        this.#problems.add(peer === undefined ? problem : { ...problem, peer })
        return
      }
      case 'meeting-ended':
        this.#invitations.ended(report.meeting, report.outcome)
        return
      case 'ended':
        this.#engineEnded(report.problem)
        return
      default:
        unreachable(report)
    }
  }

  #restart(stale: SubscriberId): void {
    const live = this.#subscribers.get(stale)
    if (!live?.restart) return
    const subscriber = this.#nextSubscriber()
    this.#subscribers.delete(stale)
    this.#subscribers.set(subscriber, live)
    live.restart(subscriber)
  }

  #engineEnded(problem: Problem | undefined): void {
    if (this.#endError || this.#closed) return
    const error = problem ? meshErrorOf(problem) : closedError()
    this.#end(error)
    if (problem) this.#problems.add(problem)
    this.#resolveEnded(problem)
    void this.close()
  }

  #throwIfEnded(): void {
    if (this.#endError || !this.#host) throw this.#endError ?? closedError()
  }

  /** Every call and every subscriber hears of the end. */
  #end(error: MeshError): void {
    if (this.#endError) return
    this.#endError = error
    for (const reject of this.#calls) reject(error)
    this.#calls.clear()
    for (const subscriber of this.#subscribers.values()) subscriber.abandon(error)
    this.#subscribers.clear()
    this.#streams.end(error)
    this.#invitations.end(error)
  }

  async #openDocument(name: string): Promise<SharedDocument> {
    const subscriber = this.#nextSubscriber()
    const early: MeshEvent[] = []
    // Content may come before the answer: they take different ways.
    this.#subscribers.set(subscriber, {
      event: (event) => early.push(event),
      abandon: () => {},
    })
    try {
      const { clientId } = await this.call({
        type: 'open-document',
        subscriber,
        document: { collection: '', id: name },
      })
      // Answered, and closed before anybody looked at the answer.
      if (this.#endError || !this.#host) throw this.#endError ?? closedError()
      const { tasks } = this.#host
      const document: LiveDocument = new LiveDocument({
        name,
        subscriber,
        clientId,
        commands: this,
        tasks,
        nowMs: () => performance.now(),
        problem: (error) => this.#problems.add(problemOf(error)),
        closed: () => {
          this.#subscribers.delete(subscriber)
          this.#documents.delete(document)
        },
      })
      this.#subscribers.set(subscriber, document)
      this.#documents.add(document)
      for (const event of early) document.event(event)
      return document
    } catch (error) {
      this.#subscribers.delete(subscriber)
      throw error
    }
  }

  async #fetchPresence(): Promise<void> {
    const first = this.#presence.graph()
    try {
      const graph = await this.call({ type: 'presence' })
      // An event may have overtaken the answer on its own way, and is newer.
      if (this.#presence.graph() === first) this.#presence.set(graph)
    } catch {
      // The mesh ended before it could say; that is told elsewhere.
    }
  }

  #nextSubscriber(): SubscriberId {
    this.#subscriberCount += 1
    return this.#subscriberCount
  }
}

function closedError(): MeshError {
  return new MeshError('mesh-closed', 'the mesh is closed')
}

function problemOf({ code, message }: MeshError): Problem {
  return { code, message }
}
