/**
 * The handshake that resumes a connection: Noise NNpsk0, its pre-shared key of ticket and join secret.
 * One round trip, no signatures: who knows the ticket is an end of the connection (rules CN30 and
 * CN31).
 */

import { equalBytes } from '../bytes/compare.ts'
import { ByteReader } from '../bytes/reader.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import { ByteWriter } from '../bytes/writer.ts'
import { decodePeerId, type PeerId } from '../identity/peer-id.ts'
import { handshakePatterns } from '../noise/handshake-pattern.ts'
import { HandshakeState, type HandshakeRole } from '../noise/handshake-state.ts'
import { randomConnectionId, type LocalParty, type NewKeys } from './handshake.ts'
import { encodePacket, protocolVersion, type ConnectionId, type Packet } from './packet.ts'
import { deriveResumptionKey, deriveTicket, type Ticket } from './ticket.ts'

const pattern = handshakePatterns.NNpsk0
const prologueLabel = encodeUtf8('fieldmesh resumption\n')
const noPayload = new Uint8Array(0)

/** What both packets are about. */
interface Subject {
  readonly party: LocalParty
  readonly peer: PeerId
  readonly ticket: Ticket
  /** Connection id of the initiator. */
  readonly initiator: ConnectionId
}

/**
 * The end that opens. There is one of each ticket and end: its packet is always the same, so that
 * whatever is lost or repeated, one set of keys at the most comes of a ticket.
 */
export class InitiatorResumption {
  readonly connection: ConnectionId
  /** To be repeated until the answer comes. */
  readonly openPacket: Uint8Array
  readonly #state: HandshakeState

  constructor(party: LocalParty, peer: PeerId, ticket: Ticket) {
    this.connection = randomConnectionId(party)
    const subject = { party, peer, ticket, initiator: this.connection }
    this.#state = handshakeState(subject, 'initiator')
    const step = this.#state.writeMessage(noPayload)
    this.openPacket = encodePacket({
      type: 'resumption-open',
      version: protocolVersion,
      connection: this.connection,
      ticket: ticket.id,
      message: step.type === 'done' ? step.bytes : noPayload,
    })
  }

  /** Takes the answer, once; `undefined`, and nothing changed, when it is not the other end's. */
  answerReceived(message: Uint8Array): NewKeys | undefined {
    let remoteId = 0
    const step = this.#state.tryMessage(message, (payload) => {
      const reader = new ByteReader(payload)
      remoteId = reader.u32()
      return !reader.failed
    })
    return step.type === 'failed' ? undefined : newKeys(this.#state, this.connection, remoteId)
  }
}

/** The end that answers. It has the new keys, and does not know whether the other end does. */
export class ResponderResumption {
  /** To be sent again for each repetition of the opening. */
  readonly answerPacket: Uint8Array
  readonly keys: NewKeys
  readonly #opening: Packet & { type: 'resumption-open' }

  private constructor(
    opening: Packet & { type: 'resumption-open' },
    answerPacket: Uint8Array,
    keys: NewKeys,
  ) {
    this.#opening = opening
    this.answerPacket = answerPacket
    this.keys = keys
  }

  /** Answers an opening with this ticket; `undefined` when it is not the other end's. */
  static answer(
    party: LocalParty,
    peer: PeerId,
    ticket: Ticket,
    opening: Packet & { type: 'resumption-open' },
  ): ResponderResumption | undefined {
    const subject = { party, peer, ticket, initiator: opening.connection }
    const state = handshakeState(subject, 'responder')
    if (state.readMessage(opening.message).type === 'failed') return undefined
    const localId = randomConnectionId(party)
    const step = state.writeMessage(new ByteWriter(4).u32(localId).finish())
    if (step.type === 'failed') return undefined
    const answerPacket = encodePacket({
      type: 'resumption-answer',
      connection: opening.connection,
      message: step.bytes,
    })
    // The packet is a view of a buffer that others own.
    const kept = { ...opening, ticket: ticket.id, message: opening.message.slice() }
    return new ResponderResumption(kept, answerPacket, newKeys(state, localId, opening.connection))
  }

  /** Whether that opening, of the same ticket, is the one that was answered. */
  isAnswerTo({ connection, message }: Packet & { type: 'resumption-open' }): boolean {
    return connection === this.#opening.connection && equalBytes(message, this.#opening.message)
  }
}

function newKeys(state: HandshakeState, localId: ConnectionId, remoteId: ConnectionId): NewKeys {
  const ticket = deriveTicket(state)
  return { keys: state.split(), localId, remoteId, ticket, finishPacket: undefined }
}

/** The prologue binds all that travels in the clear, and who speaks to whom. */
function handshakeState(
  { party, peer, ticket, initiator }: Subject,
  role: HandshakeRole,
): HandshakeState {
  const { context, identity, presharedKey } = party
  const local = decodePeerId(identity.peer)
  const remote = decodePeerId(peer)
  const prologue = new ByteWriter()
    .raw(prologueLabel)
    .u8(protocolVersion)
    .raw(role === 'initiator' ? local : remote)
    .raw(role === 'initiator' ? remote : local)
    .u32(initiator)
    .raw(ticket.id)
    .finish()
  return new HandshakeState({
    pattern,
    role,
    cryptography: context.cryptography,
    prologue,
    ephemeralSecretKey: context.random.bytes(32),
    psks: [deriveResumptionKey(ticket, presharedKey, context.cryptography)],
  })
}
