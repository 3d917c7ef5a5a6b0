/** Two peers joined by channels of several transports, for the tests of links. */

import { expect } from 'vitest'

import type { ChannelCost } from '../../transport/channel.ts'
import type { LinkSendResult } from './link-port.ts'
import type { ChannelEnd, VirtualPeer } from './virtual-network.ts'
import { VirtualNetwork } from './virtual-network.ts'

export function costOf(
  costClass: ChannelCost['class'],
  metered = false,
): { readonly cost: ChannelCost } {
  return { cost: { class: costClass, metered } }
}

/** Two peers and transports of these classes, each named by its class. `a` decides. */
export function pairWith(...classes: ChannelCost['class'][]) {
  const network = new VirtualNetwork()
  const [a, b] = [network.add('a'), network.add('b')]
  for (const costClass of classes) network.addTransport(costClass, costOf(costClass))
  return { network, a, b }
}

/** Opens a channel of that transport, dialled by `from`, and lets it be proven. */
export function link(
  network: VirtualNetwork,
  from: VirtualPeer,
  to: string,
  transport: string,
): void {
  from.neighbourhood.addressFound(transport, to, network.nowMs)
  network.run(100)
}

export function endOf(peer: VirtualPeer, transport: string): ChannelEnd {
  return peer.openEnds().find((end) => end.transport === transport)!
}

/** What of a channel is on its way is lost, and both ends are told at once. */
export function cut(network: VirtualNetwork, end: ChannelEnd): void {
  for (const side of [end, end.other!]) {
    side.closed = true
    side.peer.neighbourhood.channelClosed(side.channel, 'lost', network.nowMs)
  }
  for (const side of [end, end.other!]) network.settle(side.peer)
}

/** Whatever is sent on a channel is lost, in both directions or in one, and nobody is told. */
export function silence(end: ChannelEnd, direction: 'both' | 'out' = 'both'): void {
  end.mute = true
  if (direction === 'both') end.other!.mute = true
}

export function frameOf(length: number, salt = 0): Uint8Array {
  return new Uint8Array(length).map((_, index) => (index * 7 + salt) & 0xff)
}

export function payloads(peer: VirtualPeer): Uint8Array[] {
  return peer.toldOf('frame').map((output) => output.payload)
}

export function transportsOf(peer: VirtualPeer): string[] {
  return peer.neighbourhood.links().map(({ transport }) => transport)
}

export function send(
  network: VirtualNetwork,
  from: VirtualPeer,
  to: VirtualPeer,
  payload: Uint8Array,
): LinkSendResult {
  return from.neighbourhood.send(to.peer, 'packet', 'sync', payload, network.nowMs)
}

/** Sends numbered frames of two priorities both ways each millisecond, while `during` happens. */
export function transfer(
  network: VirtualNetwork,
  peers: readonly [VirtualPeer, VirtualPeer],
  lastMs: number,
  during: (atMs: number) => void,
): void {
  const startMs = network.nowMs
  for (let atMs = 0; atMs < lastMs; atMs += 1) {
    for (const [from, to] of [peers, [peers[1], peers[0]]] as const) {
      for (const priority of ['interactive', 'bulk'] as const) {
        const payload = frameOf(priority === 'bulk' ? 300 : 20, atMs)
        new DataView(payload.buffer).setUint16(0, atMs)
        payload[2] = priority === 'bulk' ? 1 : 0
        from.neighbourhood.send(to.peer, 'packet', priority, payload, network.nowMs)
      }
    }
    during(network.nowMs - startMs)
    network.run(1)
  }
  network.run(5_000)
}

/** The numbers of the frames that came, by priority. */
export function numbersOf(peer: VirtualPeer): readonly (readonly number[])[] {
  return [0, 1].map((lane) =>
    payloads(peer)
      .filter((payload) => payload[2] === lane)
      .map((payload) => new DataView(payload.buffer, payload.byteOffset).getUint16(0)),
  )
}

export function expectWhole(peers: readonly VirtualPeer[], count: number): void {
  const all = Array.from({ length: count }, (_, number) => number)
  for (const peer of peers) {
    expect(numbersOf(peer)).toEqual([all, all])
    expect(peer.toldOf('link-up')).toHaveLength(1)
    expect(peer.toldOf('link-down')).toEqual([])
  }
}
