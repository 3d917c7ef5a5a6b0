import { expect, test } from 'vitest'

import type { PeerId } from '../identity/peer-id.ts'
import { admissionRefusal, channelsMax, strangersMax } from './channel-admission.ts'
import type { ChannelSession } from './channel-session.ts'
import { targetsMax } from './dialer.ts'
import { plainTraits, VirtualNetwork } from './virtual-network.ts'

/** So many channels that are open; nothing else of them matters here. */
function sessions(
  count: number,
  session: Pick<ChannelSession, 'role' | 'state'>,
): Map<number, ChannelSession> {
  return new Map(
    Array.from({ length: count }, (_, channel) => [channel, session as ChannelSession]),
  )
}

test('[LK2] channels are admitted up to 1,024, those of strangers up to 128', () => {
  const proven = { role: 'responder', state: 'up' } as const
  for (const isDialled of [true, false]) {
    const refusal = (count: number) =>
      admissionRefusal(plainTraits, isDialled, sessions(count, proven))
    expect(refusal(channelsMax - 1)).toBe(undefined)
    expect(refusal(channelsMax)).toBe('limit')
  }
  const stranger = { role: 'responder', state: 'handshaking' } as const
  const others = sessions(strangersMax, stranger)
  expect(admissionRefusal(plainTraits, false, others)).toBe('limit')
  expect(admissionRefusal(plainTraits, true, others)).toBe(undefined)
  others.set(0, { ...proven } as ChannelSession)
  expect(admissionRefusal(plainTraits, false, others)).toBe(undefined)
  expect([channelsMax, strangersMax]).toEqual([1_024, 128])
})

test('[LK13] [LK14] 256 addresses and as many wanted peers are kept; one more is refused', () => {
  const network = new VirtualNetwork()
  const a = network.add('a')
  const { neighbourhood } = a
  const peers = Array.from(
    { length: targetsMax + 1 },
    (_, index) => index.toString(16).padStart(16, '0') as PeerId,
  )
  for (const peer of peers) neighbourhood.addressFound('virtual', `at ${peer}`, 0)
  expect(a.counter('targetsRefused')).toBe(1)
  // Addresses do not crowd out wanted peers.
  for (const peer of peers) neighbourhood.want(peer, 'virtual', 0)
  expect(a.counter('targetsRefused')).toBe(2)
  network.settle(a)
  expect(a.toldOf('dial-given-up')).toEqual([
    { type: 'dial-given-up', peer: peers.at(-1), transport: 'virtual', reason: 'limit' },
  ])
  // One that is known is no further one; and one that is lost makes room.
  neighbourhood.addressFound('virtual', `at ${peers[0]!}`, 0)
  neighbourhood.addressLost('virtual', `at ${peers[0]!}`, 0)
  neighbourhood.addressFound('virtual', `at ${peers.at(-1)!}`, 0)
  expect(a.counter('targetsRefused')).toBe(2)
  expect(a.flight.snapshot().gauges['link.targets']).toBe(2 * targetsMax)
  expect(targetsMax).toBe(256)
})
