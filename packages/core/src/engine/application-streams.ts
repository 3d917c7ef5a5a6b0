/**
 * The application's streams: openings that wait for a connection or for allowance, and which
 * protocols are accepted (rules ST24 to ST28 of docs/specs/connection.md).
 *
 * Invariant: the application hears of a stream from its opening on, and of no other; whatever else a
 * peer opens is refused before anything of it waits for anybody.
 */

import { assert, unreachable } from './assert.ts'
import type { Command, CommandAnswer } from './command.ts'
import type { Connections } from './connection/connections.ts'
import { isStreamProtocol } from './connection/stream-header.ts'
import {
  streamProtocolBytesMax,
  streamRefusedCode,
  streamStoppingCode,
  type StreamHandle,
  type StreamOutput,
} from './connection/stream-port.ts'
import type { EngineContext } from './context.ts'
import type { Fifo } from './fifo.ts'
import type { PeerId } from './identity/peer-id.ts'
import type { CommandId, Input } from './input.ts'
import type { ApplicationStreamEvent, Output } from './output.ts'
import type { ProblemCode } from './problem.ts'
import { StreamOpenings, waitingOpeningsMax, type StreamOpening } from './stream-openings.ts'

/** Protocols accepted at once; a further one fails with `limit-reached`. */
export const acceptedProtocolsMax = 256

type StreamCommand = Command & {
  readonly type: 'open-stream' | 'accept-streams' | 'refuse-streams'
}

export type StreamInput = Extract<
  Input,
  { readonly type: 'stream-written' | 'stream-consumed' | 'stream-reset' | 'stream-stopped' }
>

/** What of a stream the application has not heard, or caused, the end of. */
interface OpenDirections {
  reading: boolean
  writing: boolean
}

/** See the file header. Answers and events go to the engine's outputs. */
export class ApplicationStreams {
  readonly #context: EngineContext
  readonly #localPeer: PeerId
  readonly #connections: Connections
  readonly #outputs: Fifo<Output>
  readonly #accepted = new Set<string>()
  readonly #openings = new StreamOpenings()
  readonly #open = new Map<StreamHandle, OpenDirections>()

  constructor(
    context: EngineContext,
    localPeer: PeerId,
    connections: Connections,
    outputs: Fifo<Output>,
  ) {
    this.#context = context
    this.#localPeer = localPeer
    this.#connections = connections
    this.#outputs = outputs
  }

  handleCommand(command: CommandId, body: StreamCommand, nowMs: number): void {
    const { type, protocol } = body
    if (!isStreamProtocol(protocol)) {
      const message = `the protocol of a stream has 1 to ${streamProtocolBytesMax} bytes of UTF-8`
      this.#refuse(command, 'value-invalid', message)
    } else if (type === 'open-stream') {
      this.#openStream({ command, body, deadlineMs: nowMs + body.patienceMs }, nowMs)
    } else if (type === 'refuse-streams') {
      this.#accepted.delete(protocol)
      this.#answer(command, { ok: true, value: undefined })
    } else if (this.#accepted.size < acceptedProtocolsMax || this.#accepted.has(protocol)) {
      this.#accepted.add(protocol)
      this.#answer(command, { ok: true, value: undefined })
    } else {
      const message = `streams of ${acceptedProtocolsMax} protocols are accepted already`
      this.#refuse(command, 'limit-reached', message)
    }
  }

  /** Takes what the application does with a stream; with one that is over, nothing. */
  handleInput(input: StreamInput, nowMs: number): void {
    const { streams } = this.#connections
    const { stream } = input
    switch (input.type) {
      case 'stream-written':
        if (input.bytes.length > 0) {
          const result = streams.writeStream(stream, input.bytes, nowMs)
          assert(result !== 'full', 'a writer of a stream keeps within its credit')
        }
        if (input.finish) streams.finishStream(stream, nowMs)
        return
      case 'stream-consumed':
        streams.consumedStream(stream, input.bytes, nowMs)
        return
      case 'stream-reset':
        streams.resetStream(stream, input.code, nowMs)
        this.#over(stream, 'writing')
        return
      case 'stream-stopped':
        streams.stopStream(stream, input.code, nowMs)
        this.#over(stream, 'reading')
    }
  }

  /** There is a connection to the peer. */
  connected(peer: PeerId, nowMs: number): void {
    this.#openings.serve(peer, (opening) => this.#tryOpen(opening, nowMs) === 'opened')
  }

  /** The connection to the peer has ended. */
  disconnected(peer: PeerId, nowMs: number): void {
    if (this.#openings.has(peer)) this.#connections.open(peer, nowMs)
  }

  /** What connections tell of streams. */
  streamEvent(event: StreamOutput, nowMs: number): void {
    if (event.type === 'streams-available') {
      this.connected(event.peer, nowMs)
      return
    }
    if (event.type === 'stream-opened') {
      if (!this.#accepted.has(event.protocol)) {
        this.#context.recorder.connection.streamsRefused.add()
        this.#giveUp(event.stream, streamRefusedCode, nowMs)
        return
      }
      this.#open.set(event.stream, { reading: true, writing: true })
    }
    // Of a stream that was refused just now, more may be on its way up.
    if (!this.#open.has(event.stream)) return
    this.#outputs.push({ type: 'stream', event })
    this.#follow(event)
  }

  /** When `handleDeadline` has to be called; `Infinity` for never. */
  nextDeadlineMs(): number {
    return this.#openings.deadlineMs
  }

  /** Openings whose patience is over fail. */
  handleDeadline(nowMs: number): void {
    if (nowMs < this.#openings.deadlineMs) return
    for (const opening of this.#openings.takeExpired(nowMs)) {
      const { command, body } = opening
      const result = this.#tryOpen(opening, nowMs)
      const forMs = `for ${body.patienceMs} ms`
      if (result === 'limit') {
        const message = `peer ${body.peer} has not allowed another stream ${forMs}`
        this.#refuse(command, 'limit-reached', message)
      } else if (result === 'no-connection') {
        // So that openings to peers that are not there do not fill the table of connections.
        if (!this.#openings.has(body.peer)) this.#connections.giveUp(body.peer)
        const message = `there has been no connection to peer ${body.peer} ${forMs}`
        this.#refuse(command, 'peer-unreachable', message)
      }
    }
  }

  /** Ends all streams, and says so; from now on all are refused. */
  stop(nowMs: number): void {
    for (const { command } of this.#openings.takeExpired(Number.POSITIVE_INFINITY)) {
      this.#refuse(command, 'mesh-closed', 'the mesh is being closed')
    }
    this.#accepted.clear()
    for (const stream of this.#open.keys()) {
      this.#giveUp(stream, streamStoppingCode, nowMs)
      this.#outputs.push({ type: 'stream', event: { type: 'stream-lost', stream } })
    }
    this.#open.clear()
  }

  #openStream(opening: StreamOpening, nowMs: number): void {
    const { command, body } = opening
    if (body.peer === this.#localPeer) {
      this.#refuse(command, 'peer-unreachable', `peer ${body.peer} is this one`)
      return
    }
    // Whoever waits already goes first.
    if (!this.#openings.has(body.peer) && this.#tryOpen(opening, nowMs) === 'opened') return
    if (this.#openings.isFull) {
      const message = `${waitingOpeningsMax} streams wait for being opened already`
      this.#refuse(command, 'limit-reached', message)
    } else this.#openings.add(opening)
  }

  /** Opens the stream, and answers, if that is possible now; asks for a connection without one. */
  #tryOpen({ command, body }: StreamOpening, nowMs: number): 'opened' | 'no-connection' | 'limit' {
    const { peer, protocol, priority } = body
    const stream = this.#connections.streams.openStream(peer, protocol, priority, nowMs)
    if (stream === 'no-connection') this.#connections.open(peer, nowMs)
    if (typeof stream === 'string') return stream
    this.#open.set(stream, { reading: true, writing: true })
    this.#answer(command, { ok: true, value: { stream } })
    return 'opened'
  }

  #follow(event: ApplicationStreamEvent): void {
    switch (event.type) {
      case 'stream-finished':
      case 'stream-reset':
        this.#over(event.stream, 'reading')
        return
      case 'stream-delivered':
      case 'stream-stopped':
        this.#over(event.stream, 'writing')
        return
      case 'stream-lost':
        this.#open.delete(event.stream)
        return
      case 'stream-opened':
      case 'stream-data':
      case 'stream-drained':
        return
      default:
        unreachable(event)
    }
  }

  #over(stream: StreamHandle, direction: keyof OpenDirections): void {
    const directions = this.#open.get(stream)
    if (directions === undefined) return
    directions[direction] = false
    if (!directions.reading && !directions.writing) this.#open.delete(stream)
  }

  #giveUp(stream: StreamHandle, code: number, nowMs: number): void {
    this.#connections.streams.resetStream(stream, code, nowMs)
    this.#connections.streams.stopStream(stream, code, nowMs)
  }

  #refuse(command: CommandId, code: ProblemCode, message: string): void {
    this.#answer(command, { ok: false, problem: { code, message } })
  }

  #answer(command: CommandId, answer: CommandAnswer): void {
    this.#outputs.push({ type: 'command-answered', command, answer })
  }
}
