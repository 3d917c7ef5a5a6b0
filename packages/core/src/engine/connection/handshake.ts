/**
 * The end-to-end handshake: Noise XXpsk0 between the two peers of a connection, through whoever
 * forwards their packets (rules CN11 to CN13).
 *
 * Each end proves its Ed25519 identity, which must hash to the peer id that the other end
 * addressed; a peer without the secret fails at the first message and learns nothing.
 */

import { ByteReader } from '../bytes/reader.ts'
import { ByteWriter } from '../bytes/writer.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import type { EngineContext } from '../context.ts'
import { signatureBytes, type CertificateVerifier, type Identity } from '../identity/identity.ts'
import { decodePeerId, peerIdOf, type PeerId } from '../identity/peer-id.ts'
import { handshakePatterns } from '../noise/handshake-pattern.ts'
import { HandshakeState, type HandshakeRole, type TransportKeys } from '../noise/handshake-state.ts'
import { connectionWindowBytes } from './connection-credit.ts'
import { streamAllowanceMax } from './frame.ts'
import { encodePacket, protocolVersion, type ConnectionId } from './packet.ts'
import { streamWindowBytes } from './receive-stream.ts'
import { streamsOpenMax } from './stream-ids.ts'
import type { InitialCredit } from './stream-set.ts'

const pattern = handshakePatterns.XXpsk0
const prologueLabel = encodeUtf8('fieldmesh connection\n')
const publicKeyBytes = 32
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

/** What a complete handshake gives. */
export interface Established {
  readonly keys: TransportKeys
  /** Of the other end. */
  readonly epoch: number
  readonly localId: ConnectionId
  readonly remoteId: ConnectionId
  readonly credit: InitialCredit
  /** The initiator's last packet, to be repeated until the responder is heard. */
  readonly finishPacket: Uint8Array | undefined
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

  /** Takes the answer; after a failure the handshake is of no use. */
  answerReceived(message: Uint8Array): HandshakeResult {
    if (this.#state.turn !== 'read') return { type: 'failed', reason: 'undecipherable' }
    const read = this.#state.readMessage(message)
    if (read.type === 'failed') return { type: 'failed', reason: 'undecipherable' }
    const introduction = decodeIntroduction(read.bytes)
    if (introduction === undefined) return { type: 'failed', reason: 'malformed' }
    if (!isPeer(this.#party, this.#peer, introduction, this.#state)) {
      return { type: 'failed', reason: 'identity' }
    }
    const finish = this.#state.writeMessage(encodeIntroduction(this.#party, this.connection))
    if (finish.type === 'failed') return { type: 'failed', reason: 'undecipherable' }
    const finishPacket = encodePacket({
      type: 'handshake-finish',
      connection: introduction.connection,
      message: finish.bytes,
    })
    const keys = this.#state.split()
    return {
      type: 'established',
      established: establish(keys, this.connection, introduction, finishPacket),
    }
  }
}

/** The end that answers. */
export class ResponderHandshake {
  readonly connection: ConnectionId
  /** Second packet; sent again for each repetition of the first. */
  readonly answerPacket: Uint8Array
  readonly #party: LocalParty
  readonly #peer: PeerId
  readonly #state: HandshakeState

  private constructor(
    party: LocalParty,
    peer: PeerId,
    state: HandshakeState,
    connection: ConnectionId,
    answerPacket: Uint8Array,
  ) {
    this.#party = party
    this.#peer = peer
    this.#state = state
    this.connection = connection
    this.answerPacket = answerPacket
  }

  /** Answers the first message of `initiator`, the other end's connection id. */
  static answer(
    party: LocalParty,
    peer: PeerId,
    initiator: ConnectionId,
    message: Uint8Array,
  ): ResponderHandshake | HandshakeFailureReason {
    const state = handshakeState(party, 'responder', peer, initiator)
    if (state.readMessage(message).type === 'failed') return 'undecipherable'
    const connection = randomConnectionId(party)
    const step = state.writeMessage(encodeIntroduction(party, connection))
    if (step.type === 'failed') return 'undecipherable'
    const answerPacket = encodePacket({
      type: 'handshake-answer',
      connection: initiator,
      message: step.bytes,
    })
    return new ResponderHandshake(party, peer, state, connection, answerPacket)
  }

  /** Takes the last message; after a failure the handshake is of no use. */
  finishReceived(message: Uint8Array): HandshakeResult {
    if (this.#state.turn !== 'read') return { type: 'failed', reason: 'undecipherable' }
    const read = this.#state.readMessage(message)
    if (read.type === 'failed') return { type: 'failed', reason: 'undecipherable' }
    const introduction = decodeIntroduction(read.bytes)
    if (introduction === undefined) return { type: 'failed', reason: 'malformed' }
    if (!isPeer(this.#party, this.#peer, introduction, this.#state)) {
      return { type: 'failed', reason: 'identity' }
    }
    const keys = this.#state.split()
    return {
      type: 'established',
      established: establish(keys, this.connection, introduction, undefined),
    }
  }
}

/** What each end says of itself under the handshake's encryption. */
interface Introduction {
  readonly connection: ConnectionId
  readonly epoch: number
  readonly publicKey: Uint8Array
  readonly certificate: Uint8Array
  readonly credit: InitialCredit
}

/** Connection id, epoch, public key, certificate, first credits; later versions append fields. */
function encodeIntroduction(party: LocalParty, connection: ConnectionId): Uint8Array {
  return new ByteWriter(128)
    .u32(connection)
    .varint(party.epoch)
    .raw(party.identity.publicKey)
    .raw(party.identity.certificate)
    .varint(connectionWindowBytes)
    .varint(streamWindowBytes)
    .varint(streamsOpenMax)
    .finish()
}

function decodeIntroduction(bytes: Uint8Array): Introduction | undefined {
  const reader = new ByteReader(bytes)
  const connection = reader.u32()
  const epoch = reader.varint()
  const publicKey = reader.raw(publicKeyBytes)
  const certificate = reader.raw(signatureBytes)
  const credit = {
    connectionBytes: reader.varint(),
    streamBytes: reader.varint(),
    streamCount: reader.varint(streamAllowanceMax),
  }
  return reader.failed ? undefined : { connection, epoch, publicKey, certificate, credit }
}

function isPeer(
  party: LocalParty,
  peer: PeerId,
  introduction: Introduction,
  state: HandshakeState,
): boolean {
  const { publicKey, certificate } = introduction
  const staticKey = state.remoteStaticKey
  return (
    staticKey !== undefined &&
    peerIdOf(publicKey, party.context.cryptography) === peer &&
    party.verifier.verify(publicKey, staticKey, certificate)
  )
}

function establish(
  keys: TransportKeys,
  localId: ConnectionId,
  introduction: Introduction,
  finishPacket: Uint8Array | undefined,
): Established {
  const { connection: remoteId, epoch, credit } = introduction
  return { keys, epoch, localId, remoteId, credit, finishPacket }
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

function randomConnectionId(party: LocalParty): ConnectionId {
  const bytes = party.context.random.bytes(4)
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0)
}
