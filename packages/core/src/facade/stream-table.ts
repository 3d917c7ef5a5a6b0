/**
 * The streams of a mesh: those that are being opened, those that are open, and who accepts which
 * protocol.
 *
 * Orders leave in the order of the application's calls. Credit is gathered: it travels with the next
 * order, or when `creditBytesMax` or `creditChunksMax` of it have come together. Less than that the
 * engine need not know: it is a fraction of every window that it keeps.
 */

import { unreachable } from '../engine/assert.ts'
import { streamProtocolBytesMax, type StreamHandle } from '../engine/connection/stream-port.ts'
import { parsePeerId, type PeerId } from '../engine/identity/peer-id.ts'
import type {
  OpeningId,
  StreamInput,
  StreamOrder,
  StreamOrderPort,
  StreamReport,
} from '../driver/stream-orders.ts'
import { abortable } from './abortable.ts'
import { invalid } from './checked-options.ts'
import type { CommandCaller } from './engine-access.ts'
import { EngineStream } from './engine-stream.ts'
import { MeshError, meshErrorOf } from './mesh-error.ts'
import type { MeshStream, OpenStreamOptions, StreamPriority } from './mesh-stream.ts'
import type { Observation } from './observation.ts'
import { callObserver } from './observers.ts'

/** How long an opening waits for a connection to the peer. */
const openPatienceMsMax = 10_000
/** Credit that is told of at once, over all streams: a quarter of a stream's first window. */
const creditBytesMax = 64 * 1024
/** The same in chunks: a quarter of those that a reader may be told of. */
const creditChunksMax = 16

export interface StreamTableOptions {
  readonly port: StreamOrderPort
  readonly commands: CommandCaller
  /** Told when the engine would not accept a protocol. */
  readonly problem: (error: MeshError) => void
}

interface Opening {
  readonly resolve: (stream: MeshStream) => void
  readonly reject: (error: MeshError) => void
  readonly description: Pick<MeshStream, 'peer' | 'protocol' | 'priority'>
}

const priorities: readonly StreamPriority[] = ['interactive', 'sync', 'bulk']

/** See the file header. */
export class StreamTable {
  /** Undefined after the end: a module that was replaced is never collected, nor its mesh. */
  #options: StreamTableOptions | undefined
  readonly #openings = new Map<OpeningId, Opening>()
  #openingCount = 0
  readonly #streams = new Map<StreamHandle, EngineStream>()
  readonly #acceptors = new Map<string, (stream: MeshStream) => void>()
  readonly #credit = new Map<StreamHandle, number>()
  #creditBytes = 0
  #creditChunks = 0
  #endError: MeshError | undefined

  constructor(options: StreamTableOptions) {
    this.#options = options
    options.port.receive((reports) => {
      for (const report of reports) this.#report(report)
    })
  }

  async open(peerText: string, options: OpenStreamOptions): Promise<MeshStream> {
    const { protocol, priority = 'bulk', signal } = options
    const peer = checkPeer(peerText)
    checkProtocol(protocol)
    if (!priorities.includes(priority)) {
      throw invalid(`priority must be one of ${priorities.join(', ')}`)
    }
    signal?.throwIfAborted()
    if (this.#endError) throw this.#endError
    this.#openingCount += 1
    const id = this.#openingCount
    const opened = new Promise<MeshStream>((resolve, reject) => {
      const description = { peer, protocol, priority }
      this.#openings.set(id, { resolve, reject, description })
    })
    const patienceMs = openPatienceMsMax
    this.#post({ type: 'open-stream', opening: id, peer, protocol, priority, patienceMs })
    try {
      return await abortable(opened, signal)
    } catch (error) {
      // Given up: what is still being opened is ended as soon as it is open.
      if (signal?.aborted) opened.then(discard).catch(() => {})
      throw error
    }
  }

  /** Throws `MeshError`: `options-invalid` when the protocol is accepted already. */
  accept(protocol: string, acceptor: (stream: MeshStream) => void): Observation {
    checkProtocol(protocol)
    if (this.#endError) throw this.#endError
    if (this.#acceptors.has(protocol)) {
      throw invalid(`streams of the protocol ${protocol} are accepted already`)
    }
    this.#acceptors.set(protocol, acceptor)
    this.#command({ type: 'accept-streams', protocol })
    return {
      stop: () => {
        if (this.#acceptors.get(protocol) !== acceptor) return
        this.#acceptors.delete(protocol)
        if (!this.#endError) this.#command({ type: 'refuse-streams', protocol })
      },
    }
  }

  /** Nothing is opened, accepted or carried any more. */
  end(error: MeshError): void {
    if (this.#endError) return
    this.#endError = error
    for (const { reject } of this.#openings.values()) reject(error)
    this.#openings.clear()
    for (const stream of this.#streams.values()) stream.fail(error)
    this.#streams.clear()
    this.#acceptors.clear()
    this.#options = undefined
  }

  #report(report: StreamReport): void {
    switch (report.type) {
      case 'open-answered':
        this.#openAnswered(report)
        return
      case 'stream-opened':
        this.#accepted(report)
        return
      case 'stream-data':
      case 'stream-finished':
      case 'stream-reset':
      case 'stream-stopped':
      case 'stream-drained':
      case 'stream-delivered':
      case 'stream-lost':
        this.#streams.get(report.stream)?.event(report)
        return
      default:
        unreachable(report)
    }
  }

  #openAnswered({ opening: id, outcome }: StreamReport & { type: 'open-answered' }): void {
    const opening = this.#openings.get(id)
    if (!opening) return
    this.#openings.delete(id)
    if (!outcome.ok) opening.reject(meshErrorOf(outcome.problem))
    else opening.resolve(this.#add({ stream: outcome.stream, ...opening.description }))
  }

  #accepted(opened: StreamReport & { type: 'stream-opened' }): void {
    const acceptor = this.#acceptors.get(opened.protocol)
    const stream = this.#add(opened)
    if (acceptor) callObserver(acceptor, stream)
    // Refused since: the engine did not know yet.
    else void discard(stream)
  }

  #add(description: Opening['description'] & { readonly stream: StreamHandle }): EngineStream {
    const { stream, peer, protocol, priority } = description
    const added = new EngineStream({
      stream,
      peer,
      protocol,
      priority,
      post: (order) => this.#streamOrder(order),
      gone: () => {
        this.#streams.delete(stream)
        // The engine keeps a stream until all of it has been read.
        this.#postCredit()
      },
    })
    this.#streams.set(stream, added)
    return added
  }

  #streamOrder(order: StreamInput): void {
    if (order.type !== 'stream-consumed') {
      this.#post(order)
      return
    }
    const { stream, bytes } = order
    this.#credit.set(stream, (this.#credit.get(stream) ?? 0) + bytes)
    this.#creditBytes += bytes
    this.#creditChunks += 1
    if (this.#creditBytes >= creditBytesMax || this.#creditChunks >= creditChunksMax) {
      this.#postCredit()
    }
  }

  #post(order: StreamOrder): void {
    this.#postCredit()
    this.#options?.port.post(order)
  }

  #postCredit(): void {
    if (this.#creditBytes === 0) return
    for (const [stream, bytes] of this.#credit) {
      this.#options?.port.post({ type: 'stream-consumed', stream, bytes })
    }
    this.#credit.clear()
    this.#creditBytes = 0
    this.#creditChunks = 0
  }

  #command(command: { type: 'accept-streams' | 'refuse-streams'; protocol: string }): void {
    this.#options?.commands.call(command).catch((error: unknown) => {
      if (error instanceof MeshError) this.#options?.problem(error)
    })
  }
}

/** Ends both directions of a stream that nobody here wants. */
async function discard({ readable, writable }: MeshStream): Promise<void> {
  await Promise.all([readable.cancel(), writable.abort()])
}

function checkPeer(peer: unknown): PeerId {
  const parsed = typeof peer === 'string' ? parsePeerId(peer) : undefined
  if (parsed === undefined) throw invalid(`peer is ${String(peer)}, which is no id of a peer`)
  return parsed
}

function checkProtocol(protocol: unknown): void {
  const bytes = typeof protocol === 'string' ? new TextEncoder().encode(protocol).length : 0
  if (bytes < 1 || bytes > streamProtocolBytesMax) {
    const bounds = `1 to ${streamProtocolBytesMax} bytes of UTF-8`
    throw invalid(`protocol has ${bytes} bytes; it must be a text of ${bounds}`)
  }
}
