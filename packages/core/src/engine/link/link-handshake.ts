/**
 * The handshake of a link: Noise `XXpsk0` with what surrounds it (rules HS1 to HS12 of
 * docs/specs/link.md).
 *
 * The dialler is the initiator. Three messages: the initiator's offer (versions, salt, tag of the
 * app, Noise message 1), the responder's answer (version, Noise message 2), and Noise message 3;
 * who the peers are travels sealed in the latter two.
 */

import { concatBytes, equalBytes } from '../bytes/compare.ts'
import { ByteReader } from '../bytes/reader.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import { ByteWriter } from '../bytes/writer.ts'
import type { Cryptography } from '../crypto/cryptography.ts'
import type { Random } from '../crypto/random.ts'
import { signatureBytes } from '../identity/identity.ts'
import type { CertificateVerifier, Identity } from '../identity/identity.ts'
import { appTagBytes } from '../identity/join-keys.ts'
import type { JoinKeys } from '../identity/join-keys.ts'
import { peerIdOf } from '../identity/peer-id.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { handshakePatterns } from '../noise/handshake-pattern.ts'
import { HandshakeState } from '../noise/handshake-state.ts'
import type { HandshakeRole, TransportKeys } from '../noise/handshake-state.ts'

/** Versions of the link protocol that this code speaks, both inclusive. */
export const protocolVersionMin = 1
export const protocolVersionMax = 1

const saltBytes = 16
const publicKeyBytes = 32
const boundFlag = 1
const prologueLabel = encodeUtf8('fieldmesh link\n')
const empty = new Uint8Array(0)

/** What every handshake of this peer shares. */
export interface HandshakeOptions {
  readonly identity: Identity
  readonly joinKeys: JoinKeys
  readonly verifier: CertificateVerifier
  /** Count of this peer's boots; told to the other end. */
  readonly epoch: number
  readonly cryptography: Cryptography
  readonly random: Random
}

/** The other end, proven. */
export interface RemoteIdentity {
  readonly peer: PeerId
  readonly publicKey: Uint8Array
  readonly epoch: number
}

/** Why a handshake was refused; each is a close reason too. */
export type HandshakeRefusal =
  | 'app-mismatch'
  | 'secret-mismatch'
  | 'protocol-version-mismatch'
  | 'identity-mismatch'
  | 'handshake-failed'
  | 'self'

export type LinkHandshakeStep =
  /** Send it, and wait for the answer. */
  | { readonly type: 'send'; readonly message: Uint8Array }
  | { readonly type: 'refused'; readonly reason: HandshakeRefusal }
  /** Both ends are proven; the message, if any, is to be sent first. */
  | {
      readonly type: 'complete'
      readonly message: Uint8Array | undefined
      readonly remote: RemoteIdentity
      readonly keys: TransportKeys
    }

/** One end of one handshake. Never throws on what the other end sends. */
export class LinkHandshake {
  readonly #options: HandshakeOptions
  readonly #role: HandshakeRole
  readonly #binding: Uint8Array | undefined
  readonly #expectedPeer: PeerId | undefined
  #noise: HandshakeState | undefined

  /** `binding` of a channel that encrypts; `expectedPeer` of a dial to a peer id. */
  constructor(
    options: HandshakeOptions,
    role: HandshakeRole,
    binding: Uint8Array | undefined,
    expectedPeer: PeerId | undefined,
  ) {
    this.#options = options
    this.#role = role
    this.#binding = binding
    this.#expectedPeer = expectedPeer
  }

  /** The initiator's first message. */
  start(): Uint8Array {
    const salt = this.#options.random.bytes(saltBytes)
    const offer = new ByteWriter()
      .u8(protocolVersionMin)
      .u8(protocolVersionMax)
      .u8(this.#binding ? boundFlag : 0)
      .raw(salt)
      .raw(this.#options.joinKeys.appTag(salt))
      .finish()
    this.#noise = this.#startNoise(offer)
    const written = this.#noise.writeMessage(empty)
    // Nothing of the other end has gone in yet that could make it fail.
    return concatBytes(offer, written.type === 'done' ? written.bytes : empty)
  }

  /** Takes the other end's next message. */
  read(message: Uint8Array): LinkHandshakeStep {
    if (!this.#noise) return this.#readOffer(message)
    return this.#role === 'initiator'
      ? this.#readAnswer(message, this.#noise)
      : this.#readProof(message, this.#noise)
  }

  #readOffer(message: Uint8Array): LinkHandshakeStep {
    const reader = new ByteReader(message)
    // The first two bytes are the same in every version; what follows is version 1.
    const versionMin = reader.u8()
    const versionMax = reader.u8()
    if (reader.failed) return refused('handshake-failed')
    if (versionMin > protocolVersionMax || versionMax < protocolVersionMin) {
      return refused('protocol-version-mismatch')
    }
    const flags = reader.u8()
    const salt = reader.raw(saltBytes)
    const appTag = reader.raw(appTagBytes)
    const offerBytes = message.length - reader.remaining
    const noiseMessage = reader.rest()
    if (reader.failed) return refused('handshake-failed')
    if (!equalBytes(appTag, this.#options.joinKeys.appTag(salt))) return refused('app-mismatch')
    const isBound = (flags & boundFlag) !== 0
    if (isBound !== (this.#binding !== undefined)) return refused('handshake-failed')
    this.#noise = this.#startNoise(message.subarray(0, offerBytes))
    const read = this.#noise.readMessage(noiseMessage)
    if (read.type === 'failed') {
      return refused(read.reason === 'undecipherable' ? 'secret-mismatch' : 'handshake-failed')
    }
    const version = Uint8Array.of(Math.min(versionMax, protocolVersionMax))
    const written = this.#noise.writeMessage(concatBytes(version, this.#proof()))
    if (written.type === 'failed') return refused('handshake-failed')
    return { type: 'send', message: concatBytes(version, written.bytes) }
  }

  #readAnswer(message: Uint8Array, noise: HandshakeState): LinkHandshakeStep {
    const reader = new ByteReader(message)
    const version = reader.u8()
    if (reader.failed) return refused('handshake-failed')
    if (version < protocolVersionMin || version > protocolVersionMax) {
      return refused('protocol-version-mismatch')
    }
    const read = noise.readMessage(reader.rest())
    if (read.type === 'failed') return refused('handshake-failed')
    const payload = new ByteReader(read.bytes)
    // Said again under seal: who changes the byte outside is found out.
    if (payload.u8() !== version) return refused('handshake-failed')
    const remote = this.#readRemote(payload, noise)
    if (typeof remote === 'string') return refused(remote)
    const written = noise.writeMessage(this.#proof())
    if (written.type === 'failed') return refused('handshake-failed')
    return { type: 'complete', message: written.bytes, remote, keys: noise.split() }
  }

  #readProof(message: Uint8Array, noise: HandshakeState): LinkHandshakeStep {
    const read = noise.readMessage(message)
    if (read.type === 'failed') return refused('handshake-failed')
    const remote = this.#readRemote(new ByteReader(read.bytes), noise)
    if (typeof remote === 'string') return refused(remote)
    return { type: 'complete', message: undefined, remote, keys: noise.split() }
  }

  #readRemote(reader: ByteReader, noise: HandshakeState): RemoteIdentity | HandshakeRefusal {
    const { identity, verifier, cryptography } = this.#options
    const publicKey = reader.raw(publicKeyBytes).slice()
    const certificate = reader.raw(signatureBytes)
    const epoch = reader.varint()
    if (reader.failed) return 'handshake-failed'
    if (!verifier.verify(publicKey, noise.remoteStaticKey ?? empty, certificate)) {
      return 'handshake-failed'
    }
    if (equalBytes(publicKey, identity.publicKey)) return 'self'
    const peer = peerIdOf(publicKey, cryptography)
    if (this.#expectedPeer !== undefined && peer !== this.#expectedPeer) return 'identity-mismatch'
    return { peer, publicKey, epoch }
  }

  #proof(): Uint8Array {
    const { identity, epoch } = this.#options
    return new ByteWriter(128)
      .raw(identity.publicKey)
      .raw(identity.certificate)
      .varint(epoch)
      .finish()
  }

  #startNoise(offer: Uint8Array): HandshakeState {
    const { identity, joinKeys, cryptography, random } = this.#options
    const binding = new ByteWriter().bytes(this.#binding ?? empty).finish()
    return new HandshakeState({
      pattern: handshakePatterns.XXpsk0,
      role: this.#role,
      cryptography,
      prologue: concatBytes(prologueLabel, offer, binding),
      staticKeys: identity.staticKeys,
      ephemeralSecretKey: random.bytes(32),
      psks: [joinKeys.presharedKey],
    })
  }
}

function refused(reason: HandshakeRefusal): LinkHandshakeStep {
  return { type: 'refused', reason }
}
