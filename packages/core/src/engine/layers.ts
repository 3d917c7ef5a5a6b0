/**
 * The layers of one engine, joined: inputs go to the layer they concern, what a layer reports goes to
 * the next one up. Calls go down, events come up. No layer knows the one above.
 */

import { unreachable } from './assert.ts'
import type { Command, CommandAnswer } from './command.ts'
import type { ConnectionMeasure } from './connection/connection.ts'
import type { EngineContext } from './context.ts'
import type { EngineOptions } from './engine-options.ts'
import { EventPassing } from './event-passing.ts'
import type { Fifo } from './fifo.ts'
import type { Identity } from './identity/identity.ts'
import type { CommandId, Input } from './input.ts'
import { stackLayers, type LayerStack } from './layer-stack.ts'
import type { Output } from './output.ts'

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
  readonly #stack: LayerStack
  readonly #events: EventPassing
  readonly #outputs: Fifo<Output>

  constructor(
    context: EngineContext,
    identity: Identity,
    options: EngineOptions,
    outputs: Fifo<Output>,
  ) {
    this.#stack = stackLayers(context, identity, options, outputs)
    this.#events = new EventPassing(this.#stack, outputs)
    this.#outputs = outputs
  }

  /** Every write is durable, and handed to sync. */
  get isIdle(): boolean {
    return this.#stack.replica.idle()
  }

  /** Equal on two peers that hold the same changes; 16 bytes. */
  rootDigest(): Uint8Array {
    return this.#stack.replica.rootDigest()
  }

  /** Sizes of what is held for links and connections now. */
  measure(): EngineMeasure {
    return {
      heldBytesByLink: this.#stack.neighbourhood.heldBytes(),
      connections: this.#stack.connections.measureAll(),
    }
  }

  start(nowMs: number): void {
    this.#stack.replica.start(nowMs)
  }

  /** Begins to stop: takes no more writes, and ends the application's streams. */
  stop(nowMs: number): void {
    this.#stack.streams.stop(nowMs)
    this.#stack.replica.stop(nowMs)
  }

  /** Says farewell, from the top down: that of each layer travels over those below. */
  finish(nowMs: number): void {
    this.#stack.sync.stop(nowMs)
    this.#stack.connections.closeAll(nowMs)
    this.#stack.mesh.stop(nowMs)
    this.#stack.neighbourhood.stop(nowMs)
  }

  /** When `handleDeadline` has to be called; `Infinity` for never. */
  nextDeadlineMs(): number {
    return Math.min(
      this.#stack.neighbourhood.nextDeadlineMs(),
      this.#stack.mesh.nextDeadlineMs(),
      this.#stack.connections.nextDeadlineMs(),
      this.#stack.streams.nextDeadlineMs(),
      this.#stack.replica.nextDeadlineMs(),
      this.#stack.sync.nextDeadlineMs(),
      this.#stack.partners.nextDeadlineMs(),
      this.#stack.presence.nextDeadlineMs(),
    )
  }

  handleDeadline(nowMs: number): void {
    this.#stack.neighbourhood.handleDeadline(nowMs)
    this.#stack.mesh.handleDeadline(nowMs)
    this.#stack.connections.handleDeadline(nowMs)
    this.#stack.streams.handleDeadline(nowMs)
    this.#stack.replica.handleDeadline(nowMs)
    for (
      let peer = this.#stack.partners.takeGivenUp(nowMs);
      peer !== undefined;
      peer = this.#stack.partners.takeGivenUp(nowMs)
    ) {
      this.#stack.sync.neighbourDown(peer, nowMs)
    }
    this.#stack.sync.handleDeadline(nowMs)
  }

  take(input: LayerInput, nowMs: number): void {
    switch (input.type) {
      case 'transport-started':
        this.#stack.neighbourhood.transportStarted(input.transport, input.capabilities, nowMs)
        this.#stack.mesh.transportStarted(input.transport, input.capabilities, nowMs)
        return
      case 'transport-stopped':
        this.#stack.neighbourhood.transportStopped(input.transport, nowMs)
        this.#stack.mesh.transportStopped(input.transport, nowMs)
        return
      case 'address-found':
        this.#stack.neighbourhood.addressFound(
          input.transport,
          input.address,
          nowMs,
          input.discovery,
        )
        return
      case 'address-lost':
        this.#stack.neighbourhood.addressLost(input.transport, input.address, nowMs)
        return
      case 'channel-opened':
        this.#stack.neighbourhood.channelOpened(input, nowMs)
        return
      case 'channel-received':
        this.#stack.neighbourhood.channelReceived(input.channel, input.bytes, nowMs)
        return
      case 'channel-drained':
        this.#stack.neighbourhood.channelDrained(input.channel, input.drainedBytes, nowMs)
        return
      case 'channel-closed':
        this.#stack.neighbourhood.channelClosed(input.channel, input.reason, nowMs)
        return
      case 'dial-failed':
        this.#stack.neighbourhood.dialFailed(input.dial, input.reason, input.message, nowMs)
        return
      case 'woke':
        this.#stack.neighbourhood.woke(input.sleptMs, 'clock-leap', nowMs)
        return
      case 'network-changed':
        this.#stack.lifecycle.told('network-changed', 'interface-change', nowMs)
        return
      case 'signal-sent':
        this.#stack.connections.open(input.peer, nowMs)
        this.#stack.signalling.send(input.peer, input.transport, input.signal, nowMs)
        return
      case 'storage-answered':
        this.#stack.replica.storageAnswered(input.request, input.answer, nowMs)
        return
      case 'stream-written':
      case 'stream-consumed':
      case 'stream-reset':
      case 'stream-stopped':
        this.#stack.streams.handleInput(input, nowMs)
        return
      default:
        unreachable(input)
    }
  }

  handleCommand(command: CommandId, body: Command, nowMs: number): void {
    switch (body.type) {
      case 'sync-status':
      case 'set-awareness':
        this.#stack.sync.handleCommand(command, body, nowMs)
        return
      case 'presence':
        this.#answer(command, { ok: true, value: this.#stack.mesh.graph() })
        return
      case 'links':
        this.#answer(command, { ok: true, value: this.#stack.mesh.linkAccounts(nowMs) })
        return
      case 'app-tag':
        this.#answer(command, {
          ok: true,
          value: this.#stack.neighbourhood.appTag(body.salt),
        })
        return
      case 'tell-lifecycle':
        this.#stack.lifecycle.told(body.transition, body.reason, nowMs)
        this.#answer(command, { ok: true, value: undefined })
        return
      case 'open-document':
        this.#stack.openings.add(command, body)
        this.#stack.replica.handleCommand(command, body, nowMs)
        return
      case 'close-document':
        this.#stack.sync.documentClosed(body.subscriber, nowMs)
        this.#stack.replica.handleCommand(command, body, nowMs)
        return
      case 'open-stream':
      case 'accept-streams':
      case 'refuse-streams':
        this.#stack.streams.handleCommand(command, body, nowMs)
        return
      case 'write':
      case 'get':
      case 'find':
      case 'observe':
      case 'unobserve':
      case 'update-document':
      case 'acknowledge-document':
        this.#stack.replica.handleCommand(command, body, nowMs)
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
    return this.#events.passOne(nowMs)
  }

  /** Tells of presence when that is due: once all events have been handed on. */
  settled(nowMs: number): void {
    this.#events.settled(nowMs)
  }

  #answer(command: CommandId, answer: CommandAnswer): void {
    this.#outputs.push({ type: 'command-answered', command, answer })
  }
}
