/**
 * The end-to-end handshake: Noise XXpsk0 between the two peers of a connection, through whoever
 * forwards their packets (rules CN11 to CN13).
 *
 * Each end proves its Ed25519 identity, which must hash to the peer id that the other end
 * addressed; a peer without the secret fails at the first message and learns nothing.
 */

import { assert } from '../assert.ts'
import { ByteWriter } from '../bytes/writer.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import type { EngineContext } from '../context.ts'
import type { CertificateVerifier, Identity } from '../identity/identity.ts'
import { decodePeerId, peerIdOf, type PeerId } from '../identity/peer-id.ts'
import { handshakePatterns } from '../noise/handshake-pattern.ts'
import { HandshakeState, type HandshakeRole, type TransportKeys } from '../noise/handshake-state.ts'
import { connectionWindowBytes } from './connection-credit.ts'
import {
  decodeHandshakePayload,
  encodeHandshakePayload,
  type HandshakePayload,
} from './handshake-payload.ts'
import { encodePacket, protocolVersion, type ConnectionId, type Packet } from './packet.ts'
import { streamWindowBytes } from './receive-stream.ts'
import { streamsOpenMax } from './stream-ids.ts'
import type { InitialCredit } from './stream-set.ts'
import { deriveConnectionName, deriveTicket, type ConnectionName, type Ticket } from './ticket.ts'

const pattern = handshakePatterns.XXpsk0
const prologueLabel = encodeUtf8('fieldmesh connection\n')
const noPayload = new Uint8Array(0)

/** What this end brings into each of its handshakes. */
export interface LocalParty {
  readonly context: EngineContext
  readonly identity: Identity
  readonly epoch: number
  /** 32 bytes that all peers of app and secret share. */
  readonly presharedKey: Uint8Array
  readonly verifier: CertificateVerifier
}

/** What a connection is kept up with, from a handshake or a resumption. */
export interface NewKeys {
  readonly keys: TransportKeys
  readonly localId: ConnectionId
  readonly remoteId: ConnectionId
  /** Resumes the connection when these keys are gone. */
  readonly ticket: Ticket
  /** Last packet of a handshake's initiator, to be repeated until the responder is heard. */
  readonly finishPacket: Uint8Array | undefined
}

/** What a complete handshake gives. */
export interface Established extends NewKeys {
  /** Of the other end. */
  readonly epoch: number
  readonly credit: InitialCredit
  /** Of a connection that begins now. */
  readonly name: ConnectionName
  /** Of the connection that goes on instead: both ends have said that they have it. */
  readonly continued: ConnectionName | undefined
}

/**
 * Why a handshake failed. `undecipherable`: another secret, or tampering. `identity`: the other end
 * is not the peer that was addressed. `malformed`: what it says of itself has no known layout.
 */
export type HandshakeFailureReason = 'undecipherable' | 'identity' | 'malformed'

export type HandshakeResult =
  | { readonly type: 'established'; readonly established: Established }
  | { readonly type: 'failed'; readonly reason: HandshakeFailureReason }

/** The end that opens. */
export class InitiatorHandshake {
  readonly connection: ConnectionId
  /** First packet, to be repeated until the answer comes. */
  readonly openPacket: Uint8Array
  readonly #party: LocalParty
  readonly #peer: PeerId
  readonly #state: HandshakeState

  constructor(party: LocalParty, peer: PeerId) {
    this.#party = party
    this.#peer = peer
    this.connection = randomConnectionId(party)
    this.#state = handshakeState(party, 'initiator', peer, this.connection)
    const step = this.#state.writeMessage(noPayload)
    this.openPacket = encodePacket({
      type: 'handshake-open',
      version: protocolVersion,
      connection: this.connection,
      message: step.type === 'done' ? step.bytes : noPayload,
    })
  }

  /**
   * Takes the answer, and names the connection that this end has by now. One that fails changes
   * nothing.
   */
  answerReceived(message: Uint8Array, name: ConnectionName | undefined): HandshakeResult {
    const read = readPayload(this.#party, this.#peer, this.#state, message)
    if (read.type === 'failed') return read
    const { payload } = read
    const finish = this.#state.writeMessage(payloadOf(this.#party, this.connection, name))
    assert(finish.type === 'done', 'the last message follows from one that was read')
    const finishPacket = encodePacket({
      type: 'handshake-finish',
      connection: payload.connection,
      message: finish.bytes,
    })
    const { connection: localId } = this
    const established = establish(this.#state, { localId, name, payload, finishPacket })
    return { type: 'established', established }
  }
}

/** The end that answers. */
export class ResponderHandshake {
  readonly connection: ConnectionId
  /** Second packet; sent again for each repetition of the first. */
  readonly answerPacket: Uint8Array
  readonly #party: LocalParty
  readonly #peer: PeerId
  readonly #name: ConnectionName | undefined
  readonly #state: HandshakeState

  /**
   * Answers the first message of an opening, and names the connection that this end has by now;
   * `undefined` when the message cannot be read.
   */
  static answer(
    party: LocalParty,
    peer: PeerId,
    opening: Packet & { type: 'handshake-open' },
    name: ConnectionName | undefined,
  ): ResponderHandshake | undefined {
    const state = handshakeState(party, 'responder', peer, opening.connection)
    if (state.readMessage(opening.message).type === 'failed') return undefined
    const connection = randomConnectionId(party)
    const step = state.writeMessage(payloadOf(party, connection, name))
    if (step.type === 'failed') return undefined
    const answerPacket = encodePacket({
      type: 'handshake-answer',
      connection: opening.connection,
      message: step.bytes,
    })
    return new ResponderHandshake({ party, peer, name, state, connection, answerPacket })
  }

  private constructor(options: {
    readonly party: LocalParty
    readonly peer: PeerId
    readonly name: ConnectionName | undefined
    readonly state: HandshakeState
    readonly connection: ConnectionId
    readonly answerPacket: Uint8Array
  }) {
    this.#party = options.party
    this.#peer = options.peer
    this.#name = options.name
    this.#state = options.state
    this.connection = options.connection
    this.answerPacket = options.answerPacket
  }

  /** Takes the last message. One that fails changes nothing. */
  finishReceived(message: Uint8Array): HandshakeResult {
    const read = readPayload(this.#party, this.#peer, this.#state, message)
    if (read.type === 'failed') return read
    const established = establish(this.#state, {
      localId: this.connection,
      name: this.#name,
      payload: read.payload,
      finishPacket: undefined,
    })
    return { type: 'established', established }
  }
}

/** What the peer says of itself in a message, when it is that peer. */
function readPayload(
  party: LocalParty,
  peer: PeerId,
  state: HandshakeState,
  message: Uint8Array,
):
  | { readonly type: 'read'; readonly payload: HandshakePayload }
  | { readonly type: 'failed'; readonly reason: HandshakeFailureReason } {
  let reason: HandshakeFailureReason = 'undecipherable'
  let payload: HandshakePayload | undefined
  const step = state.tryMessage(message, (bytes) => {
    payload = decodeHandshakePayload(bytes)
    if (payload === undefined) reason = 'malformed'
    else if (isPeer(party, peer, payload, state)) return true
    else reason = 'identity'
    return false
  })
  if (step.type === 'failed' || payload === undefined) return { type: 'failed', reason }
  return { type: 'read', payload }
}

/** What this end says of itself. */
function payloadOf(
  { identity, epoch }: LocalParty,
  connection: ConnectionId,
  name: ConnectionName | undefined,
): Uint8Array {
  const { publicKey, certificate } = identity
  const credit = {
    connectionBytes: connectionWindowBytes,
    streamBytes: streamWindowBytes,
    streamCount: streamsOpenMax,
  }
  return encodeHandshakePayload({ connection, epoch, publicKey, certificate, credit, name })
}

function isPeer(
  party: LocalParty,
  peer: PeerId,
  payload: HandshakePayload,
  state: HandshakeState,
): boolean {
  const { publicKey, certificate } = payload
  const staticKey = state.remoteStaticKey
  return (
    staticKey !== undefined &&
    peerIdOf(publicKey, party.context.cryptography) === peer &&
    party.verifier.verify(publicKey, staticKey, certificate)
  )
}

/** What the last message of a handshake completes. `name` is what this end has said. */
function establish(
  state: HandshakeState,
  own: {
    readonly localId: ConnectionId
    readonly name: ConnectionName | undefined
    readonly payload: HandshakePayload
    readonly finishPacket: Uint8Array | undefined
  },
): Established {
  const { localId, payload, finishPacket } = own
  const { connection: remoteId, epoch, credit } = payload
  return {
    keys: state.split(),
    localId,
    remoteId,
    ticket: deriveTicket(state),
    finishPacket,
    epoch,
    credit,
    name: deriveConnectionName(state),
    continued: payload.name === own.name ? own.name : undefined,
  }
}

/** The prologue binds version, both ids and the initiator's connection id, which travel in the clear. */
function handshakeState(
  party: LocalParty,
  role: HandshakeRole,
  peer: PeerId,
  initiatorConnection: ConnectionId,
): HandshakeState {
  const local = decodePeerId(party.identity.peer)
  const remote = decodePeerId(peer)
  const prologue = new ByteWriter()
    .raw(prologueLabel)
    .u8(protocolVersion)
    .raw(role === 'initiator' ? local : remote)
    .raw(role === 'initiator' ? remote : local)
    .u32(initiatorConnection)
    .finish()
  return new HandshakeState({
    pattern,
    role,
    cryptography: party.context.cryptography,
    prologue,
    staticKeys: party.identity.staticKeys,
    ephemeralSecretKey: party.context.random.bytes(32),
    psks: [party.presharedKey],
  })
}

/** Four bytes that nobody can foresee. */
export function randomConnectionId(party: LocalParty): ConnectionId {
  const bytes = party.context.random.bytes(4)
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0)
}
