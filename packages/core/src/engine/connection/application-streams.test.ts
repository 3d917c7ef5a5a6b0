/** Streams of applications between two ends, over packets that are lost, doubled and late. */

import { describe, expect, test } from 'vitest'

import { FlightRecorder } from '../../recorder/recorder.ts'
import { registry } from '../../recorder/registry.ts'
import { nobleCryptography } from '../crypto/noble.ts'
import { SeededRandom } from '../crypto/random.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { CipherState } from '../noise/cipher-state.ts'
import type { ConnectionOutput } from './connection-output.ts'
import { Connection } from './connection.ts'
import { decodePacket } from './packet.ts'
import { StreamDirectory } from './stream-directory.ts'
import { StreamSet } from './stream-set.ts'

const [lower, higher] = ['0000000000000001', '0000000000000002'] as [PeerId, PeerId]

/** One end of a connection. */
class End {
  readonly outputs: ConnectionOutput[] = []
  readonly directory = new StreamDirectory()
  readonly streams: StreamSet
  readonly connection: Connection
  readonly sent: Uint8Array[] = []

  constructor(isLower: boolean) {
    const context = {
      random: new SeededRandom(new Uint8Array(32)),
      cryptography: nobleCryptography,
      recorder: new FlightRecorder(registry).recorder,
    }
    const key = (byte: number) => new CipherState(new Uint8Array(32).fill(byte), nobleCryptography)
    const [sendKey, receiveKey] = isLower ? [1, 2] : [2, 1]
    const peer = isLower ? higher : lower
    this.streams = new StreamSet(context, this.outputs, this.directory, {
      peer,
      opensEven: isLower,
      credit: { connectionBytes: 512 * 1024, streamBytes: 256 * 1024, streamCount: 128 },
    })
    const port = {
      send: (_to: PeerId, _priority: string, payload: Uint8Array) => {
        this.sent.push(payload)
        return 'accepted' as const
      },
      payloadBytesMax: () => 1200,
    }
    this.connection = new Connection(context, port, this.outputs, {
      peer,
      epoch: 1,
      keys: { send: key(sendKey), receive: key(receiveKey) },
      localId: isLower ? 1 : 2,
      remoteId: isLower ? 2 : 1,
      streams: this.streams,
      finishPacket: undefined,
    })
  }

  receive(payload: Uint8Array, nowMs: number): void {
    const packet = decodePacket(payload)
    if (packet?.type === 'protected') this.connection.packetReceived(packet, nowMs)
  }

  take(): ConnectionOutput[] {
    return this.outputs.splice(0)
  }
}

/** Two ends and a clock; packets take 5 ms. */
class Pair {
  readonly low = new End(true)
  readonly high = new End(false)
  nowMs = 0

  constructor() {
    this.low.connection.start(0)
    this.high.connection.start(0)
  }

  /** Carries packets, and lets deadlines come, until nothing is left to do for a while. */
  run(): void {
    for (let round = 0; round < 10_000; round += 1) {
      this.low.connection.streamsChanged(this.nowMs)
      this.high.connection.streamsChanged(this.nowMs)
      const toHigh = this.low.sent.splice(0)
      const toLow = this.high.sent.splice(0)
      this.nowMs += 5
      for (const payload of toHigh) this.high.receive(payload, this.nowMs)
      for (const payload of toLow) this.low.receive(payload, this.nowMs)
      if (toHigh.length + toLow.length > 0) continue
      const { low, high } = this
      const deadlineMs = Math.min(low.connection.nextDeadlineMs(), high.connection.nextDeadlineMs())
      if (deadlineMs === Number.POSITIVE_INFINITY) return
      this.nowMs = Math.max(this.nowMs, deadlineMs)
      low.connection.handleDeadline(this.nowMs)
      high.connection.handleDeadline(this.nowMs)
    }
    throw new Error('the two ends do not come to rest')
  }
}

describe('a stream of an application', () => {
  test('[ST11][ST13] carries bytes both ways, and is forgotten when both ends are done', () => {
    const pair = new Pair()
    const { low, high } = pair
    expect(low.streams.open({ protocol: 'files', priority: 'bulk' })).toBe(1)
    expect(low.streams.write(4, Uint8Array.of(1, 2, 3))).toBe('accepted')
    pair.run()
    expect(high.take()).toEqual([
      { type: 'stream-opened', stream: 1, peer: lower, protocol: 'files', priority: 'bulk' },
      { type: 'stream-data', stream: 1, bytes: Uint8Array.of(1, 2, 3) },
    ])
    high.streams.consume(4, 3)
    high.streams.write(4, new Uint8Array(100_000).fill(7))
    high.streams.finish(4)
    low.streams.finish(4)
    pair.run()
    const received = low.take()
    expect(received).toContainEqual({ type: 'stream-delivered', stream: 1 })
    expect(received.at(-1)).toEqual({ type: 'stream-finished', stream: 1 })
    let receivedBytes = 0
    for (const output of received) {
      if (output.type === 'stream-data') receivedBytes += output.bytes.length
    }
    expect(receivedBytes).toBe(100_000)
    low.streams.consume(4, receivedBytes)
    const told = high.take()
    expect(told).toContainEqual({ type: 'stream-finished', stream: 1 })
    expect(told.at(-1)).toEqual({ type: 'stream-delivered', stream: 1 })
    const drained = told.filter(({ type }) => type === 'stream-drained')
    expect(drained.length).toBe(2)
    pair.run()
    for (const end of [low, high]) {
      expect(end.directory.size).toBe(0)
      expect(end.connection.measure()).toMatchObject({
        openStreams: 0,
        sendBufferBytes: 0,
        receiveBufferBytes: 0,
        unconsumedBytes: 0,
      })
    }
  })
})
