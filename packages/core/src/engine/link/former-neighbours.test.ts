/** Neighbours whose link is over are remembered, the latest of them; those that are forgotten may come back. */

import { expect, test } from 'vitest'

import { FlightRecorder } from '../../recorder/recorder.ts'
import { registry } from '../../recorder/registry.ts'
import { ToyCryptography } from '../../testing/explore/toy-cryptography.ts'
import { SeededRandom } from '../crypto/random.ts'
import { Identity } from '../identity/identity.ts'
import { formerNeighboursMax } from './link-table.ts'
import { Neighbourhood } from './neighbourhood.ts'
import type { NeighbourhoodOutput } from './neighbourhood-output.ts'
import { dialling, plainTraits } from './virtual-network.ts'

const cryptography = new ToyCryptography({ remembers: false })

class Peer {
  readonly flight = new FlightRecorder(registry, { level: 'off' })
  readonly told: NeighbourhoodOutput[] = []
  readonly identity: Identity
  readonly neighbourhood: Neighbourhood

  constructor(index: number) {
    const key = new Uint8Array(32)
    new DataView(key.buffer).setUint32(0, index + 1)
    this.identity = new Identity(key, cryptography)
    const random = new SeededRandom(key)
    this.neighbourhood = new Neighbourhood(
      { random, cryptography, recorder: this.flight.recorder },
      { identity: this.identity, app: 'test', secret: new Uint8Array(32).fill(1), epoch: 1 },
    )
    this.neighbourhood.transportStarted('pipe', dialling, 0)
  }

  get payloads(): number[] {
    return this.told.flatMap((output) => (output.type === 'frame' ? [...output.payload] : []))
  }
}

let channel = 0

/** Carries out what both have decided, until neither has anything to say. */
function settle(...peers: readonly [Peer, Peer]): void {
  for (let isQuiet = false; !isQuiet;) {
    isQuiet = true
    for (const [index, { neighbourhood, told }] of peers.entries()) {
      for (let output = neighbourhood.poll(); output; output = neighbourhood.poll()) {
        told.push(output)
        if (output.type !== 'channel-send') continue
        isQuiet = false
        peers[1 - index]!.neighbourhood.channelReceived(output.channel, output.bytes, 0)
      }
    }
  }
}

/** They are linked, send each other so many frames, and both lose the channel. */
function meet(hub: Peer, peer: Peer, frames: readonly number[]): void {
  peer.neighbourhood.addressLost('pipe', 'hub', 0)
  peer.neighbourhood.addressFound('pipe', 'hub', 0)
  settle(hub, peer)
  const dial = peer.told.findLast((output) => output.type === 'dial')!.dial
  channel += 1
  const opening = { channel, transport: 'pipe', traits: plainTraits }
  hub.neighbourhood.channelOpened(opening, 0)
  peer.neighbourhood.channelOpened({ ...opening, dial }, 0)
  settle(hub, peer)
  for (const frame of frames) {
    const payload = Uint8Array.of(frame)
    hub.neighbourhood.send(peer.identity.peer, 'packet', 'sync', payload, 0)
    peer.neighbourhood.send(hub.identity.peer, 'packet', 'sync', payload, 0)
  }
  settle(hub, peer)
  for (const { neighbourhood } of [hub, peer]) neighbourhood.channelClosed(channel, 'lost', 0)
  settle(hub, peer)
}

/** One whose id is lower, or higher, than that of the hub. */
function peerBeside(hub: Peer, isLower: boolean): Peer {
  for (let index = 1_000_000; ; index += 1) {
    const peer = new Peer(index)
    if (peer.identity.peer < hub.identity.peer === isLower) return peer
  }
}

test.each([
  ['remembered', 'decides', formerNeighboursMax - 1],
  ['forgotten', 'decides', formerNeighboursMax + 1],
  ['forgotten', 'follows', formerNeighboursMax + 1],
])(
  '[LK35] a neighbour that was %s, and %s, comes back: no frame is lost',
  (_what, does, others) => {
    const hub = new Peer(0)
    const first = peerBeside(hub, does === 'decides')
    meet(hub, first, [1, 2, 3])
    for (let index = 1; index <= others; index += 1) meet(hub, new Peer(index), [])
    hub.told.length = 0
    meet(hub, first, [4, 5])
    expect(hub.payloads).toEqual([4, 5])
    expect(first.payloads).toEqual([1, 2, 3, 4, 5])
    for (const { flight, told } of [hub, first]) {
      const { counters } = flight.snapshot()
      expect([counters['link.framesMalformed'], counters['link.linksTorn']]).toEqual([0, 0])
      const ups = told.flatMap(({ type }) =>
        type === 'link-up' || type === 'link-down' ? [type] : [],
      )
      expect(ups.every((type, index) => (type === 'link-up') === (index % 2 === 0))).toBe(true)
    }
  },
)
