/** Plays with streams of a mesh by calls that JSON can carry: the same in a page and in Node. */

import { MeshError, type Mesh, type MeshStream } from '@fieldmesh/core'

interface Played {
  readonly stream: MeshStream
  readonly writer: WritableStreamDefaultWriter<ArrayBuffer | ArrayBufferView>
  readonly reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>
}

const chunkBytes = 64 * 1024

/** Accepted from the beginning: whoever opens a stream need not wait for the other end to be ready. */
export const protocols = ['ask', 'bulk', 'codes', 'held', 'lost'] as const

export class StreamPlayer {
  readonly #mesh: Mesh
  readonly #streams: Played[] = []
  /** Numbers of streams that were accepted and not asked for yet, and who asks for the next. */
  readonly #accepted = new Map<string, number[]>()
  readonly #waiting = new Map<string, () => void>()

  constructor(mesh: Mesh) {
    this.#mesh = mesh
    for (const protocol of protocols) {
      this.#accepted.set(protocol, [])
      mesh.acceptStreams(protocol, (stream) => {
        this.#accepted.get(protocol)?.push(this.#add(stream))
        this.#waiting.get(protocol)?.()
      })
    }
  }

  /** Resolves when the peer is a neighbour over the transport. */
  async meet(peer: string, transport: string): Promise<void> {
    return this.#until(peer, transport, true)
  }

  /** Resolves when it is none. */
  async part(peer: string, transport: string): Promise<void> {
    return this.#until(peer, transport, false)
  }

  async #until(peer: string, transport: string, isNeighbour: boolean): Promise<void> {
    await new Promise<void>((resolve) => {
      const observation = this.#mesh.presence.observe(({ local, connections }) => {
        const isThere = connections.some(
          (each) => each.from === local && each.to === peer && each.transport === transport,
        )
        if (isThere !== isNeighbour) return
        resolve()
        queueMicrotask(() => observation.stop())
      })
    })
  }

  /** The number of the new stream. */
  async open(peer: string, protocol: string): Promise<number> {
    return this.#add(await this.#mesh.openStream(peer, { protocol, priority: 'interactive' }))
  }

  /** The number of the next stream that another peer opened. */
  async accepted(protocol: string): Promise<number> {
    for (;;) {
      const number = this.#accepted.get(protocol)?.shift()
      if (number !== undefined) return number
      await new Promise<void>((resolve) => {
        this.#waiting.set(protocol, resolve)
      })
    }
  }

  async write(number: number, bytes: number, seed: number): Promise<void> {
    await this.#at(number).writer.write(patternOf(bytes, seed))
  }

  async finish(number: number): Promise<void> {
    await this.#at(number).writer.close()
  }

  /** Reads that many bytes, or to the end: how many, and their SHA-256. */
  async read(number: number, bytesMax = Infinity): Promise<{ bytes: number; hash: string }> {
    const { reader } = this.#at(number)
    const chunks: Uint8Array<ArrayBuffer>[] = []
    let bytes = 0
    while (bytes < bytesMax) {
      const { value, done } = await reader.read()
      if (done) break
      chunks.push(value)
      bytes += value.length
    }
    return { bytes, hash: await hashOf(new Blob(chunks)) }
  }

  /** Writes as long as it is told to go on; returns how much when it has been held for a while. */
  async fill(number: number, asking: number): Promise<number> {
    const { writer } = this.#at(number)
    const chunk = new Uint8Array(chunkBytes)
    let bytes = 0
    const filling = (async () => {
      for (;;) {
        await writer.ready
        void writer.write(chunk).catch(() => {})
        bytes += chunk.length
      }
    })()
    filling.catch(() => {})
    // Requests on another stream that are answered show that there was time.
    for (let stillRounds = 0, before = 0; stillRounds < 20;) {
      await this.ask(asking)
      stillRounds = bytes === before ? stillRounds + 1 : 0
      before = bytes
    }
    return bytes
  }

  /** One byte there and back. */
  async ask(number: number): Promise<void> {
    const { writer, reader } = this.#at(number)
    await writer.write(new Uint8Array(100))
    for (let bytes = 0; bytes < 100;) bytes += (await reader.read()).value?.length ?? 100
  }

  /** Gives back what comes, until it ends. */
  async echo(number: number): Promise<void> {
    const { reader, writer } = this.#at(number)
    for (;;) {
      const { value, done } = await reader.read()
      if (done) return
      await writer.write(value)
    }
  }

  async cancel(number: number, code: number): Promise<void> {
    await this.#at(number).reader.cancel(code)
  }

  async abort(number: number, code: number): Promise<void> {
    await this.#at(number).writer.abort(code)
  }

  /** Code and stream code of what ends a direction, or of the whole stream. */
  async error(number: number, of: 'reader' | 'writer' | 'stream'): Promise<unknown> {
    const { reader, writer, stream } = this.#at(number)
    const ending = { reader: reader.closed, writer: writer.closed, stream: stream.closed }[of]
    return ending.then(
      () => 'no error',
      (error: unknown) =>
        error instanceof MeshError ? [error.code, error.streamCode ?? null] : String(error),
    )
  }

  async leave(): Promise<void> {
    await this.#mesh.close()
  }

  #add(stream: MeshStream): number {
    const writer = stream.writable.getWriter()
    const reader = stream.readable.getReader()
    for (const { closed } of [writer, reader]) closed.catch(() => {})
    return this.#streams.push({ stream, writer, reader }) - 1
  }

  #at(number: number): Played {
    const played = this.#streams[number]
    if (!played) throw new Error(`there is no stream ${number}`)
    return played
  }
}

/** Bytes that no two places of have in common. */
export function patternOf(bytes: number, seed: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(bytes / 4))
  let state = seed
  for (let at = 0; at < words.length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    words[at] = state
  }
  return new Uint8Array(words.buffer, 0, bytes)
}

/** SHA-256 in hexadecimal. */
export async function hashOf(blob: Blob): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', await blob.arrayBuffer())
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
