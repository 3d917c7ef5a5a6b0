/** Connections that come and go by the thousand leave nothing behind. */

import { expect, test } from 'vitest'

import { nodeCryptography } from '../../driver/node-cryptography.ts'
import { FlightRecorder } from '../../recorder/recorder.ts'
import { registry } from '../../recorder/registry.ts'
import { expectFlat, liveMemory } from '../../testing/node-live-memory.ts'
import type { Cryptography } from '../crypto/cryptography.ts'
import { SeededRandom } from '../crypto/random.ts'
import { Identity } from '../identity/identity.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { wholePayload } from '../link/frame.ts'
import type { ConnectionOutput } from './connection-output.ts'
import { Connections } from './connections.ts'
import { farewellsMax } from './farewells.ts'

const cycles = 10_000
/** Cycles after which what is remembered of others, and compiled, is as much as it gets. */
const warmupCycles = 2_000

/** Whose key exchange is none: it would take half of the time, and nothing here depends on it. */
const cryptography: Cryptography = {
  ...nodeCryptography,
  x25519PublicKey: (secretKey) => secretKey.slice(),
  x25519SharedSecret: (secretKey, publicKey) =>
    secretKey.map((byte, index) => byte ^ publicKey[index]!),
}

/** One end; its packets wait for the other to take them. */
class End {
  readonly identity: Identity
  readonly connections: Connections
  readonly sent: Uint8Array[] = []

  constructor(byte: number) {
    this.identity = new Identity(new Uint8Array(32).fill(byte), cryptography)
    const context = {
      random: new SeededRandom(new Uint8Array(32).fill(byte)),
      cryptography,
      recorder: new FlightRecorder(registry).recorder,
    }
    const options = {
      identity: this.identity,
      app: 'test',
      secret: new Uint8Array(32).fill(7),
      epoch: 1,
    }
    this.connections = new Connections(context, options, {
      send: (_to, _priority, payload) => {
        this.sent.push(wholePayload(payload))
        return 'accepted'
      },
      payloadBytesMax: () => 16_384,
    })
  }

  get peer(): PeerId {
    return this.identity.peer
  }

  take(): ConnectionOutput[] {
    const outputs: ConnectionOutput[] = []
    for (let next = this.connections.poll(); next; next = this.connections.poll()) {
      outputs.push(next)
    }
    return outputs
  }
}

test('[ST29][CN26] ten thousand connections, each with streams in all states, leave nothing', () => {
  const [left, right] = [new End(1), new End(2)]
  let nowMs = 0
  const exchange = () => {
    for (let count = 1; count > 0;) {
      nowMs += 1
      const [toRight, toLeft] = [left.sent.splice(0), right.sent.splice(0)]
      count = toRight.length + toLeft.length
      const arrival = { priority: 'interactive', congestionMarked: false } as const
      for (const payload of toRight) {
        right.connections.packetReceived(left.peer, payload, arrival, nowMs)
      }
      for (const payload of toLeft) {
        left.connections.packetReceived(right.peer, payload, arrival, nowMs)
      }
    }
  }
  let connected = 0
  let before = liveMemory()
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    if (cycle === warmupCycles) before = liveMemory()
    const [opener, other] = cycle % 2 === 0 ? [left, right] : [right, left]
    opener.connections.open(other.peer, nowMs)
    exchange()
    const { streams } = opener.connections
    for (const [index, ending] of (['none', 'finish', 'reset', 'stop'] as const).entries()) {
      const stream = streams.openStream(other.peer, 'test', 'bulk', nowMs)
      if (typeof stream === 'string') throw new Error(stream)
      streams.writeStream(stream, new Uint8Array(100 * index + 1), nowMs)
      if (ending === 'finish') streams.finishStream(stream, nowMs)
      else if (ending === 'reset') streams.resetStream(stream, 1, nowMs)
      else if (ending === 'stop') streams.stopStream(stream, 1, nowMs)
    }
    if (cycle % 3 !== 0) exchange()
    const closer = cycle % 5 === 0 ? other : opener
    closer.connections.close(closer === left ? right.peer : left.peer, 'closed', nowMs)
    exchange()
    connected += left.take().filter(({ type }) => type === 'connected').length
    right.take()
  }
  expectFlat(before, liveMemory(), cycles - warmupCycles)
  expect(connected).toBe(cycles)
  for (const { connections } of [left, right]) {
    const { farewells, ...rest } = connections.census()
    const nothing = { peers: 0, streams: 0, answering: 0, offenders: 0 }
    expect(rest).toEqual({ ...nothing, resting: 0, restingBytes: 0 })
    expect(farewells).toBeLessThanOrEqual(farewellsMax)
    expect(connections.nextDeadlineMs()).toBe(Number.POSITIVE_INFINITY)
  }
}, 600_000)
