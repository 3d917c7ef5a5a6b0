/** Discovery between peers on links in memory, in virtual time. */

import { decode, encode } from 'dns-packet'
import type { Packet } from 'dns-packet'
import { afterEach, describe, expect, test } from 'vitest'
import { makeAppTag } from './app-tag.ts'
import type { HostClock } from './host-clock.ts'
import { LanDiscovery } from './lan-discovery.ts'
import type { DiscoveryKind } from './lan-discovery.ts'
import { decodeLinkAnnouncement, encodeLinkAnnouncement } from './link-announcement.ts'
import type { MulticastPort, MulticastPortOptions, OpenMulticastPort } from './multicast-port.ts'
import type { InterfaceAddress, NetworkInterface } from './network-interfaces.ts'

class VirtualClock implements HostClock {
  #nowMs = 0
  readonly #timers = new Set<{ atMs: number; run: () => void }>()

  nowMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, run }
    this.#timers.add(timer)
    return () => {
      this.#timers.delete(timer)
    }
  }

  get timerCount(): number {
    return this.#timers.size
  }

  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs
    for (;;) {
      const [next] = [...this.#timers].toSorted((one, other) => one.atMs - other.atMs)
      if (!next || next.atMs > untilMs) break
      this.#timers.delete(next)
      this.#nowMs = next.atMs
      next.run()
    }
    this.#nowMs = untilMs
  }
}

/** One link: what a port sends comes to all others of its group, and to itself. */
class Link {
  readonly sent: { bytes: Uint8Array; port: number }[] = []
  readonly #ports = new Set<MulticastPortOptions & { host: string }>()

  async open(options: MulticastPortOptions): Promise<MulticastPort> {
    const { addresses } = options.networkInterface
    const host = addresses.find(({ family }) => family === options.group.family)?.host ?? ''
    const entry = { ...options, host }
    this.#ports.add(entry)
    return {
      group: options.group,
      send: (bytes) => this.inject(bytes, host, options.group.port),
      close: async () => {
        this.#ports.delete(entry)
      },
    }
  }

  get portCount(): number {
    return this.#ports.size
  }

  inject(bytes: Uint8Array, host: string, port: number): void {
    this.sent.push({ bytes, port })
    const family = host.includes(':') ? 6 : 4
    for (const { group, received } of this.#ports) {
      if (group.port === port && group.family === family) {
        received(Uint8Array.from(bytes), { host, port })
      }
    }
  }
}

const stopping: LanDiscovery[] = []

afterEach(async () => {
  await Promise.all(stopping.splice(0).map((discovery) => discovery.stop()))
})

function interfaceOf(number: number, name = 'eth0'): NetworkInterface {
  const address = (host: string, prefixBits: number): InterfaceAddress => ({
    interfaceName: name,
    kind: 'ethernet',
    host,
    family: host.includes(':') ? 6 : 4,
    prefixBits,
    isInternal: false,
  })
  return {
    name,
    addresses: [address(`10.0.0.${number}`, 24), address(`fe80::${number}%${name}`, 64)],
  }
}

class Peer {
  readonly addresses: string[] = []
  readonly events: string[] = []
  readonly counts = { announcementsMalformed: 0, sightingsRefused: 0 }
  readonly discovery: LanDiscovery
  readonly own: NetworkInterface
  readonly number: number
  isListening = true
  openPort: OpenMulticastPort

  constructor(
    clock: HostClock,
    link: Link,
    number: number,
    options: { kinds?: readonly DiscoveryKind[]; app?: string } = {},
  ) {
    const { kinds = ['mdns', 'multicast'], app = 'corner-cafe' } = options
    this.number = number
    this.openPort = (port) => link.open(port)
    this.own = interfaceOf(number)
    this.discovery = new LanDiscovery({
      kinds,
      clock,
      random: () => 0.5,
      openPort: (port) => this.openPort(port),
      counts: this.counts,
      preferenceOf: ({ name }) => (name === 'awdl0' ? 1 : 0),
      service: {
        app,
        peer: this.id,
        appTag: makeAppTag(app),
        hostsOn: ({ addresses }) => (this.isListening ? addresses.map(({ host }) => host) : []),
        port: () => 4000 + number,
      },
      found: (address) => {
        this.events.push(`found ${address}`)
        this.addresses.push(address)
      },
      lost: (address) => {
        this.events.push(`lost ${address}`)
        this.addresses.splice(this.addresses.indexOf(address), 1)
      },
    })
    stopping.push(this.discovery)
  }

  get id(): string {
    return `00000000000000a${this.number}`
  }

  async begin(): Promise<void> {
    await this.discovery.follow([this.own])
  }
}

function setUp() {
  return { clock: new VirtualClock(), link: new Link() }
}

const twoKinds: [DiscoveryKind][] = [['mdns'], ['multicast']]

describe.each(twoKinds)('by %s', (kind) => {
  test('[DS3, DS5] two peers find each other, not themselves, and hear of goodbyes', async () => {
    const { clock, link } = setUp()
    const one = new Peer(clock, link, 1, { kinds: [kind] })
    const two = new Peer(clock, link, 2, { kinds: [kind] })
    await one.begin()
    clock.advance(5_000)
    await two.begin()
    clock.advance(2_000)
    expect(one.addresses).toEqual(['udp://[fe80::2%eth0]:4002'])
    expect(two.addresses).toEqual(['udp://[fe80::1%eth0]:4001'])
    await two.discovery.stop()
    expect(one.addresses).toEqual([])
    expect(two.addresses).toEqual(['udp://[fe80::1%eth0]:4001'])
  })

  test('[DS4] one that vanishes without a word is forgotten in its time, and not before', async () => {
    const { clock, link } = setUp()
    const one = new Peer(clock, link, 1, { kinds: [kind] })
    const two = new Peer(clock, link, 2, { kinds: [kind] })
    await one.begin()
    await two.begin()
    clock.advance(600_000)
    expect(one.events).toEqual(['found udp://[fe80::2%eth0]:4002'])
    two.isListening = false
    clock.advance(60_000)
    expect(one.addresses).toHaveLength(1)
    clock.advance(180_000)
    expect(one.addresses).toEqual([])
  })

  test('[DS2] one of another app is not found, and its name is not on the link', async () => {
    const { clock, link } = setUp()
    const one = new Peer(clock, link, 1, { kinds: [kind] })
    const two = new Peer(clock, link, 2, { kinds: [kind], app: 'other-cafe' })
    await one.begin()
    await two.begin()
    clock.advance(10_000)
    expect([...one.addresses, ...two.addresses]).toEqual([])
    const spoken = Buffer.concat(link.sent.map(({ bytes }) => bytes)).toString('latin1')
    expect(spoken).not.toMatch(/cafe/)
  })

  test('[DS1] one that does not listen finds and is not found', async () => {
    const { clock, link } = setUp()
    const one = new Peer(clock, link, 1, { kinds: [kind] })
    const two = new Peer(clock, link, 2, { kinds: [kind] })
    two.isListening = false
    await one.begin()
    clock.advance(20_000)
    await two.begin()
    clock.advance(5_000)
    expect(two.addresses).toHaveLength(1)
    expect(one.addresses).toEqual([])
  })
})

test('[DS5] what two kinds tell of a peer is one address, until neither holds', async () => {
  const { clock, link } = setUp()
  const one = new Peer(clock, link, 1)
  const two = new Peer(clock, link, 2)
  await one.begin()
  await two.begin()
  clock.advance(10_000)
  await two.discovery.stop()
  const address = 'udp://[fe80::2%eth0]:4002'
  expect(one.events).toEqual([`found ${address}`, `lost ${address}`])
})

test('[DS1] an interface that appears is used, and with one that vanishes go its addresses', async () => {
  const { clock, link } = setUp()
  const one = new Peer(clock, link, 1)
  const two = new Peer(clock, link, 2)
  await two.begin()
  await one.discovery.follow([])
  clock.advance(10_000)
  expect(one.addresses).toEqual([])
  await one.begin()
  clock.advance(2_000)
  expect(one.addresses).toHaveLength(1)
  await one.discovery.follow([])
  expect(one.addresses).toEqual([])
  expect(link.portCount).toBe(3)
  await two.discovery.stop()
  expect([link.portCount, clock.timerCount]).toEqual([0, 0])
})

test('[DS5] an address that was told stays the one when a better one is learnt', async () => {
  const { clock, link } = setUp()
  const one = new Peer(clock, link, 1, { kinds: ['mdns'] })
  await one.begin()
  link.inject(serviceOf('10.0.0.77'), '10.0.0.9', 5353)
  link.inject(serviceOf('10.0.0.77', 'fe80::77'), '10.0.0.9', 5353)
  clock.advance(100_000)
  expect(one.events).toEqual(['found udp://10.0.0.77:4100'])
})

test('[DS12] a peer is told of on the interface that is preferred, and else on another', async () => {
  const { clock, link } = setUp()
  const other = new Link()
  const one = new Peer(clock, link, 1, { kinds: ['multicast'] })
  one.openPort = (port) => (port.networkInterface.name === 'awdl0' ? other : link).open(port)
  await one.discovery.follow([interfaceOf(1), interfaceOf(1, 'awdl0')])
  const fields = { kind: 'announce', port: 1, app: makeAppTag('corner-cafe') } as const
  const peer = '00000000000000b1'
  const announce = (lifetimeS: number) => encodeLinkAnnouncement({ ...fields, peer, lifetimeS })
  other.inject(announce(100), 'fe80::66%awdl0', 7406)
  link.inject(announce(50), 'fe80::66%eth0', 7406)
  clock.advance(60_000)
  const [direct, usual] = ['udp://[fe80::66%awdl0]:1', 'udp://[fe80::66%eth0]:1']
  expect(one.events).toEqual([
    `found ${direct}`,
    `found ${usual}`,
    `lost ${direct}`,
    `lost ${usual}`,
    `found ${direct}`,
  ])
})

describe('hostile packets', () => {
  test('[DS3] one sender makes no more than sixteen peers known', async () => {
    const { clock, link } = setUp()
    const one = new Peer(clock, link, 1)
    await one.begin()
    const fields = { kind: 'announce', lifetimeS: 60, app: makeAppTag('corner-cafe') } as const
    for (let port = 1; port <= 100; port += 1) {
      const peer = port.toString(16).padStart(16, '0')
      link.inject(encodeLinkAnnouncement({ ...fields, peer, port }), 'fe80::66%eth0', 7406)
    }
    expect(one.addresses).toHaveLength(16)
    expect(one.counts.sightingsRefused).toBe(84)
    clock.advance(120_000)
    expect(one.addresses).toEqual([])
  })

  test('[DS10] addresses that a router leads to are not dialled for anybody', async () => {
    const { clock, link } = setUp()
    const one = new Peer(clock, link, 1, { kinds: ['mdns'] })
    await one.begin()
    link.inject(serviceOf('8.8.8.8', '2001:db8::1', '10.1.0.9'), '10.0.0.9', 5353)
    expect(one.addresses).toEqual([])
    link.inject(serviceOf('8.8.8.8', '10.0.0.77'), '10.0.0.9', 5353)
    expect(one.addresses).toEqual(['udp://10.0.0.77:4100'])
  })

  test('[DS6, DS9] whatever comes is passed over without a throw', async () => {
    const { clock, link } = setUp()
    const one = new Peer(clock, link, 1)
    await one.begin()
    const valid = serviceOf('10.0.0.77')
    for (let at = 0; at < valid.length; at += 3) {
      const changed = Buffer.from(valid)
      changed[at] = (changed[at] ?? 0) ^ 0xff
      for (const bytes of [changed, valid.subarray(0, at)]) {
        link.inject(bytes, '10.0.0.9', 5353)
        link.inject(bytes, 'fe80::66%eth0', 7406)
      }
    }
    clock.advance(10_000)
    expect(one.addresses.length).toBeLessThan(16)
    expect(one.counts.announcementsMalformed).toBeGreaterThan(100)
  })
})

test('[DS7] announcements come soon at first, then every 30 s, and a goodbye at the end', async () => {
  const { clock, link } = setUp()
  const one = new Peer(clock, link, 1, { kinds: ['multicast'] })
  const kinds = () => link.sent.splice(0).map(({ bytes }) => decodeLinkAnnouncement(bytes)?.kind)
  await one.begin()
  clock.advance(3_000)
  expect(kinds()).toEqual(['ask', 'ask', 'ask'])
  clock.advance(4_000)
  expect(kinds()).toEqual(['announce'])
  clock.advance(60_000)
  expect(kinds()).toEqual(['announce', 'announce'])
  one.discovery.announce()
  await one.discovery.stop()
  expect(kinds()).toEqual(['announce', 'goodbye'])
})

test('[DS8] who asks is answered within 200 ms, and a crowd once a second', async () => {
  const { clock, link } = setUp()
  const one = new Peer(clock, link, 1, { kinds: ['multicast'] })
  await one.begin()
  clock.advance(20_000)
  const fields = { lifetimeS: 60, port: 0, app: makeAppTag('corner-cafe') } as const
  const ask = encodeLinkAnnouncement({ ...fields, kind: 'ask', peer: '00000000000000b1' })
  const answers = () =>
    link.sent.filter(({ bytes }) => decodeLinkAnnouncement(bytes)?.kind === 'announce').length
  const before = answers()
  for (let count = 0; count < 100; count += 1) link.inject(ask, 'fe80::66%eth0', 7406)
  clock.advance(200)
  expect(answers() - before).toBe(1)
  link.inject(ask, 'fe80::66%eth0', 7406)
  clock.advance(850)
  expect(answers() - before).toBe(1)
  clock.advance(150)
  expect(answers() - before).toBe(2)
  // Who does not listen is not dialled.
  expect(one.addresses).toEqual([])
})

test('[DS11] a question is answered once for all who ask, and not to who knows the answer', async () => {
  const { clock, link } = setUp()
  const one = new Peer(clock, link, 1, { kinds: ['mdns'] })
  await one.begin()
  clock.advance(100_000)
  const questions: Packet['questions'] = [{ type: 'PTR', name: '_FieldMesh._udp.local' }]
  const responses = () =>
    link.sent.map(({ bytes }) => decode(Buffer.from(bytes))).filter(({ flag_qr }) => flag_qr)
  const before = responses().length
  for (let count = 0; count < 3; count += 1) {
    link.inject(encode({ type: 'query', questions }), '10.0.0.9', 5353)
  }
  clock.advance(2_000)
  const [answer, ...more] = responses().slice(before)
  // One on each family.
  expect(more).toHaveLength(1)
  expect(answer?.answers?.map(({ type }) => type)).toEqual([
    'PTR',
    'PTR',
    'SRV',
    'TXT',
    'A',
    'AAAA',
  ])
  const known = answer?.answers?.filter(({ type }) => type === 'PTR')
  link.inject(encode({ type: 'query', questions, answers: known }), '10.0.0.9', 5353)
  clock.advance(2_000)
  expect(responses().slice(before)).toHaveLength(2)
})

/** A service as another implementation tells of it, at these addresses. */
function serviceOf(...addresses: readonly string[]): Buffer {
  const { salt, tag } = makeAppTag('corner-cafe')
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
  const name = 'Some name._fieldmesh._udp.local'
  return encode({
    type: 'response',
    answers: [{ type: 'PTR', name: '_fieldmesh._udp.local', ttl: 4500, data: name }],
    additionals: [
      ...addresses.map((data) => ({
        type: data.includes(':') ? ('AAAA' as const) : ('A' as const),
        name: 'host.local',
        ttl: 120,
        data,
      })),
      { type: 'SRV', name, ttl: 120, data: { port: 4100, target: 'host.local' } },
      {
        type: 'TXT',
        name,
        ttl: 4500,
        data: ['v=1', 'p=00000000000000b9', `s=${hex(salt)}`, `t=${hex(tag)}`],
      },
    ],
  })
}
