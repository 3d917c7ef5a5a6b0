/**
 * The engine: every protocol of a peer as one deterministic state machine.
 *
 * The law: `handle` one input, then `poll` until it gives nothing, then come back at
 * `nextDeadlineMs` at the latest. No call does input or output, reads a clock or draws randomness.
 *
 * This file only joins the layers: inputs go to the layer they concern, what a layer reports goes to
 * the next one up, until all are quiet. Calls go down, events come up.
 */

import { Replica, type ReplicaOutput } from '../documents/replica.ts'
import type { Recorder } from '../recorder/recorder.ts'
import { assert, unreachable } from './assert.ts'
import type { Command, CommandAnswer } from './command.ts'
import type { ConnectionOutput } from './connection/connection-output.ts'
import { Connections } from './connection/connections.ts'
import type { EngineContext } from './context.ts'
import type { EngineOptions } from './engine-options.ts'
import { Fifo } from './fifo.ts'
import { SeededRandom } from './crypto/random.ts'
import { Identity } from './identity/identity.ts'
import type { PeerId } from './identity/peer-id.ts'
import type { CommandId, Input } from './input.ts'
import type { NeighbourhoodOutput } from './link/neighbourhood-output.ts'
import { Neighbourhood } from './link/neighbourhood.ts'
import { Mesh, type MeshOutput } from './mesh/mesh.ts'
import type { Output } from './output.ts'
import { PresenceFeed } from './presence-feed.ts'
import { Signalling } from './signalling/signalling.ts'
import { SyncPartners } from './sync-partners.ts'
import { Sync } from './sync/sync.ts'

/**
 * Rounds of passing events between layers within one input; more means that two chase each other.
 * The most that one input honestly causes is a batch of some 10,000 small writes that became durable,
 * with an answer and a change for each neighbour for each of them.
 */
const settleRoundsMax = 1_000_000

/** A peer without a body. See the file header for the law of its use. */
export class Engine {
  readonly #recorder: Recorder
  readonly #identity: Identity
  readonly #neighbourhood: Neighbourhood
  readonly #mesh: Mesh
  readonly #connections: Connections
  readonly #signalling: Signalling
  readonly #replica: Replica
  readonly #sync: Sync
  readonly #presence = new PresenceFeed()
  readonly #outputs = new Fifo<Output>()
  readonly #partners = new SyncPartners()
  readonly #openings = new Map<CommandId, Command & { readonly type: 'open-document' }>()
  #life: 'new' | 'running' | 'stopping' | 'stopped' = 'new'

  constructor(options: EngineOptions) {
    const { app, secret, epoch, name, metadata, cryptography, documents, recorder } = options
    const context: EngineContext = {
      random: new SeededRandom(options.seed),
      cryptography,
      recorder,
    }
    const identity = new Identity(options.identitySecretKey, cryptography)
    const { peer } = identity
    this.#recorder = recorder
    this.#identity = identity
    this.#neighbourhood = new Neighbourhood(context, { identity, app, secret, epoch })
    this.#mesh = new Mesh(context, { identity, epoch, name, metadata }, this.#neighbourhood)
    this.#connections = new Connections(context, { identity, app, secret, epoch }, this.#mesh)
    this.#signalling = new Signalling(context, this.#connections)
    this.#replica = new Replica(context, { peer, epoch, documents })
    this.#sync = new Sync(context, { peer, epoch }, this.#connections, this.#replica, this.#mesh)
  }

  /** This peer's id. */
  get peer(): PeerId {
    return this.#identity.peer
  }

  /** Equal on two peers that hold the same changes; 16 bytes. */
  rootDigest(): Uint8Array {
    return this.#replica.rootDigest()
  }

  /** Takes in what happened at `nowMs` (monotonic, never decreasing). */
  handle(input: Input, nowMs: number): void {
    if (this.#life === 'stopped') return
    this.#recorder.setTime(nowMs)
    if (this.#life === 'new') {
      this.#life = 'running'
      this.#replica.start(nowMs)
    }
    this.#take(input, nowMs)
    this.#settle(nowMs)
  }

  /** The next thing to carry out, or `undefined` when there is nothing more for now. */
  poll(): Output | undefined {
    return this.#outputs.shift()
  }

  /** When to hand in a `deadline` input, on the clock of `nowMs`; `Infinity` for never. */
  nextDeadlineMs(): number {
    if (this.#life === 'stopped') return Number.POSITIVE_INFINITY
    return Math.min(
      this.#neighbourhood.nextDeadlineMs(),
      this.#mesh.nextDeadlineMs(),
      this.#connections.nextDeadlineMs(),
      this.#replica.nextDeadlineMs(),
      this.#sync.nextDeadlineMs(),
      this.#presence.nextDeadlineMs(),
    )
  }

  #take(input: Input, nowMs: number): void {
    switch (input.type) {
      case 'transport-started':
        this.#neighbourhood.transportStarted(input.transport, input.capabilities, nowMs)
        this.#mesh.transportStarted(input.transport, input.capabilities, nowMs)
        return
      case 'transport-stopped':
        this.#neighbourhood.transportStopped(input.transport, nowMs)
        this.#mesh.transportStopped(input.transport, nowMs)
        return
      case 'address-found':
        this.#neighbourhood.addressFound(input.transport, input.address, nowMs)
        return
      case 'address-lost':
        this.#neighbourhood.addressLost(input.transport, input.address, nowMs)
        return
      case 'channel-opened':
        this.#neighbourhood.channelOpened(input, nowMs)
        return
      case 'channel-received':
        this.#neighbourhood.channelReceived(input.channel, input.bytes, nowMs)
        return
      case 'channel-drained':
        this.#neighbourhood.channelDrained(input.channel, input.drainedBytes, nowMs)
        return
      case 'channel-closed':
        this.#neighbourhood.channelClosed(input.channel, input.reason, nowMs)
        return
      case 'dial-failed':
        this.#neighbourhood.dialFailed(input.dial, input.reason, input.message, nowMs)
        return
      case 'signal-sent':
        this.#connections.open(input.peer, nowMs)
        this.#signalling.send(input.peer, input.transport, input.signal, nowMs)
        return
      case 'storage-answered':
        this.#replica.storageAnswered(input.request, input.answer, nowMs)
        return
      case 'command':
        this.#command(input.command, input.body, nowMs)
        return
      case 'stream-written':
      case 'stream-consumed':
      case 'stream-reset':
      case 'stream-stopped':
        return
      case 'deadline':
        this.#neighbourhood.handleDeadline(nowMs)
        this.#mesh.handleDeadline(nowMs)
        this.#connections.handleDeadline(nowMs)
        this.#replica.handleDeadline(nowMs)
        this.#sync.handleDeadline(nowMs)
        return
      case 'stop':
        this.#stop(nowMs)
        return
      default:
        unreachable(input)
    }
  }

  #command(command: CommandId, body: Command, nowMs: number): void {
    if (this.#life !== 'running') {
      const problem = { code: 'mesh-closed', message: 'the mesh is being closed' } as const
      this.#answer(command, { ok: false, problem })
      return
    }
    switch (body.type) {
      case 'sync-status':
      case 'set-awareness':
        this.#sync.handleCommand(command, body, nowMs)
        return
      case 'presence':
        this.#answer(command, { ok: true, value: this.#mesh.graph() })
        return
      case 'open-document':
        this.#openings.set(command, body)
        this.#replica.handleCommand(command, body, nowMs)
        return
      case 'close-document':
        this.#sync.documentClosed(body.subscriber, nowMs)
        this.#replica.handleCommand(command, body, nowMs)
        return
      case 'open-stream':
      case 'accept-streams':
      case 'refuse-streams':
        return
      case 'write':
      case 'get':
      case 'find':
      case 'observe':
      case 'unobserve':
      case 'update-document':
      case 'acknowledge-document':
        this.#replica.handleCommand(command, body, nowMs)
        return
      default:
        unreachable(body)
    }
  }

  #stop(nowMs: number): void {
    if (this.#life !== 'running') return
    this.#life = 'stopping'
    this.#replica.stop(nowMs)
  }

  /** Passes events up until every layer is quiet. */
  #settle(nowMs: number): void {
    let rounds = 0
    while (this.#passOne(nowMs)) {
      rounds += 1
      assert(rounds < settleRoundsMax, 'the layers of the engine settle')
    }
    if (this.#presence.take(nowMs)) {
      const graph = this.#mesh.graph()
      this.#outputs.push({ type: 'event', event: { type: 'presence-changed', graph } })
    }
    if (this.#life === 'stopping' && this.#replica.idle()) this.#finish(nowMs)
  }

  /** The last writes are durable and handed to sync: farewell. */
  #finish(nowMs: number): void {
    this.#sync.stop(nowMs)
    // From the top down: each layer's farewell travels over those below.
    this.#connections.closeAll(nowMs)
    this.#mesh.stop(nowMs)
    this.#neighbourhood.stop(nowMs)
    while (this.#passOne(nowMs));
    this.#outputs.push({ type: 'stopped' })
    this.#life = 'stopped'
  }

  /** Hands on one event of the lowest layer that has any; false when there is none. */
  #passOne(nowMs: number): boolean {
    const fromNeighbourhood = this.#neighbourhood.poll()
    if (fromNeighbourhood !== undefined) {
      this.#fromNeighbourhood(fromNeighbourhood, nowMs)
      return true
    }
    const fromMesh = this.#mesh.poll()
    if (fromMesh !== undefined) {
      this.#fromMesh(fromMesh, nowMs)
      return true
    }
    const fromConnections = this.#connections.poll()
    if (fromConnections !== undefined) {
      this.#fromConnections(fromConnections, nowMs)
      return true
    }
    const signal = this.#signalling.poll()
    if (signal !== undefined) {
      this.#outputs.push(signal)
      return true
    }
    const fromReplica = this.#replica.poll()
    if (fromReplica !== undefined) {
      this.#fromReplica(fromReplica, nowMs)
      return true
    }
    const fromSync = this.#sync.poll()
    if (fromSync !== undefined) {
      this.#outputs.push(fromSync)
      return true
    }
    return false
  }

  #fromNeighbourhood(event: NeighbourhoodOutput, nowMs: number): void {
    switch (event.type) {
      case 'dial':
      case 'cancel-dial':
      case 'channel-send':
      case 'close-channel':
        this.#outputs.push(event)
        return
      case 'link-up':
        this.#mesh.linkUp(event.link, nowMs)
        this.#connections.open(event.link.peer, nowMs)
        if (this.#partners.linkUp(event.link.peer)) this.#sync.neighbourUp(event.link.peer, nowMs)
        return
      case 'link-changed':
        this.#mesh.linkChanged(event.link, nowMs)
        return
      case 'link-down':
        if (this.#partners.linkDown(event.peer)) this.#sync.neighbourDown(event.peer, nowMs)
        this.#mesh.linkDown(event.peer, nowMs)
        return
      case 'frame':
        this.#mesh.frameReceived(event.peer, event.kind, event.payload, nowMs)
        return
      case 'link-writable':
        this.#mesh.linkWritable(event.peer, nowMs)
        return
      case 'dial-given-up':
        return
      case 'problem':
        this.#outputs.push({ type: 'event', event })
        return
      default:
        unreachable(event)
    }
  }

  #fromMesh(event: MeshOutput, nowMs: number): void {
    switch (event.type) {
      case 'packet':
        this.#connections.packetReceived(event.from, event.payload, nowMs)
        return
      case 'peer-reachable':
        this.#connections.peerReachable(event.peer, nowMs)
        return
      case 'path-changed':
        this.#connections.pathChanged(event.peer, nowMs)
        return
      case 'peer-unreachable':
        this.#connections.peerUnreachable(event.peer, nowMs)
        this.#sync.peerUnreachable(event.peer, nowMs)
        return
      case 'packets-writable':
        this.#connections.packetsWritable(nowMs)
        return
      case 'presence-changed':
        this.#presence.changed()
        return
      case 'introduce':
        this.#neighbourhood.want(event.peer, event.transport, nowMs)
        return
      case 'withdraw':
        this.#neighbourhood.unwant(event.peer, event.transport, nowMs)
        return
      default:
        unreachable(event)
    }
  }

  #fromConnections(event: ConnectionOutput, nowMs: number): void {
    switch (event.type) {
      case 'connected':
        this.#signalling.writable(event.peer, nowMs)
        if (this.#partners.connected(event.peer)) this.#sync.neighbourUp(event.peer, nowMs)
        return
      case 'disconnected':
        if (this.#partners.disconnected(event.peer)) this.#sync.neighbourDown(event.peer, nowMs)
        // A neighbour whose connection ended while its link stands is connected to anew.
        if (this.#partners.isLinked(event.peer)) this.#connections.open(event.peer, nowMs)
        return
      case 'message':
        if (event.stream === 'control') this.#signalling.messageReceived(event.peer, event.message)
        else if (event.stream === 'sync') {
          this.#sync.messageReceived(event.peer, event.message, nowMs)
        }
        return
      case 'datagram':
        this.#sync.datagramReceived(event.peer, event.payload, nowMs)
        return
      case 'stream-writable':
        if (event.stream === 'control') this.#signalling.writable(event.peer, nowMs)
        else if (event.stream === 'sync') this.#sync.streamWritable(event.peer, nowMs)
        return
      case 'problem':
        this.#outputs.push({ type: 'event', event })
        return
      default:
        unreachable(event)
    }
  }

  #fromReplica(event: ReplicaOutput, nowMs: number): void {
    switch (event.type) {
      case 'storage-read':
      case 'storage-write':
        this.#outputs.push(event)
        return
      case 'command-answered':
        this.#documentOpened(event.command, event.answer)
        this.#outputs.push(event)
        return
      case 'event':
        this.#outputs.push(event)
        return
      case 'notice':
        this.#sync.replicaNotice(event.notice, nowMs)
        return
      case 'problem':
        this.#outputs.push({ type: 'event', event })
        return
      default:
        unreachable(event)
    }
  }

  /** A document that the replica has opened is one whose awareness sync follows. */
  #documentOpened(command: CommandId, answer: CommandAnswer): void {
    const opening = this.#openings.get(command)
    if (opening === undefined) return
    this.#openings.delete(command)
    if (!answer.ok) return
    const { clientId } = answer.value as { readonly clientId: number }
    this.#sync.documentOpened(opening.subscriber, opening.document, clientId)
  }

  #answer(command: CommandId, answer: CommandAnswer): void {
    this.#outputs.push({ type: 'command-answered', command, answer })
  }
}
