import { expect, test } from 'vitest'

import { cut, endOf, frameOf, link, pairWith, send, silence } from './two-peers.ts'
import type { VirtualNetwork, VirtualPeer } from './virtual-network.ts'

/** What leads to a switch. `a` decides. */
type Story = (network: VirtualNetwork, a: VirtualPeer, b: VirtualPeer) => void

function linkedBy(...transports: readonly string[]): Story {
  return (network, a) => {
    for (const transport of transports) link(network, a, 'b', transport)
  }
}

const stories: readonly (readonly [string, Story])[] = [
  ['better', linkedBy('wan', 'lan')],
  [
    'faster',
    (network, a, b) => {
      network.addTransport('another wan', { cost: { class: 'wan', metered: false } })
      linkedBy('wan', 'another wan')(network, a, b)
      endOf(a, 'wan').extraLatencyMs = 80
      network.run(90_000)
    },
  ],
  [
    'lost',
    (network, a, b) => {
      linkedBy('lan', 'wan')(network, a, b)
      a.neighbourhood.addressLost('lan', 'b', network.nowMs)
      cut(network, endOf(a, 'lan'))
    },
  ],
  [
    'suspect',
    (network, a, b) => {
      linkedBy('lan', 'wan')(network, a, b)
      silence(endOf(b, 'lan'), 'out')
      send(network, a, b, frameOf(9))
    },
  ],
  [
    'asked',
    (network, a, b) => {
      linkedBy('lan', 'wan')(network, a, b)
      silence(endOf(a, 'lan'), 'out')
      send(network, b, a, frameOf(9))
    },
  ],
  [
    'duplicate',
    (network, a, b) => {
      // The end that decides keeps the one that it has dialled.
      link(network, b, 'a', 'lan')
      link(network, a, 'b', 'lan')
    },
  ],
  [
    'founders',
    (network, a, b) => {
      // Each end is up first on the channel that it has dialled.
      a.neighbourhood.addressFound('lan', 'b', network.nowMs)
      b.neighbourhood.addressFound('wan', 'a', network.nowMs)
    },
  ],
]

test.each(stories)(
  '[LK30] [LK32] both ends know and count why a link switched: %s',
  (reason, story) => {
    const { network, a, b } = pairWith('lan', 'wan')
    story(network, a, b)
    network.run(3_000)
    const counter = `switches${reason[0]!.toUpperCase()}${reason.slice(1)}`
    for (const peer of [a, b]) {
      const switches = peer.flight.events().filter(({ name }) => name === 'linkSwitched')
      expect(switches.map((event) => event.arguments['reason'])).toEqual([reason])
      expect([peer.counter('switches'), peer.counter(counter)]).toEqual([1, 1])
      expect(peer.toldOf('link-down')).toEqual([])
    }
  },
)
