import { describe, expect, test } from 'vitest'

import { encodeBundleFrame } from './bundle-frame.ts'
import type { BundleFrame } from './bundle-frame.ts'
import { FrameCipher } from './frame-cipher.ts'
import { FramePacker } from './frame-packer.ts'
import {
  costOf,
  link,
  silence,
  frameOf,
  payloads,
  send,
  transfer,
  numbersOf,
  expectWhole,
} from './two-peers.ts'
import { VirtualNetwork } from './virtual-network.ts'

/** Two peers with one channel in clear, so that a test can speak for either. */
function boundPair() {
  const network = new VirtualNetwork()
  const [a, b] = [network.add('a'), network.add('b')]
  network.addTransport('clear', { encrypted: true, binding: frameOf(32) })
  link(network, a, 'b', 'clear')
  return { network, a, b }
}

function messageOf(frame: BundleFrame): Uint8Array {
  const frames = [{ kind: 'bundle-switch', payload: encodeBundleFrame(frame) } as const]
  return new FramePacker(new FrameCipher()).pack(1000, 0, () => frames.pop())!
}

describe('[LK34] channels of one transport are one too many', () => {
  test('dialling each other at once leaves one channel, the same on both sides', () => {
    const network = new VirtualNetwork()
    const [a, b] = [network.add('a'), network.add('b')]
    a.neighbourhood.addressFound('virtual', 'b', 0)
    b.neighbourhood.addressFound('virtual', 'a', 0)
    network.run(1000)
    expect(a.openEnds()).toHaveLength(1)
    expect(b.openEnds()).toHaveLength(1)
    expect(a.openEnds()[0]!.other).toBe(b.openEnds()[0])
    for (const peer of [a, b]) {
      expect(peer.toldOf('link-up')).toHaveLength(1)
      expect(peer.toldOf('link-down')).toHaveLength(0)
      expect(peer.toldOf('dial')).toHaveLength(1)
    }
    network.run(60_000)
    expect(a.toldOf('dial').length + b.toldOf('dial').length).toBe(2)
  })

  test('frames sent while one channel makes way for the other all arrive, once', () => {
    for (let sendAtMs = 0; sendAtMs < 60; sendAtMs += 5) {
      const network = new VirtualNetwork()
      const [a, b] = [network.add('a'), network.add('b')]
      network.addTransport('narrow', { messageBytesMax: 100 })
      a.neighbourhood.addressFound('narrow', 'b', 0)
      network.run(50)
      b.neighbourhood.addressFound('narrow', 'a', network.nowMs)
      network.run(sendAtMs)
      transfer(network, [a, b], 5, () => {})
      expectWhole([a, b], 5)
      for (const peer of [a, b]) expect(peer.openEnds()).toHaveLength(1)
    }
  })

  test('a frame that was sent in part begins again on the channel that stays', () => {
    for (const senderIsDialler of [true, false]) {
      const network = new VirtualNetwork()
      const [a, b] = [network.add('a'), network.add('b')]
      network.traits = { ...network.traits, ...costOf('relay') }
      a.neighbourhood.addressFound('virtual', 'b', 0)
      network.run(100)
      const [sender, receiver] = senderIsDialler ? [a, b] : [b, a]
      const [full] = sender.openEnds()
      full!.drains = false
      const frames = [1, 2, 3, 4, 5].map((salt) => frameOf(50_000, salt))
      for (const payload of frames) send(network, sender, receiver, payload)
      network.run(100)
      expect(payloads(receiver).length).toBeLessThan(frames.length)
      network.traits = { ...network.traits, ...costOf('lan') }
      b.neighbourhood.addressFound('virtual', 'a', network.nowMs)
      network.run(1000)
      expect(payloads(receiver)).toEqual(frames)
      expect(sender.neighbourhood.links().map(({ cost }) => cost.class)).toEqual(['lan'])
      expect(sender.toldOf('link-down')).toEqual([])
    }
  })

  test('the better cost class stays, whoever dialled', () => {
    for (const betterFirst of [true, false]) {
      const network = new VirtualNetwork()
      const [a, b] = [network.add('a'), network.add('b')]
      const [lan, relay] = [network.traits, { ...network.traits, ...costOf('relay') }]
      a.neighbourhood.addressFound('virtual', 'b', 0)
      network.traits = betterFirst ? lan : relay
      network.run(100)
      b.neighbourhood.addressFound('virtual', 'a', network.nowMs)
      network.traits = betterFirst ? relay : lan
      network.run(1000)
      for (const peer of [a, b]) {
        expect(peer.neighbourhood.links().map(({ cost }) => cost.class)).toEqual(['lan'])
        expect(peer.openEnds()).toHaveLength(1)
      }
    }
  })

  test('one that does not answer makes way for one that does', () => {
    const network = new VirtualNetwork()
    const [a, b] = [network.add('a'), network.add('b')]
    a.neighbourhood.addressFound('virtual', 'b', 0)
    network.run(100)
    const [first] = a.openEnds()
    silence(first!)
    for (let salt = 0; salt < 5; salt += 1) send(network, a, b, frameOf(50_000, salt))
    network.run(1_800)
    b.neighbourhood.addressFound('virtual', 'a', network.nowMs)
    network.run(2_500)
    expect(payloads(b)).toEqual([0, 1, 2, 3, 4].map((salt) => frameOf(50_000, salt)))
    for (const peer of [a, b]) expect(peer.toldOf('link-down')).toEqual([])
    expect(a.neighbourhood.links()).toHaveLength(1)
    expect(first!.closed).toBe(true)
  })
})

describe('[LK35] links that are over for one end alone', () => {
  test('a peer that lost its channel and dials again is not kept out by the dead one', () => {
    for (const [dialler, listener] of [
      ['a', 'b'],
      ['b', 'a'],
    ] as const) {
      const network = new VirtualNetwork()
      const peers = { a: network.add('a'), b: network.add('b') }
      peers[dialler].neighbourhood.addressFound('virtual', listener, 0)
      network.run(100)
      const other = peers[listener]
      transfer(network, [peers.a, peers.b], 3, () => {})
      expectWhole([peers.a, peers.b], 3)
      const [end] = peers[dialler].openEnds()
      // Only the dialler sees that the channel broke.
      silence(end!)
      end!.closed = true
      peers[dialler].neighbourhood.channelClosed(end!.channel, 'lost', network.nowMs)
      network.run(300)
      expect(peers[dialler].toldOf('link-down').map(({ reason }) => reason)).toEqual([
        'channel-lost',
      ])
      expect(other.toldOf('link-down').map(({ reason }) => reason)).toEqual(['superseded'])
      for (const peer of [peers.a, peers.b]) {
        expect(peer.neighbourhood.links()).toHaveLength(1)
        expect(peer.openEnds()).toHaveLength(1)
        peer.told.length = 0
      }
      transfer(network, [peers.a, peers.b], 3, () => {})
      for (const peer of [peers.a, peers.b]) {
        expect(numbersOf(peer)).toEqual([
          [0, 1, 2],
          [0, 1, 2],
        ])
      }
    }
  })

  test('frames that came before the link was over do not come again after it', () => {
    const network = new VirtualNetwork()
    const [a, b] = [network.add('a'), network.add('b')]
    a.neighbourhood.addressFound('virtual', 'b', 0)
    network.run(100)
    const [end] = b.openEnds()
    // What b says is lost: a does not hear that its frames have come.
    end!.mute = true
    for (let salt = 0; salt < 3; salt += 1) send(network, a, b, frameOf(9, salt))
    network.run(100)
    end!.closed = true
    b.neighbourhood.channelClosed(end!.channel, 'lost', network.nowMs)
    b.neighbourhood.addressFound('virtual', 'a', network.nowMs)
    network.run(1000)
    send(network, a, b, frameOf(9, 3))
    network.run(100)
    expect(payloads(b)).toEqual([0, 1, 2, 3].map((salt) => frameOf(9, salt)))
  })
})

test('[LK10] a restarted peer replaces its earlier boot at once', () => {
  const network = new VirtualNetwork()
  const a = network.add('a')
  const b = network.add('b', { keyByte: 2, epoch: 1 })
  a.neighbourhood.addressFound('virtual', 'b', 0)
  network.run(100)
  transfer(network, [a, b], 3, () => {})
  a.told.length = 0
  network.vanish(b)
  const reborn = network.add('b', { keyByte: 2, epoch: 2 })
  reborn.neighbourhood.addressFound('virtual', 'a', network.nowMs)
  network.run(100)
  expect(a.told.filter(({ type }) => type === 'link-up' || type === 'link-down')).toMatchObject([
    { type: 'link-down', reason: 'superseded' },
    { type: 'link-up' },
  ])
  expect(a.openEnds()).toHaveLength(1)
  expect(reborn.neighbourhood.links()).toHaveLength(1)
  transfer(network, [a, reborn], 3, () => {})
  expect(numbersOf(reborn)).toEqual([
    [0, 1, 2],
    [0, 1, 2],
  ])
})

describe('[LK36] what breaks the rules of bundles ends the channel', () => {
  const counts = [0, 0, 0, 0]
  const join: BundleFrame = {
    type: 'join',
    serial: 9,
    number: 0,
    isFounder: true,
    firsts: counts,
    received: counts,
  }
  const cases: readonly (readonly [string, 'a' | 'b', BundleFrame])[] = [
    ['a second join', 'a', join],
    [
      'a switch from the end that follows',
      'a',
      { type: 'switch', number: 1, reason: 'better', received: counts },
    ],
    ['an answer from the end that decides', 'b', { type: 'answer', number: 1, received: counts }],
    ['a wish of the end that decides', 'b', { type: 'ask', number: 0 }],
    ['a receipt for what was not sent', 'a', { type: 'receipt', received: [0, 1, 0, 0] }],
    [
      'a switch by one who has what was not sent',
      'b',
      { type: 'switch', number: 1, reason: 'lost', received: [0, 0, 0, 1] },
    ],
  ]
  test.each(cases)('%s', (_name, victim, frame) => {
    const { network, a, b } = boundPair()
    const peer = victim === 'a' ? a : b
    network.inject(peer.openEnds()[0]!, messageOf(frame))
    expect(peer.toldOf('link-down').map(({ reason }) => reason)).toEqual(['protocol'])
  })

  test('and so does what is no frame of a bundle', () => {
    const { network, a } = boundPair()
    network.inject(a.openEnds()[0]!, Uint8Array.of(0x93, 2, 1, 0x80))
    expect(a.toldOf('link-down').map(({ reason }) => reason)).toEqual(['protocol'])
  })

  test('what is out of date changes nothing', () => {
    const { network, a, b } = boundPair()
    const [end] = a.openEnds()
    network.inject(end!, messageOf({ type: 'answer', number: 0, received: counts }))
    network.inject(end!, messageOf({ type: 'answer', number: 5, received: counts }))
    network.inject(
      b.openEnds()[0]!,
      messageOf({ type: 'switch', number: 0, reason: 'better', received: counts }),
    )
    transfer(network, [a, b], 3, () => {})
    expectWhole([a, b], 3)
    for (const peer of [a, b]) expect(peer.counter('switches')).toBe(0)
  })

  test('whatever it asks for without end, little waits to be said', () => {
    const { network, a, b } = boundPair()
    const end = b.openEnds()[0]!
    end.drains = false
    for (let number = 1; number <= 20_000; number += 1) {
      network.inject(end, messageOf({ type: 'switch', number, reason: 'better', received: counts }))
    }
    const bytes = end.sentBytes
    network.drain(end)
    expect(bytes).toBeLessThan(64 * 1024)
    expect(end.sentBytes - bytes).toBeLessThan(100)
    expect(a.counter('framesMalformed')).toBe(0)
  })
})
