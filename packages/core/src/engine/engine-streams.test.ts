/** Streams of applications between whole engines. */

import { describe, expect, test } from 'vitest'

import { createYjsDocuments } from '../documents/yjs-documents.ts'
import { nodeCryptography } from '../driver/node-cryptography.ts'
import { createFlightRecorder } from '../recorder/recorder.ts'
import { FuzzNetwork, type FuzzPeer } from '../testing/fuzz/fuzz-network.ts'
import { acceptedProtocolsMax } from './application-streams.ts'
import type { CommandAnswer } from './command.ts'
import {
  streamRefusedCode,
  streamStoppingCode,
  streamWriteBytesMax,
  type StreamHandle,
} from './connection/stream-port.ts'
import { connectionsMax } from './connection/peer-table.ts'
import { Engine } from './engine.ts'
import type { PeerId } from './identity/peer-id.ts'
import type { ApplicationStreamEvent } from './output.ts'
import { waitingOpeningsMax } from './stream-openings.ts'

const secret = new Uint8Array(32).fill(7)

/** A peer and its application, which notes all and reads at once. */
class Application {
  readonly peer: FuzzPeer
  readonly id: PeerId
  readonly events: ApplicationStreamEvent[] = []
  /** Bytes received, by stream. */
  readonly receivedBytes = new Map<StreamHandle, number>()
  isReading = true

  constructor(network: FuzzNetwork, name: string, dials: readonly string[]) {
    const flight = createFlightRecorder()
    const engine = new Engine({
      app: 'test',
      secret,
      identitySecretKey: nodeCryptography.sha256(Uint8Array.from(name, (c) => c.charCodeAt(0))),
      epoch: 1,
      seed: nodeCryptography.sha256(Uint8Array.from(name, (c) => c.charCodeAt(0))),
      name,
      platform: 'node',
      metadata: {},
      cryptography: nodeCryptography,
      documents: createYjsDocuments(),
      recorder: flight.recorder,
    })
    this.id = engine.peer
    this.peer = network.add(name, engine, flight, dials)
    this.peer.onStream = (event) => this.#onStream(network, event)
  }

  accept(protocol: string): CommandAnswer | undefined {
    let answered: CommandAnswer | undefined
    this.peer.execute({ type: 'accept-streams', protocol }, (answer) => (answered = answer))
    return answered
  }

  /** The answer, once there is one. */
  open(peer: PeerId, protocol = 'chat', patienceMs = 1000): { answer: CommandAnswer | undefined } {
    const opening: { answer: CommandAnswer | undefined } = { answer: undefined }
    this.peer.execute(
      { type: 'open-stream', peer, protocol, priority: 'interactive', patienceMs },
      (answer) => (opening.answer = answer),
    )
    return opening
  }

  write(stream: StreamHandle, bytes: Uint8Array, finish = false): void {
    this.peer.take({ type: 'stream-written', stream, bytes, finish })
  }

  /** Types of what it was told since the last call. */
  told(): string[] {
    return this.events.splice(0).map(({ type }) => type)
  }

  #onStream(network: FuzzNetwork, event: ApplicationStreamEvent): void {
    this.events.push(event)
    if (event.type !== 'stream-data') return
    const { stream, bytes } = event
    this.receivedBytes.set(stream, (this.receivedBytes.get(stream) ?? 0) + bytes.length)
    if (!this.isReading) return
    network.after(0, () => {
      this.peer.take({ type: 'stream-consumed', stream, bytes: bytes.length })
    })
  }
}

function streamOf({ answer }: { answer: CommandAnswer | undefined }): StreamHandle {
  if (answer?.ok !== true) throw new Error(`not opened: ${JSON.stringify(answer)}`)
  return (answer.value as { readonly stream: StreamHandle }).stream
}

function problemOf({ answer }: { answer: CommandAnswer | undefined }): string | undefined {
  return answer?.ok === false ? answer.problem.code : undefined
}

function setUp(): { network: FuzzNetwork; opener: Application; other: Application } {
  const network = new FuzzNetwork()
  const other = new Application(network, 'other', [])
  const opener = new Application(network, 'opener', ['other'])
  return { network, opener, other }
}

describe('streams between engines', () => {
  test('[ST24] open once there is a connection, and carry bytes both ways', () => {
    const { network, opener, other } = setUp()
    other.accept('chat')
    const opening = opener.open(other.id)
    expect(opening.answer).toBeUndefined()
    network.runFor(500)
    const stream = streamOf(opening)
    opener.write(stream, new Uint8Array(100_000), true)
    network.runFor(2000)
    const opened = other.events.find(({ type }) => type === 'stream-opened')
    expect(opened).toMatchObject({ peer: opener.id, protocol: 'chat', priority: 'interactive' })
    expect(other.receivedBytes.get(opened!.stream)).toBe(100_000)
    other.write(opened!.stream, new Uint8Array(0), true)
    network.runFor(500)
    expect(opener.told().slice(-2)).toEqual(['stream-delivered', 'stream-finished'])
    expect(other.told().slice(-2)).toEqual(['stream-finished', 'stream-delivered'])
  })

  test('[ST24] fail when no connection comes within their patience', () => {
    const { network, opener } = setUp()
    const nobody = '00112233445566ff' as PeerId
    const opening = opener.open(nobody, 'chat', 700)
    const itself = opener.open(opener.id)
    expect(problemOf(itself)).toBe('peer-unreachable')
    network.runFor(699)
    expect(opening.answer).toBeUndefined()
    network.runFor(2)
    expect(problemOf(opening)).toBe('peer-unreachable')
  })

  test('[ST24][CN26] to peers that are not there leave room for those that are', () => {
    const { network, opener, other } = setUp()
    other.accept('chat')
    for (let count = 0; count < connectionsMax; count += 1) {
      opener.open(count.toString(16).padStart(16, '0') as PeerId, 'chat', 10)
    }
    network.runFor(500)
    const opening = opener.open(other.id)
    network.runFor(500)
    streamOf(opening)
  })

  test('[ST24] wait for allowance, in order, and fail when none comes', () => {
    const { network, opener, other } = setUp()
    other.accept('chat')
    network.runFor(500)
    const streams = Array.from({ length: 128 }, () => streamOf(opener.open(other.id)))
    const first = opener.open(other.id, 'chat', 1000)
    const second = opener.open(other.id, 'chat', 2000)
    network.runFor(100)
    expect(first.answer ?? second.answer).toBeUndefined()
    opener.write(streams[0]!, new Uint8Array(0), true)
    network.runFor(100)
    const ended = other.events.find(({ type }) => type === 'stream-finished')
    other.write(ended!.stream, new Uint8Array(0), true)
    network.runFor(200)
    expect(first.answer?.ok).toBe(true)
    expect(second.answer).toBeUndefined()
    network.runFor(2000)
    expect(problemOf(second)).toBe('limit-reached')
  })

  test('[ST25][ST26] are refused when nobody accepts their protocol, and nobody hears of them', () => {
    const { network, opener, other } = setUp()
    other.accept('chat')
    other.peer.execute({ type: 'refuse-streams', protocol: 'chat' }, () => {})
    other.accept('mail')
    network.runFor(500)
    const stream = streamOf(opener.open(other.id))
    opener.write(stream, new Uint8Array(streamWriteBytesMax))
    network.runFor(500)
    expect(other.told()).toEqual([])
    const ends = opener.events.filter(({ type }) => type !== 'stream-drained')
    expect(ends).toEqual([
      { type: 'stream-reset', stream, code: streamRefusedCode },
      { type: 'stream-stopped', stream, code: streamRefusedCode },
    ])
    opener.peer.take({ type: 'stream-reset', stream, code: 0 })
    network.runFor(500)
    // It is forgotten: as many as ever may be opened.
    for (let count = 0; count < 128; count += 1) {
      streamOf(opener.open(other.id, 'mail'))
      network.runFor(50)
    }
    expect(opener.open(other.id, 'mail').answer).toBeUndefined()
  })

  test('[ST27] are lost when one of both stops, and its openings fail', () => {
    const { network, opener, other } = setUp()
    other.accept('chat')
    network.runFor(500)
    const stream = streamOf(opener.open(other.id))
    const opening = opener.open('00112233445566ff' as PeerId)
    network.runFor(100)
    other.told()
    opener.peer.take({ type: 'stop' })
    expect(opener.events.splice(0)).toEqual([{ type: 'stream-lost', stream }])
    expect(problemOf(opening)).toBe('mesh-closed')
    network.runFor(100)
    expect(other.events.map((event) => ('code' in event ? event.code : event.type))).toEqual([
      streamStoppingCode,
      streamStoppingCode,
    ])
  })

  test('[ST28] that are over, or were never there, are nothing to write to', () => {
    const { network, opener, other } = setUp()
    network.runFor(500)
    const { peer } = opener
    for (const stream of [1, 2, 99]) {
      peer.take({ type: 'stream-written', stream, bytes: new Uint8Array(10), finish: true })
      peer.take({ type: 'stream-consumed', stream, bytes: 10 })
      peer.take({ type: 'stream-reset', stream, code: 1 })
      peer.take({ type: 'stream-stopped', stream, code: 1 })
    }
    network.runFor(500)
    expect(other.told()).toEqual([])
  })

  test('[ST24][ST25] openings and protocols have their limits', () => {
    const { opener } = setUp()
    const nobody = '00112233445566ff' as PeerId
    for (let count = 0; count < waitingOpeningsMax; count += 1) opener.open(nobody)
    expect(problemOf(opener.open(nobody))).toBe('limit-reached')
    for (let count = 0; count < acceptedProtocolsMax; count += 1) {
      expect(opener.accept(`protocol ${count}`)?.ok).toBe(true)
    }
    expect(opener.accept('one more')).toMatchObject({ problem: { code: 'limit-reached' } })
    expect(opener.accept('protocol 1')?.ok).toBe(true)
    expect(opener.accept('')).toMatchObject({ problem: { code: 'value-invalid' } })
    expect(opener.accept('ü'.repeat(33))).toMatchObject({ problem: { code: 'value-invalid' } })
    expect(problemOf(opener.open(nobody, ''))).toBe('value-invalid')
    expect(problemOf(opener.open(nobody, 'x'.repeat(65)))).toBe('value-invalid')
    expect(problemOf(opener.open(nobody, 'x'.repeat(64)))).toBe('limit-reached')
  })

  test('[ST18] a reader that stands still stops a writer at the other end of the mesh', () => {
    const { network, opener, other } = setUp()
    other.accept('chat')
    other.isReading = false
    network.runFor(500)
    const stream = streamOf(opener.open(other.id))
    let writtenBytes = 0
    let drainedBytes = 0
    for (let round = 0; round < 100; round += 1) {
      for (const event of opener.events.splice(0)) {
        if (event.type === 'stream-drained') ({ drainedBytes } = event)
      }
      if (writtenBytes - drainedBytes < streamWriteBytesMax) {
        opener.write(stream, new Uint8Array(streamWriteBytesMax))
        writtenBytes += streamWriteBytesMax
      }
      network.runFor(20)
    }
    const [received] = [...other.receivedBytes.values()]
    expect(received).toBeGreaterThan(100_000)
    expect(received).toBeLessThanOrEqual(256 * 1024)
    expect(writtenBytes).toBeLessThanOrEqual(3 * streamWriteBytesMax)
  })
})
