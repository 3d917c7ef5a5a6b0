import { describe, expect, test } from 'vitest'

import { createFlightRecorder } from '../../recorder/recorder.ts'
import { nobleCryptography } from '../crypto/noble.ts'
import { SeededRandom } from '../crypto/random.ts'
import { Identity } from '../identity/identity.ts'
import { peerIdOf, type PeerId } from '../identity/peer-id.ts'
import { wholePayload } from '../link/frame.ts'
import type { LinkPort } from '../link/link-port.ts'
import {
  decodePresenceFrame,
  encodePresenceFrame,
  presenceBurstBytesMax,
} from './presence-outbox.ts'
import {
  emptyPresenceContent,
  encodePresenceRecord,
  peekPresenceRecord,
  type PresenceVersion,
  type RecordSigner,
} from './presence-record.ts'
import { PresenceTable, detachedMsMax, presenceRecordsMax } from './presence-table.ts'
import { Presence, badRecordsMax, mutedMs } from './presence.ts'

const empty = emptyPresenceContent

function identityOf(seed: number): Identity {
  return new Identity(new Uint8Array(32).fill(seed), nobleCryptography)
}

const local = identityOf(1)
const near = identityOf(2)
const other = identityOf(3)
const far = identityOf(4)

/** A presence between two neighbours, over links of so many bytes a second; keeps what it sends. */
function setUp(bytesPerSecond = 1_000_000) {
  const flight = createFlightRecorder()
  let verifications = 0
  const context = {
    random: new SeededRandom(new Uint8Array(32)),
    cryptography: {
      ...nobleCryptography,
      ed25519Verify: (...parameters: Parameters<typeof nobleCryptography.ed25519Verify>) => {
        verifications += 1
        return nobleCryptography.ed25519Verify(...parameters)
      },
    },
    recorder: flight.recorder,
  }
  const sent: { to: PeerId; origin: PeerId; sequence: number }[] = []
  const full = new Set<PeerId>()
  const links: LinkPort = {
    send(to, _kind, _priority, payload) {
      if (full.has(to)) return 'full'
      for (const bytes of decodePresenceFrame(wholePayload(payload))!) {
        const { peer, sequence } = peekPresenceRecord(bytes, nobleCryptography)!
        sent.push({ to, origin: peer, sequence })
      }
      return 'accepted'
    },
  }
  const presence = new Presence(context, local, 1, links, () => true)
  presence.setContent(empty, 0)
  for (const { peer } of [near, other]) presence.neighbourUp(peer, bytesPerSecond, 0)
  sent.length = 0
  const counter = (name: string) => flight.snapshot().counters[`mesh.${name}`]!
  return { presence, sent, full, counter, verifications: () => verifications }
}

function record(signer: RecordSigner, version: PresenceVersion, name = ''): Uint8Array {
  return encodePresenceRecord({ ...empty, name }, version, false, signer)
}

function frame(...records: readonly Uint8Array[]): Uint8Array {
  return encodePresenceFrame(records)
}

describe('records of others', () => {
  test('[PR8] a newer record goes to every neighbour but the one it came from', () => {
    const { presence, sent } = setUp()
    presence.frameReceived(near.peer, frame(record(far, { epoch: 1, sequence: 1 }, 'Far')), 1_000)
    expect(presence.get(far.peer)?.name).toBe('Far')
    expect(sent).toEqual([{ to: other.peer, origin: far.peer, sequence: 1 }])
  })

  test('[PR7] an older record is refused, by epoch first, and not even verified', () => {
    const { presence, sent, counter, verifications } = setUp()
    const receive = (epoch: number, sequence: number) =>
      presence.frameReceived(near.peer, frame(record(far, { epoch, sequence }, 'old')), 1_000)
    presence.frameReceived(near.peer, frame(record(far, { epoch: 2, sequence: 5 }, 'now')), 1_000)
    receive(2, 5)
    receive(2, 4)
    receive(1, 99)
    expect(counter('presenceRecordsDuplicate')).toBe(3)
    expect(verifications()).toBe(1)
    expect(presence.get(far.peer)?.name).toBe('now')
    expect(sent).toHaveLength(1)
    presence.frameReceived(near.peer, frame(record(far, { epoch: 3, sequence: 1 }, 'new')), 2_000)
    expect(presence.get(far.peer)?.name).toBe('new')
  })

  test('[PR7] a forged record is refused, and so is one in the name of another', () => {
    const { presence, sent, counter } = setUp()
    const forged = record(far, { epoch: 1, sequence: 1 })
    forged[forged.length - 70]! ^= 1
    presence.frameReceived(near.peer, frame(forged), 1_000)
    const liar = { peer: far.peer, publicKey: far.publicKey, sign: (m: Uint8Array) => near.sign(m) }
    presence.frameReceived(near.peer, frame(record(liar, { epoch: 1, sequence: 1 })), 1_000)
    expect(counter('presenceRecordsForged') + counter('presenceRecordsMalformed')).toBe(2)
    expect(presence.get(far.peer)).toBeUndefined()
    expect(sent).toEqual([])
  })

  test('[PR16] records of a later version are passed over, and not held against who sends them', () => {
    const { presence, sent, counter, verifications } = setUp()
    const later = record(far, { epoch: 1, sequence: 1 })
    later[0]! += 1
    for (let count = 0; count < 2 * badRecordsMax; count += 1) {
      presence.frameReceived(near.peer, frame(later), 1_000)
    }
    expect(counter('presenceRecordsLater')).toBe(2 * badRecordsMax)
    expect(counter('presenceRecordsMalformed')).toBe(0)
    expect(verifications()).toBe(0)
    expect(sent).toEqual([])
    presence.frameReceived(near.peer, frame(record(far, { epoch: 1, sequence: 1 })), 1_000)
    expect(presence.get(far.peer)).toBeDefined()
  })

  test('[PR10] a neighbour that sends nothing but bad records is muted for a while', () => {
    const { presence, counter, verifications } = setUp()
    const liar = { peer: far.peer, publicKey: far.publicKey, sign: (m: Uint8Array) => near.sign(m) }
    const forged = record(liar, { epoch: 1, sequence: 1 })
    for (let count = 0; count < 10 * badRecordsMax; count += 1) {
      presence.frameReceived(near.peer, frame(forged), 1_000)
    }
    expect(verifications()).toBe(badRecordsMax)
    expect(counter('presenceRecordsMuted')).toBe(9 * badRecordsMax)
    const good = frame(record(far, { epoch: 1, sequence: 1 }))
    presence.frameReceived(near.peer, good, 1_000)
    expect(presence.get(far.peer)).toBeUndefined()
    presence.frameReceived(other.peer, good, 1_000)
    expect(presence.get(far.peer)).toBeDefined()
    presence.frameReceived(
      near.peer,
      frame(record(far, { epoch: 1, sequence: 2 })),
      1_000 + mutedMs,
    )
    expect(counter('presenceRecordsAccepted')).toBe(2)
  })

  test('[PR9] however often a record changes, a slow neighbour gets the newest once', () => {
    const { presence, sent, full } = setUp()
    full.add(other.peer)
    for (let sequence = 1; sequence <= 50; sequence += 1) {
      presence.frameReceived(near.peer, frame(record(far, { epoch: 1, sequence })), sequence)
    }
    expect(sent).toEqual([])
    full.delete(other.peer)
    presence.neighbourWritable(other.peer, 100)
    expect(sent).toEqual([{ to: other.peer, origin: far.peer, sequence: 50 }])
  })

  test('[PR9] records to a fast neighbour travel together', () => {
    const { presence, sent } = setUp()
    presence.handleDeadline(1_000)
    for (let sequence = 1; sequence <= 50; sequence += 1) {
      presence.frameReceived(near.peer, frame(record(far, { epoch: 1, sequence })), 1_000)
    }
    expect(sent).toHaveLength(1)
    expect(presence.nextDeadlineMs()).toBe(1_050)
    presence.handleDeadline(1_050)
    expect(sent.map(({ sequence }) => sequence)).toEqual([1, 50])
  })
})

describe('restraint', () => {
  const strangers = Array.from({ length: 200 }, (_, index) => identityOf(10 + index))

  /** Records of so many strangers arrive, one after the other. */
  function flood(presence: Presence, count: number, sequence: number, nowMs: number): void {
    for (const stranger of strangers.slice(0, count)) {
      const bytes = record(stranger, { epoch: 1, sequence }, 'n'.repeat(64))
      presence.frameReceived(near.peer, frame(bytes), nowMs)
    }
  }

  test('[PR14] a slow link gets a burst, then one hundredth of what it carries', () => {
    const { presence, sent, counter } = setUp(20_000)
    flood(presence, 200, 1, 1_000)
    const bytesUntil = (untilMs: number): number => {
      while (presence.nextDeadlineMs() <= untilMs) {
        presence.handleDeadline(presence.nextDeadlineMs())
      }
      return counter('presenceBytesSent')
    }
    const first = bytesUntil(2_000)
    expect(first).toBeGreaterThan(presenceBurstBytesMax)
    expect(first).toBeLessThan(presenceBurstBytesMax + 1_000)
    const later = bytesUntil(62_000)
    expect(later - first).toBeLessThan(60 * 200 + 1_000)
    const last = bytesUntil(1_000_000)
    expect(last).toBeGreaterThan(later)
    expect(new Set(sent.map(({ origin }) => origin)).size).toBeGreaterThanOrEqual(200)
  })

  test('[PR12] [PR14] a farewell does not wait', () => {
    const { presence, sent } = setUp(20_000)
    flood(presence, 200, 1, 1_000)
    presence.stop(1_100)
    expect(sent.at(-1)?.origin).toBe(local.peer)
  })

  test('[PR5] [PR6] in a large mesh a record waits longer, and longer still for measurements alone', () => {
    const { presence, counter } = setUp()
    flood(presence, 100, 1, 1_000)
    const issued = counter('presenceRecordsIssued')
    const link = {
      peer: near.peer,
      transport: 'tcp',
      cost: { class: 'lan', metered: false },
    } as const
    presence.setContent({ ...empty, neighbours: [{ ...link, rttStep: 1, qualityStep: 1 }] }, 900)
    presence.handleDeadline(999)
    expect(counter('presenceRecordsIssued')).toBe(issued)
    presence.handleDeadline(1_000)
    expect(counter('presenceRecordsIssued')).toBe(issued + 1)
    presence.setContent({ ...empty, neighbours: [{ ...link, rttStep: 1, qualityStep: 2 }] }, 7_000)
    presence.handleDeadline(10_999)
    expect(counter('presenceRecordsIssued')).toBe(issued + 1)
    presence.handleDeadline(11_000)
    expect(counter('presenceRecordsIssued')).toBe(issued + 2)
  })
})

describe('the table', () => {
  const recordOf = (number: number, neighbours: readonly PeerId[] = []) => ({
    ...empty,
    neighbours: neighbours.map((peer) => {
      const cost = { class: 'lan', metered: false } as const
      return { peer, transport: 'tcp', cost, rttStep: 0, qualityStep: 0 }
    }),
    peer: peer(number),
    publicKey: '',
    epoch: 1,
    sequence: 1,
    farewell: false,
  })
  const peer = (number: number) =>
    peerIdOf(Uint8Array.of(number >> 8, number & 0xff), nobleCryptography)
  const bytes = new Uint8Array(0)

  test('[PR10] it is bounded; out of sight makes room, in sight does not', () => {
    const table = new PresenceTable()
    for (let number = 0; number < presenceRecordsMax; number += 1) {
      expect(table.put(recordOf(number), bytes, 0)).toBe('held')
    }
    expect(table.put(recordOf(presenceRecordsMax), bytes, 0)).toBe('full')
    expect(table.put(recordOf(1), bytes, 0)).toBe('held')
    table.sweep((one) => one !== peer(7), 0)
    expect(table.put(recordOf(presenceRecordsMax), bytes, 0)).toBe('held')
    expect(table.get(peer(7))).toBeUndefined()
    expect(table.size).toBe(presenceRecordsMax)
  })

  test('[PR11] a peer is in sight by links that both ends report', () => {
    const table = new PresenceTable()
    table.put(recordOf(1, [peer(2), peer(3)]), bytes, 0)
    table.put(recordOf(2, [peer(1)]), bytes, 0)
    table.put(recordOf(3), bytes, 0)
    table.sweep((one) => one === peer(1), 10)
    expect([1, 2, 3].map((number) => table.isAttached(peer(number)))).toEqual([true, true, false])
    expect(table.nextExpiryMs()).toBe(10 + detachedMsMax)
    expect(table.sweep(() => false, 9 + detachedMsMax).dropped).toEqual([])
    expect(table.sweep(() => false, 10 + detachedMsMax).dropped).toEqual([peer(3)])
  })

  test('[PR11] a record is dropped when it is due, though sums of times are rounded', () => {
    const table = new PresenceTable()
    table.put(recordOf(1), bytes, 0)
    table.sweep(() => false, 7815.4)
    const expiryMs = table.nextExpiryMs()
    expect(expiryMs - 7815.4).toBeLessThan(detachedMsMax)
    expect(table.sweep(() => false, expiryMs).dropped).toEqual([peer(1)])
  })
})
