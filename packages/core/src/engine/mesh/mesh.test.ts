/** Meshes of many peers over fake links in virtual time. */

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { createFlightRecorder } from '../../recorder/recorder.ts'
import type { ChannelCost } from '../../transport/channel.ts'
import type { TransportCapabilities } from '../../transport/transport.ts'
import { encodeHex } from '../bytes/hex.ts'
import type { Cryptography } from '../crypto/cryptography.ts'
import { nobleCryptography } from '../crypto/noble.ts'
import { SeededRandom } from '../crypto/random.ts'
import { Identity } from '../identity/identity.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { wholePayload } from '../link/frame.ts'
import type { LinkDescription, LinkPort, MeshFrameKind } from '../link/link-port.ts'
import { libraryVersion } from '../library-version.ts'
import { Mesh, type MeshOutput } from './mesh.ts'
import { encodePacket, packetHeaderBytes } from './packet.ts'
import { packetBytesByClass } from './size-class.ts'

const webrtc: TransportCapabilities = {
  canDial: true,
  canListen: true,
  needsSignalling: true,
  needsUserGesture: false,
}
const lan: ChannelCost = { class: 'lan', metered: false }
const wan: ChannelCost = { class: 'wan', metered: false }

/** Signatures are pure: each is made and checked once, however many peers and runs need it. */
function remembering<Result>(
  compute: (...parts: readonly [Uint8Array, Uint8Array, Uint8Array]) => Result,
): typeof compute {
  const results = new Map<string, Result>()
  return (...parts) => {
    const name = parts.map(encodeHex).join()
    if (!results.has(name)) results.set(name, compute(...parts))
    return results.get(name)!
  }
}

const nothing = new Uint8Array(0)
const sign = remembering((message, secretKey) => nobleCryptography.ed25519Sign(message, secretKey))
const cryptography: Cryptography = {
  ...nobleCryptography,
  ed25519Sign: (message, secretKey) => sign(message, secretKey, nothing),
  ed25519Verify: remembering(nobleCryptography.ed25519Verify),
}
const identities = new Map<number, Identity>()

function identityOf(seed: number): Identity {
  const identity = identities.get(seed) ?? new Identity(new Uint8Array(32).fill(seed), cryptography)
  identities.set(seed, identity)
  return identity
}

interface LinkOptions {
  readonly transport?: string
  readonly cost?: ChannelCost
  readonly rttMs?: number
}

interface FakeLink {
  readonly ends: readonly [VirtualPeer, VirtualPeer]
  readonly transport: string
  cost: ChannelCost
  rttMs: number
}

/** One mesh, its outputs so far, and valves that make its links answer `full`. */
class VirtualPeer implements LinkPort {
  readonly identity: Identity
  readonly flight = createFlightRecorder({ level: 'debug' })
  readonly mesh: Mesh
  readonly outputs: MeshOutput[] = []
  readonly full = new Set<PeerId>()
  /** Frames that a link takes before it is full again. */
  readonly room = new Map<PeerId, number>()
  readonly sent: { readonly to: PeerId; readonly kind: MeshFrameKind; readonly bytes: number }[] =
    []
  readonly #network: VirtualNetwork

  constructor(network: VirtualNetwork, seed: number, epoch = 1) {
    this.#network = network
    this.identity = identityOf(seed)
    const context = {
      random: new SeededRandom(new Uint8Array(32).fill(seed)),
      cryptography,
      recorder: this.flight.recorder,
    }
    const name = `peer ${seed}`
    const metadata = { seed: `${seed}` }
    const options = { identity: this.identity, epoch, name, platform: 'node', metadata }
    this.mesh = new Mesh(context, options, this)
  }

  get id(): PeerId {
    return this.identity.peer
  }

  counter(name: string): number {
    return this.flight.snapshot().counters[`mesh.${name}`]!
  }

  send: LinkPort['send'] = (neighbour, kind, _priority, payload) => {
    const link = this.#network.linkBetween(this.id, neighbour)
    if (link === undefined) return 'no-link'
    if (this.full.has(neighbour)) return 'full'
    const room = this.room.get(neighbour)
    if (room !== undefined && kind === 'packet') {
      this.room.set(neighbour, room - 1)
      if (room === 1) this.full.add(neighbour)
    }
    const bytes = wholePayload(payload).slice()
    this.sent.push({ to: neighbour, kind, bytes: bytes.length })
    this.#network.deliver(link, this, kind, bytes)
    return 'accepted'
  }

  /** Outputs of one type, and forgets them. */
  take<Type extends MeshOutput['type']>(type: Type): Extract<MeshOutput, { type: Type }>[] {
    const taken = this.outputs.filter((output) => output.type === type)
    const kept = this.outputs.filter((output) => output.type !== type)
    this.outputs.splice(0, this.outputs.length, ...kept)
    return taken as Extract<MeshOutput, { type: Type }>[]
  }

  drain(): void {
    for (let output = this.mesh.poll(); output !== undefined; output = this.mesh.poll()) {
      this.outputs.push(output)
    }
  }
}

/** Peers, links between them and one clock. */
class VirtualNetwork {
  nowMs = 0
  readonly peers: VirtualPeer[] = []
  readonly #links = new Set<FakeLink>()
  readonly #events: { readonly atMs: number; run(): void }[] = []

  add(count: number): VirtualPeer[] {
    const added = Array.from(
      { length: count },
      (_, index) => new VirtualPeer(this, this.peers.length + index + 1),
    )
    this.peers.push(...added)
    return added
  }

  linkBetween(one: PeerId, other: PeerId): FakeLink | undefined {
    return [...this.#links].find(({ ends }) => {
      return ends.some((end) => end.id === one) && ends.some((end) => end.id === other)
    })
  }

  connect(one: VirtualPeer, other: VirtualPeer, options: LinkOptions = {}): void {
    const { transport = 'websocket', cost = lan, rttMs = 2 } = options
    const link: FakeLink = { ends: [one, other], transport, cost, rttMs }
    this.#links.add(link)
    this.each(link, (end, description) => end.mesh.linkUp(description, this.nowMs))
  }

  measure(one: VirtualPeer, other: VirtualPeer, rttMs: number): void {
    const link = this.linkBetween(one.id, other.id)!
    link.rttMs = rttMs
    this.each(link, (end, description) => end.mesh.linkChanged(description, false, this.nowMs))
  }

  disconnect(one: VirtualPeer, other: VirtualPeer): void {
    const link = this.linkBetween(one.id, other.id)!
    this.#links.delete(link)
    this.each(link, (end, { peer }) => end.mesh.linkDown(peer, this.nowMs))
  }

  /** A peer that vanishes: its links break, and nothing of it moves any more. */
  kill(peer: VirtualPeer): void {
    for (const link of this.#links) {
      if (link.ends.includes(peer)) this.disconnect(...link.ends)
    }
    this.peers.splice(this.peers.indexOf(peer), 1)
  }

  /** The link takes frames again, so many of them where that is given. */
  open(from: VirtualPeer, to: VirtualPeer, frameCount?: number): void {
    from.full.delete(to.id)
    if (frameCount === undefined) from.room.delete(to.id)
    else from.room.set(to.id, frameCount)
    from.mesh.linkWritable(to.id, this.nowMs)
    from.drain()
  }

  deliver(link: FakeLink, from: VirtualPeer, kind: MeshFrameKind, payload: Uint8Array): void {
    const to = link.ends.find((end) => end !== from)!
    const atMs = this.nowMs + link.rttMs / 2
    const run = (): void => {
      if (!this.#links.has(link)) return
      to.mesh.frameReceived(from.id, kind, payload, this.nowMs)
      to.drain()
    }
    this.#events.push({ atMs, run })
  }

  run(forMs: number): void {
    const untilMs = this.nowMs + forMs
    for (let rounds = 0; ; rounds += 1) {
      if (rounds > 1_000_000) throw new Error('the network never comes to rest')
      const deadlines = this.peers.map((peer) => peer.mesh.nextDeadlineMs())
      const arrivals = this.#events.map((event) => event.atMs)
      const nextMs = Math.min(...deadlines, ...arrivals)
      if (nextMs > untilMs) break
      this.nowMs = Math.max(this.nowMs, nextMs)
      const first = this.#events.findIndex((event) => event.atMs <= this.nowMs)
      if (first !== -1) this.#events.splice(first, 1)[0]!.run()
      for (const peer of this.peers) {
        if (peer.mesh.nextDeadlineMs() > this.nowMs) continue
        peer.mesh.handleDeadline(this.nowMs)
        peer.drain()
      }
    }
    this.nowMs = untilMs
  }

  each(link: FakeLink, tell: (end: VirtualPeer, description: LinkDescription) => void): void {
    const [one, other] = link.ends
    const { transport, cost, rttMs } = link
    for (const [end, far] of [
      [one, other],
      [other, one],
    ] as const) {
      const { peer, publicKey } = far.identity
      tell(end, { peer, publicKey, transport, cost, rttMs, isSuspect: false })
      end.drain()
    }
  }
}

/** Two peers that share a hub; the first has the smaller id. */
function aroundHub(options: LinkOptions = {}) {
  const network = new VirtualNetwork()
  const [hub, ...others] = network.add(3) as [VirtualPeer, VirtualPeer, VirtualPeer]
  const [a, b] = others.sort((left, right) => (left.id < right.id ? -1 : 1))
  network.connect(a, hub, options)
  network.connect(b, hub, options)
  network.run(1_000)
  return { network, hub, a, b }
}

function payloads(peer: VirtualPeer): string[] {
  return peer.take('packet').map((output) => new TextDecoder().decode(output.payload))
}

function send(network: VirtualNetwork, from: VirtualPeer, to: VirtualPeer, text: string): string {
  const payload = new TextEncoder().encode(text)
  const result = from.mesh.send(to.id, 'interactive', payload, network.nowMs)
  from.drain()
  return result
}

describe('packets', () => {
  test('[MP6] a neighbour in common carries packets both ways', () => {
    const { network, hub, a, b } = aroundHub()
    expect(a.take('peer-reachable')).toEqual([
      { type: 'peer-reachable', peer: hub.id, hopCount: 1 },
      { type: 'peer-reachable', peer: b.id, hopCount: 2 },
    ])
    expect(a.mesh.hopCount(b.id)).toBe(2)
    expect(a.mesh.hopCount(a.id)).toBe(0)
    expect([...a.mesh.reachable()].sort()).toEqual([hub.id, b.id].sort())
    expect(a.mesh.payloadBytesMax(b.id)).toBe(packetBytesByClass[3] - packetHeaderBytes)

    expect(send(network, a, b, 'ping')).toBe('accepted')
    network.run(10)
    expect(b.outputs.find((output) => output.type === 'packet')).toMatchObject({
      from: a.id,
      congestionMarked: false,
    })
    expect(payloads(b)).toEqual(['ping'])
    expect(send(network, b, a, 'pong')).toBe('accepted')
    network.run(10)
    expect(payloads(a)).toEqual(['pong'])
    expect(hub.take('packet')).toEqual([])
    expect(hub.counter('packetsForwarded')).toBe(2)
  })

  test('[MP9] after the loss of the hub packets are parked, then refused', () => {
    const { network, hub, a, b } = aroundHub()
    network.kill(hub)
    expect(a.take('peer-unreachable').map((output) => output.peer)).toEqual(
      expect.arrayContaining([hub.id, b.id]),
    )
    expect(send(network, a, b, 'parked')).toBe('accepted')
    network.run(2_000)
    expect(a.counter('packetsDroppedParkingExpired')).toBe(1)
    expect(send(network, a, b, 'refused')).toBe('no-route')
    expect(a.mesh.payloadBytesMax(b.id)).toBe(0)
    expect(payloads(b)).toEqual([])
  })

  test('[MP9] a packet parked while its route is lost leaves over the next one', () => {
    const { network, hub, a, b } = aroundHub()
    network.disconnect(a, hub)
    expect(send(network, a, b, 'first')).toBe('accepted')
    expect(send(network, a, b, 'second')).toBe('accepted')
    network.run(500)
    network.connect(a, b)
    network.run(100)
    expect(payloads(b)).toEqual(['first', 'second'])
  })

  test('[MP9] a packet on its way when the last link breaks waits at the hub', () => {
    const { network, hub, a, b } = aroundHub()
    send(network, a, b, 'on its way')
    network.disconnect(b, hub)
    network.run(500)
    expect(payloads(b)).toEqual([])
    network.connect(b, hub)
    network.run(100)
    expect(payloads(b)).toEqual(['on its way'])
  })

  test('[MP7] own packets are refused while the link is full, until it is writable', () => {
    const { network, hub, a, b } = aroundHub()
    a.full.add(hub.id)
    expect(send(network, a, b, 'refused')).toBe('full')
    expect(a.take('packets-writable')).toEqual([])
    network.open(a, hub)
    expect(a.take('packets-writable')).toHaveLength(1)
    expect(send(network, a, b, 'taken')).toBe('accepted')
    network.run(10)
    expect(payloads(b)).toEqual(['taken'])
  })

  test('[MP7] a link that breaks while full lets the refused sender go on', () => {
    const { network, hub, a, b } = aroundHub()
    a.full.add(hub.id)
    send(network, a, b, 'refused')
    network.disconnect(a, hub)
    expect(a.take('packets-writable')).toHaveLength(1)
  })

  test('[MP8] transit waits for a full link, in order', () => {
    const { network, hub, a, b } = aroundHub()
    hub.full.add(b.id)
    send(network, a, b, 'one')
    send(network, a, b, 'two')
    network.run(30)
    expect(hub.flight.snapshot().gauges['mesh.queuedBytes']).toBeGreaterThan(0)
    network.open(hub, b)
    network.run(10)
    const arrived = b.outputs.filter((output) => output.type === 'packet')
    // A burst that the link takes at once is no standing queue.
    expect(arrived.map((output) => output.congestionMarked)).toEqual([false, false])
    expect(payloads(b)).toEqual(['one', 'two'])
    expect(hub.flight.snapshot().gauges['mesh.queuedBytes']).toBe(0)
  })

  test('[MP7] packets of our own take turns with transit, and are refused once some wait', () => {
    const { network, hub, a, b } = aroundHub()
    hub.full.add(b.id)
    const [own, transit] = ['own', 'transit'].map((text) => text.padEnd(1_000)) as [string, string]
    for (let count = 0; count < 20; count += 1) send(network, a, b, transit)
    network.run(10)
    hub.full.delete(b.id)
    let ownCount = 0
    while (send(network, hub, b, own) === 'accepted') ownCount += 1
    expect(ownCount).toBeGreaterThan(1)
    // No overtaking, and no waiting until all transit is gone.
    network.open(hub, b, 8)
    expect(hub.take('packets-writable')).toHaveLength(1)
    network.run(10)
    const arrived = payloads(b)
    expect(arrived).toHaveLength(8)
    expect(arrived.filter((text) => text === own).length).toBeGreaterThan(1)
    expect(send(network, hub, b, own)).toBe('accepted')
    network.open(hub, b)
    network.run(10)
    expect(payloads(b)).toHaveLength(20 + ownCount + 1 - 8)
  })

  test('[MP10] transit of a queue that stands is marked, packets of our own are not', () => {
    const { network, hub, a, b } = aroundHub()
    hub.full.add(b.id)
    for (let count = 0; count < 8; count += 1) send(network, a, b, 'transit')
    network.run(10)
    hub.full.delete(b.id)
    for (let count = 0; count < 4; count += 1) send(network, hub, b, 'own')
    for (let count = 0; count < 12; count += 1) {
      network.run(30)
      network.open(hub, b, 1)
    }
    network.run(10)
    const arrived = b.outputs.filter((output) => output.type === 'packet')
    const marksOf = (peer: VirtualPeer): boolean[] =>
      arrived.filter(({ from }) => from === peer.id).map((output) => output.congestionMarked)
    expect(marksOf(hub)).toEqual([false, false, false, false])
    const transitMarks = marksOf(a)
    expect(transitMarks).toHaveLength(8)
    expect(transitMarks[0]).toBe(false)
    expect(transitMarks.slice(3, -2)).toEqual([true, true, true])
    // Two are needed to be there at each turn.
    expect(transitMarks.slice(-2)).toEqual([false, false])
    expect(hub.counter('packetsMarked')).toBe(transitMarks.filter(Boolean).length)
  })

  test('[MP8] the transit queue is bounded by bytes and by time', () => {
    const { network, hub, a, b } = aroundHub()
    hub.full.add(b.id)
    const payload = new Uint8Array(8 * 1024 - packetHeaderBytes - 64)
    for (let count = 0; count < 10; count += 1) {
      a.mesh.send(b.id, 'bulk', payload, network.nowMs)
    }
    network.run(10)
    expect(hub.counter('packetsDroppedQueueFull')).toBe(2)
    expect(hub.flight.snapshot().gauges['mesh.queuedBytes']).toBe(64 * 1024)
    network.run(2_100)
    network.open(hub, b)
    network.run(10)
    expect(hub.counter('packetsDroppedQueueExpired')).toBe(8)
    expect(hub.flight.snapshot().gauges['mesh.queuedBytes']).toBe(0)
    expect(payloads(b)).toEqual([])
  })

  test('[MP4] a packet of our own that comes by again is passed on', () => {
    const { network, hub, a, b } = aroundHub()
    const returning = {
      priority: 'bulk',
      hopLimit: 5,
      congestionMarked: false,
      source: hub.id,
      destination: b.id,
      payload: Uint8Array.of(1),
    } as const
    const packet = encodePacket(returning, { from: a.id, to: hub.id })
    hub.mesh.frameReceived(a.id, 'packet', packet, network.nowMs)
    network.run(10)
    expect(hub.counter('packetsReturned')).toBe(1)
    expect(b.take('packet')).toHaveLength(1)
  })

  test('[MP4] [MP5] [MP11] packets for nobody known or out of hops are dropped and counted', () => {
    const { network, hub, a, b } = aroundHub()
    const stranger = identityOf(99).peer
    const packet = {
      priority: 'bulk',
      hopLimit: 5,
      congestionMarked: false,
      source: a.id,
      destination: b.id,
      payload: Uint8Array.of(1),
    } as const
    const receive = (from: VirtualPeer, changes: Partial<Parameters<typeof encodePacket>[0]>) =>
      hub.mesh.frameReceived(
        from.id,
        'packet',
        encodePacket({ ...packet, ...changes }, { from: from.id, to: hub.id }),
        network.nowMs,
      )
    receive(a, { hopLimit: 1 })
    expect(hub.counter('packetsDroppedHopLimit')).toBe(1)
    receive(a, { destination: stranger })
    expect(hub.counter('packetsDroppedNoRoute')).toBe(1)
    receive(a, { source: b.id, destination: a.id })
    expect(hub.counter('packetsDroppedNoRoute')).toBe(2)
    receive(a, { source: a.id, destination: a.id })
    expect(hub.counter('packetsDroppedMalformed')).toBe(1)
    network.run(10)
    expect(hub.counter('packetsForwarded')).toBe(0)
  })
})

describe('routes', () => {
  test('[RO10] a direct link takes over at once, and the hub is not missed', () => {
    const { network, hub, a, b } = aroundHub()
    a.outputs.length = 0
    network.connect(a, b, { transport: 'webrtc', rttMs: 3 })
    expect(a.take('path-changed')).toEqual([
      { type: 'path-changed', peer: b.id, hopCount: 1, isFormerGone: false },
    ])
    network.kill(hub)
    expect(a.take('peer-unreachable').map((output) => output.peer)).toEqual([hub.id])
    send(network, a, b, 'direct')
    network.run(10)
    expect(payloads(b)).toEqual(['direct'])
  })

  test('[LK37] paths over a link that has given up packets count as gone, all of them, once', () => {
    const { network, hub, a, b } = aroundHub()
    network.run(1_000)
    a.outputs.length = 0
    const giveUp = (cost: LinkOptions['cost'], arePacketsGivenUp: boolean) => {
      const link = network.linkBetween(a.id, hub.id)!
      if (cost !== undefined) link.cost = cost
      network.each(link, (end, description) => {
        if (end === a) end.mesh.linkChanged(description, arePacketsGivenUp, network.nowMs)
      })
      return a.take('path-changed').map(({ peer, isFormerGone }) => `${peer} ${isFormerGone}`)
    }
    const others = [hub.id, b.id].sort()
    const ofBoth = (isGone: boolean) => others.map((peer) => `${peer} ${isGone}`)
    // The routes are others, since their packets are smaller.
    expect(giveUp({ class: 'bluetooth', metered: false }, true).sort()).toEqual(ofBoth(true))
    expect(giveUp(undefined, true).sort()).toEqual(ofBoth(true))
    expect(giveUp(undefined, false)).toEqual([])
    expect(giveUp(lan, false).sort()).toEqual(ofBoth(false))
  })

  test('[RO11] a slow direct link is left for a much better relayed path, after a while', () => {
    const { network, a, b } = aroundHub()
    network.connect(a, b, { transport: 'webrtc', rttMs: 3 })
    network.run(100)
    network.measure(a, b, 400)
    network.run(3_900)
    expect(a.mesh.hopCount(b.id)).toBe(1)
    network.run(200)
    expect(a.mesh.hopCount(b.id)).toBe(2)
    network.measure(a, b, 4)
    expect(a.mesh.hopCount(b.id)).toBe(1)
  })

  test('[RO9] the cheapest of several common neighbours is taken', () => {
    const network = new VirtualNetwork()
    const [a, b, slow, fast] = network.add(4) as [
      VirtualPeer,
      VirtualPeer,
      VirtualPeer,
      VirtualPeer,
    ]
    for (const [hub, rttMs] of [
      [slow, 100],
      [fast, 20],
    ] as const) {
      network.connect(a, hub, { rttMs })
      network.connect(b, hub, { rttMs })
    }
    // The slow way was known first, so the better one has to stay better for four seconds.
    network.run(6_000)
    a.sent.length = 0
    send(network, a, b, 'x')
    expect(a.sent.map((frame) => frame.to)).toEqual([fast.id])
    // The slow way costs more than what was told of the fast one: b has to count up first, and two
    // round trips pass.
    network.disconnect(b, fast)
    network.run(300)
    a.sent.length = 0
    send(network, a, b, 'y')
    expect(a.sent.map((frame) => frame.to)).toEqual([slow.id])
  })

  test('[RO5] a lost neighbour is retracted at once', () => {
    const { network, hub, a, b } = aroundHub()
    network.disconnect(b, hub)
    network.run(2)
    expect(a.take('peer-unreachable').map((output) => output.peer)).toEqual([b.id])
  })

  test('[RO7] routes refused by a full link are sent when it is writable', () => {
    const { network, hub, a, b } = aroundHub()
    hub.full.add(a.id)
    network.disconnect(b, hub)
    network.run(1_000)
    expect(a.mesh.hopCount(b.id)).toBe(2)
    network.open(hub, a)
    network.run(10)
    expect(a.mesh.hopCount(b.id)).toBeUndefined()
  })

  test('[RO6] after a lost frame the table is asked for again', () => {
    const network = new VirtualNetwork()
    const [hub, a, b, c] = network.add(4) as [VirtualPeer, VirtualPeer, VirtualPeer, VirtualPeer]
    network.connect(a, hub)
    network.run(1_000)
    const { send } = hub
    hub.send = (neighbour, kind, ...rest) => {
      return neighbour === a.id && kind === 'route' ? 'accepted' : send(neighbour, kind, ...rest)
    }
    network.connect(b, hub)
    network.run(100)
    hub.send = send
    network.connect(c, hub)
    network.run(100)
    expect(a.mesh.hopCount(b.id)).toBe(2)
    expect(a.mesh.hopCount(c.id)).toBe(2)
    expect(a.counter('routeTablesRequested')).toBe(1)
  })

  test('[RO8] any series of link flaps ends with routes to exactly those whom links lead to', () => {
    const edge = fc.tuple(fc.nat(5), fc.nat(5)).filter(([one, other]) => one !== other)
    const step = fc.tuple(edge, fc.constantFrom(0, 1, 20, 60, 3_000))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const network = new VirtualNetwork()
        const peers = network.add(6)
        for (const [[from, to], forMs] of steps) {
          const [one, other] = [peers[from]!, peers[to]!]
          if (network.linkBetween(one.id, other.id)) network.disconnect(one, other)
          else network.connect(one, other)
          network.run(forMs)
        }
        network.run(5_000)
        for (const one of peers) {
          for (const other of peers) {
            if (one === other) continue
            const isExpected = component(network, peers, one).has(other)
            expect(one.mesh.hopCount(other.id) !== undefined).toBe(isExpected)
            const sent = send(network, one, other, one.id)
            expect(sent).toBe(isExpected ? 'accepted' : 'no-route')
          }
        }
        network.run(100)
        for (const one of peers) {
          const senders = one.take('packet').map((output) => output.from)
          const expected = [...component(network, peers, one)].filter((other) => other !== one)
          expect(senders.sort()).toEqual(expected.map((other) => other.id).sort())
        }
      }),
      { numRuns: 25 },
    )
  })
})

/** Whom links lead to, this peer included. */
function component(
  network: VirtualNetwork,
  peers: readonly VirtualPeer[],
  one: VirtualPeer,
): ReadonlySet<VirtualPeer> {
  const found = new Set([one])
  for (const peer of found) {
    for (const next of peers) if (network.linkBetween(peer.id, next.id)) found.add(next)
  }
  return found
}

describe('presence', () => {
  function ring(count: number) {
    const network = new VirtualNetwork()
    const peers = network.add(count)
    for (const [index, peer] of peers.entries()) {
      network.connect(peer, peers[(index + 1) % count]!)
    }
    return { network, peers }
  }

  test('[PR8] in a ring of ten every peer learns every peer and every link', () => {
    const { network, peers } = ring(10)
    network.run(1_500)
    for (const peer of peers) {
      const graph = peer.mesh.graph()
      expect(graph.local).toBe(peer.id)
      expect(graph.peers.map((entry) => entry.peer)).toEqual(peers.map(({ id }) => id).sort())
      expect(graph.connections).toHaveLength(20)
      const names = graph.peers.map((entry) => entry.name).sort()
      expect(names).toEqual(peers.map((_, index) => `peer ${index + 1}`).sort())
    }
    const first = peers[0]!
    const hops = peers.map(({ id }) => first.mesh.hopCount(id))
    expect(hops).toEqual([0, 1, 2, 3, 4, 5, 4, 3, 2, 1])
    expect(first.mesh.linked(peers[4]!.id, peers[5]!.id)).toBe(true)
    expect(first.mesh.linked(peers[4]!.id, peers[6]!.id)).toBe(false)
    expect(first.mesh.linked(first.id, peers[1]!.id)).toBe(true)
    expect(first.mesh.linked(peers[2]!.id, first.id)).toBe(false)
  })

  test('[PR1] [PR15] the graph tells of each peer what it is, how it is reached and how good its links are', () => {
    const { network, peers } = ring(10)
    network.run(1_500)
    const [first, second, , fourth] = peers as [VirtualPeer, VirtualPeer, VirtualPeer, VirtualPeer]
    const graph = first.mesh.graph()
    expect(graph.peers.find(({ peer }) => peer === first.id)?.hopCount).toBe(0)
    expect(graph.peers.find(({ peer }) => peer === second.id)?.hopCount).toBe(1)
    expect(graph.peers.find(({ peer }) => peer === fourth.id)).toEqual({
      peer: fourth.id,
      publicKey: encodeHex(fourth.identity.publicKey),
      name: 'peer 4',
      platform: 'node',
      libraryVersion,
      metadata: { seed: '4' },
      transports: [],
      hopCount: 3,
    })
    expect(graph.connections.find(({ from }) => from === fourth.id)).toMatchObject({
      transport: 'websocket',
      costClass: 'lan',
      metered: false,
      quality: 'excellent',
    })
    network.measure(fourth, peers[4]!, 300)
    network.run(10_000)
    const told = first.mesh.graph().connections
    const worse = told.filter(({ quality }) => quality === 'fair').map(({ from }) => from)
    expect(worse.sort()).toEqual([fourth.id, peers[4]!.id].sort())
  })

  test('[PR8] a settled mesh is silent', () => {
    const { network, peers } = ring(10)
    network.run(30_000)
    for (const peer of peers) peer.sent.length = 0
    network.run(60_000)
    expect(peers.flatMap((peer) => peer.sent)).toEqual([])
    for (const peer of peers) expect(peer.take('presence-changed').length).toBeGreaterThan(0)
    network.run(60_000)
    for (const peer of peers) expect(peer.take('presence-changed')).toEqual([])
  })

  test('[PR11] peers beyond the reach of routes stay known while links lead to them', () => {
    const { network, peers } = ring(10)
    network.run(200_000)
    expect(peers[0]!.mesh.graph().peers).toHaveLength(10)
  })

  test('[PR11] the record of a vanished peer is kept for a minute', () => {
    const { network, peers } = ring(10)
    network.run(2_000)
    const [first, , , , , gone] = peers as [
      VirtualPeer,
      VirtualPeer,
      VirtualPeer,
      VirtualPeer,
      VirtualPeer,
      VirtualPeer,
    ]
    const knows = (peer: VirtualPeer) =>
      first.mesh.graph().peers.some((entry) => entry.peer === peer.id)
    network.kill(gone)
    network.run(3_000)
    expect(knows(gone)).toBe(true)
    expect(first.mesh.graph().connections.some(({ from }) => from === gone.id)).toBe(false)
    expect(first.mesh.linked(gone.id, peers[4]!.id)).toBe(false)
    network.run(62_000)
    expect(knows(gone)).toBe(false)
    expect(first.mesh.graph().peers).toHaveLength(9)
  })

  test('[PR12] after a farewell the peer is dropped at once, everywhere', () => {
    const { network, peers } = ring(10)
    network.run(2_000)
    const [first, , , , leaving] = peers as [
      VirtualPeer,
      VirtualPeer,
      VirtualPeer,
      VirtualPeer,
      VirtualPeer,
    ]
    leaving.mesh.stop(network.nowMs)
    network.run(400)
    expect(first.mesh.graph().peers.some(({ peer }) => peer === leaving.id)).toBe(false)
    expect(first.mesh.linked(leaving.id, peers[5]!.id)).toBe(true)
    network.kill(leaving)
    network.run(1_000)
    expect(first.mesh.linked(leaving.id, peers[5]!.id)).toBe(false)
  })

  test('[PR6] round-trip times that wobble are no news, those that move are, but slowly', () => {
    const { network, hub, a } = aroundHub()
    network.run(10_000)
    const issued = () => a.counter('presenceRecordsIssued')
    const before = issued()
    for (let round = 0; round < 100; round += 1) {
      network.measure(a, hub, round % 2 === 0 ? 1.9 : 2.1)
      network.run(100)
    }
    expect(issued()).toBe(before)
    for (let round = 0; round < 100; round += 1) {
      network.measure(a, hub, round % 2 === 0 ? 2 : 90)
      network.run(100)
    }
    expect(issued() - before).toBeGreaterThanOrEqual(1)
    expect(issued() - before).toBeLessThanOrEqual(3)
  })

  test('[PR5] links that come up in a burst make two records, not twenty', () => {
    const network = new VirtualNetwork()
    const [hub, ...others] = network.add(21) as [VirtualPeer, ...VirtualPeer[]]
    for (const other of others) {
      network.connect(hub, other)
      network.run(5)
    }
    network.run(2_000)
    expect(hub.counter('presenceRecordsIssued')).toBe(2)
    for (const other of others) {
      expect(other.mesh.graph().peers).toHaveLength(21)
      expect(other.mesh.graph().connections).toHaveLength(40)
    }
  })

  test('[PR13] a second user of the key is noticed', () => {
    const network = new VirtualNetwork()
    const [hub, a] = network.add(2) as [VirtualPeer, VirtualPeer]
    network.connect(a, hub)
    const twin = new VirtualPeer(network, 2, 7)
    network.peers.push(twin)
    const [far] = network.add(1) as [VirtualPeer]
    network.connect(far, hub)
    network.connect(twin, far)
    network.run(2_000)
    const events = a.flight.events().filter((event) => event.name === 'identityInUse')
    expect(events.length).toBeGreaterThan(0)
  })

  test('the graph holds reachable peers whose record is missing still', () => {
    const { network, hub, a } = aroundHub()
    const [late] = network.add(1) as [VirtualPeer]
    const { send } = late
    late.send = (neighbour, kind, ...rest) =>
      kind === 'presence' ? 'full' : send(neighbour, kind, ...rest)
    network.connect(late, hub)
    network.run(100)
    const known = a.mesh.graph().peers.find(({ peer }) => peer === late.id)
    const said = { name: '', platform: '', libraryVersion: '', metadata: {}, transports: [] }
    expect(known).toEqual({ peer: late.id, publicKey: undefined, ...said, hopCount: 2 })
    late.send = send
    network.open(late, hub)
    network.run(1_000)
    expect(a.mesh.graph().peers.find(({ peer }) => peer === late.id)?.name).toBe('peer 4')
  })
})

describe('planning of links', () => {
  test('[LP3] [LP5] the peer with the smaller id is told to dial, once', () => {
    const { network, a, b } = aroundHub({ cost: wan })
    for (const peer of [a, b]) peer.mesh.transportStarted('webrtc', webrtc, network.nowMs)
    network.run(2_500)
    expect(a.take('want-link')).toEqual([{ type: 'want-link', peer: b.id, transport: 'webrtc' }])
    expect(b.take('want-link')).toEqual([])
    network.connect(a, b, { transport: 'webrtc' })
    network.run(60_000)
    for (const peer of [a, b]) {
      expect(peer.take('want-link')).toEqual([])
      expect(peer.take('unwant-link')).toEqual([])
    }
  })

  test('[LP15] peers that arrive one by one are considered together, every 100 ms at most', () => {
    const network = new VirtualNetwork()
    const [hub, ...others] = network.add(6) as [VirtualPeer, ...VirtualPeer[]]
    const [first, ...later] = others.sort((left, right) => (left.id < right.id ? -1 : 1))
    for (const peer of others) peer.mesh.transportStarted('webrtc', webrtc, network.nowMs)
    network.connect(first!, hub, { cost: wan })
    const soughtAtMs: number[] = []
    for (let elapsedMs = 0; elapsedMs < 3_000; elapsedMs += 5) {
      const arriving = elapsedMs % 60 === 0 ? later[elapsedMs / 60] : undefined
      if (arriving !== undefined) network.connect(arriving, hub, { cost: wan })
      network.run(5)
      if (first!.take('want-link').length > 0) soughtAtMs.push(network.nowMs)
    }
    expect(soughtAtMs.length).toBeGreaterThan(1)
    for (const [index, atMs] of soughtAtMs.entries()) {
      if (index > 0) expect(atMs - soughtAtMs[index - 1]!).toBeGreaterThanOrEqual(95)
    }
  })

  test('[LP5] the other one dials when nothing came in three seconds', () => {
    const { network, a, b } = aroundHub()
    for (const peer of [a, b]) peer.mesh.transportStarted('webrtc', webrtc, network.nowMs)
    network.run(4_000)
    expect(b.take('want-link')).toEqual([{ type: 'want-link', peer: a.id, transport: 'webrtc' }])
  })

  test('[LP7] a wish for a link outlives the hub once linked, and ends with reachability', () => {
    const { network, hub, a, b } = aroundHub()
    for (const peer of [a, b]) peer.mesh.transportStarted('webrtc', webrtc, network.nowMs)
    network.run(1_000)
    network.connect(a, b, { transport: 'webrtc' })
    network.run(1_000)
    network.kill(hub)
    network.run(1_000)
    expect(a.take('unwant-link')).toEqual([])
    network.disconnect(a, b)
    network.run(1_000)
    expect(a.take('unwant-link')).toEqual([
      { type: 'unwant-link', peer: b.id, transport: 'webrtc' },
    ])
  })

  test('[LP7] nobody is sought after a transport stopped', () => {
    const { network, a, b } = aroundHub()
    for (const peer of [a, b]) peer.mesh.transportStarted('webrtc', webrtc, network.nowMs)
    network.run(500)
    expect(a.take('want-link')).toHaveLength(1)
    b.mesh.transportStopped('webrtc', network.nowMs)
    network.run(10_000)
    expect(a.take('unwant-link')).toHaveLength(1)
    expect(b.take('want-link')).toEqual([])
  })

  test('[LP2] around one hub twenty peers link up to the target', () => {
    const network = new VirtualNetwork()
    const [hub, ...others] = network.add(21) as [VirtualPeer, ...VirtualPeer[]]
    for (const other of others) {
      other.mesh.transportStarted('webrtc', webrtc, network.nowMs)
      network.connect(hub, other, { cost: wan })
    }
    const dialled = new Set<string>()
    for (let round = 0; round < 150; round += 1) {
      network.run(100)
      for (const one of others) {
        for (const { peer } of one.take('want-link')) {
          const other = others.find(({ id }) => id === peer)!
          const pair = [one.id, peer].sort().join()
          // Both may have chosen each other.
          if (dialled.has(pair)) continue
          dialled.add(pair)
          network.connect(one, other, { transport: 'webrtc' })
        }
      }
    }
    for (const one of others) {
      const degree = others.filter((other) => network.linkBetween(one.id, other.id)).length
      expect(degree).toBeGreaterThanOrEqual(5)
      expect(degree).toBeLessThanOrEqual(12)
    }
  })
})

describe('hostile neighbours', () => {
  test('[MP3] [RO3] [PR4] random frames never throw, grow nothing, and are counted', () => {
    const { network, hub, a } = aroundHub()
    const kinds = ['packet', 'route', 'presence'] as const
    const frame = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Uint8Array.of(1, ...bytes)),
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Uint8Array.of(1, 0, ...bytes)),
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Uint8Array.of(2, 0, ...bytes)),
    )
    let sent = 0
    fc.assert(
      fc.property(fc.constantFrom(...kinds), frame, (kind, bytes) => {
        sent += 1
        hub.mesh.frameReceived(a.id, kind, bytes.slice(), network.nowMs)
        hub.drain()
      }),
      { numRuns: 2_000 },
    )
    const counted =
      hub.counter('packetsDroppedMalformed') +
      hub.counter('packetsDroppedNoRoute') +
      hub.counter('packetsDroppedHopLimit') +
      hub.counter('routeFramesMalformed') +
      hub.counter('routeFramesReceived') +
      hub.counter('presenceFramesMalformed') +
      hub.counter('presenceRecordsMalformed') +
      hub.counter('presenceRecordsMuted')
    expect(counted).toBeGreaterThan(sent * 0.9)
    expect(hub.mesh.graph().peers.length).toBeLessThan(10)
    network.run(10_000)
  })

  test('frames of a peer that is no neighbour are ignored', () => {
    const { network, a, b } = aroundHub()
    b.outputs.length = 0
    const strange = {
      priority: 'bulk',
      hopLimit: 3,
      congestionMarked: false,
      source: a.id,
      destination: b.id,
      payload: Uint8Array.of(1),
    } as const
    const packet = encodePacket(strange, { from: a.id, to: b.id })
    b.mesh.frameReceived(a.id, 'packet', packet, network.nowMs)
    b.drain()
    expect(b.outputs).toEqual([])
  })
})
