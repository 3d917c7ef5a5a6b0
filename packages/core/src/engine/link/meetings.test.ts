/** Channels that came of an invitation: which end begins, and what the application is told. */

import { expect, test } from 'vitest'

import type { PeerId } from '../identity/peer-id.ts'
import { VirtualNetwork, type VirtualPeer } from './virtual-network.ts'

/** Opens a channel that `guest` joined, where `expected` has invited. */
function meet(
  network: VirtualNetwork,
  host: VirtualPeer,
  guest: VirtualPeer,
  expected: PeerId,
): void {
  network.open(guest, host, undefined, 'virtual', {
    from: { id: 7, expectedPeer: expected },
    to: { id: 8 },
  })
  network.run(1_000)
}

test('[IV12] the end that joined begins the handshake, and both are told whom they met', () => {
  const network = new VirtualNetwork()
  const [host, guest] = [network.add('host'), network.add('guest')]
  meet(network, host, guest, host.peer)
  expect(guest.toldOf('meeting-ended')).toEqual([
    { type: 'meeting-ended', meeting: 7, outcome: { ok: true, peer: host.peer } },
  ])
  expect(host.toldOf('meeting-ended')).toEqual([
    { type: 'meeting-ended', meeting: 8, outcome: { ok: true, peer: guest.peer } },
  ])
  for (const peer of [host, guest]) expect(peer.toldOf('link-up')).toHaveLength(1)
})

test('[IV12] the end that joined wants the peer that the invitation named, and nobody else', () => {
  const network = new VirtualNetwork()
  const [host, guest, other] = [network.add('host'), network.add('guest'), network.add('other')]
  meet(network, host, guest, other.peer)
  const [ended] = guest.toldOf('meeting-ended')
  expect(ended?.outcome).toMatchObject({ ok: false, problem: { code: 'identity-mismatch' } })
  expect(guest.toldOf('link-up')).toEqual([])
})

test('[IV16] what is refused is an outcome of the meeting, and no problem besides', () => {
  const network = new VirtualNetwork()
  const [host, guest] = [network.add('host'), network.add('guest', { secretByte: 9 })]
  meet(network, host, guest, host.peer)
  for (const peer of [host, guest]) {
    const outcomes = peer.toldOf('meeting-ended').map(({ outcome }) => outcome)
    expect(outcomes).toMatchObject([{ ok: false, problem: { code: 'secret-mismatch' } }])
    expect(peer.toldOf('problem')).toEqual([])
  }
})

test('[IV15] a channel that is lost before both ends are proven is told as a failure', () => {
  const network = new VirtualNetwork()
  const [host, guest] = [network.add('host'), network.add('guest')]
  network.open(guest, host, undefined, 'virtual', {
    from: { id: 7, expectedPeer: host.peer },
    to: { id: 8 },
  })
  const [end] = guest.openEnds()
  guest.neighbourhood.channelClosed(end!.channel, 'lost', network.nowMs)
  network.settle(guest)
  const [ended] = guest.toldOf('meeting-ended')
  expect(ended?.outcome).toMatchObject({ ok: false, problem: { code: 'invitation-failed' } })
})

test('two that are neighbours already meet as well', () => {
  const network = new VirtualNetwork()
  const [host, guest] = [network.add('host'), network.add('guest')]
  network.open(host, guest, undefined, 'virtual', {
    from: { id: 1, expectedPeer: guest.peer },
    to: { id: 2 },
  })
  network.run(1_000)
  meet(network, host, guest, host.peer)
  expect(guest.toldOf('meeting-ended').map(({ outcome }) => outcome.ok)).toEqual([true, true])
  expect(guest.toldOf('link-up')).toHaveLength(1)
})
