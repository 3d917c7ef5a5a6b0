/** One peer with very many others: what they cost, and who gives way. */

import { describe, expect, test } from 'vitest'

import { FlightRecorder } from '../../recorder/recorder.ts'
import { registry } from '../../recorder/registry.ts'
import { ToyCryptography, toyHash } from '../../testing/explore/toy-cryptography.ts'
import { SeededRandom } from '../crypto/random.ts'
import { Identity } from '../identity/identity.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { wholePayload } from '../link/frame.ts'
import { ByteWriter } from '../bytes/writer.ts'
import type { Cryptography } from '../crypto/cryptography.ts'
import type { ConnectionOutput } from './connection-output.ts'
import { Connection } from './connection.ts'
import { Connections } from './connections.ts'
import { encodeFrame } from './frame.ts'
import { offencePauseMs } from './offences.ts'
import { packetTypes } from './packet.ts'
import { parkMsMax } from './parking.ts'
import { connectionsMax } from './peer-table.ts'
import { repeatMsMax } from './repetition.ts'
import { restingBytesMax } from './resting-connections.ts'
import { unmarked } from './virtual-network-peers.ts'

const toy = new ToyCryptography()
const sharedFlight = new FlightRecorder(registry)

/** A peer that hands each packet to its receiver when the crowd says so. */
class Member {
  readonly identity: Identity
  readonly flight: FlightRecorder
  readonly connections: Connections
  readonly outputs: ConnectionOutput[] = []

  constructor(crowd: Crowd, number: number, cryptography: Cryptography = toy) {
    this.identity = new Identity(toyHash(Uint8Array.of(number, number >> 8)), cryptography)
    // What the hub counts is looked at; the others share one recorder.
    this.flight = number === 0 ? new FlightRecorder(registry) : sharedFlight
    const context = {
      random: new SeededRandom(toyHash(Uint8Array.of(1, number, number >> 8))),
      cryptography,
      recorder: this.flight.recorder,
    }
    const options = { identity: this.identity, app: 'test', secret: new Uint8Array(32), epoch: 1 }
    this.connections = new Connections(context, options, {
      send: (to, _priority, payload) => {
        if (!crowd.hasRoutes) return 'no-route'
        crowd.packets.push({ from: this.peer, to, payload: wholePayload(payload).slice() })
        return 'accepted'
      },
      payloadBytesMax: () => (crowd.hasRoutes ? 16_384 : 0),
    })
  }

  get peer(): PeerId {
    return this.identity.peer
  }

  counter(name: string): number {
    return this.flight.snapshot().counters[`connection.${name}`] ?? 0
  }
}

/** One hub and any number of others; packets arrive at once. */
class Crowd {
  nowMs = 0
  hasRoutes = true
  packets: { readonly from: PeerId; readonly to: PeerId; readonly payload: Uint8Array }[] = []
  readonly hub: Member
  readonly others: readonly Member[]
  readonly #members: ReadonlyMap<PeerId, Member>

  constructor(count: number) {
    this.hub = new Member(this, 0)
    this.others = Array.from({ length: count }, (_, index) => new Member(this, index + 1))
    this.#members = new Map([this.hub, ...this.others].map((member) => [member.peer, member]))
  }

  deliver(): void {
    while (this.packets.length > 0) {
      for (const { from, to, payload } of this.packets.splice(0)) {
        this.#members.get(to)?.connections.packetReceived(from, payload, unmarked, this.nowMs)
      }
    }
  }

  carry(): void {
    this.deliver()
    for (const { connections, outputs } of this.#members.values()) {
      for (let output = connections.poll(); output; output = connections.poll())
        outputs.push(output)
    }
  }

  /** One after the other: only so many handshakes are answered at once. */
  connect(others: readonly Member[]): void {
    for (const { connections } of others) {
      connections.open(this.hub.peer, this.nowMs)
      this.deliver()
    }
    this.carry()
  }

  /** Lets all deadlines of the next stretch of time come. */
  run(durationMs: number): void {
    const untilMs = this.nowMs + durationMs
    for (;;) {
      this.carry()
      const deadlines = [...this.#members.values()].map(({ connections }) =>
        connections.nextDeadlineMs(),
      )
      const nextMs = Math.min(...deadlines)
      if (nextMs > untilMs) break
      this.nowMs = Math.max(this.nowMs, nextMs)
      for (const { connections } of this.#members.values()) {
        if (connections.nextDeadlineMs() <= this.nowMs) connections.handleDeadline(this.nowMs)
      }
    }
    this.nowMs = untilMs
  }

  setRoutes(hasRoutes: boolean): void {
    this.hasRoutes = hasRoutes
    for (const { peer, connections } of this.others) {
      for (const [one, other] of [
        [connections, this.hub.peer],
        [this.hub.connections, peer],
      ] as const) {
        if (hasRoutes) one.peerReachable(other, this.nowMs)
        else one.peerUnreachable(other, this.nowMs)
      }
    }
    this.carry()
  }
}

function connectedCrowd(count: number): Crowd {
  const crowd = new Crowd(count)
  crowd.connect(crowd.others)
  crowd.run(1000)
  expect(crowd.hub.outputs.filter(({ type }) => type === 'connected')).toHaveLength(count)
  return crowd
}

describe('a thousand peers', () => {
  test('[CN43] what one peer asks for costs nothing for the others', () => {
    /** How often connections are asked for their deadlines, while one of so many is used. */
    const askedWith = (count: number): number => {
      const crowd = connectedCrowd(count)
      const { hub } = crowd
      const { peer } = crowd.others[0]!
      let asked = 0
      const { nextDeadlineMs } = Connection.prototype
      Connection.prototype.nextDeadlineMs = function counted() {
        asked += 1
        return nextDeadlineMs.call(this)
      }
      for (let round = 0; round < 200; round += 1) {
        crowd.nowMs += 30
        hub.connections.send(peer, 'sync', Uint8Array.of(1), crowd.nowMs)
        for (let ask = 0; ask < 10; ask += 1) hub.connections.nextDeadlineMs()
        hub.connections.handleDeadline(crowd.nowMs)
        hub.connections.packetsWritable(crowd.nowMs)
      }
      Connection.prototype.nextDeadlineMs = nextDeadlineMs
      return asked
    }
    const asked = askedWith(1)
    expect(asked).toBeGreaterThan(100)
    expect(asked).toBeLessThan(1000)
    expect(askedWith(1000)).toBe(asked)
  })

  test('[CN43] the next deadline is the earliest of all, whatever happens', () => {
    const crowd = connectedCrowd(30)
    const dice = new SeededRandom(new Uint8Array(32).fill(3))
    const pick = <Item>(items: readonly Item[]) =>
      items[Math.floor(dice.fraction() * items.length)]!
    let handledCount = 0
    for (let step = 0; step < 3000; step += 1) {
      const { hub } = crowd
      const { peer } = pick(crowd.others)
      const action = dice.fraction()
      if (action < 0.4) hub.connections.send(peer, 'sync', new Uint8Array(9), crowd.nowMs)
      else if (action < 0.45) hub.connections.peerUnreachable(peer, crowd.nowMs)
      else if (action < 0.55) hub.connections.peerReachable(peer, crowd.nowMs)
      else if (action < 0.6) hub.connections.pathChanged(peer, false, crowd.nowMs)
      else if (action < 0.62) hub.connections.close(peer, 'closed', crowd.nowMs)
      else if (action < 0.65) hub.connections.open(peer, crowd.nowMs)
      else if (action < 0.8) crowd.packets = crowd.packets.filter(() => dice.fraction() < 0.7)
      else crowd.carry()
      // Nothing is due that the next deadline does not tell of: time that stands still changes nothing.
      const deadlineMs = hub.connections.nextDeadlineMs()
      if (deadlineMs > crowd.nowMs) {
        const before = crowd.packets.length
        hub.connections.handleDeadline(crowd.nowMs)
        expect(crowd.packets).toHaveLength(before)
        expect(hub.connections.nextDeadlineMs()).toBe(deadlineMs)
      } else {
        handledCount += 1
        hub.connections.handleDeadline(crowd.nowMs)
        expect(hub.connections.nextDeadlineMs()).toBeGreaterThan(crowd.nowMs)
      }
      if (dice.fraction() < 0.3) crowd.nowMs += dice.fraction() * 300
    }
    expect(handledCount).toBeGreaterThan(100)
  })
})

describe('resting connections', () => {
  test('[CN44] hold 16 MiB together, and the one that rests for longest gives way', () => {
    const crowd = connectedCrowd(30)
    const { hub } = crowd
    // One after the other loses its route and rests, each with a megabyte that nobody took.
    crowd.hasRoutes = false
    for (const { peer } of crowd.others) {
      hub.connections.peerUnreachable(peer, crowd.nowMs)
      for (const stream of ['sync', 'bulk'] as const) {
        hub.connections.send(peer, stream, new Uint8Array(500_000), crowd.nowMs)
      }
      crowd.nowMs += 1000
    }
    crowd.nowMs += parkMsMax
    hub.connections.handleDeadline(crowd.nowMs)
    crowd.carry()
    const gone = hub.outputs.flatMap((output) => {
      return output.type === 'disconnected' ? [[output.peer, output.reason]] : []
    })
    const { resting, restingBytes } = hub.connections.census()
    expect(restingBytes).toBeLessThanOrEqual(restingBytesMax)
    expect(resting).toBe(16)
    expect(gone).toEqual(crowd.others.slice(0, 14).map(({ peer }) => [peer, 'expired']))
    expect(hub.counter('ticketsExpired')).toBe(14)
    // What is written while at rest counts too.
    const last = crowd.others.at(-1)!.peer
    for (const stream of ['control', 'interactive'] as const) {
      hub.connections.send(last, stream, new Uint8Array(900_000), crowd.nowMs)
    }
    expect(hub.connections.census().resting).toBe(14)
    expect(hub.connections.measure(last)!.sendBufferBytes).toBeGreaterThan(2_000_000)
  })

  test('[CN44] one that holds more than all may is given up at once', () => {
    const crowd = connectedCrowd(1)
    const { hub, others } = crowd
    crowd.setRoutes(false)
    hub.connections.send(others[0]!.peer, 'bulk', new Uint8Array(16 * 1024 * 1024), crowd.nowMs)
    crowd.run(parkMsMax)
    expect(hub.outputs.at(-1)).toMatchObject({ type: 'disconnected', reason: 'expired' })
    expect(hub.connections.census()).toMatchObject({ peers: 0, resting: 0, restingBytes: 0 })
  })

  test('[CN26] give way to new peers when there are 1,024 already', () => {
    const crowd = new Crowd(connectionsMax + 2)
    const { hub, others } = crowd
    crowd.connect(others.slice(0, connectionsMax))
    crowd.run(1000)
    expect(hub.connections.census().peers).toBe(connectionsMax)
    hub.connections.open(others.at(-1)!.peer, crowd.nowMs)
    crowd.carry()
    expect(hub.outputs.at(-1)).toMatchObject({ type: 'problem' })
    hub.connections.peerUnreachable(others[7]!.peer, crowd.nowMs)
    crowd.nowMs += parkMsMax
    hub.connections.handleDeadline(crowd.nowMs)
    expect(hub.connections.census()).toMatchObject({ peers: connectionsMax, resting: 1 })
    others.at(-1)!.connections.open(hub.peer, crowd.nowMs)
    crowd.carry()
    expect(hub.outputs.slice(-2)).toEqual([
      { type: 'disconnected', peer: others[7]!.peer, reason: 'expired' },
      { type: 'connected', peer: others.at(-1)!.peer, epoch: 1 },
    ])
    expect(hub.connections.census()).toMatchObject({ peers: connectionsMax, resting: 0 })
  })
})

describe('peers that cost time', () => {
  /** A member that says what breaks a rule in each packet, once it is told to. */
  function offendingPair() {
    let offends = false
    const plaintext = encodeViolation()
    const cryptography: Cryptography = {
      x25519PublicKey: (...parts) => toy.x25519PublicKey(...parts),
      x25519SharedSecret: (...parts) => toy.x25519SharedSecret(...parts),
      ed25519PublicKey: (...parts) => toy.ed25519PublicKey(...parts),
      ed25519Sign: (...parts) => toy.ed25519Sign(...parts),
      ed25519Verify: (...parts) => toy.ed25519Verify(...parts),
      sha256: (...parts) => toy.sha256(...parts),
      hmacSha256: (...parts) => toy.hmacSha256(...parts),
      open: (...parts) => toy.open(...parts),
      seal: (key, nonce, additional, frames) =>
        toy.seal(key, nonce, additional, offends && additional.length < 32 ? plaintext : frames),
    }
    const crowd = new Crowd(0)
    const offender = new Member(crowd, 9, cryptography)
    return {
      crowd,
      offender,
      offend: () => {
        offends = true
      },
    }
  }

  function encodeViolation(): Uint8Array {
    const writer = new ByteWriter()
    encodeFrame({ type: 'stream-credit', stream: 40, limit: 1 }, writer)
    return writer.finish()
  }

  test('[CN41] a peer that breaks rules is left alone for longer each time, by both ends', () => {
    const { crowd, offender, offend } = offendingPair()
    const { hub } = crowd
    const violationsAtMs: number[] = []
    const carry = () => {
      while (crowd.packets.length > 0) {
        for (const { from, to, payload } of crowd.packets.splice(0)) {
          const receiver = to === hub.peer ? hub : offender
          receiver.connections.packetReceived(from, payload, unmarked, crowd.nowMs)
        }
      }
      for (const [member, other] of [
        [hub, offender],
        [offender, hub],
      ] as const) {
        const { connections } = member
        for (let output = connections.poll(); output; output = connections.poll()) {
          // The layer above connects again at once, as long as there is a link.
          if (output.type === 'disconnected') connections.open(other.peer, crowd.nowMs)
          if (output.type === 'disconnected' && member === hub) violationsAtMs.push(crowd.nowMs)
        }
      }
    }
    offend()
    hub.connections.open(offender.peer, 0)
    offender.connections.open(hub.peer, 0)
    carry()
    while (crowd.nowMs < 200_000) {
      const nextMs = Math.min(
        ...[hub, offender].map(({ connections }) => connections.nextDeadlineMs()),
      )
      crowd.nowMs = Math.max(crowd.nowMs, nextMs)
      for (const { connections } of [hub, offender]) connections.handleDeadline(crowd.nowMs)
      carry()
    }
    expect(hub.counter('violations')).toBe(violationsAtMs.length)
    const pauses = violationsAtMs.slice(1).map((atMs, index) => atMs - violationsAtMs[index]!)
    expect(pauses.length).toBeGreaterThan(5)
    for (const [index, pauseMs] of pauses.entries()) {
      const leastMs = Math.min(offencePauseMs * 2 ** index, 60_000)
      expect(pauseMs).toBeGreaterThanOrEqual(leastMs)
      expect(pauseMs).toBeLessThan(leastMs + 2000)
    }
    expect(hub.connections.census().offenders).toBe(1)
  })

  test('[CN41] openings of a peer that broke a rule are dropped for as long, and counted', () => {
    const { crowd, offender, offend } = offendingPair()
    const { hub } = crowd
    offend()
    hub.connections.open(offender.peer, 0)
    const between = (to: Member, from: Member) => {
      for (const packet of crowd.packets.splice(0)) {
        if (packet.to === to.peer)
          to.connections.packetReceived(from.peer, packet.payload, unmarked, 0)
        else crowd.packets.push(packet)
      }
    }
    for (let round = 0; round < 4; round += 1) {
      between(offender, hub)
      between(hub, offender)
    }
    expect(hub.counter('violations')).toBe(1)
    const opener = new Member(crowd, 9)
    opener.connections.open(hub.peer, 0)
    const opening = crowd.packets.at(-1)!.payload
    hub.connections.packetReceived(offender.peer, opening, unmarked, offencePauseMs - 1)
    expect(hub.counter('offendersDropped')).toBe(1)
    hub.connections.packetReceived(offender.peer, opening, unmarked, offencePauseMs)
    expect(crowd.packets.at(-1)!.payload[0]).toBe(packetTypes.handshakeAnswer)
  })

  test('[CN42] a peer with a route that never answers costs a packet a minute', () => {
    const crowd = new Crowd(1)
    const { hub, others } = crowd
    hub.connections.open(others[0]!.peer, 0)
    const sentAtMs: number[] = []
    while (crowd.nowMs < 1_000_000) {
      for (const _packet of crowd.packets.splice(0)) sentAtMs.push(crowd.nowMs)
      crowd.nowMs = hub.connections.nextDeadlineMs()
      hub.connections.handleDeadline(crowd.nowMs)
    }
    const pauses = sentAtMs.slice(1).map((atMs, index) => atMs - sentAtMs[index]!)
    expect(pauses.slice(0, 8)).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 32_000, repeatMsMax])
    expect(new Set(pauses.slice(7))).toEqual(new Set([repeatMsMax]))
    // Whatever comes from it ends the patience.
    hub.connections.packetReceived(
      others[0]!.peer,
      Uint8Array.of(5, 0, 0, 0, 0),
      unmarked,
      crowd.nowMs,
    )
    expect(hub.connections.nextDeadlineMs()).toBeLessThanOrEqual(crowd.nowMs + 500)
    crowd.packets.length = 0
    hub.connections.pathChanged(others[0]!.peer, false, crowd.nowMs)
    hub.connections.handleDeadline(hub.connections.nextDeadlineMs())
    expect(crowd.packets).toHaveLength(1)
  })
})
