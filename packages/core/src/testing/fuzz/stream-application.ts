/**
 * An application that accepts streams and uses them at random: it reads late or never, writes, ends
 * and opens some of its own. It keeps to its side of the contract, and holds the engine to the other.
 */

import { streamWriteBytesMax, type StreamHandle } from '../../engine/connection/stream-port.ts'
import type { PeerId } from '../../engine/identity/peer-id.ts'
import type { ApplicationStreamEvent } from '../../engine/output.ts'
import type { FuzzNetwork, FuzzPeer } from './fuzz-network.ts'
import type { HostileBytes } from './hostile-bytes.ts'
import { fuzzedProtocol } from './hostile-streams.ts'

/** Values of docs/limits.md: what a reader holds of one stream, and of all streams of a connection. */
const streamHeldBytesMax = 1024 * 1024
const connectionHeldBytesMax = 2 * 1024 * 1024
const heldChunksMax = 64
/** Streams of both ends of a connection. */
const openStreamsMax = 256

interface OpenStream {
  readonly stream: StreamHandle
  /** Lengths of the chunks that were told of and not taken. */
  readonly held: number[]
  writtenBytes: number
  drainedBytes: number
  isReading: boolean
  isWriting: boolean
}

/** The application of one peer, whose streams are all with one other. */
export class StreamApplication {
  /** Called with what the engine did and never may. */
  violated: (what: string) => void = () => {}
  readonly #network: FuzzNetwork
  readonly #peer: FuzzPeer
  readonly #bytes: HostileBytes
  readonly #streams = new Map<StreamHandle, OpenStream>()

  constructor(network: FuzzNetwork, peer: FuzzPeer, bytes: HostileBytes) {
    this.#network = network
    this.#peer = peer
    this.#bytes = bytes
    peer.onStream = (event) => this.#told(event)
    peer.execute({ type: 'accept-streams', protocol: fuzzedProtocol }, () => {})
  }

  /** Does something with one of the streams, or opens one to that peer. */
  act(to: PeerId): void {
    const dice = this.#bytes
    if (this.#streams.size === 0 || dice.chance(0.05)) {
      this.#openStream(to)
      return
    }
    const state = dice.pick([...this.#streams.values()])
    const { stream } = state
    switch (dice.integer(0, 9)) {
      case 0:
        this.#peer.take({ type: 'stream-reset', stream, code: dice.integer(0, 9) })
        state.isWriting = false
        break
      case 1:
        this.#peer.take({ type: 'stream-stopped', stream, code: dice.integer(0, 9) })
        state.isReading = false
        state.held.length = 0
        break
      case 2:
      case 3:
      case 4:
        this.#write(state)
        break
      default:
        this.#read(state, dice.integer(0, state.held.length))
    }
    this.#forgetIfOver(state)
  }

  #openStream(peer: PeerId): void {
    const protocol = fuzzedProtocol
    const body = { type: 'open-stream', peer, protocol, priority: 'bulk', patienceMs: 100 } as const
    this.#peer.execute(body, (answer) => {
      if (answer.ok) this.#open((answer.value as { readonly stream: StreamHandle }).stream)
    })
  }

  #open(stream: StreamHandle): void {
    if (this.#streams.has(stream)) this.violated(`stream ${stream} opens twice`)
    this.#streams.set(stream, {
      stream,
      held: [],
      writtenBytes: 0,
      drainedBytes: 0,
      isReading: true,
      isWriting: true,
    })
    if (this.#streams.size > openStreamsMax) this.violated(`${this.#streams.size} streams are open`)
  }

  #write(state: OpenStream): void {
    const isWithinCredit = state.writtenBytes - state.drainedBytes < streamWriteBytesMax
    if (!state.isWriting || !isWithinCredit) return
    const bytes = this.#bytes.exactly(this.#bytes.integer(1, 20_000))
    const finish = this.#bytes.chance(0.2)
    state.writtenBytes += bytes.length
    if (finish) state.isWriting = false
    this.#peer.take({ type: 'stream-written', stream: state.stream, bytes, finish })
  }

  #read({ stream, held }: OpenStream, chunks: number): void {
    const bytes = held.splice(0, chunks).reduce((sum, length) => sum + length, 0)
    this.#peer.take({ type: 'stream-consumed', stream, bytes })
  }

  #told(event: ApplicationStreamEvent): void {
    if (event.type === 'stream-opened') {
      this.#open(event.stream)
      return
    }
    const state = this.#streams.get(event.stream)
    if (state === undefined) return
    switch (event.type) {
      case 'stream-data':
        this.#dataTold(state, event.bytes.length)
        return
      case 'stream-drained':
        if (event.drainedBytes > state.writtenBytes) this.violated('more has drained than is there')
        state.drainedBytes = event.drainedBytes
        return
      case 'stream-finished':
      case 'stream-reset':
        if (!state.isReading) this.violated('a stream ends twice')
        state.isReading = false
        break
      case 'stream-stopped':
        this.#network.after(0, () => {
          this.#peer.take({ type: 'stream-reset', stream: event.stream, code: 0 })
        })
        state.isWriting = false
        break
      case 'stream-delivered':
        state.isWriting = false
        break
      default:
        this.#streams.delete(event.stream)
        return
    }
    this.#forgetIfOver(state)
  }

  #dataTold(state: OpenStream, bytes: number): void {
    if (!state.isReading) this.violated('data of a stream that has ended')
    state.held.push(bytes)
    const heldBytes = (held: readonly number[]) => held.reduce((sum, length) => sum + length, 0)
    const streamBytes = heldBytes(state.held)
    const allBytes = heldBytes([...this.#streams.values()].flatMap(({ held }) => held))
    if (state.held.length > heldChunksMax) this.violated(`${state.held.length} chunks are held`)
    if (streamBytes > streamHeldBytesMax) this.violated(`${streamBytes} bytes of a stream are held`)
    if (allBytes > connectionHeldBytesMax) this.violated(`${allBytes} bytes are held`)
  }

  #forgetIfOver(state: OpenStream): void {
    if (state.isReading || state.isWriting || state.held.length > 0) return
    this.#streams.delete(state.stream)
  }
}
