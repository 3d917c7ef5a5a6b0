import { describe, expect, test } from 'vitest'

import { plainTraits, VirtualNetwork } from './virtual-network.ts'
import type { VirtualPeer } from './virtual-network.ts'
import { noFaults } from './virtual-network-path.ts'
import type { PathFaults } from './virtual-network-path.ts'

const lossyTraits = { ...plainTraits, reliable: false, ordered: false, messageBytesMax: 1200 }

function pair(
  faults: Partial<PathFaults>,
  {
    latencyMs = 20,
    seed = 1,
    traits = lossyTraits,
  }: { latencyMs?: number; seed?: number; traits?: typeof plainTraits } = {},
) {
  const network = new VirtualNetwork(seed)
  network.latencyMs = latencyMs
  network.traits = traits
  network.faults = { ...noFaults, ...faults }
  const [a, b] = [network.add('a'), network.add('b')]
  a.neighbourhood.addressFound('virtual', 'b', 0)
  return { network, a, b }
}

function frameOf(length: number, salt: number): Uint8Array {
  return new Uint8Array(length).map((_, index) => (index * 7 + salt) & 0xff)
}

function payloads(peer: VirtualPeer): Uint8Array[] {
  return peer.toldOf('frame').map((output) => output.payload)
}

test('[LK11] a channel that does not drain is left alone until it does, whatever is due on it', () => {
  const { network, a, b } = pair({}, { traits: { ...lossyTraits, messageBytesMax: 65_535 } })
  network.run(1000)
  const [end] = a.openEnds()
  end!.drains = false
  for (let index = 0; index < 40; index += 1) {
    a.neighbourhood.send(b.peer, 'packet', 'bulk', frameOf(10_000, index), network.nowMs)
    network.run(100)
  }
  expect(end!.sentBytes).toBeGreaterThan(250 * 1024)
  // Is to be acknowledged, and cannot be. The network complains of time that stands still.
  b.neighbourhood.send(a.peer, 'packet', 'sync', frameOf(9, 1), network.nowMs)
  network.run(1000)
  expect(payloads(a)).toHaveLength(1)
})

describe('[LK1] [FR11] links over channels that lose, double and reorder', () => {
  const bad = { lossRatio: 0.2, duplicateRatio: 0.1, reorderRatio: 0.2, reorderMs: 100 }

  test.each([20, 21, 127, 128, 1200, 65_535])(
    'carry all frames once and in order, with messages of %i bytes',
    (messageBytesMax) => {
      for (let seed = 1; seed <= 3; seed += 1) {
        const traits = { ...lossyTraits, messageBytesMax }
        const { network, a, b } = pair(bad, { seed, traits })
        network.run(10_000)
        expect(a.neighbourhood.links()).toHaveLength(1)
        const sent = [0, 1, 17, 300, 1200, 5000].map((length) => frameOf(length, seed))
        for (const [from, to] of [
          [a, b],
          [b, a],
        ] as const) {
          for (const payload of sent) {
            from.neighbourhood.send(to.peer, 'packet', 'sync', payload, network.nowMs)
          }
          from.neighbourhood.send(to.peer, 'route', 'control', frameOf(9, 0), network.nowMs)
        }
        network.run(60_000)
        for (const peer of [a, b]) {
          expect(payloads(peer).filter(({ length }) => length !== 9)).toEqual(sent)
          expect(peer.toldOf('frame').filter(({ kind }) => kind === 'route')).toHaveLength(1)
          expect(peer.toldOf('link-down')).toEqual([])
          expect(peer.counter('framesMalformed')).toBe(0)
        }
        expect(a.counter('messagesRepeated')).toBeGreaterThan(0)
      }
    },
  )

  test('an ordered channel that loses, and a reliable one that reorders, are made whole too', () => {
    for (const [reliable, ordered] of [
      [false, true],
      [true, false],
    ] as const) {
      const { network, a, b } = pair(bad, { traits: { ...lossyTraits, reliable, ordered } })
      network.run(5_000)
      const sent = Array.from({ length: 50 }, (_, salt) => frameOf(900, salt))
      for (const payload of sent) {
        a.neighbourhood.send(b.peer, 'packet', 'bulk', payload, network.nowMs)
      }
      network.run(20_000)
      expect(payloads(b)).toEqual(sent)
    }
  })

  test('runs with one seed are equal', () => {
    const trace = (): string => {
      const { network, a, b } = pair(bad, { seed: 9 })
      network.run(3000)
      for (let salt = 0; salt < 50; salt += 1) {
        a.neighbourhood.send(b.peer, 'packet', 'bulk', frameOf(900, salt), network.nowMs)
      }
      network.run(3000)
      const ends = [...a.ends.values(), ...b.ends.values()]
      return ends.map((end) => end.sent.map((bytes) => bytes.join()).join('\n')).join('\n')
    }
    expect(trace()).toBe(trace())
  })

  test('a refusal is heard there too', () => {
    const { network, a, b } = pair({})
    network.add('c', { app: 'bar' })
    a.neighbourhood.addressFound('virtual', 'c', 0)
    network.run(5000)
    expect(a.toldOf('problem').map(({ problem }) => problem.code)).toEqual(['app-mismatch'])
    expect(b.neighbourhood.links()).toHaveLength(1)
  })
})

/** Bytes of bulk frames that arrived a millisecond, over the time given, with as much to send as fits. */
function goodput(
  { network, a, b }: ReturnType<typeof pair>,
  durationMs: number,
  frameBytes: number,
): number {
  network.run(2000)
  const payload = new Uint8Array(frameBytes)
  let bytes = 0
  for (let passedMs = 0; passedMs < durationMs; passedMs += 10) {
    while (a.neighbourhood.send(b.peer, 'packet', 'bulk', payload, network.nowMs) === 'accepted');
    network.run(10)
    bytes += payloads(b).reduce((sum, { length }) => sum + length, 0)
    b.told.length = 0
    for (const peer of [a, b]) for (const end of peer.ends.values()) end.sent.length = 0
  }
  return bytes / durationMs
}

describe('[LK23] of what the path carries, frames get', () => {
  test('[LK22] 0.85 at 10 Mbit/s, 50 ms and 2 % loss, and the link says what it carries', () => {
    const test = pair({ lossRatio: 0.02, bytesPerMs: 1250 }, { latencyMs: 50 })
    expect(goodput(test, 10_000, 1200)).toBeGreaterThan(0.85 * 1250)
    const [link] = test.a.neighbourhood.links()
    expect(link!.bandwidthBytesPerSecond! / 1_250_000).toBeCloseTo(1, 1)
    expect(link!.lossRatio).toBeGreaterThan(0.005)
    expect(link!.lossRatio).toBeLessThan(0.05)
    // What waits in the path's queue is a little, not all that fits.
    expect(link!.rttMs).toBeLessThan(150)
  })

  test.each([
    { share: 0.9, when: 'late', reorderMs: 200 },
    { share: 0.85, when: 'early', reorderMs: -200 },
  ])('$share at 1 Mbit/s and 200 ms, with each twentieth message $when', ({ share, reorderMs }) => {
    const faults = { reorderRatio: 0.05, reorderMs, bytesPerMs: 125 }
    const test = pair(faults, { latencyMs: 200 })
    expect(goodput(test, 20_000, 1200)).toBeGreaterThan(share * 125)
    // [LK20] few repeats that were not needed.
    expect(test.a.counter('messagesRepeatedInVain')).toBeLessThan(
      0.01 * test.a.counter('messagesSent'),
    )
  })

  test('0.88 of the room that messages of 20 bytes have', () => {
    const traits = { ...lossyTraits, messageBytesMax: 20 }
    const test = pair({ lossRatio: 0.01, bytesPerMs: 20, queueBytes: 4096 }, { traits })
    // Of 20 bytes, three are the message's header and two the fragment's.
    expect(goodput(test, 10_000, 1200)).toBeGreaterThan((0.88 * 20 * 15) / 20)
  })

  test('0.3 where a fifth is lost by chance', () => {
    const test = pair({ lossRatio: 0.2, bytesPerMs: 1250 }, { latencyMs: 50 })
    expect(goodput(test, 10_000, 1200)).toBeGreaterThan(0.3 * 1250)
  })

  test('0.5 where the queue takes but four messages, and not much more than that is sent', () => {
    const test = pair({ queueBytes: 4800, bytesPerMs: 1250 }, { latencyMs: 50 })
    expect(goodput(test, 10_000, 1200)).toBeGreaterThan(0.5 * 1250)
    expect(test.a.counter('messagesRepeated')).toBeLessThan(0.2 * test.a.counter('messagesSent'))
  })

  test('0.8 of a path that becomes slower, then faster again', () => {
    const test = pair({ bytesPerMs: 1250 }, { latencyMs: 30 })
    goodput(test, 3000, 1200)
    for (const bytesPerMs of [200, 1250]) {
      test.network.faults = { ...noFaults, bytesPerMs }
      goodput(test, 3000, 1200)
      expect(goodput(test, 3000, 1200)).toBeGreaterThan(0.8 * bytesPerMs)
    }
  })
})

describe('[LK25] the end of such a channel', () => {
  test('is told in spite of losses, and all that was sent before it arrives', () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const { network, a, b } = pair({ lossRatio: 0.3 }, { seed })
      network.run(10_000)
      expect(a.neighbourhood.links()).toHaveLength(1)
      a.neighbourhood.send(b.peer, 'packet', 'bulk', frameOf(1000, 0), network.nowMs)
      a.neighbourhood.stop(network.nowMs)
      network.run(3000)
      expect(payloads(b)).toHaveLength(1)
      expect(b.toldOf('link-down').map(({ reason }) => reason)).toEqual(['stopped'])
      expect([...a.openEnds(), ...b.openEnds()]).toEqual([])
    }
  })
})

describe('silence on channels that lose', () => {
  test('[LK5] [LK6] a neighbour that vanished is suspect within two seconds and dead in time', () => {
    const { network, a, b } = pair({ lossRatio: 0.05 })
    network.run(3000)
    network.vanish(b)
    a.neighbourhood.send(b.peer, 'packet', 'sync', frameOf(10, 0), network.nowMs)
    const states = () =>
      a.flight
        .events()
        .filter(({ name }) => name === 'channelState')
        .map(({ arguments: { to } }) => String(to))
    network.run(2100)
    expect(states().at(-1)).toMatch(/suspect$/)
    network.run(14_000)
    expect(a.toldOf('link-down').map(({ reason }) => reason)).toEqual(['silent'])
  })

  test('[LK5] losses alone never end a link', () => {
    const { network, a, b } = pair({ lossRatio: 0.4 }, { seed: 3 })
    network.run(600_000)
    for (const peer of [a, b]) {
      expect(peer.toldOf('link-up')).toHaveLength(1)
      expect(peer.toldOf('link-down')).toEqual([])
    }
  })

  test('[LK7] a machine that slept goes on where it was', () => {
    const { network, a, b } = pair({ lossRatio: 0.05 })
    network.run(3000)
    for (const peer of [a, b]) peer.asleep = true
    network.run(3_600_000)
    for (const peer of [a, b]) peer.asleep = false
    a.neighbourhood.send(b.peer, 'packet', 'sync', frameOf(10, 0), network.nowMs)
    network.run(5000)
    expect(payloads(b)).toEqual([frameOf(10, 0)])
    expect([...a.toldOf('link-down'), ...b.toldOf('link-down')]).toEqual([])
  })
})
