/**
 * The layers of one engine, joined: inputs go to the layer they concern, what a layer reports goes to
 * the next one up. Calls go down, events come up. No layer knows the one above.
 */

import { Replica, type ReplicaOutput } from '../documents/replica.ts'
import { ApplicationStreams } from './application-streams.ts'
import { unreachable } from './assert.ts'
import type { Command, CommandAnswer } from './command.ts'
import type { ConnectionOutput } from './connection/connection-output.ts'
import type { ConnectionMeasure } from './connection/connection.ts'
import { Connections } from './connection/connections.ts'
import type { EngineContext } from './context.ts'
import { DocumentOpenings } from './document-openings.ts'
import type { EngineOptions } from './engine-options.ts'
import type { Fifo } from './fifo.ts'
import type { Identity } from './identity/identity.ts'
import type { CommandId, Input } from './input.ts'
import type { NeighbourhoodOutput } from './link/neighbourhood-output.ts'
import { Neighbourhood } from './link/neighbourhood.ts'
import { Mesh, type MeshOutput } from './mesh/mesh.ts'
import type { Output } from './output.ts'
import { PresenceFeed } from './presence-feed.ts'
import { Signalling } from './signalling/signalling.ts'
import { SyncPartners } from './sync-partners.ts'
import { Sync } from './sync/sync.ts'

/** Inputs that concern a layer; starting and stopping is the engine's. */
export type LayerInput = Exclude<Input, { readonly type: 'command' | 'deadline' | 'stop' }>

/** What an engine holds, for tests of bounds. */
export interface EngineMeasure {
  /** Bytes of frames that wait for each neighbour, or that it has not acknowledged. */
  readonly heldBytesByLink: readonly number[]
  readonly connections: readonly ConnectionMeasure[]
}

/** See the file header. What leaves the engine goes to `outputs`. */
export class Layers {
  readonly #neighbourhood: Neighbourhood
  readonly #mesh: Mesh
  readonly #connections: Connections
  readonly #signalling: Signalling
  readonly #streams: ApplicationStreams
  readonly #replica: Replica
  readonly #sync: Sync
  readonly #presence = new PresenceFeed()
  readonly #partners = new SyncPartners()
  readonly #openings = new DocumentOpenings()
  readonly #outputs: Fifo<Output>

  constructor(
    context: EngineContext,
    identity: Identity,
    options: EngineOptions,
    outputs: Fifo<Output>,
  ) {
    const { app, secret, epoch, name, metadata, documents } = options
    const { linkKeyLifetime: keyLifetime, connectionKeyLimits: keyLimits } = options
    const party = { identity, app, secret, epoch }
    const linkOptions = { ...party, ...(keyLifetime && { keyLifetime }) }
    const connectionOptions = { ...party, ...(keyLimits && { keyLimits }) }
    const { peer } = identity
    this.#outputs = outputs
    this.#neighbourhood = new Neighbourhood(context, linkOptions)
    this.#mesh = new Mesh(context, { identity, epoch, name, metadata }, this.#neighbourhood)
    this.#connections = new Connections(context, connectionOptions, this.#mesh)
    this.#signalling = new Signalling(context, this.#connections)
    this.#streams = new ApplicationStreams(context, peer, this.#connections, outputs)
    this.#replica = new Replica(context, { peer, epoch, documents })
    this.#sync = new Sync(context, { peer, epoch }, this.#connections, this.#replica, this.#mesh)
  }

  /** Every write is durable, and handed to sync. */
  get isIdle(): boolean {
    return this.#replica.idle()
  }

  /** Equal on two peers that hold the same changes; 16 bytes. */
  rootDigest(): Uint8Array {
    return this.#replica.rootDigest()
  }

  /** Sizes of what is held for links and connections now. */
  measure(): EngineMeasure {
    return {
      heldBytesByLink: this.#neighbourhood.heldBytes(),
      connections: this.#connections.measureAll(),
    }
  }

  start(nowMs: number): void {
    this.#replica.start(nowMs)
  }

  /** Begins to stop: takes no more writes, and ends the application's streams. */
  stop(nowMs: number): void {
    this.#streams.stop(nowMs)
    this.#replica.stop(nowMs)
  }

  /** Says farewell, from the top down: that of each layer travels over those below. */
  finish(nowMs: number): void {
    this.#sync.stop(nowMs)
    this.#connections.closeAll(nowMs)
    this.#mesh.stop(nowMs)
    this.#neighbourhood.stop(nowMs)
  }

  /** When `handleDeadline` has to be called; `Infinity` for never. */
  nextDeadlineMs(): number {
    return Math.min(
      this.#neighbourhood.nextDeadlineMs(),
      this.#mesh.nextDeadlineMs(),
      this.#connections.nextDeadlineMs(),
      this.#streams.nextDeadlineMs(),
      this.#replica.nextDeadlineMs(),
      this.#sync.nextDeadlineMs(),
      this.#partners.nextDeadlineMs(),
      this.#presence.nextDeadlineMs(),
    )
  }

  handleDeadline(nowMs: number): void {
    this.#neighbourhood.handleDeadline(nowMs)
    this.#mesh.handleDeadline(nowMs)
    this.#connections.handleDeadline(nowMs)
    this.#streams.handleDeadline(nowMs)
    this.#replica.handleDeadline(nowMs)
    for (
      let peer = this.#partners.takeGivenUp(nowMs);
      peer !== undefined;
      peer = this.#partners.takeGivenUp(nowMs)
    ) {
      this.#sync.neighbourDown(peer, nowMs)
    }
    this.#sync.handleDeadline(nowMs)
  }

  take(input: LayerInput, nowMs: number): void {
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
      case 'stream-written':
      case 'stream-consumed':
      case 'stream-reset':
      case 'stream-stopped':
        this.#streams.handleInput(input, nowMs)
        return
      default:
        unreachable(input)
    }
  }

  handleCommand(command: CommandId, body: Command, nowMs: number): void {
    switch (body.type) {
      case 'sync-status':
      case 'set-awareness':
        this.#sync.handleCommand(command, body, nowMs)
        return
      case 'presence': {
        const answer: CommandAnswer = { ok: true, value: this.#mesh.graph() }
        this.#outputs.push({ type: 'command-answered', command, answer })
        return
      }
      case 'set-hidden': {
        this.#neighbourhood.setHidden(body.isHidden, nowMs)
        const answer: CommandAnswer = { ok: true, value: undefined }
        this.#outputs.push({ type: 'command-answered', command, answer })
        return
      }
      case 'open-document':
        this.#openings.add(command, body)
        this.#replica.handleCommand(command, body, nowMs)
        return
      case 'close-document':
        this.#sync.documentClosed(body.subscriber, nowMs)
        this.#replica.handleCommand(command, body, nowMs)
        return
      case 'open-stream':
      case 'accept-streams':
      case 'refuse-streams':
        this.#streams.handleCommand(command, body, nowMs)
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

  /**
   * Hands on one event of the lowest layer that has any, or, when none has, makes a message of what
   * they want sent; false when there is nothing of either.
   */
  passOne(nowMs: number): boolean {
    const fromNeighbourhood = this.#neighbourhood.pollEvent()
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
    const message = this.#neighbourhood.poll()
    if (message === undefined) return false
    this.#fromNeighbourhood(message, nowMs)
    return true
  }

  /** Tells of presence when that is due: once all events have been handed on. */
  settled(nowMs: number): void {
    if (!this.#presence.isDue(nowMs)) return
    const graph = this.#mesh.graph()
    this.#presence.told(graph.peers.length, nowMs)
    this.#outputs.push({ type: 'event', event: { type: 'presence-changed', graph } })
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
        this.#mesh.linkChanged(event.link, event.arePacketsGivenUp, nowMs)
        return
      case 'link-down':
        this.#partners.linkDown(event.peer, nowMs)
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
        this.#connections.packetReceived(event.from, event.payload, event, nowMs)
        return
      case 'peer-reachable':
        this.#connections.peerReachable(event.peer, nowMs)
        return
      case 'path-changed':
        this.#connections.pathChanged(event.peer, event.isFormerGone, nowMs)
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
        this.#streams.connected(event.peer, nowMs)
        if (this.#partners.connected(event.peer)) this.#sync.neighbourUp(event.peer, nowMs)
        return
      case 'disconnected':
        if (this.#partners.disconnected(event.peer)) this.#sync.neighbourDown(event.peer, nowMs)
        // A neighbour whose connection ended while its link stands is connected to anew.
        if (this.#partners.isLinked(event.peer)) this.#connections.open(event.peer, nowMs)
        this.#streams.disconnected(event.peer, nowMs)
        return
      case 'resumed':
        // Streams go on by themselves, and whoever waits on one of them is told by it.
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
      case 'stream-opened':
      case 'stream-data':
      case 'stream-finished':
      case 'stream-reset':
      case 'stream-stopped':
      case 'stream-drained':
      case 'stream-delivered':
      case 'stream-lost':
      case 'streams-available':
        this.#streams.streamEvent(event, nowMs)
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
        this.#commandAnswered(event.command, event.answer)
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
  #commandAnswered(command: CommandId, answer: CommandAnswer): void {
    const opened = this.#openings.answered(command, answer)
    if (opened === undefined) return
    const { subscriber, document, clientId } = opened
    this.#sync.documentOpened(subscriber, document, clientId)
  }
}
