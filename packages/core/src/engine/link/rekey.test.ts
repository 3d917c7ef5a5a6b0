/** The keys of a channel as they follow each other. */

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { FlightRecorder } from '../../recorder/recorder.ts'
import { registry } from '../../recorder/registry.ts'
import { Nonces } from '../../testing/sim/invariants/nonces.ts'
import { concatBytes } from '../bytes/compare.ts'
import { encodeHex } from '../bytes/hex.ts'
import { nobleCryptography } from '../crypto/noble.ts'
import { SeededRandom } from '../crypto/random.ts'
import { CipherState } from '../noise/cipher-state.ts'
import { keyLifetime } from '../noise/key-use.ts'
import type { KeyLifetime } from '../noise/key-use.ts'
import { ChannelReceiver } from './channel-receiver.ts'
import { frameKindCodes, frameKindOf } from './frame.ts'
import type { OutgoingFrame, PriorityIndex } from './frame.ts'
import { frameBodyBytesMax, FrameCipher } from './frame-cipher.ts'
import { FramePacker } from './frame-packer.ts'
import { FrameReassembler } from './frame-reassembler.ts'
import { messagesOfChannel } from './messages-of-channel.ts'
import { costOf, expectWhole, frameOf, link, transfer } from './two-peers.ts'
import { plainTraits, VirtualNetwork } from './virtual-network.ts'
import type { VirtualPeer } from './virtual-network.ts'

const hourMs = 3_600_000
const rekeyFrame: OutgoingFrame = { kind: 'rekey', payload: new Uint8Array(0) }
const eternal: KeyLifetime = {
  messages: Number.POSITIVE_INFINITY,
  bytes: Number.POSITIVE_INFINITY,
  ms: Number.POSITIVE_INFINITY,
}

function cipher(cryptography = nobleCryptography, lifetime = keyLifetime): FrameCipher {
  const sealing = new FrameCipher()
  const key = () => new CipherState(new Uint8Array(32).fill(7), cryptography)
  sealing.secure({ send: key(), receive: key() }, lifetime)
  return sealing
}

function seal(sending: FrameCipher, kind: OutgoingFrame['kind'], payload = frameOf(10)) {
  return concatBytes(...sending.seal(frameKindCodes[kind], 0, payload))
}

function open(receiving: FrameCipher, kind: OutgoingFrame['kind'], body: Uint8Array) {
  return receiving.open({ kindCode: frameKindCodes[kind], priority: 0, body })
}

function rekeys(peer: VirtualPeer) {
  return { sent: peer.counter('rekeysSent'), received: peer.counter('rekeysReceived') }
}

describe('[FR12] a key and the one after it', () => {
  test('frames of all priorities arrive, whatever was under way at a rekey', () => {
    /** A frame, and after how many messages it is there to be sent. */
    const anyFrame = fc.record({
      priority: fc.constantFrom<PriorityIndex>(0, 1, 2, 3),
      payload: fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ maxLength: 300 })),
      after: fc.nat(12),
    })
    const rekey = fc.record({ after: fc.nat(12) })
    fc.assert(
      fc.property(
        fc.array(anyFrame, { maxLength: 12 }),
        fc.array(rekey, { maxLength: 6 }),
        fc.oneof(fc.integer({ min: 20, max: 200 }), fc.constant(65_535)),
        (frames, rekeyings, messageBytesMax) => {
          const complaints: string[] = []
          const nonces = new Nonces((what) => complaints.push(what))
          const sending = cipher(nonces.guard(nobleCryptography))
          const receiving = cipher(nonces.guard(nobleCryptography))
          const packer = new FramePacker(sending)
          const reassembler = new FrameReassembler(frameBodyBytesMax)
          const waiting = [
            ...rekeyings.map(({ after }) => ({ after, priority: 0, frame: rekeyFrame })),
            ...frames.map(({ after, priority, payload }) => {
              return { after, priority, frame: { kind: 'packet', payload } as const }
            }),
          ]
          const received: string[] = []
          let rekeysReceived = 0
          let isSaid = false
          for (let count = 0; !isSaid; count += 1) {
            const message = packer.pack(messageBytesMax, 3, (priority) => {
              const index = waiting.findIndex((each) => {
                return each.priority === priority && each.after <= count
              })
              return index < 0 ? undefined : waiting.splice(index, 1)[0]!.frame
            })
            isSaid = message === undefined && waiting.length === 0
            reassembler.load(message ?? new Uint8Array(0))
            for (let frame = reassembler.next(); frame; frame = reassembler.next()) {
              const payload = receiving.open(frame)!
              if (frameKindOf(frame.kindCode) === 'rekey') {
                receiving.rekeyReceived((priority) => reassembler.isUnderWay(priority))
                rekeysReceived += 1
              } else received.push(`${frame.priority} ${encodeHex(payload)}`)
            }
          }
          const sent = frames.map(({ priority, payload }) => `${priority} ${encodeHex(payload)}`)
          expect(received.toSorted()).toEqual(sent.toSorted())
          expect(rekeysReceived).toBe(rekeyings.length)
          expect(complaints).toEqual([])
        },
      ),
    )
  })

  test('what is sealed after a rekey does not open with the key before', () => {
    const [sending, receiving] = [cipher(), cipher()]
    expect(open(receiving, 'rekey', seal(sending, 'rekey', frameOf(0)))).toEqual(frameOf(0))
    expect(open(receiving, 'hello', seal(sending, 'hello'))).toBe(undefined)
  })

  test('what is in the frame is ignored, and so is how often it comes', () => {
    const [sending, receiving] = [cipher(), cipher()]
    for (let count = 0; count < 2_000; count += 1) {
      const payload = frameOf(count % 5)
      expect(open(receiving, 'rekey', seal(sending, 'rekey', payload))).toEqual(payload)
      expect(receiving.rekeyReceived(() => false)).toBe(true)
    }
    expect(open(receiving, 'hello', seal(sending, 'hello'))).toEqual(frameOf(10))
  })

  test('a key is used for 2^20 frames, 2^30 bytes or an hour, and then for no other', () => {
    expect(keyLifetime).toEqual({ messages: 2 ** 20, bytes: 2 ** 30, ms: hourMs })
    // The frame that says so counts for neither key.
    const byFrames = cipher(nobleCryptography, { ...eternal, messages: 2 })
    const byBytes = cipher(nobleCryptography, { ...eternal, bytes: 20 })
    for (const sending of [byFrames, byBytes]) {
      const renewals = [0, 1, 2, 3, 4].map((nowMs) => {
        const isRenewed = sending.takeRenewal(nowMs)
        if (isRenewed) seal(sending, 'rekey')
        seal(sending, 'hello')
        return isRenewed
      })
      expect(renewals).toEqual([false, false, true, false, true])
    }
    const byTime = cipher(nobleCryptography, { ...eternal, ms: 100 })
    const times = [5_000, 5_099, 5_100, 5_101, 5_199, 5_200]
    const renewals = times.map((nowMs) => byTime.takeRenewal(nowMs))
    expect(renewals).toEqual([false, false, true, false, false, true])
    expect(new FrameCipher().takeRenewal(0)).toBe(false)
  })
})

describe('[FR12] links', () => {
  test.each([
    ['that keep order', plainTraits, { messages: 7 }],
    [
      'that keep order, in messages of 20 bytes',
      { ...plainTraits, messageBytesMax: 20 },
      { messages: 3 },
    ],
    ['that lose and reorder', { ...plainTraits, reliable: false, ordered: false }, { bytes: 900 }],
  ])('go on to the next key again and again, over channels %s', (_name, traits, lifetime) => {
    const network = new VirtualNetwork()
    network.traits = traits
    const [a, b] = ['a', 'b'].map((name) => {
      return network.add(name, { keyLifetime: { ...eternal, ...lifetime } })
    }) as [VirtualPeer, VirtualPeer]
    link(network, a, 'b', 'virtual')
    network.faults = { ...network.faults, lossRatio: 0.05, duplicateRatio: 0.05 }
    transfer(network, [a, b], 60, () => {})
    expectWhole([a, b], 60)
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      expect(rekeys(one).sent).toBeGreaterThan(10)
      expect(rekeys(other).received).toBe(rekeys(one).sent)
    }
  })

  test('where nothing but hellos is said, a key is used for an hour, on spares too', () => {
    const network = new VirtualNetwork()
    const [a, b] = [network.add('a'), network.add('b')]
    network.addTransport('spare', costOf('relay'))
    link(network, a, 'b', 'virtual')
    link(network, a, 'b', 'spare')
    network.run(hourMs - 60_000)
    for (const peer of [a, b]) expect(rekeys(peer)).toEqual({ sent: 0, received: 0 })
    network.run(120_000)
    for (const peer of [a, b]) expect(rekeys(peer)).toEqual({ sent: 2, received: 2 })
    network.run(3 * hourMs)
    for (const peer of [a, b]) expect(rekeys(peer)).toEqual({ sent: 8, received: 8 })
    transfer(network, [a, b], 10, () => {})
    expectWhole([a, b], 10)
  })

  test('a channel in clear has no key to renew: whoever says so breaks a rule', () => {
    const network = new VirtualNetwork()
    const [a, b] = [network.add('a'), network.add('b')]
    network.traits = { ...plainTraits, encrypted: true, binding: frameOf(32) }
    link(network, a, 'b', 'virtual')
    network.run(2 * hourMs)
    for (const peer of [a, b]) expect(rekeys(peer)).toEqual({ sent: 0, received: 0 })
    network.inject(a.openEnds()[0]!, Uint8Array.of(0xb3, 0))
    expect(rekeys(a).received).toBe(0)
    expect(a.counter('framesMalformed')).toBe(1)
    network.run(1_000)
    expect(a.toldOf('link-down').map(({ reason }) => reason)).toEqual(['protocol'])
  })

  test('before a handshake is complete it is refused', () => {
    const network = new VirtualNetwork()
    const [a, b] = [network.add('a'), network.add('b')]
    const end = network.open(b, a).other!
    network.inject(end, Uint8Array.of(0xb3, 0))
    expect(a.counter('framesMalformed')).toBe(1)
    expect(rekeys(a).received).toBe(0)
  })

  test('in another priority than control it breaks a rule', () => {
    const context = {
      random: new SeededRandom(new Uint8Array(32)),
      cryptography: nobleCryptography,
      recorder: new FlightRecorder(registry, { level: 'off' }).recorder,
    }
    for (const priority of [0, 1, 2, 3] as const) {
      const messages = messagesOfChannel(context, plainTraits)
      const receiver = new ChannelReceiver(context, messages, cipher())
      receiver.rekeyReceived(priority)
      expect(receiver.fault).toBe(priority === 0 ? undefined : 'malformed')
    }
  })
})
