import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FlightRecorder } from '../../recorder/recorder.ts'
import { registry } from '../../recorder/registry.ts'
import type { AwarenessChange } from '../command.ts'
import type { Cryptography } from '../crypto/cryptography.ts'
import { SeededRandom } from '../crypto/random.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { awarenessBytesMax, decodeAwareness, encodeAwareness } from './awareness-codec.ts'
import type { AwarenessState } from './awareness-codec.ts'
import {
  Awareness,
  awarenessExpiryMs,
  awarenessRenewalMs,
  statesMax,
  statesPerDocumentMax,
} from './awareness.ts'

const note = { collection: '', id: 'note' }

/** Some peers in a topology; datagrams arrive when `deliver` is called, unless they are lost. */
class Room {
  readonly members: { peer: PeerId; awareness: Awareness; counters: () => Counters }[] = []
  readonly links: readonly (readonly [number, number])[]
  datagramCount = 0
  losing = false
  #waiting: { from: number; to: number; payload: Uint8Array }[] = []

  constructor(count: number, links: readonly (readonly [number, number])[]) {
    this.links = links
    for (let index = 0; index < count; index += 1) {
      const peer = peerOf(index)
      const flight = new FlightRecorder(registry)
      const context = {
        random: new SeededRandom(new Uint8Array(32)),
        cryptography: {} as Cryptography,
        recorder: flight.recorder,
      }
      const messages = {
        send: () => 'accepted' as const,
        sendDatagram: (to: PeerId, _key: string, payload: Uint8Array) => {
          this.datagramCount += 1
          if (this.losing) return
          this.#waiting.push({ from: index, to: Number.parseInt(to, 16), payload })
        },
      }
      const linked = (left: PeerId, right: PeerId) =>
        this.linked(Number.parseInt(left, 16), Number.parseInt(right, 16))
      const awareness = new Awareness(context, peer, messages, { linked })
      this.members.push({ peer, awareness, counters: () => flight.snapshot().counters })
    }
    for (const [left, right] of links) {
      this.members[left]!.awareness.neighbourUp(peerOf(right), 0)
      this.members[right]!.awareness.neighbourUp(peerOf(left), 0)
    }
  }

  linked(left: number, right: number): boolean {
    return this.links.some(([a, b]) => (a === left && b === right) || (a === right && b === left))
  }

  deliver(nowMs: number): void {
    while (this.#waiting.length > 0) {
      const { from, to, payload } = this.#waiting.shift()!
      this.members[to]!.awareness.datagramReceived(peerOf(from), payload, nowMs)
    }
  }

  /** Lets time pass from deadline to deadline. */
  run(fromMs: number, toMs: number): void {
    for (;;) {
      const atMs = Math.min(...this.members.map(({ awareness }) => awareness.nextDeadlineMs()))
      if (atMs > toMs) return
      for (const { awareness } of this.members) {
        if (awareness.nextDeadlineMs() > atMs) continue
        awareness.handleDeadline(Math.max(atMs, fromMs))
        expect(awareness.nextDeadlineMs()).toBeGreaterThan(atMs)
      }
      this.deliver(atMs)
    }
  }

  /** What the application of a member was told since the last call. */
  changes(member: number): AwarenessChange[] {
    const changes: AwarenessChange[] = []
    const { awareness } = this.members[member]!
    for (let event = awareness.poll(); event !== undefined; event = awareness.poll()) {
      if (event.type === 'awareness-changed') changes.push(...event.changes)
    }
    return changes
  }
}

type Counters = Readonly<Record<string, number>>

function peerOf(index: number): PeerId {
  return index.toString(16).padStart(16, '0') as PeerId
}

function stateOf(clientId: number, clock: number, state: string | null): AwarenessState {
  return { document: note, peer: peerOf(9), clientId, clock, state }
}

const state = fc.record({
  document: fc.record({ collection: fc.string(), id: fc.string() }),
  peer: fc.nat().map(peerOf),
  clientId: fc.integer({ min: 0, max: 0xffff_ffff }),
  clock: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  state: fc.option(fc.json({ maxDepth: 2 })),
})

describe('awareness datagrams', () => {
  test('[AW1] come back as they were written', () => {
    fc.assert(
      fc.property(state, (state) => {
        expect(decodeAwareness(encodeAwareness(state))).toEqual(state)
      }),
    )
  })

  test('[AW1] of any bytes never throw, and have one encoding', () => {
    const damaged = fc.tuple(state, fc.nat(), fc.nat({ max: 255 })).map(([state, at, byte]) => {
      const bytes = encodeAwareness(state)
      bytes[at % bytes.length] = byte
      return bytes
    })
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), damaged), (bytes) => {
        const state = decodeAwareness(bytes)
        if (state !== undefined) expect(encodeAwareness(state)).toEqual(bytes)
      }),
    )
  })

  test('[AW1] that are not JSON or too long are refused', () => {
    expect(decodeAwareness(encodeAwareness(stateOf(1, 1, '{')))).toBeUndefined()
    const text = (length: number) => JSON.stringify('x'.repeat(length - 2))
    expect(decodeAwareness(encodeAwareness(stateOf(1, 1, text(awarenessBytesMax))))).toBeDefined()
    expect(
      decodeAwareness(encodeAwareness(stateOf(1, 1, text(awarenessBytesMax + 1)))),
    ).toBeUndefined()
  })
})

describe('awareness', () => {
  const line = [
    [0, 1],
    [1, 2],
  ] as const
  const triangle = [...line, [0, 2]] as const

  test('[AW2] a state reaches those who have the document open, over hops, but not its client', () => {
    const room = new Room(3, line)
    for (const [member, { awareness }] of room.members.entries()) {
      awareness.documentOpened(1, note, 100 + member)
    }
    room.members[2]!.awareness.documentOpened(2, { collection: '', id: 'other' }, 300)
    expect(room.members[0]!.awareness.setState(1, '{"at":1}', 0)).toBeUndefined()
    room.deliver(0)
    const change = { clientId: 100, peer: peerOf(0), clock: 1, state: '{"at":1}' }
    expect([room.changes(0), room.changes(1), room.changes(2)]).toEqual([[], [change], [change]])
  })

  test('[AW2] two live documents of one peer see each other', () => {
    const room = new Room(1, [])
    const { awareness } = room.members[0]!
    awareness.documentOpened(1, note, 100)
    awareness.documentOpened(2, note, 200)
    awareness.setState(1, '1', 0)
    expect(awareness.poll()).toMatchObject({ subscriber: 2, changes: [{ clientId: 100 }] })
    expect(awareness.poll()).toBeUndefined()
  })

  test('[AW3] in a full mesh a state crosses only the edges of its peer', () => {
    const room = new Room(3, triangle)
    room.members[0]!.awareness.documentOpened(1, note, 100)
    room.members[0]!.awareness.setState(1, '1', 0)
    room.deliver(0)
    expect(room.datagramCount).toBe(2)
  })

  test('[AW3] a renewal goes to everybody and ends where it is known', () => {
    const room = new Room(3, triangle)
    room.members[0]!.awareness.documentOpened(1, note, 100)
    room.members[0]!.awareness.setState(1, '1', 0)
    room.deliver(0)
    room.datagramCount = 0
    room.run(0, awarenessRenewalMs)
    expect(room.datagramCount).toBe(4)
  })

  test('[AW4] a state lives while it is renewed and expires without news', () => {
    const room = new Room(2, [[0, 1]])
    room.members[0]!.awareness.documentOpened(1, note, 100)
    room.members[1]!.awareness.documentOpened(1, note, 200)
    room.members[0]!.awareness.setState(1, '1', 0)
    room.deliver(0)
    room.run(0, 600_000)
    const alive = room.changes(1)
    expect(alive.length).toBe(41)
    expect(alive.every(({ state }) => state === '1')).toBe(true)
    room.losing = true
    room.run(600_000, 600_000 + awarenessExpiryMs - 1)
    expect(room.changes(1)).toEqual([])
    room.run(600_000, 600_000 + awarenessExpiryMs)
    expect(room.changes(1)).toEqual([{ ...alive.at(-1), state: null }])
  })

  test('[AW5] leaving ends a state at once, and late copies do not revive it', () => {
    const room = new Room(2, [[0, 1]])
    const [, other] = room.members
    other!.awareness.documentOpened(1, note, 200)
    other!.awareness.datagramReceived(peerOf(0), encodeAwareness(stateOf(7, 3, '1')), 0)
    other!.awareness.datagramReceived(peerOf(0), encodeAwareness(stateOf(7, 4, null)), 0)
    other!.awareness.datagramReceived(peerOf(0), encodeAwareness(stateOf(7, 3, '1')), 0)
    expect(room.changes(1).map(({ state }) => state)).toEqual(['1', null])
  })

  test('[AW5] closing the document, or the mesh, says farewell', () => {
    const room = new Room(2, [[0, 1]])
    const [local, other] = room.members
    other!.awareness.documentOpened(1, note, 200)
    for (const subscriber of [1, 2]) {
      local!.awareness.documentOpened(subscriber, note, 100 + subscriber)
      local!.awareness.setState(subscriber, '1', 0)
    }
    room.deliver(0)
    local!.awareness.documentClosed(1, 0)
    local!.awareness.stop(0)
    room.deliver(0)
    expect(room.changes(1).map(({ state }) => state)).toEqual(['1', '1', null, null])
  })

  test('[AW5] the states of an unreachable peer end, until something newer is heard', () => {
    const room = new Room(2, [[0, 1]])
    const { awareness } = room.members[1]!
    awareness.documentOpened(1, note, 200)
    awareness.datagramReceived(peerOf(0), encodeAwareness(stateOf(7, 3, '1')), 0)
    awareness.peerUnreachable(peerOf(9), 0)
    awareness.datagramReceived(peerOf(0), encodeAwareness(stateOf(7, 3, '1')), 0)
    awareness.datagramReceived(peerOf(0), encodeAwareness(stateOf(7, 4, '1')), 0)
    expect(room.changes(1).map(({ state }) => state)).toEqual(['1', null, '1'])
  })

  test('[AW6] opening a document tells all that is known; a new neighbour is told too', () => {
    const room = new Room(3, [[0, 1]])
    room.members[0]!.awareness.documentOpened(1, note, 100)
    room.members[0]!.awareness.setState(1, '1', 0)
    room.deliver(0)
    room.members[1]!.awareness.neighbourUp(peerOf(2), 0)
    room.deliver(0)
    room.members[2]!.awareness.documentOpened(1, note, 300)
    expect(room.changes(2)).toMatchObject([{ clientId: 100, state: '1' }])
  })

  test('[AW7] states beyond the bounds are refused, and room returns when others expire', () => {
    const room = new Room(2, [[0, 1]])
    const { awareness, counters } = room.members[1]!
    const hear = (id: string, clientId: number, nowMs: number) => {
      const document = { collection: '', id }
      const said = { ...stateOf(clientId, 1, '1'), document }
      awareness.datagramReceived(peerOf(0), encodeAwareness(said), nowMs)
      return counters()['sync.awarenessRefused']
    }
    for (let client = 0; client < statesPerDocumentMax; client += 1) hear('note', client, 0)
    expect(hear('note', 1000, 0)).toBe(1)
    for (let count = statesPerDocumentMax; count < statesMax; count += 1) hear(`n-${count}`, 1, 0)
    expect(hear('one-more', 1, 0)).toBe(2)
    awareness.handleDeadline(awarenessExpiryMs)
    awareness.handleDeadline(2 * awarenessExpiryMs)
    expect(hear('one-more', 1, 2 * awarenessExpiryMs)).toBe(2)
  })

  test('[AW7] an own state that is too large, not JSON or of nobody is refused', () => {
    const { awareness } = new Room(1, []).members[0]!
    expect(awareness.setState(1, '1', 0)?.code).toBe('value-invalid')
    awareness.documentOpened(1, note, 100)
    expect(awareness.setState(1, JSON.stringify('x'.repeat(5000)), 0)?.code).toBe('limit-reached')
    expect(awareness.setState(1, '{', 0)?.code).toBe('value-invalid')
    expect(awareness.setState(1, '1', 0)).toBeUndefined()
  })

  test('[AW2] nobody speaks for this peer but itself', () => {
    const room = new Room(2, [[0, 1]])
    const { awareness } = room.members[1]!
    awareness.documentOpened(1, note, 200)
    const said = { ...stateOf(7, 9, '1'), peer: peerOf(1) }
    awareness.datagramReceived(peerOf(0), encodeAwareness(said), 0)
    expect(room.changes(1)).toEqual([])
  })
})
