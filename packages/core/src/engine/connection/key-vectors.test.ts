/** Handshake, resumption and keys of connections, byte for byte as docs/specs/vectors has them. */

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

import { FlightRecorder } from '../../recorder/recorder.ts'
import { registry } from '../../recorder/registry.ts'
import { concatBytes } from '../bytes/compare.ts'
import { decodeHex, encodeHex } from '../bytes/hex.ts'
import { nobleCryptography } from '../crypto/noble.ts'
import { CertificateVerifier, Identity } from '../identity/identity.ts'
import { deriveJoinKeys } from '../identity/join-keys.ts'
import {
  InitiatorHandshake,
  ResponderHandshake,
  type Established,
  type LocalParty,
  type NewKeys,
} from './handshake.ts'
import { keyLimits } from './key-phases.ts'
import { PacketProtection } from './packet-protection.ts'
import { decodePacket, type Packet } from './packet.ts'
import { InitiatorResumption, ResponderResumption } from './resumption-handshake.ts'
import { deriveResumptionKey, type Ticket } from './ticket.ts'

interface End {
  readonly identitySecretKey: string
  readonly epoch: number
  readonly ephemeralSecretKey: string
  readonly connection: string
}

interface Vectors {
  readonly app: string
  readonly secret: string
  readonly handshake: {
    readonly initiator: End
    readonly responder: End
    readonly open: string
    readonly answer: string
    readonly finish: string
    readonly name: string
    readonly ticketId: string
    readonly ticketSecret: string
  }
  readonly resumption: {
    readonly initiator: Pick<End, 'ephemeralSecretKey' | 'connection'>
    readonly responder: Pick<End, 'ephemeralSecretKey' | 'connection'>
    readonly presharedKey: string
    readonly open: string
    readonly answer: string
    readonly nextTicketId: string
    readonly nextTicketSecret: string
  }
  /** Packets of the initiator under the keys of the resumption, each a phase after the one before. */
  readonly phases: readonly {
    readonly number: number
    readonly phase: 0 | 1
    readonly frames: string
    readonly packet: string
  }[]
}

const file = new URL('../../../../../docs/specs/vectors/connection-keys.json', import.meta.url)
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors
const { recorder } = new FlightRecorder(registry)
const { initiator, responder } = vectors.handshake

function bytes(hex: string): Uint8Array {
  return decodeHex(hex)!
}

/** An end whose random bytes are those of the vectors. */
function partyOf(
  { identitySecretKey, epoch }: End,
  random: Pick<End, 'ephemeralSecretKey' | 'connection'>,
): LocalParty {
  const drawn: Readonly<Record<number, string>> = {
    4: random.connection,
    32: random.ephemeralSecretKey,
  }
  const context = {
    random: { bytes: (length: number) => bytes(drawn[length]!), fraction: () => 0 },
    cryptography: nobleCryptography,
    recorder,
  }
  const { presharedKey } = deriveJoinKeys(vectors.app, bytes(vectors.secret), nobleCryptography)
  return {
    context,
    identity: new Identity(bytes(identitySecretKey), nobleCryptography),
    epoch,
    presharedKey,
    verifier: new CertificateVerifier(nobleCryptography),
  }
}

function decoded<Type extends Packet['type']>(packet: Uint8Array, _type: Type) {
  return decodePacket(packet) as Packet & { type: Type }
}

/** Both ends of the handshake, played through. */
function shakeHands() {
  const [one, other] = [partyOf(initiator, initiator), partyOf(responder, responder)]
  const opening = new InitiatorHandshake(one, other.identity.peer)
  const open = decoded(opening.openPacket, 'handshake-open')
  const answering = ResponderHandshake.answer(other, one.identity.peer, open, undefined)!
  const answer = decoded(answering.answerPacket, 'handshake-answer')
  const atInitiator = opening.answerReceived(answer.message, undefined)
  if (atInitiator.type === 'failed') throw new Error(atInitiator.reason)
  const finishPacket = atInitiator.established.finishPacket!
  const atResponder = answering.finishReceived(decoded(finishPacket, 'handshake-finish').message)
  if (atResponder.type === 'failed') throw new Error(atResponder.reason)
  return {
    open: opening.openPacket,
    answer: answering.answerPacket,
    finish: finishPacket,
    ends: [atInitiator.established, atResponder.established] as readonly Established[],
  }
}

/** The same for the resumption, with the handshake's ticket. */
function resume() {
  const { resumption } = vectors
  const { ticket } = shakeHands().ends[0]!
  const one = partyOf(initiator, resumption.initiator)
  const other = partyOf(responder, resumption.responder)
  const opening = new InitiatorResumption(one, other.identity.peer, ticket)
  const open = decoded(opening.openPacket, 'resumption-open')
  const answering = ResponderResumption.answer(other, one.identity.peer, ticket, open)!
  const answer = decoded(answering.answerPacket, 'resumption-answer')
  const atInitiator = opening.answerReceived(answer.message)!
  return {
    ticket,
    presharedKey: deriveResumptionKey(ticket, one.presharedKey, nobleCryptography),
    open: opening.openPacket,
    answer: answering.answerPacket,
    ends: [atInitiator, answering.keys] as readonly NewKeys[],
  }
}

function expectTicket(ticket: Ticket, id: string, secret: string): void {
  expect([encodeHex(ticket.id), encodeHex(ticket.secret)]).toEqual([id, secret])
}

describe('golden vectors', () => {
  test('[CN3][CN11][CN27][CN29] a handshake, its name and its ticket', () => {
    const { handshake } = vectors
    const { open, answer, finish, ends } = shakeHands()
    expect(encodeHex(open)).toBe(handshake.open)
    expect(encodeHex(answer)).toBe(handshake.answer)
    expect(encodeHex(finish)).toBe(handshake.finish)
    for (const { name, ticket } of ends) {
      expect(name).toBe(handshake.name)
      expectTicket(ticket, handshake.ticketId, handshake.ticketSecret)
    }
  })

  test('[CN3][CN29][CN30] a resumption, its pre-shared key and the next ticket', () => {
    const { resumption } = vectors
    const { presharedKey, open, answer, ends } = resume()
    expect(encodeHex(presharedKey)).toBe(resumption.presharedKey)
    expect(encodeHex(open)).toBe(resumption.open)
    expect(encodeHex(answer)).toBe(resumption.answer)
    for (const { ticket } of ends) {
      expectTicket(ticket, resumption.nextTicketId, resumption.nextTicketSecret)
    }
  })

  test('[CN7][CN37] packets of three phases', () => {
    const [one, other] = resume().ends
    const sender = new PacketProtection(one!.keys, one!.remoteId, {
      ...keyLimits,
      phase: { ...keyLimits.phase, messages: 1 },
    })
    const receiver = new PacketProtection(other!.keys, other!.remoteId)
    for (const { number, phase, frames, packet } of vectors.phases) {
      const sealed = sender.seal(bytes(frames), number - 1, 0)
      const whole = concatBytes(...sealed.parts)
      expect(sealed.number).toBe(number)
      expect(encodeHex(whole)).toBe(packet)
      const read = decoded(whole, 'protected')
      expect(read.phase).toBe(phase)
      expect(encodeHex(receiver.open(read, number, 0)!)).toBe(frames)
    }
    expect(vectors.phases).toHaveLength(3)
  })
})
