import { describe, expect, test } from 'vitest'

import { queueBytesMax } from './send-queue.ts'
import { lanCost, plainTraits, VirtualNetwork } from './virtual-network.ts'
import type { VirtualPeer } from './virtual-network.ts'

/** A network where `a` dials `b` by its address. */
function dialledPair(options: Parameters<VirtualNetwork['add']>[1] = {}) {
  const network = new VirtualNetwork()
  const a = network.add('a')
  const b = network.add('b', options)
  a.neighbourhood.addressFound('virtual', 'b', network.nowMs)
  return { network, a, b }
}

function frameOf(length: number, salt = 0): Uint8Array {
  return new Uint8Array(length).map((_, index) => (index * 7 + salt) & 0xff)
}

function payloads(peer: VirtualPeer): Uint8Array[] {
  return peer.toldOf('frame').map((output) => output.payload)
}

describe('connecting', () => {
  test('[LK3] both ends learn each other and the round trip at once', () => {
    const { network, a, b } = dialledPair()
    network.run(100)
    expect(a.toldOf('link-up').map(({ link }) => link.peer)).toEqual([b.peer])
    expect(b.toldOf('link-up').map(({ link }) => link.peer)).toEqual([a.peer])
    for (const peer of [a, b]) {
      expect(peer.neighbourhood.links()[0]).toMatchObject({
        transport: 'virtual',
        cost: lanCost,
        rttMs: 10,
      })
      expect(peer.toldOf('link-changed')).toHaveLength(1)
    }
    expect(a.neighbourhood.links()[0]!.publicKey).toEqual(b.identity.publicKey)
  })

  test('what has happened is told before any message is made', () => {
    const network = new VirtualNetwork()
    const [a, b] = [network.add('a'), network.add('b')]
    a.neighbourhood.addressFound('virtual', 'b', 0)
    network.run(100)
    for (const payload of [1, 2, 3]) {
      const bytes = Uint8Array.of(payload)
      a.neighbourhood.send(b.peer, 'packet', 'sync', bytes, network.nowMs)
    }
    expect(a.neighbourhood.pollEvent()).toBe(undefined)
    const sent = Array.from({ length: 3 }, () => a.neighbourhood.poll()?.type)
    expect(sent).toEqual(['channel-send', undefined, undefined])
  })

  test('frames of each kind arrive whole and in order, both ways', () => {
    const { network, a, b } = dialledPair()
    network.run(100)
    const sent = [frameOf(0), frameOf(1), frameOf(65_536), frameOf(70, 3)]
    for (const payload of sent) {
      expect(a.neighbourhood.send(b.peer, 'packet', 'sync', payload, network.nowMs)).toBe(
        'accepted',
      )
      b.neighbourhood.send(a.peer, 'packet', 'sync', payload, network.nowMs)
    }
    a.neighbourhood.send(b.peer, 'route', 'control', frameOf(5), network.nowMs)
    a.neighbourhood.send(b.peer, 'presence', 'bulk', frameOf(6), network.nowMs)
    network.run(100)
    expect(b.toldOf('frame').map(({ kind }) => kind)).toEqual([
      'route',
      ...sent.map(() => 'packet'),
      'presence',
    ])
    expect(payloads(b).slice(1, -1)).toEqual(sent)
    expect(payloads(a)).toEqual(sent)
  })

  test('[FR5] channels of 20-byte messages carry everything, urgent frames between fragments', () => {
    const { network, a, b } = dialledPair()
    network.traits = { ...plainTraits, messageBytesMax: 20 }
    network.run(200)
    const [end] = a.openEnds()
    const before = end!.sent.length
    a.neighbourhood.send(b.peer, 'packet', 'bulk', frameOf(1200), network.nowMs)
    end!.drains = false
    network.settle(a)
    a.neighbourhood.send(b.peer, 'packet', 'interactive', frameOf(40), network.nowMs)
    network.run(100)
    expect(payloads(b).map(({ length }) => length)).toEqual([1200, 40])
    expect(end!.sent.slice(before).every(({ length }) => length <= 20)).toBe(true)
    expect(payloads(b)[0]).toEqual(frameOf(1200))
  })

  test('[FR6] [FR8] a channel that encrypts and is bound carries frames in clear, another does not', () => {
    const secret = new TextEncoder().encode('a table for two at eight, please')
    const isSeen = (traits: typeof plainTraits): boolean => {
      const { network, a, b } = dialledPair()
      network.traits = traits
      network.run(100)
      a.neighbourhood.send(b.peer, 'packet', 'sync', secret, network.nowMs)
      network.run(100)
      expect(payloads(b)).toEqual([secret])
      const wire = a.openEnds()[0]!.sent.map((bytes) => new TextDecoder('latin1').decode(bytes))
      return wire.join('').includes('table for two')
    }
    expect(isSeen({ ...plainTraits, encrypted: true, binding: frameOf(64) })).toBe(true)
    expect(isSeen({ ...plainTraits, encrypted: true })).toBe(false)
    expect(isSeen(plainTraits)).toBe(false)
  })
})

describe('[HS12] [LK16] refusals are named on both sides, once', () => {
  const cases = [
    ['[HS4] another app', { app: 'bar' }, 'app-mismatch'],
    ['[HS5] another secret', { secretByte: 9 }, 'secret-mismatch'],
  ] as const
  test.each(cases)('%s', (_name, options, code) => {
    const { network, a, b } = dialledPair(options)
    network.run(120_000)
    for (const peer of [a, b]) {
      expect(peer.toldOf('problem').map(({ problem }) => problem.code)).toEqual([code])
      expect(peer.toldOf('link-up')).toEqual([])
      expect(peer.openEnds()).toEqual([])
    }
    // Tried again at the longest pause only.
    const dials = a.toldOf('dial').length
    expect(dials).toBeGreaterThanOrEqual(4)
    expect(dials).toBeLessThanOrEqual(6)
  })

  test('[HS8] another identity than the one that was wanted', () => {
    const network = new VirtualNetwork()
    const a = network.add('a')
    const b = network.add('b')
    const wanted = new VirtualNetwork().add('c', { keyByte: 3 })
    // The signalling that was to reach c reaches b.
    network.findPeer = () => b
    a.neighbourhood.want(wanted.peer, 'virtual', 0)
    network.run(1000)
    for (const peer of [a, b]) {
      expect(peer.toldOf('problem').map(({ problem }) => problem.code)).toEqual([
        'identity-mismatch',
      ])
      expect(peer.toldOf('link-up')).toEqual([])
    }
    expect(a.toldOf('problem')[0]!.peer).toBe(wanted.peer)
  })

  test('[HS2] no common version', () => {
    const { network, a, b } = dialledPair()
    network.tamper = (bytes, from) => {
      // The offer of a peer that speaks versions 7 to 9: header, length, then the versions.
      if (from.peer === a && from.sent.length === 1) bytes.set([7, 9], 2)
      return bytes
    }
    network.run(1000)
    for (const peer of [a, b]) {
      expect(peer.toldOf('problem').map(({ problem }) => problem.code)).toEqual([
        'protocol-version-mismatch',
      ])
    }
  })

  test('[HS9] a wider range of versions that was not offered fails the handshake', () => {
    const { network, a, b } = dialledPair()
    network.tamper = (bytes, from) => {
      if (from.peer === a && from.sent.length === 1) bytes.set([1, 9], 2)
      return bytes
    }
    network.run(1000)
    expect(b.toldOf('link-up')).toEqual([])
  })

  test.each([
    ['sealed', plainTraits],
    ['bound', { ...plainTraits, encrypted: true, binding: frameOf(64) }],
  ])('[HS12] message 3 of the handshake, on a channel that is %s', (_name, traits) => {
    const { network, a, b } = dialledPair()
    network.traits = traits
    network.tamper = (bytes, from) => {
      // One bit in the middle of what is sealed.
      if (from.peer === a && from.sent.length === 2) bytes[40]! ^= 1
      return bytes
    }
    network.run(50)
    for (const peer of [a, b]) {
      expect(peer.toldOf('problem').map(({ problem }) => problem.code)).toEqual([
        'handshake-failed',
      ])
      expect(peer.counter('framesUndecipherable')).toBe(0)
    }
    expect(a.toldOf('link-down').map(({ reason }) => reason)).toEqual(['handshake-failed'])
    expect(b.toldOf('link-up')).toEqual([])
  })

  test('[HS12] nor is a farewell in clear believed once the link has been heard', () => {
    const { network, a } = dialledPair()
    network.run(100)
    network.inject(a.openEnds()[0]!, Uint8Array.of(0x83, 1, 1))
    expect(a.toldOf('link-down').map(({ reason }) => reason)).toEqual(['protocol'])
  })

  test('[HS10] an address that leads to oneself is left alone', () => {
    const network = new VirtualNetwork()
    const a = network.add('a')
    a.neighbourhood.addressFound('virtual', 'a', 0)
    network.run(60_000)
    expect(a.toldOf('link-up')).toEqual([])
    expect(a.toldOf('problem')).toEqual([])
    expect(a.toldOf('dial').length).toBeLessThanOrEqual(3)
  })

  test('[LK1] a channel that is too narrow', () => {
    const { network, a, b } = dialledPair()
    network.traits = { ...plainTraits, messageBytesMax: 19 }
    network.run(1000)
    expect(a.toldOf('link-up')).toEqual([])
    expect(b.openEnds()).toEqual([])
    expect(b.counter('channelsRefused')).toBe(1)
  })
})

describe('silence', () => {
  test('[LK5] a silent neighbour is dead after 3.5 intervals, not before', () => {
    const { network, a, b } = dialledPair()
    network.run(1000)
    network.vanish(b)
    network.run(12_000)
    expect(a.toldOf('link-down')).toEqual([])
    network.run(2500)
    expect(a.toldOf('link-down').map(({ reason }) => reason)).toEqual(['silent'])
  })

  test('[LK6] unanswered data makes a channel suspect within two seconds', () => {
    const { network, a, b } = dialledPair()
    network.run(1000)
    network.vanish(b)
    const channelStates = () =>
      a.flight
        .events()
        .filter(({ name }) => name === 'link.channelState' || name === 'channelState').length
    const before = channelStates()
    a.neighbourhood.send(b.peer, 'packet', 'sync', frameOf(10), network.nowMs)
    network.run(2100)
    expect(channelStates()).toBe(before + 1)
  })

  test('[LK6] the layers above are told of a link that does not answer, and does again', () => {
    const { network, a, b } = dialledPair()
    network.run(1000)
    b.asleep = true
    a.neighbourhood.send(b.peer, 'packet', 'sync', frameOf(10), network.nowMs)
    network.run(2500)
    b.asleep = false
    network.run(2000)
    const told = a.toldOf('link-changed').map(({ link }) => link.isSuspect)
    expect(told.filter((isSuspect, index) => isSuspect !== told[index - 1])).toEqual([
      false,
      true,
      false,
    ])
  })

  test('[LK7] a machine that slept probes before it declares anybody dead', () => {
    const { network, a, b } = dialledPair()
    network.run(1000)
    a.asleep = true
    b.asleep = true
    network.run(3_600_000)
    a.asleep = false
    b.asleep = false
    network.run(20_000)
    expect(a.toldOf('link-down')).toEqual([])
    expect(b.toldOf('link-down')).toEqual([])
    expect(a.counter('wakes')).toBe(1)
  })

  test('[LK7] and still finds out when the neighbour is gone', () => {
    const { network, a, b } = dialledPair()
    network.run(1000)
    a.asleep = true
    network.run(100_000)
    network.vanish(b)
    a.asleep = false
    network.run(5000)
    expect(a.toldOf('link-down').map(({ reason }) => reason)).toEqual(['silent'])
  })

  test('[LK7] [LK42] after a sleep, and when the network may be another one, a hello leaves at once', () => {
    const { network, a, b } = dialledPair()
    network.run(1000)
    for (const happen of [
      () => a.neighbourhood.woke(2_500, 'clock-leap', network.nowMs),
      () => a.neighbourhood.hurry(network.nowMs),
    ]) {
      network.run(1000)
      const [near, far] = [a.openEnds()[0]!, b.openEnds()[0]!]
      const [asked, answered] = [near.sent.length, far.sent.length]
      happen()
      network.run(2 * network.latencyMs)
      expect([near.sent.length, far.sent.length]).toEqual([asked + 1, answered + 1])
    }
  })

  test('[LK4] a round trip that rises is told when it matters', () => {
    const { network, a } = dialledPair()
    network.run(1000)
    network.latencyMs = 100
    network.run(60_000)
    expect(a.neighbourhood.links()[0]!.rttMs).toBeGreaterThan(100)
    expect(a.toldOf('link-changed').length).toBeGreaterThan(2)
    expect(a.toldOf('link-changed').length).toBeLessThan(15)
  })
})

describe('dialling again', () => {
  test('[LK13] an address whose link broke is dialled again until it is lost', () => {
    const { network, a, b } = dialledPair()
    network.run(100)
    network.break(a.openEnds()[0]!)
    network.run(1000)
    expect(a.toldOf('link-down').map(({ reason }) => reason)).toEqual(['channel-lost'])
    expect(a.toldOf('link-up')).toHaveLength(2)
    expect(b.neighbourhood.links()).toHaveLength(1)
    a.neighbourhood.addressLost('virtual', 'b', network.nowMs)
    network.break(a.openEnds()[0]!)
    network.run(60_000)
    expect(a.toldOf('link-up')).toHaveLength(2)
  })

  test('[LK13] pauses double from 100 ms to 30 s, with a fifth of jitter', () => {
    const network = new VirtualNetwork()
    network.latencyMs = 0
    const a = network.add('a')
    const startedAtMs: number[] = []
    network.dialFailure = 'unreachable'
    a.neighbourhood.addressFound('virtual', 'nowhere', 0)
    let dials = 0
    while (network.nowMs < 200_000) {
      network.run(1)
      if (a.toldOf('dial').length > dials) startedAtMs.push(network.nowMs)
      dials = a.toldOf('dial').length
    }
    const pauses = startedAtMs.slice(1).map((atMs, index) => atMs - startedAtMs[index]!)
    for (const [index, pauseMs] of pauses.entries()) {
      const plainMs = Math.min(30_000, 100 * 2 ** index)
      expect(pauseMs).toBeGreaterThanOrEqual(plainMs * 0.8 - 2)
      expect(pauseMs).toBeLessThanOrEqual(plainMs * 1.2 + 2)
    }
    expect(pauses.length).toBeGreaterThan(9)
  })

  test('[LK42] who is in a hurry waits no longer, and begins with the shortest pause', () => {
    const network = new VirtualNetwork()
    const a = network.add('a')
    network.dialFailure = 'unreachable'
    a.neighbourhood.addressFound('virtual', 'nowhere', 0)
    network.run(60_000)
    const before = a.toldOf('dial').length
    a.neighbourhood.hurry(network.nowMs)
    network.run(1)
    expect(a.toldOf('dial').length).toBe(before + 1)
    network.run(500)
    expect(a.toldOf('dial').length).toBe(before + 3)
  })

  test('[LK42] but what no retry mends waits for the longest pause all the same', () => {
    const network = new VirtualNetwork()
    const a = network.add('a')
    network.add('b', { app: 'bar' })
    a.neighbourhood.addressFound('virtual', 'b', 0)
    network.run(5_000)
    expect(a.toldOf('dial')).toHaveLength(1)
    a.neighbourhood.hurry(network.nowMs)
    network.run(5_000)
    expect(a.toldOf('dial')).toHaveLength(1)
  })
  test.each([
    ['bad-address', 'address-invalid'],
    ['certificate-mismatch', 'certificate-mismatch'],
  ] as const)(
    '[LK13, LK16] a dial that fails by %s waits long and is told of once',
    (reason, code) => {
      const network = new VirtualNetwork()
      const a = network.add('a')
      network.dialFailure = reason
      a.neighbourhood.addressFound('virtual', 'somewhere', 0)
      network.run(20_000)
      expect(a.toldOf('dial')).toHaveLength(1)
      network.run(100_000)
      expect(a.toldOf('dial').length).toBeGreaterThan(2)
      expect(a.toldOf('problem').map(({ problem }) => problem)).toEqual([
        { code, message: `the virtual network says ${reason}` },
      ])
    },
  )

  test('[LK13] ten seconds of health reset the pause, less do not', () => {
    const { network, a } = dialledPair()
    network.run(100)
    const breakAndCount = (healthMs: number): number => {
      network.run(healthMs)
      network.break(a.openEnds()[0]!)
      const before = network.nowMs
      const links = a.toldOf('link-up').length
      while (a.toldOf('link-up').length === links) network.run(10)
      return network.nowMs - before
    }
    for (let round = 0; round < 6; round += 1) breakAndCount(100)
    expect(breakAndCount(100)).toBeGreaterThan(2000)
    expect(breakAndCount(11_000)).toBeLessThan(300)
  })

  test('[LK13] a peer that broke a rule is not dialled before the longest pause, by whatever way', () => {
    const { network, a, b } = dialledPair()
    network.run(100)
    network.findPeer = (address) => (address.startsWith('a') ? a : b)
    // Another address of the same peer: it rests, since there is a channel.
    a.neighbourhood.addressFound('virtual', 'b by another name', network.nowMs)
    network.run(20_000)
    expect(a.openEnds()).toHaveLength(1)
    const before = a.toldOf('dial').length
    network.inject(a.openEnds()[0]!, Uint8Array.of(0x5b, 0x80))
    expect(a.toldOf('link-down').map(({ reason }) => reason)).toEqual(['protocol'])
    network.run(23_000)
    expect(a.toldOf('dial')).toHaveLength(before)
    network.run(14_000)
    expect(a.toldOf('dial').length).toBeGreaterThan(before)
    expect(b.neighbourhood.links()).toHaveLength(1)
  })

  test('[LK13] at most four dials run at once; each is cancelled after ten seconds', () => {
    const network = new VirtualNetwork()
    const a = network.add('a')
    network.dialsHang = true
    for (let index = 0; index < 9; index += 1) {
      a.neighbourhood.addressFound('virtual', `nowhere-${index}`, 0)
    }
    network.run(9_900)
    expect(a.toldOf('dial')).toHaveLength(4)
    expect(a.toldOf('cancel-dial')).toHaveLength(0)
    network.run(200)
    expect(a.toldOf('cancel-dial')).toHaveLength(4)
    expect(a.toldOf('dial')).toHaveLength(8)
  })

  test('[LK14] a wanted peer is dialled by its id, and given up where no dial can help', () => {
    const network = new VirtualNetwork()
    const a = network.add('a')
    const b = network.add('b')
    a.neighbourhood.want(b.peer, 'virtual', 0)
    network.run(100)
    expect(a.toldOf('dial')[0]!.address).toBe(b.peer)
    expect(a.toldOf('link-up')).toHaveLength(1)
    a.neighbourhood.unwant(b.peer, 'virtual', network.nowMs)
    network.break(a.openEnds()[0]!)
    network.run(60_000)
    expect(a.toldOf('dial')).toHaveLength(1)

    network.dialFailure = 'unsupported'
    a.neighbourhood.want(b.peer, 'virtual', network.nowMs)
    network.run(100)
    expect(a.toldOf('dial-given-up')).toEqual([
      { type: 'dial-given-up', peer: b.peer, transport: 'virtual', reason: 'unsupported' },
    ])
    a.neighbourhood.want(b.peer, 'other', network.nowMs)
    a.neighbourhood.transportStopped('other', network.nowMs)
    network.run(100)
    expect(a.toldOf('dial-given-up').map(({ reason }) => reason)).toEqual([
      'unsupported',
      'transport-stopped',
    ])
  })

  test('[LK14] a peer that is linked over the transport is not dialled until it no longer is', () => {
    const { network, a, b } = dialledPair()
    network.run(100)
    b.neighbourhood.want(a.peer, 'virtual', network.nowMs)
    network.run(20_000)
    expect(b.toldOf('dial')).toHaveLength(0)
    a.neighbourhood.addressLost('virtual', 'b', network.nowMs)
    network.break(a.openEnds()[0]!)
    network.run(1000)
    expect(b.toldOf('dial')).toHaveLength(1)
    expect(b.neighbourhood.links()).toHaveLength(1)
  })
})

describe('hostile messages', () => {
  test('[FR10] a message longer than any may be ends the link', () => {
    for (const [length, reasons] of [
      [65_535, []],
      [65_536, ['protocol']],
    ] as const) {
      const { network, b } = dialledPair()
      network.traits = { ...plainTraits, encrypted: true, binding: frameOf(64) }
      network.run(100)
      // Frames of an unassigned kind without contents; the last one takes an odd byte.
      const message = new Uint8Array(length).map((_, index) => (index % 2 === 0 ? 0xf3 : 0))
      if (length % 2 === 1) message[length - 2] = 1
      network.inject(b.openEnds()[0]!, message)
      expect(b.toldOf('link-down').map(({ reason }) => reason)).toEqual(reasons)
    }
  })

  test('a short frame that is kept does not keep the long message it came in', () => {
    const { network, b } = dialledPair()
    network.traits = { ...plainTraits, encrypted: true, binding: frameOf(64) }
    network.run(100)
    const message = new Uint8Array(60_000)
    // The number of the first packet, one of five bytes, and an unassigned kind with all the rest.
    message.set([0x9b, 2, 4, 0, 0x5b, 5, 1, 2, 3, 4, 5, 0xff, 0xd1, 0xd4, 0x03])
    network.inject(b.openEnds()[0]!, message)
    expect(payloads(b)).toEqual([Uint8Array.of(1, 2, 3, 4, 5)])
    expect(payloads(b)[0]!.buffer.byteLength).toBeLessThanOrEqual(10)
  })
})

describe('back-pressure', () => {
  test('[LK11] [LK12] what a channel does not drain waits, is refused, and goes on later', () => {
    const { network, a, b } = dialledPair()
    network.run(100)
    const [end] = a.openEnds()
    end!.drains = false
    const payload = frameOf(10_000)
    let accepted = 0
    while (a.neighbourhood.send(b.peer, 'packet', 'bulk', payload, network.nowMs) === 'accepted') {
      accepted += 1
      network.settle(a)
      expect(accepted).toBeLessThan(100)
    }
    expect(end!.sentBytes).toBeLessThanOrEqual(256 * 1024)
    expect(accepted * 10_000).toBeLessThanOrEqual(256 * 1024 + queueBytesMax)
    expect(a.counter('sendsRefused')).toBe(1)
    // Another priority has room of its own, and hellos still get through.
    expect(a.neighbourhood.send(b.peer, 'packet', 'interactive', payload, network.nowMs)).toBe(
      'accepted',
    )
    network.run(60_000)
    expect(a.neighbourhood.links()).toHaveLength(1)
    expect(a.toldOf('link-writable')).toEqual([])
    for (let round = 0; round < 20; round += 1) {
      network.drain(end!)
      network.run(10)
    }
    expect(a.toldOf('link-writable')).toHaveLength(1)
    expect(payloads(b)).toHaveLength(accepted + 1)
    expect(payloads(b).every((received) => received.length === payload.length)).toBe(true)
  })

  test('[LK11] a channel that never drains does not keep its peer busy', () => {
    const { network, a, b } = dialledPair()
    network.run(100)
    a.openEnds()[0]!.drains = false
    for (let index = 0; index < 50; index += 1) {
      a.neighbourhood.send(b.peer, 'packet', 'control', frameOf(10_000), network.nowMs)
    }
    let deadlines = 0
    for (let second = 0; second < 600; second += 1) {
      network.run(1000)
      deadlines += 1
    }
    expect(deadlines).toBe(600)
    expect(a.openEnds()[0]!.sentBytes).toBeLessThanOrEqual(256 * 1024)
  })
})

describe('stopping', () => {
  test('[LK15] says farewell to all, after what credit lets through, and dials no more', () => {
    const { network, a, b } = dialledPair()
    network.run(100)
    a.neighbourhood.send(b.peer, 'packet', 'bulk', frameOf(1000), network.nowMs)
    a.neighbourhood.stop(network.nowMs)
    network.run(100)
    expect(payloads(b)).toHaveLength(1)
    expect(b.toldOf('link-down').map(({ reason }) => reason)).toEqual(['stopped'])
    expect(a.openEnds()).toEqual([])
    network.run(60_000)
    expect(a.toldOf('dial')).toHaveLength(1)
    expect(a.neighbourhood.send(b.peer, 'packet', 'bulk', frameOf(1), network.nowMs)).toBe(
      'no-link',
    )
    expect(a.neighbourhood.nextDeadlineMs()).toBe(Number.POSITIVE_INFINITY)
  })
})
