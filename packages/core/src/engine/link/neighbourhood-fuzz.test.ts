import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { frameKindCodes } from './frame.ts'
import type { FrameKind } from './frame.ts'
import { FrameCipher } from './frame-cipher.ts'
import { FramePacker } from './frame-packer.ts'
import { plainTraits, VirtualNetwork } from './virtual-network.ts'
import type { VirtualPeer } from './virtual-network.ts'

const bound = { ...plainTraits, encrypted: true, binding: Uint8Array.of(1, 2, 3) }

/** Nothing that strangers or neighbours sent is kept beyond the bounds, and the peer still works. */
function expectSound(network: VirtualNetwork, peer: VirtualPeer): void {
  network.run(60_000)
  expect(peer.openEnds().length).toBeLessThanOrEqual(2)
  const friend = network.add('friend', { keyByte: 77 })
  friend.neighbourhood.addressFound('virtual', peer.name, network.nowMs)
  network.run(5000)
  expect(friend.neighbourhood.links().map((link) => link.peer)).toEqual([peer.peer])
}

const anyMessages = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 10 })
const runs = { numRuns: 15 }

describe('[FR10] whatever comes, nothing throws and nothing grows', () => {
  test('random messages to a fresh channel', () => {
    fc.assert(
      fc.property(anyMessages, (messages) => {
        const network = new VirtualNetwork()
        const [stranger, peer] = [network.add('stranger'), network.add('peer')]
        const end = network.open(stranger, peer).other!
        for (const message of messages) network.inject(end, message)
        expectSound(network, peer)
      }),
      runs,
    )
  })

  test('random messages in clear and sealed links', () => {
    fc.assert(
      fc.property(anyMessages, fc.boolean(), (messages, isClear) => {
        const network = new VirtualNetwork()
        network.traits = isClear ? bound : plainTraits
        const [stranger, peer] = [network.add('stranger'), network.add('peer')]
        stranger.neighbourhood.addressFound('virtual', 'peer', 0)
        network.run(100)
        expect(peer.neighbourhood.links()).toHaveLength(1)
        const end = peer.openEnds()[0]!
        for (const message of messages) network.inject(end, message)
        expectSound(network, peer)
      }),
      runs,
    )
  })

  test('well-formed frames with random contents, in clear links', () => {
    const anyFrame = fc.record({
      kind: fc.constantFrom(...(Object.keys(frameKindCodes) as FrameKind[])),
      payload: fc.uint8Array({ maxLength: 40 }),
    })
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 10 }), fc.boolean(), (frames, isUp) => {
        const network = new VirtualNetwork()
        network.traits = bound
        const [stranger, peer] = [network.add('stranger'), network.add('peer')]
        stranger.neighbourhood.addressFound('virtual', 'peer', 0)
        // The channel opens after 5 ms; the first message is on its way then.
        network.run(isUp ? 100 : 5)
        const end = peer.openEnds()[0]!
        const waiting = [...frames]
        const message = new FramePacker(new FrameCipher()).pack(65_535, 0, () => waiting.shift())
        if (message) network.inject(end, message)
        expectSound(network, peer)
      }),
      runs,
    )
  })

  test('messages bent on the way, in handshake and link', () => {
    fc.assert(
      fc.property(
        fc.nat(12),
        fc.nat(200),
        fc.integer({ min: 1, max: 255 }),
        fc.constantFrom<('flip' | 'cut' | 'drop' | 'double')[]>('flip', 'cut', 'drop', 'double'),
        (at, offset, flip, how) => {
          const network = new VirtualNetwork()
          const [stranger, peer] = [network.add('stranger'), network.add('peer')]
          let count = 0
          network.tamper = (bytes) => {
            count += 1
            if (count !== at + 1) return bytes
            if (how === 'drop') return undefined
            if (how === 'cut') return bytes.subarray(0, Math.min(bytes.length, offset + 1))
            if (how === 'double') return Uint8Array.from([...bytes, ...bytes])
            bytes[offset % bytes.length]! ^= flip
            return bytes
          }
          stranger.neighbourhood.addressFound('virtual', 'peer', 0)
          network.run(200)
          for (let index = 0; index < 5; index += 1) {
            stranger.neighbourhood.send(
              peer.peer,
              'packet',
              'sync',
              new Uint8Array(50),
              network.nowMs,
            )
            network.run(10)
          }
          for (const frame of peer.toldOf('frame'))
            expect(frame.payload).toEqual(new Uint8Array(50))
          expectSound(network, peer)
        },
      ),
      { numRuns: 40 },
    )
  })

  test('[LK2] [HS11] strangers that say nothing take a bounded number of places, for ten seconds', () => {
    const network = new VirtualNetwork()
    const [stranger, peer] = [network.add('stranger'), network.add('peer')]
    stranger.asleep = true
    for (let index = 0; index < 300; index += 1) network.open(stranger, peer).mute = true
    expect(peer.openEnds().length).toBe(300)
    expect(peer.counter('channelsRefused')).toBe(300 - 128)
    network.run(11_000)
    expect(peer.openEnds()).toEqual([])
    expect(peer.counter('handshakesFailed')).toBe(128)
  })

  test('a stranger cannot make a peer hold more than a kilobyte for a frame', () => {
    const network = new VirtualNetwork()
    const [stranger, peer] = [network.add('stranger'), network.add('peer')]
    const end = network.open(stranger, peer).other!
    const fragment = (first: boolean) =>
      Uint8Array.from([first ? 0x72 : 0x70, 0xc8, 4, ...new Uint8Array(584)])
    network.inject(end, fragment(true))
    for (let index = 0; index < 3; index += 1) network.inject(end, fragment(false))
    expect(peer.counter('framesMalformed')).toBe(1)
    expectSound(network, peer)
  })
})
