import { describe, expect, test } from 'vitest'

import { encodeSequencedMessage } from './sequence-header.ts'
import { encodeSizeProbe } from './size-probe.ts'
import { plainTraits, VirtualNetwork } from './virtual-network.ts'
import type { VirtualPeer } from './virtual-network.ts'
import { noFaults } from './virtual-network-path.ts'
import type { PathFaults } from './virtual-network-path.ts'

const bluetooth = {
  ...plainTraits,
  messageBytesMax: 512,
  cost: { class: 'bluetooth', metered: false } as const,
}
const lossyBluetooth = { ...bluetooth, reliable: false, ordered: false }
const datagrams = { ...plainTraits, reliable: false, ordered: false }

function pair(traits: typeof plainTraits, faults: Partial<PathFaults>, seed = 1) {
  const network = new VirtualNetwork(seed)
  network.latencyMs = 15
  network.traits = traits
  network.faults = { ...noFaults, bytesPerMs: 100, ...faults }
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

/** Frames both ways, while messages grow and afterwards. */
function exchange({ network, a, b }: ReturnType<typeof pair>, salt: number): void {
  const sent = [1, 40, 700, 5000].map((length) => frameOf(length, salt))
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.told.length = 0
    for (const payload of sent) {
      const send = () =>
        from.neighbourhood.send(to.peer, 'packet', 'sync', payload, network.nowMs) === 'accepted'
      // A queue that is full has room again once something has left.
      while (!send()) network.run(10)
    }
  }
  network.run(30_000)
  for (const peer of [a, b]) {
    expect(payloads(peer)).toEqual(sent)
    expect(peer.toldOf('link-down')).toEqual([])
    expect(peer.counter('framesMalformed')).toBe(0)
  }
}

function messageBytes(...peers: VirtualPeer[]): (number | undefined)[] {
  return peers.map((peer) => peer.neighbourhood.links()[0]?.messageBytes)
}

describe('[LK26] a channel that takes less than it claims', () => {
  test.each([
    ['cuts', bluetooth, { takesBytes: 182, longOnes: 'cut' }, 182],
    ['drops', bluetooth, { takesBytes: 200, longOnes: 'vanish' }, 182],
    ['cuts at the least of all', bluetooth, { takesBytes: 20, longOnes: 'cut' }, 20],
    ['takes all', bluetooth, {}, 512],
    ['cuts and loses', lossyBluetooth, { takesBytes: 182, longOnes: 'cut', lossRatio: 0.05 }, 182],
    [
      'drops and loses',
      lossyBluetooth,
      { takesBytes: 200, longOnes: 'vanish', lossRatio: 0.05 },
      182,
    ],
    ['drops datagrams beyond Ethernet', datagrams, { takesBytes: 1472, longOnes: 'vanish' }, 1452],
    ['drops datagrams beyond a tunnel', datagrams, { takesBytes: 1280, longOnes: 'vanish' }, 1200],
  ] as const)('%s, and all frames arrive', (_name, traits, faults, expected) => {
    const test = pair(traits, faults)
    test.network.run(5000)
    exchange(test, 1)
    test.network.run(30_000)
    expect(messageBytes(test.a, test.b)).toEqual([expected, expected])
    exchange(test, 2)
  })

  test('is found out within a round trip when it takes all, or cuts', () => {
    for (const takesBytes of [182, 512]) {
      const { network, a, b } = pair(bluetooth, { takesBytes, bytesPerMs: 1000 })
      network.run(150)
      expect(messageBytes(a, b)).toEqual([takesBytes, takesBytes])
    }
  })

  test('uses its full length at once where it keeps its word by its kind', () => {
    const { network, a, b } = pair(plainTraits, {})
    network.run(200)
    expect(messageBytes(a, b)).toEqual([65_535, 65_535])
    expect(a.counter('sizeProbes')).toBe(0)
  })
})

describe('[LK27] a path that takes less than before', () => {
  test.each([700, 150])(
    'is noticed at %i bytes, and what was under way arrives in parts',
    (takesBytes) => {
      const test = pair(datagrams, { lossRatio: 0.01 })
      test.network.run(5000)
      exchange(test, 1)
      expect(messageBytes(test.a)).toEqual([1452])
      test.network.faults = { ...test.network.faults, takesBytes, longOnes: 'vanish' }
      exchange(test, 2)
      const [bytes] = messageBytes(test.a)
      expect(bytes).toBeLessThanOrEqual(takesBytes)
      expect(test.a.counter('sizeFalls')).toBeGreaterThan(0)
      exchange(test, 3)
      // It takes more again: that is found out too.
      test.network.faults = { ...noFaults, bytesPerMs: 100 }
      test.network.run(200_000)
      expect(messageBytes(test.a)).toEqual([1452])
      exchange(test, 4)
    },
  )

  test.each([523, 246, 90])('at %i bytes gets all through that were longer', (takesBytes) => {
    // Short ones among them tell of the loss of the others each time.
    for (let count = 1; count <= 12; count += 1) {
      const { network, a, b } = pair(datagrams, { takesBytes, longOnes: 'vanish' })
      network.run(20_000)
      const lengths = Array.from({ length: count + 12 }, (_, index) => (index < count ? 1150 : 20))
      for (const [salt, length] of lengths.entries()) {
        const priority = length === 20 ? 'interactive' : 'sync'
        a.neighbourhood.send(b.peer, 'packet', priority, frameOf(length, salt), network.nowMs)
        if (length === 20) network.run(100)
      }
      network.run(60_000)
      expect(payloads(b)).toHaveLength(lengths.length)
    }
  })

  test('[LK20] gets a long one through in seconds while short ones pass all the time', () => {
    const { network, a, b } = pair(datagrams, { takesBytes: 90, longOnes: 'vanish' })
    network.run(20_000)
    a.neighbourhood.send(b.peer, 'packet', 'sync', frameOf(1150, 0), network.nowMs)
    for (let salt = 1; salt <= 25; salt += 1) {
      network.run(100)
      a.neighbourhood.send(b.peer, 'packet', 'interactive', frameOf(20, salt), network.nowMs)
    }
    expect(payloads(b).map(({ length }) => length)).toContain(1150)
  })

  test('is no reason to believe that it does when it is silent for a while', () => {
    const test = pair(datagrams, {})
    test.network.run(5000)
    const { faults } = test.network
    test.network.faults = { ...faults, lossRatio: 1 }
    for (let salt = 0; salt < 20; salt += 1) {
      test.a.neighbourhood.send(
        test.b.peer,
        'packet',
        'bulk',
        frameOf(5000, salt),
        test.network.nowMs,
      )
    }
    test.network.run(8000)
    test.network.faults = faults
    test.network.run(20_000)
    expect(payloads(test.b)).toHaveLength(20)
    expect(messageBytes(test.a)).toEqual([1452])
    expect(test.a.counter('sizeFalls')).toBe(0)
  })

  test('lets a handshake through that its first messages were too long for', () => {
    const { network, a, b } = pair(datagrams, { takesBytes: 120, longOnes: 'vanish' })
    network.run(20_000)
    expect(a.toldOf('link-up')).toHaveLength(1)
    expect(b.neighbourhood.links()).toHaveLength(1)
  })
})

describe('[LK27] messages that are cut', () => {
  test('count as lost on channels that lose, and end nothing', () => {
    const { network, a, b } = pair(lossyBluetooth, {})
    network.run(5000)
    let cut = 0
    network.tamper = (bytes) => {
      if (bytes.length < 100 || cut >= 40) return bytes
      cut += 1
      return bytes.subarray(0, bytes.length - 1 - (cut % 60))
    }
    for (let salt = 0; salt < 20; salt += 1) {
      a.neighbourhood.send(b.peer, 'packet', 'bulk', frameOf(700, salt), network.nowMs)
    }
    network.run(20_000)
    expect(payloads(b)).toEqual(Array.from({ length: 20 }, (_, salt) => frameOf(700, salt)))
    expect(b.counter('messagesCut')).toBeGreaterThan(20)
    expect(b.toldOf('link-down')).toEqual([])
  })
})

describe('[LK26] probes of others', () => {
  test.each([
    ['a reliable channel', plainTraits],
    ['one that loses', datagrams],
  ])('are answered one at a time on %s, and only by neighbours', (_name, traits) => {
    const { network, a, b } = pair(traits, { bytesPerMs: Number.POSITIVE_INFINITY })
    network.run(3000)
    const [end] = b.openEnds()
    const sentBefore = end!.sent.length
    for (let number = 0; number < 200; number += 1) {
      const probe = encodeSizeProbe({ number, messageBytes: 60_000 }, 50)
      const header = { isWide: true, atOnce: false, isProbe: true, hasLength: false }
      const message = traits.reliable ? probe : encodeSequencedMessage({ ...header, rest: probe })
      b.neighbourhood.channelReceived(end!.channel, message, network.nowMs)
    }
    network.settle(b)
    network.run(200)
    expect(end!.sent.length - sentBefore).toBeLessThan(5)
    expect(b.neighbourhood.links()).toHaveLength(1)
    expect(messageBytes(a)).toEqual([traits.reliable ? 65_535 : 1452])
  })
})
