/** From a fast channel to one over Bluetooth: packets made for the former are not sent on the latter. */

import { describe, expect, test } from 'vitest'

import type { MeshFrameKind } from './link-port.ts'
import { costOf, cut, endOf, expectWhole, link, silence, transfer } from './two-peers.ts'
import { SendQueue } from './send-queue.ts'
import { VirtualNetwork } from './virtual-network.ts'
import type { VirtualPeer } from './virtual-network.ts'

/** Two peers with a channel and a spare; `a` decides. */
function pair(activeClass: 'lan' | 'bluetooth', spareClass: 'wan' | 'bluetooth' | 'relay') {
  const network = new VirtualNetwork()
  const [a, b] = [network.add('a'), network.add('b')]
  network.addTransport('active', costOf(activeClass))
  network.addTransport('spare', costOf(spareClass))
  link(network, a, 'b', 'active')
  link(network, b, 'a', 'spare')
  return { network, a, b }
}

function send(
  network: VirtualNetwork,
  from: VirtualPeer,
  to: VirtualPeer,
  kind: MeshFrameKind,
  number: number,
  bytes = 100,
): void {
  const payload = new Uint8Array(bytes).fill(number)
  from.neighbourhood.send(to.peer, kind, 'sync', payload, network.nowMs)
  network.settle(from)
}

function received(peer: VirtualPeer): string[] {
  return peer.toldOf('frame').map(({ kind, payload }) => `${kind} ${payload[0]}`)
}

/** Sends packets among other frames, none of which arrives on the active channel. */
function sendInVain(network: VirtualNetwork, from: VirtualPeer, to: VirtualPeer): void {
  const kinds = ['packet', 'route', 'packet', 'packet', 'presence', 'packet'] as const
  for (const [index, kind] of kinds.entries()) send(network, from, to, kind, index)
}

describe.each(['a', 'b'] as const)('[LK37] what %s had under way on a channel', (sender) => {
  test('that was cut: packets are given up for Bluetooth, all others arrive', () => {
    const { network, a, b } = pair('lan', 'bluetooth')
    const [from, to] = sender === 'a' ? [a, b] : [b, a]
    send(network, from, to, 'packet', 9)
    network.run(1)
    silence(endOf(from, 'active'))
    network.run(100)
    sendInVain(network, from, to)
    cut(network, endOf(from, 'active'))
    network.run(20)
    send(network, from, to, 'packet', 6)
    network.run(1_000)
    expect(received(to)).toEqual(['packet 9', 'route 1', 'presence 4', 'packet 6'])
    // The first one, of which it does not know that it came, is among them.
    expect(from.counter('packetsGivenUp')).toBeGreaterThanOrEqual(4)
    const told = from.toldOf('link-changed').filter(({ arePacketsGivenUp }) => arePacketsGivenUp)
    expect(told.map((output) => output.link.transport)).toEqual(['spare'])
    expect(to.toldOf('link-changed').some(({ arePacketsGivenUp }) => arePacketsGivenUp)).toBe(false)
    for (const peer of [a, b]) {
      expect(peer.toldOf('link-up')).toHaveLength(1)
      expect(peer.toldOf('link-down')).toEqual([])
    }
  })

  test('that fell silent: the same', () => {
    const { network, a, b } = pair('lan', 'bluetooth')
    const [from, to] = sender === 'a' ? [a, b] : [b, a]
    silence(endOf(from, 'active'))
    sendInVain(network, from, to)
    network.run(3_000)
    expect(received(to)).toEqual(['route 1', 'presence 4'])
    expect(from.counter('packetsGivenUp')).toBe(4)
    transfer(network, [a, b], 20, () => {})
    expect(received(to)).toHaveLength(2 + 2 * 20)
    for (const peer of [a, b]) expect(peer.toldOf('link-down')).toEqual([])
  })

  test.each([
    ['for another kind of channel', 'lan', 'wan'],
    ['from Bluetooth to a relay', 'bluetooth', 'relay'],
  ] as const)('is kept %s', (_name, activeClass, spareClass) => {
    const { network, a, b } = pair(activeClass, spareClass)
    const [from, to] = sender === 'a' ? [a, b] : [b, a]
    silence(endOf(from, 'active'))
    sendInVain(network, from, to)
    cut(network, endOf(from, 'active'))
    network.run(1_000)
    expect(received(to)).toHaveLength(6)
    expect(from.counter('packetsGivenUp')).toBe(0)
  })

  test('is kept when Bluetooth is chosen though the channel lives', () => {
    const network = new VirtualNetwork()
    const [a, b] = [network.add('a'), network.add('b')]
    network.addTransport('relay', costOf('relay'))
    network.addTransport('bluetooth', costOf('bluetooth'))
    link(network, a, 'b', 'relay')
    transfer(network, [a, b], 120, (atMs) => {
      if (atMs !== 20) return
      const [from, to] = sender === 'a' ? [a, b] : [b, a]
      from.neighbourhood.addressFound('bluetooth', to.name, network.nowMs)
    })
    expectWhole([a, b], 120)
    expect(a.counter('switchesBetter')).toBe(1)
    for (const peer of [a, b]) expect(peer.counter('packetsGivenUp')).toBe(0)
  })
})

test('[LK12] a queue that drops frames says that it has room', () => {
  const queue = new SendQueue()
  const packet = { kind: 'packet', payload: new Uint8Array(1_000) } as const
  queue.offer(2, { kind: 'route', payload: new Uint8Array(10) })
  while (queue.offer(2, packet));
  expect(queue.takeWritable()).toBe(false)
  expect(queue.drop('packet')).toBeGreaterThan(200)
  expect(queue.takeWritable()).toBe(true)
  expect(queue.waitingBytes).toBe(10 + 32)
  expect(queue.take(2)?.kind).toBe('route')
  expect(queue.take(2)).toBe(undefined)
  expect(queue.drop('packet')).toBe(0)
})
