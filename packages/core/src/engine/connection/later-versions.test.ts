/** What peers of later versions may say, and what this one makes of it; and packets byte for byte. */

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

import { FlightRecorder } from '../../recorder/recorder.ts'
import { registry } from '../../recorder/registry.ts'
import { concatBytes } from '../bytes/compare.ts'
import { decodeHex, encodeHex } from '../bytes/hex.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import { ByteWriter } from '../bytes/writer.ts'
import { nobleCryptography as cryptography } from '../crypto/noble.ts'
import { SeededRandom } from '../crypto/random.ts'
import { CertificateVerifier, type Identity } from '../identity/identity.ts'
import { deriveJoinKeys } from '../identity/join-keys.ts'
import { decodePeerId, type PeerId } from '../identity/peer-id.ts'
import { handshakePatterns } from '../noise/handshake-pattern.ts'
import { HandshakeState, type HandshakeRole } from '../noise/handshake-state.ts'
import { encodeHandshakePayload } from './handshake-payload.ts'
import { InitiatorHandshake, ResponderHandshake, type LocalParty } from './handshake.ts'
import { decodePacket, encodePacket, type Packet } from './packet.ts'
import { InitiatorResumption } from './resumption-handshake.ts'
import { deriveResumptionKey } from './ticket.ts'
import { high, highIdentity, low, lowIdentity, Network } from './virtual-network-peers.ts'

interface PacketVector {
  readonly rule: string
  readonly name: string
  readonly bytes: string
  readonly encoded?: string
  readonly packet: Readonly<Record<string, unknown>>
}

const file = new URL('../../../../../docs/specs/vectors/connection-packets.json', import.meta.url)
const { valid, invalid } = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly valid: readonly PacketVector[]
  readonly invalid: readonly Omit<PacketVector, 'packet'>[]
}

/** Byte strings as hexadecimal, as the vectors have them. */
function plain(packet: Packet | undefined): unknown {
  return JSON.parse(
    JSON.stringify(packet ?? null, (_key, value: unknown) =>
      value instanceof Uint8Array ? encodeHex(value) : value,
    ),
  )
}

describe('golden vectors', () => {
  test.each(valid)('[$rule] $name', ({ bytes, encoded = bytes, packet }) => {
    const decoded = decodePacket(decodeHex(bytes)!)
    expect(plain(decoded)).toEqual(packet)
    if (decoded === undefined || decoded.type === 'protected') throw new Error('not in the clear')
    expect(encodeHex(encodePacket(decoded))).toBe(encoded)
  })

  test.each(invalid)('[$rule] none: $name', ({ bytes }) => {
    expect(decodePacket(decodeHex(bytes)!)).toBeUndefined()
  })
})

const { presharedKey } = deriveJoinKeys('test', new Uint8Array(32).fill(7), cryptography)
const { recorder } = new FlightRecorder(registry)
/** What a later version appends to a payload. */
const appended = Uint8Array.of(2, 0xff)
const none = new Uint8Array(0)

/** An end of this version. */
function partyOf(identity: Identity): LocalParty {
  const random = new SeededRandom(identity.publicKey)
  const verifier = new CertificateVerifier(cryptography)
  return { context: { random, cryptography, recorder }, identity, epoch: 1, presharedKey, verifier }
}

/** The prologue of a handshake or resumption in version 1, which is all that this end speaks. */
function prologueOf(
  label: string,
  initiator: PeerId,
  connection: number,
  ticketId = none,
): Uint8Array {
  return new ByteWriter()
    .raw(encodeUtf8(label))
    .u8(1)
    .raw(decodePeerId(initiator))
    .raw(decodePeerId(initiator === low ? high : low))
    .u32(connection)
    .raw(ticketId)
    .finish()
}

/** A handshake as an end of a later version makes it. */
function noiseOf(role: HandshakeRole, connection: number): HandshakeState {
  const initiator = role === 'initiator' ? high : low
  return new HandshakeState({
    pattern: handshakePatterns.XXpsk0,
    role,
    cryptography,
    prologue: prologueOf('fieldmesh connection\n', initiator, connection),
    staticKeys: highIdentity.staticKeys,
    ephemeralSecretKey: new Uint8Array(32).fill(3),
    psks: [presharedKey],
  })
}

/** What the later end says of itself, with more than this version knows. */
function payload(): Uint8Array {
  const { publicKey, certificate } = highIdentity
  const credit = { connectionBytes: 1, streamBytes: 2, streamCount: 3 }
  const said = { connection: 9, epoch: 5, publicKey, certificate, credit, name: undefined }
  return concatBytes(encodeHandshakePayload(said), appended)
}

function written(state: HandshakeState, payload: Uint8Array): Uint8Array {
  const step = state.writeMessage(payload)
  if (step.type === 'failed') throw new Error(step.reason)
  return step.bytes
}

describe('what later versions append is ignored', () => {
  test('[CN11] by the responder of a handshake', () => {
    const noise = noiseOf('initiator', 9)
    const message = written(noise, none)
    const opening = { type: 'handshake-open', version: 1, connection: 9, message } as const
    const responder = ResponderHandshake.answer(partyOf(lowIdentity), high, opening, undefined)!
    const answer = decodePacket(responder.answerPacket) as Packet & { type: 'handshake-answer' }
    expect(noise.readMessage(answer.message).type).toBe('done')
    const result = responder.finishReceived(written(noise, payload()))
    expect(result).toMatchObject({ type: 'established', established: { epoch: 5, remoteId: 9 } })
  })

  test('[CN11] by the initiator of a handshake', () => {
    const initiator = new InitiatorHandshake(partyOf(lowIdentity), high)
    const open = decodePacket(initiator.openPacket) as Packet & { type: 'handshake-open' }
    const noise = noiseOf('responder', open.connection)
    expect(noise.readMessage(open.message).type).toBe('done')
    const result = initiator.answerReceived(written(noise, payload()), undefined)
    expect(result).toMatchObject({ type: 'established', established: { epoch: 5, remoteId: 9 } })
  })

  test('[CN30] by the initiator of a resumption', () => {
    const ticket = { id: new Uint8Array(16).fill(4), secret: new Uint8Array(32).fill(5) }
    const initiator = new InitiatorResumption(partyOf(lowIdentity), high, ticket)
    const open = decodePacket(initiator.openPacket) as Packet & { type: 'resumption-open' }
    const noise = new HandshakeState({
      pattern: handshakePatterns.NNpsk0,
      role: 'responder',
      cryptography,
      prologue: prologueOf('fieldmesh resumption\n', low, open.connection, ticket.id),
      ephemeralSecretKey: new Uint8Array(32).fill(3),
      psks: [deriveResumptionKey(ticket, presharedKey, cryptography)],
    })
    expect(noise.readMessage(open.message).type).toBe('done')
    const answer = written(noise, concatBytes(Uint8Array.of(0, 0, 0, 9), appended))
    expect(initiator.answerReceived(answer)?.remoteId).toBe(9)
  })
})

test('[CN1][CN4] an opening in another version is refused with the versions that are spoken', () => {
  const network = new Network()
  const a = network.add(lowIdentity)
  network.add(highIdentity)
  const refusals: string[] = []
  network.filter = (_from, to, payload) => {
    if (to === high && payload[0] === 0x01) payload[1] = 2
    if (to === low && payload[0] === 0x04) refusals.push(encodeHex(payload.subarray(5)))
    return true
  }
  a.connections.open(high, 0)
  network.run(100)
  expect(refusals).toEqual(['000101'])
  expect(a.of('problem')[0]!.problem.code).toBe('protocol-version-mismatch')
})

test('[CN3] packets of kinds that are not known are dropped and counted', () => {
  const network = new Network()
  const a = network.add(lowIdentity)
  const arrival = { priority: 'control', congestionMarked: false } as const
  for (const first of [0x00, 0x08, 0x3f, 0x48, 0xff]) {
    a.connections.packetReceived(high, Uint8Array.of(first, 1, 2, 3, 4, 5), arrival, 0)
  }
  expect(a.counter('packetsMalformed')).toBe(5)
  expect(a.connections.census().peers).toBe(0)
})
