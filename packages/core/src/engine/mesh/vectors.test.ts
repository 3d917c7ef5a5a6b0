/** The golden vectors of docs/specs/mesh.md, both ways. */

import { createPublicKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

import type { ChannelCost } from '../../transport/channel.ts'
import { decodeHex, encodeHex } from '../bytes/hex.ts'
import { nobleCryptography as cryptography } from '../crypto/noble.ts'
import { Identity } from '../identity/identity.ts'
import { linkMetric } from './metric.ts'
import { decodePacket, encodePacket, type LinkEnds, type Packet } from './packet.ts'
import { decodePresenceFrame, encodePresenceFrame } from './presence-outbox.ts'
import {
  decodePresenceRecord,
  encodePresenceRecord,
  verifyPresenceRecord,
  type PresenceRecord,
} from './presence-record.ts'

type Vector<Value> = Value & { readonly bytes: string }

interface Vectors {
  readonly packets: readonly Vector<
    Omit<Packet, 'payload'> & { readonly payload: string; readonly link: LinkEnds }
  >[]
  readonly presence: {
    readonly secretKey: string
    readonly publicKey: string
    readonly peer: string
    readonly records: readonly Vector<Omit<PresenceRecord, 'peer' | 'publicKey'>>[]
  }
  readonly presenceFrame: string
  readonly metrics: readonly {
    readonly class: ChannelCost['class']
    readonly metered: boolean
    readonly rttMs: number | null
    readonly metric: number
  }[]
}

const file = new URL('../../../../../docs/specs/vectors/mesh.json', import.meta.url)
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors

function hex(text: string): Uint8Array {
  return decodeHex(text)!
}

test('[MP1] packets are laid out as specified', () => {
  expect(vectors.packets.length).toBeGreaterThan(0)
  for (const { bytes, payload, link, ...header } of vectors.packets) {
    const packet = { ...header, payload: hex(payload) }
    expect(encodeHex(encodePacket(packet, link))).toBe(bytes)
    expect(decodePacket(hex(bytes), link)).toEqual(packet)
  }
})

test('[PR1] [PR2] presence records are laid out and signed as specified', () => {
  const { secretKey, publicKey, peer, records } = vectors.presence
  const identity = new Identity(hex(secretKey), cryptography)
  expect(identity.peer).toBe(peer)
  expect(encodeHex(identity.publicKey)).toBe(publicKey)
  const key = createPublicKey({
    key: Buffer.from(`302a300506032b6570032100${publicKey}`, 'hex'),
    format: 'der',
    type: 'spki',
  })
  expect(records.length).toBeGreaterThan(0)
  for (const { bytes, ...record } of records) {
    expect(encodeHex(encodePresenceRecord(record, record, record.farewell, identity))).toBe(bytes)
    expect(decodePresenceRecord(hex(bytes), cryptography)).toEqual({ ...record, peer, publicKey })
    expect(verifyPresenceRecord(hex(bytes), cryptography)).toBe(true)
    const body = Buffer.from(hex(bytes).subarray(0, -64))
    const message = Buffer.concat([Buffer.from('fieldmesh presence record 1\n'), body])
    expect(verify(null, message, key, hex(bytes).subarray(-64))).toBe(true)
  }
  const first = hex(records[0]!.bytes)
  expect(encodeHex(encodePresenceFrame([first]))).toBe(vectors.presenceFrame)
  expect(decodePresenceFrame(hex(vectors.presenceFrame))).toEqual([first])
})

test('[RO12] metrics come out as specified', () => {
  expect(vectors.metrics.length).toBeGreaterThan(0)
  for (const { class: costClass, metered, rttMs, metric } of vectors.metrics) {
    const cost = { class: costClass, metered }
    expect(linkMetric({ cost, rttMs: rttMs ?? undefined, isSuspect: false })).toBe(metric)
  }
})
