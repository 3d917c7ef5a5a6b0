import { expect, test } from 'vitest'

import { createFlightRecorder } from '../../recorder/recorder.ts'
import type { ChannelCost } from '../../transport/channel.ts'
import { nobleCryptography } from '../crypto/noble.ts'
import { SeededRandom } from '../crypto/random.ts'
import { encodePeerId, type PeerId } from '../identity/peer-id.ts'
import type { LinkDescription } from '../link/link-port.ts'
import { degreeMax, degreeTarget, Introductions, otherSideMs } from './introductions.ts'
import {
  emptyPresenceContent,
  type PresenceRecord,
  type PresenceTransport,
} from './presence-record.ts'

const webrtc: PresenceTransport = {
  name: 'webrtc',
  canDial: true,
  canListen: true,
  needsSignalling: true,
  needsUserGesture: false,
}
const websocket: PresenceTransport = { ...webrtc, name: 'websocket', needsSignalling: false }
const local = peerOf(100)

function peerOf(number: number): PeerId {
  return encodePeerId(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, number))
}

function setUp() {
  const introductions = new Introductions({
    random: new SeededRandom(new Uint8Array(32)),
    cryptography: nobleCryptography,
    recorder: createFlightRecorder().recorder,
  })
  const links = new Map<PeerId, LinkDescription>()
  const records = new Map<PeerId, PresenceRecord>()
  const reachable = new Set<PeerId>()
  const seen = (number: number, transports = [webrtc], degree = 0): void => {
    const peer = peerOf(number)
    const neighbours = Array.from({ length: degree }, (_, index) => ({
      peer: peerOf(200 + index),
      transport: 'webrtc',
      cost: { class: 'lan', metered: false } as const,
      rttStep: 0,
      qualityStep: 0,
    }))
    const said = { ...emptyPresenceContent, transports, neighbours }
    const version = { epoch: 1, sequence: 1 }
    records.set(peer, { peer, publicKey: '', ...version, farewell: false, ...said })
    reachable.add(peer)
  }
  const link = (number: number, transport: string, costClass: ChannelCost['class']): void => {
    const peer = peerOf(number)
    const cost = { class: costClass, metered: false }
    links.set(peer, {
      peer,
      publicKey: new Uint8Array(32),
      transport,
      cost,
      rttMs: 1,
      isSuspect: false,
    })
    reachable.add(peer)
  }
  const decide = (nowMs: number, transports: readonly PresenceTransport[] = [webrtc]): string[] => {
    const record = (peer: PeerId) => records.get(peer)
    introductions.reconsider({ local, transports, links, reachable: [...reachable], record }, nowMs)
    const decided: string[] = []
    for (let next = introductions.poll(); next !== undefined; next = introductions.poll()) {
      decided.push(`${next.type} ${Number.parseInt(next.peer, 16)} ${next.transport}`)
    }
    return decided
  }
  return { introductions, links, records, reachable, seen, link, decide }
}

test('[IN1] only peers that run the same signalling transport are introduced', () => {
  const { seen, decide } = setUp()
  seen(101, [websocket])
  seen(102, [{ ...webrtc, name: 'other' }])
  seen(103, [{ ...webrtc, needsUserGesture: true }])
  expect(decide(0)).toEqual([])
  seen(104)
  expect(decide(0, [websocket])).toEqual([])
  expect(decide(0, [{ ...webrtc, canDial: false }])).toEqual([])
  expect(decide(0)).toEqual(['introduce 104 webrtc'])
  expect(decide(1)).toEqual([])
})

test('[IN2] a link of the LAN is left alone, a relayed or far one is bettered', () => {
  const { seen, link, decide } = setUp()
  for (const [number, costClass] of [
    [101, 'lan'],
    [102, 'wan'],
    [103, 'relay'],
    [104, 'bluetooth'],
  ] as const) {
    seen(number)
    link(number, 'websocket', costClass)
  }
  const expected = ['introduce 102 webrtc', 'introduce 103 webrtc', 'introduce 104 webrtc']
  expect(decide(0).sort()).toEqual(expected)
})

test('[IN2] a link over the signalling transport is what was wanted, whatever it costs', () => {
  const { seen, link, decide } = setUp()
  seen(101)
  link(101, 'webrtc', 'relay')
  expect(decide(0)).toEqual([])
})

test('[IN4] the greater id waits, and dials when the other one is silent', () => {
  const { introductions, seen, link, links, decide } = setUp()
  seen(1)
  expect(decide(10)).toEqual([])
  expect(introductions.nextDeadlineMs()).toBe(10 + otherSideMs)
  link(1, 'webrtc', 'lan')
  expect(decide(1_000)).toEqual([])
  expect(introductions.nextDeadlineMs()).toBe(Infinity)
  links.clear()
  expect(decide(2_000)).toEqual([])
  expect(decide(2_000 + otherSideMs)).toEqual(['introduce 1 webrtc'])
})

test('[IN5] no more are introduced than the target lacks', () => {
  const { seen, link, decide } = setUp()
  link(101, 'tcp', 'lan')
  link(102, 'tcp', 'lan')
  for (let number = 110; number < 130; number += 1) seen(number)
  expect(decide(0)).toHaveLength(degreeTarget - 2)
  expect(decide(1)).toEqual([])
})

test('[IN7] who goes first follows from the hash of the two ids, alike at both ends', () => {
  const { seen, decide } = setUp()
  const numbers = Array.from({ length: 20 }, (_, index) => 110 + index)
  for (const number of numbers) seen(number)
  // FNV-1a of 32 bits, by its definition: of both ids in hexadecimal, the smaller one first.
  const rank = (number: number): number => {
    let hash = 0x811c9dc5n
    for (const byte of new TextEncoder().encode(local + peerOf(number))) {
      hash = ((hash ^ BigInt(byte)) * 0x01000193n) % 2n ** 32n
    }
    return Number(hash)
  }
  const ranked = numbers.sort((left, right) => rank(left) - rank(right)).slice(0, degreeTarget)
  expect(decide(0)).toEqual(ranked.map((number) => `introduce ${number} webrtc`))
})

test('[IN5] a peer with many links is spared', () => {
  const { seen, decide } = setUp()
  seen(101, [webrtc], degreeMax)
  seen(102, [webrtc], degreeMax - 1)
  expect(decide(0)).toEqual(['introduce 102 webrtc'])
})

test('[IN6] what is not linked yet is withdrawn when it makes no sense any more', () => {
  const { seen, link, reachable, records, decide } = setUp()
  for (const number of [101, 102, 103, 104]) seen(number)
  expect(decide(0)).toHaveLength(4)
  reachable.delete(peerOf(101))
  records.delete(peerOf(102))
  link(103, 'websocket', 'lan')
  link(104, 'webrtc', 'lan')
  const expected = ['withdraw 101 webrtc', 'withdraw 102 webrtc', 'withdraw 103 webrtc']
  expect(decide(1).sort()).toEqual(expected)
  reachable.delete(peerOf(104))
  expect(decide(2)).toEqual(['withdraw 104 webrtc'])
})

test('[IN6] at the most links what is not linked yet is withdrawn', () => {
  const { seen, link, decide } = setUp()
  seen(101)
  expect(decide(0)).toHaveLength(1)
  for (let number = 0; number < degreeMax; number += 1) link(number + 1, 'webrtc', 'lan')
  expect(decide(1)).toEqual(['withdraw 101 webrtc'])
})
