import { describe, expect, test } from 'vitest'

import { channelsPerLinkMax } from './neighbour-link.ts'
import { keptBytesMax } from './outbound-frames.ts'
import {
  costOf,
  pairWith,
  link,
  endOf,
  cut,
  silence,
  frameOf,
  payloads,
  transportsOf,
  send,
  transfer,
  numbersOf,
  expectWhole,
} from './two-peers.ts'

describe('[LK8] a neighbour is one link, whatever its channels', () => {
  test('channels of two transports stay, the better one active, the other a spare', () => {
    for (const [first, second] of [
      ['wan', 'lan'],
      ['lan', 'wan'],
    ] as const) {
      for (const dialler of ['a', 'b'] as const) {
        const { network, a, b } = pairWith('lan', 'wan')
        link(network, a, 'b', first)
        link(network, dialler === 'a' ? a : b, dialler === 'a' ? 'b' : 'a', second)
        network.run(60_000)
        for (const peer of [a, b]) {
          expect(peer.openEnds()).toHaveLength(2)
          expect(transportsOf(peer)).toEqual(['lan'])
          expect(peer.toldOf('link-up')).toHaveLength(1)
          expect(peer.toldOf('link-down')).toEqual([])
          const kinds = peer.toldOf('link-changed').map((output) => output.link.transport)
          expect(kinds.at(-1)).toBe('lan')
          expect(peer.counter('switches')).toBe(first === 'wan' ? 1 : 0)
          expect(peer.counter('switchesBetter')).toBe(first === 'wan' ? 1 : 0)
        }
      }
    }
  })

  test('[LK3] a spare says hello every 30 s, and is not taken for dead', () => {
    const { network, a, b } = pairWith('lan', 'wan', 'bluetooth')
    for (const transport of ['lan', 'wan', 'bluetooth']) link(network, a, 'b', transport)
    network.run(10_000)
    const sentBefore = a.openEnds().map((end) => end.sent.length)
    network.run(600_000)
    const sent = a.openEnds().map((end, index) => end.sent.length - sentBefore[index]!)
    expect(sent).toHaveLength(3)
    expect(sent[0]).toBeGreaterThanOrEqual(150)
    for (const spare of sent.slice(1)) {
      expect(spare).toBeGreaterThanOrEqual(19)
      expect(spare).toBeLessThanOrEqual(21)
    }
    expect(transportsOf(b)).toEqual(['lan'])
  })

  test('[LK3] an active Bluetooth channel says hello every 8 s', () => {
    const { network, a } = pairWith('bluetooth')
    link(network, a, 'b', 'bluetooth')
    network.run(10_000)
    const [end] = a.openEnds()
    const before = end!.sent.length
    network.run(80_000)
    expect(end!.sent.length - before).toBe(10)
  })

  test('[LK3] a hidden page says hello each minute, which it announces at once', () => {
    const { network, a, b } = pairWith('lan')
    link(network, a, 'b', 'lan')
    network.run(10_000)
    const [end] = a.openEnds()
    a.neighbourhood.setHidden(true, network.nowMs)
    const before = end!.sent.length
    network.run(600_000)
    // The first one tells of the pause; the other end asks for none meanwhile.
    expect(end!.sent.length - before).toBeGreaterThanOrEqual(10)
    expect(end!.sent.length - before).toBeLessThanOrEqual(12)
    expect(transportsOf(b)).toEqual(['lan'])
    expect(b.toldOf('link-down')).toEqual([])
    a.neighbourhood.setHidden(false, network.nowMs)
    const hidden = end!.sent.length
    network.run(60_000)
    expect(end!.sent.length - hidden).toBeGreaterThanOrEqual(15)
  })

  test('[LK3] and is missed as soon as others when it does not answer', () => {
    const { network, a, b } = pairWith('lan')
    link(network, a, 'b', 'lan')
    network.run(10_000)
    a.neighbourhood.setHidden(true, network.nowMs)
    network.run(5_000)
    a.asleep = true
    b.neighbourhood.send(a.peer, 'packet', 'interactive', new Uint8Array(100), network.nowMs)
    network.run(16_000)
    expect(b.toldOf('link-down')).toHaveLength(1)
  })

  test('a fifth proven channel is closed', () => {
    const { network, a, b } = pairWith()
    const names = Array.from({ length: channelsPerLinkMax + 1 }, (_, index) => `kind ${index}`)
    for (const name of names) network.addTransport(name, {})
    for (const name of names) link(network, a, 'b', name)
    network.run(1000)
    for (const peer of [a, b]) {
      expect(peer.openEnds()).toHaveLength(channelsPerLinkMax)
      expect(peer.toldOf('link-down')).toEqual([])
    }
  })

  test('an unmetered channel is preferred to a metered one of its class', () => {
    const { network, a, b } = pairWith()
    network.addTransport('cellular', costOf('wan', true))
    network.addTransport('wifi', costOf('wan'))
    link(network, a, 'b', 'cellular')
    link(network, b, 'a', 'wifi')
    for (const peer of [a, b]) expect(transportsOf(peer)).toEqual(['wifi'])
  })
})

describe('[LK9] a switch loses nothing, doubles nothing and keeps the order', () => {
  test.each([
    ['to a better channel, dialled by the deciding end', 'bluetooth', 'lan', 'a'],
    ['to a better channel, dialled by the other end', 'bluetooth', 'lan', 'b'],
  ] as const)('%s', (_name, first, second, dialler) => {
    const { network, a, b } = pairWith('lan', 'bluetooth')
    network.addTransport('bluetooth', { ...costOf('bluetooth'), messageBytesMax: 60 })
    link(network, a, 'b', first)
    transfer(network, [a, b], 120, (atMs) => {
      if (atMs !== 20) return
      const from = dialler === 'a' ? a : b
      from.neighbourhood.addressFound(second, dialler === 'a' ? 'b' : 'a', network.nowMs)
    })
    expectWhole([a, b], 120)
    for (const peer of [a, b]) expect(transportsOf(peer)).toEqual([second])
  })

  test('from a channel that is cut in the middle of what it carries, at any time', () => {
    for (let cutAtMs = 0; cutAtMs < 30; cutAtMs += 1) {
      const { network, a, b } = pairWith('lan')
      network.addTransport('narrow', { ...costOf('wan'), messageBytesMax: 60 })
      link(network, a, 'b', 'lan')
      link(network, b, 'a', 'narrow')
      transfer(network, [a, b], 60, (atMs) => {
        if (atMs === cutAtMs) cut(network, endOf(a, 'lan'))
      })
      expectWhole([a, b], 60)
      expect(a.counter('switchesLost')).toBeGreaterThanOrEqual(1)
    }
  })

  test('nor when the channel is cut just as the other one comes', () => {
    for (let cutAtMs = 0; cutAtMs < 40; cutAtMs += 1) {
      for (const dialler of ['a', 'b'] as const) {
        const { network, a, b } = pairWith('lan', 'wan')
        link(network, a, 'b', 'wan')
        const from = dialler === 'a' ? a : b
        from.neighbourhood.addressFound('lan', dialler === 'a' ? 'b' : 'a', network.nowMs)
        transfer(network, [a, b], 60, (atMs) => {
          if (atMs === cutAtMs) cut(network, endOf(a, 'wan'))
        })
        const isDown = a.toldOf('link-down').length + b.toldOf('link-down').length > 0
        if (isDown) {
          // It was cut before the other one was proven at both ends.
          expect(cutAtMs).toBeLessThan(25)
          for (const lane of [...numbersOf(a), ...numbersOf(b)]) {
            expect(lane).toEqual([...new Set(lane)].sort((left, right) => left - right))
          }
        } else {
          expectWhole([a, b], 60)
        }
      }
    }
  })

  test('and back again, many times', () => {
    const { network, a, b } = pairWith('lan', 'wan')
    link(network, a, 'b', 'wan')
    link(network, a, 'b', 'lan')
    transfer(network, [a, b], 1_000, (atMs) => {
      if (atMs % 60 === 30) {
        cut(network, endOf(a, 'lan'))
        // Found again as if it were new: without a pause.
        a.neighbourhood.addressLost('lan', 'b', network.nowMs)
        a.neighbourhood.addressFound('lan', 'b', network.nowMs)
      }
    })
    expectWhole([a, b], 1_000)
    expect(a.counter('switches')).toBe(35)
    expect(a.counter('framesResent') + b.counter('framesResent')).toBeGreaterThan(0)
  })

  test('it takes effect within a round trip of the new channel', () => {
    for (const sender of ['a', 'b'] as const) {
      const { network, a, b } = pairWith('lan', 'wan')
      link(network, a, 'b', 'lan')
      link(network, a, 'b', 'wan')
      const [from, to] = sender === 'a' ? [a, b] : [b, a]
      send(network, from, to, frameOf(9))
      cut(network, endOf(a, 'lan'))
      // Half a round trip to ask or tell, half to be answered, half for the frame itself.
      network.run(15)
      expect(payloads(to)).toEqual([frameOf(9)])
    }
  })

  test('what was never acknowledged before a spare came is kept as well', () => {
    const { network, a, b } = pairWith('lan', 'wan')
    link(network, a, 'b', 'lan')
    silence(endOf(a, 'lan'))
    for (let salt = 0; salt < 10; salt += 1) send(network, a, b, frameOf(1000, salt))
    network.run(50)
    link(network, b, 'a', 'wan')
    cut(network, endOf(a, 'lan'))
    network.run(100)
    expect(payloads(b)).toEqual(Array.from({ length: 10 }, (_, salt) => frameOf(1000, salt)))
    expect(a.toldOf('link-down')).toEqual([])
  })

  test('frames that could not be kept are lost, and both ends are told so', () => {
    const { network, a, b } = pairWith('lan', 'wan')
    link(network, a, 'b', 'lan')
    const end = endOf(a, 'lan')
    end.mute = true
    // More than is kept, on the only channel, on which sending never waits.
    for (let salt = 0; salt < 30; salt += 1) {
      send(network, a, b, frameOf(20_000, salt))
      network.run(1)
    }
    link(network, b, 'a', 'wan')
    cut(network, end)
    network.run(1000)
    for (const peer of [a, b]) {
      expect(peer.counter('linksTorn')).toBe(1)
      expect(peer.toldOf('link-down').map(({ reason }) => reason)).toEqual(['channel-lost'])
      expect(peer.toldOf('link-up')).toHaveLength(2)
    }
    const salts = payloads(b).map((payload) => payload[0]!)
    expect(salts.length).toBeGreaterThan(8)
    expect(salts).toEqual(Array.from({ length: salts.length }, (_, i) => 30 - salts.length + i))
  })
})

describe('[LK31] what a neighbour has not acknowledged is kept', () => {
  test('with a spare, sending waits at the bound; urgent frames have room beyond', () => {
    const { network, a, b } = pairWith('lan', 'wan')
    link(network, a, 'b', 'lan')
    link(network, a, 'b', 'wan')
    // Nothing that b says arrives any more, receipts among it.
    endOf(b, 'lan').mute = true
    const end = endOf(a, 'lan')
    const before = end.sentBytes
    for (let salt = 0; salt < 60; salt += 1) {
      send(network, a, b, frameOf(10_000, salt))
      network.run(1)
    }
    expect(end.sentBytes - before).toBeGreaterThan(keptBytesMax / 2)
    expect(end.sentBytes - before).toBeLessThan(keptBytesMax)
    a.neighbourhood.send(b.peer, 'packet', 'interactive', frameOf(9), network.nowMs)
    network.run(10)
    expect(payloads(b).at(-1)).toEqual(frameOf(9))
  })

  test('it is acknowledged as it comes, so that a transfer is not held up', () => {
    const { network, a, b } = pairWith('lan', 'wan')
    link(network, a, 'b', 'lan')
    link(network, a, 'b', 'wan')
    let accepted = 0
    for (let atMs = 0; atMs < 500; atMs += 1) {
      while (send(network, a, b, frameOf(16_000)) === 'accepted') accepted += 1
      network.run(1)
    }
    network.run(100)
    expect(payloads(b)).toHaveLength(accepted)
    // Of 10 ms a round trip and 192 KiB in it.
    expect(accepted * 16_000).toBeGreaterThan(500 * 15_000)
  })
})

describe('[LK32] an end that sees its channel silent leaves it', () => {
  test.each([
    ['in both directions', 'both', 'a'],
    ['in both directions, found by the other end', 'both', 'b'],
    ['to the other end alone', 'a', 'b'],
    ['from the other end alone', 'b', 'a'],
  ] as const)('%s', (_name, muted, sender) => {
    const { network, a, b } = pairWith('lan', 'wan')
    link(network, a, 'b', 'lan')
    link(network, a, 'b', 'wan')
    if (muted !== 'b') endOf(a, 'lan').mute = true
    if (muted !== 'a') endOf(b, 'lan').mute = true
    const [from, to] = sender === 'a' ? [a, b] : [b, a]
    send(network, from, to, frameOf(9))
    // Suspect within two seconds, and a round trip for the switch.
    network.run(2_030)
    expect(payloads(to)).toEqual([frameOf(9)])
    for (const peer of [a, b]) {
      expect(transportsOf(peer)).toEqual(['wan'])
      expect(peer.toldOf('link-down')).toEqual([])
    }
  })

  test('[LK6] the spares are probed before, and of two the one that answers is taken', () => {
    const { network, a, b } = pairWith('lan', 'wan', 'relay')
    for (const transport of ['lan', 'wan', 'relay']) link(network, a, 'b', transport)
    silence(endOf(a, 'lan'))
    silence(endOf(a, 'wan'))
    send(network, a, b, frameOf(9))
    network.run(2_030)
    expect(payloads(b)).toEqual([frameOf(9)])
    for (const peer of [a, b]) expect(transportsOf(peer)).toEqual(['relay'])
  })

  /** What `a` says on its best two channels is lost, and `b` is heard on the second only. */
  function halfOpen(...transports: readonly ('lan' | 'wan' | 'relay')[]) {
    const { network, a, b } = pairWith(...transports)
    for (const transport of transports) link(network, a, 'b', transport)
    silence(endOf(a, 'lan'))
    silence(endOf(a, 'wan'), 'out')
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      send(network, from, to, frameOf(9))
    }
    network.run(2_500)
    expect(transportsOf(a)).toEqual(['wan'])
    return { network, a, b }
  }

  test('a switch that is not answered is followed by another, though the neighbour is heard', () => {
    const { network, a, b } = halfOpen('lan', 'wan', 'relay')
    network.run(2_000)
    for (const peer of [a, b]) {
      expect(transportsOf(peer)).toEqual(['relay'])
      expect(payloads(peer)).toEqual([frameOf(9)])
      expect(peer.toldOf('link-down')).toEqual([])
    }
  })

  test('a switch that is not answered is asked after, so that the end of its channel is noticed', () => {
    const { network, a } = halfOpen('lan', 'wan')
    const wan = endOf(a, 'wan')
    silence(wan)
    network.run(20_000)
    expect(wan.closed).toBe(true)
  })

  test('the last one is not left, however silent', () => {
    const { network, a, b } = pairWith('lan')
    link(network, a, 'b', 'lan')
    silence(endOf(a, 'lan'))
    send(network, a, b, frameOf(9))
    network.run(13_000)
    expect(a.toldOf('link-down')).toEqual([])
    expect(a.counter('switches')).toBe(0)
  })
})

describe('[LK33] which channel is preferred', () => {
  test('one that was left for its silence rests, and must show that it works in both directions', () => {
    const { network, a, b } = pairWith('wan')
    // In clear, so that the lost messages do not end the channel.
    network.addTransport('lan', { encrypted: true, binding: frameOf(32) })
    link(network, a, 'b', 'lan')
    link(network, a, 'b', 'wan')
    const lan = endOf(a, 'lan')
    lan.mute = true
    for (let second = 0; second < 13; second += 1) {
      send(network, b, a, frameOf(9))
      network.run(1000)
    }
    // What b says there still comes, but that is not enough.
    expect(a.counter('switches')).toBe(1)
    lan.mute = false
    network.run(10_000)
    expect(a.counter('switches')).toBe(2)
    for (const peer of [a, b]) {
      expect(transportsOf(peer)).toEqual(['lan'])
      expect(peer.openEnds()).toHaveLength(2)
      expect(peer.ends.size).toBe(2)
    }
  })

  test('of two of one class the faster, once it has been so for 4 s', () => {
    const { network, a, b } = pairWith()
    network.addTransport('one', costOf('wan'))
    network.addTransport('other', costOf('wan'))
    link(network, a, 'b', 'one')
    link(network, a, 'b', 'other')
    network.run(60_000)
    expect(a.counter('switches')).toBe(0)
    endOf(a, 'one').extraLatencyMs = 80
    network.run(7_000)
    expect(a.counter('switches')).toBe(0)
    network.run(60_000)
    for (const peer of [a, b]) expect(transportsOf(peer)).toEqual(['other'])
    expect(a.counter('switchesFaster')).toBe(1)
  })
})
