/**
 * What a layer reports goes to the next one up, or leaves the engine. Events are handed on one at a time,
 * those of the lowest layer first.
 */

import type { ReplicaOutput } from '../documents/replica.ts'
import { unreachable } from './assert.ts'
import type { CommandAnswer } from './command.ts'
import type { ConnectionOutput } from './connection/connection-output.ts'
import type { Fifo } from './fifo.ts'
import type { CommandId } from './input.ts'
import type { LayerStack } from './layer-stack.ts'
import type { NeighbourhoodOutput } from './link/neighbourhood-output.ts'
import type { MeshOutput } from './mesh/mesh.ts'
import type { Output } from './output.ts'

/** See the file header. What leaves the engine goes to `outputs`. */
export class EventPassing {
  readonly #stack: LayerStack
  readonly #outputs: Fifo<Output>

  constructor(stack: LayerStack, outputs: Fifo<Output>) {
    this.#stack = stack
    this.#outputs = outputs
  }

  /**
   * Hands on one event of the lowest layer that has any, or, when none has, makes a message of what
   * they want sent; false when there is nothing of either.
   */
  passOne(nowMs: number): boolean {
    const fromNeighbourhood = this.#stack.neighbourhood.pollEvent()
    if (fromNeighbourhood !== undefined) {
      this.#fromNeighbourhood(fromNeighbourhood, nowMs)
      return true
    }
    const fromMesh = this.#stack.mesh.poll()
    if (fromMesh !== undefined) {
      this.#fromMesh(fromMesh, nowMs)
      return true
    }
    const fromConnections = this.#stack.connections.poll()
    if (fromConnections !== undefined) {
      this.#fromConnections(fromConnections, nowMs)
      return true
    }
    const signal = this.#stack.signalling.poll()
    if (signal !== undefined) {
      this.#outputs.push(signal)
      return true
    }
    const fromReplica = this.#stack.replica.poll()
    if (fromReplica !== undefined) {
      this.#fromReplica(fromReplica, nowMs)
      return true
    }
    const fromSync = this.#stack.sync.poll()
    if (fromSync !== undefined) {
      this.#outputs.push(fromSync)
      return true
    }
    const message = this.#stack.neighbourhood.poll()
    if (message === undefined) return false
    this.#fromNeighbourhood(message, nowMs)
    return true
  }

  /** Tells of presence when that is due: once all events have been handed on. */
  settled(nowMs: number): void {
    if (!this.#stack.presence.isDue(nowMs)) return
    const graph = this.#stack.mesh.graph()
    this.#stack.presence.told(graph.peers.length, nowMs)
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
        this.#stack.mesh.linkUp(event.link, nowMs)
        this.#stack.connections.open(event.link.peer, nowMs)
        if (this.#stack.partners.linkUp(event.link.peer))
          this.#stack.sync.neighbourUp(event.link.peer, nowMs)
        return
      case 'link-changed':
        this.#stack.mesh.linkChanged(event.link, event.arePacketsGivenUp, nowMs)
        return
      case 'link-down':
        this.#stack.partners.linkDown(event.peer, nowMs)
        this.#stack.mesh.linkDown(event.peer, nowMs, event.reason)
        return
      case 'frame':
        this.#stack.mesh.frameReceived(event.peer, event.kind, event.payload, nowMs)
        return
      case 'link-writable':
        this.#stack.mesh.linkWritable(event.peer, nowMs)
        return
      case 'target-changed':
        this.#stack.mesh.dialTargetChanged(event.target, nowMs)
        return
      case 'target-gone':
        this.#stack.mesh.dialTargetGone(event.target, nowMs)
        return
      case 'dial-given-up':
        this.#stack.mesh.dialGivenUp(event.peer, event.transport, event.reason, nowMs)
        return
      case 'woke':
        this.#stack.lifecycle.woke(event.sleptMs, event.reason)
        return
      case 'problem':
      case 'meeting-ended':
        this.#outputs.push({ type: 'event', event })
        return
      default:
        unreachable(event)
    }
  }

  #fromMesh(event: MeshOutput, nowMs: number): void {
    switch (event.type) {
      case 'packet':
        this.#stack.connections.packetReceived(event.from, event.payload, event, nowMs)
        return
      case 'peer-reachable':
        this.#stack.connections.peerReachable(event.peer, nowMs)
        return
      case 'path-changed':
        this.#stack.connections.pathChanged(event.peer, event.isFormerGone, nowMs)
        return
      case 'peer-unreachable':
        this.#stack.connections.peerUnreachable(event.peer, nowMs)
        this.#stack.sync.peerUnreachable(event.peer, nowMs)
        return
      case 'packets-writable':
        this.#stack.connections.packetsWritable(nowMs)
        return
      case 'presence-changed':
        this.#stack.presence.changed()
        return
      case 'want-link':
        this.#stack.neighbourhood.want(event.peer, event.transport, nowMs)
        return
      case 'unwant-link':
        this.#stack.neighbourhood.unwant(event.peer, event.transport, nowMs)
        return
      case 'hold-address':
        this.#stack.neighbourhood.holdAddress(event.transport, event.address, event.isHeld, nowMs)
        return
      case 'drop-link':
        this.#stack.neighbourhood.dropLink(event.peer, nowMs)
        return
      default:
        unreachable(event)
    }
  }

  #fromConnections(event: ConnectionOutput, nowMs: number): void {
    switch (event.type) {
      case 'connected':
        this.#stack.signalling.writable(event.peer, nowMs)
        this.#stack.streams.connected(event.peer, nowMs)
        if (this.#stack.partners.connected(event.peer))
          this.#stack.sync.neighbourUp(event.peer, nowMs)
        return
      case 'disconnected':
        if (this.#stack.partners.disconnected(event.peer))
          this.#stack.sync.neighbourDown(event.peer, nowMs)
        // A neighbour whose connection ended while its link stands is connected to anew.
        if (this.#stack.partners.isLinked(event.peer))
          this.#stack.connections.open(event.peer, nowMs)
        this.#stack.streams.disconnected(event.peer, nowMs)
        return
      case 'resumed':
        // Streams go on by themselves, and whoever waits on one of them is told by it.
        return
      case 'message':
        if (event.stream === 'control')
          this.#stack.signalling.messageReceived(event.peer, event.message)
        else if (event.stream === 'sync') {
          this.#stack.sync.messageReceived(event.peer, event.message, nowMs)
        }
        return
      case 'datagram':
        this.#stack.sync.datagramReceived(event.peer, event.payload, nowMs)
        return
      case 'stream-writable':
        if (event.stream === 'control') this.#stack.signalling.writable(event.peer, nowMs)
        else if (event.stream === 'sync') this.#stack.sync.streamWritable(event.peer, nowMs)
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
        this.#stack.streams.streamEvent(event, nowMs)
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
        this.#stack.sync.replicaNotice(event.notice, nowMs)
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
    const opened = this.#stack.openings.answered(command, answer)
    if (opened === undefined) return
    const { subscriber, document, clientId } = opened
    this.#stack.sync.documentOpened(subscriber, document, clientId)
  }
}
