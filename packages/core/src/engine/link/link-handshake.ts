/**
 * The handshake of a link (rules HS1 to HS15 of docs/specs/link.md): Noise `XXpsk0` at first contact,
 * `IKpsk2` between peers that have met, with what surrounds them.
 *
 * The dialler is the initiator. Its offer always holds the first message of `XXpsk0`, and to a peer
 * that it knows that of `IKpsk2` as well; the responder answers to the one or the other, and nobody
 * but the initiator can tell which. After `IKpsk2` both ends are up; after `XXpsk0` the initiator
 * sends a third message.
 */

import { concatBytes, equalBytes } from '../bytes/compare.ts'
import { ByteReader } from '../bytes/reader.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import { ByteWriter } from '../bytes/writer.ts'
import type { Cryptography } from '../crypto/cryptography.ts'
import type { Random } from '../crypto/random.ts'
import type { CertificateVerifier, Identity } from '../identity/identity.ts'
import type { JoinKeys } from '../identity/join-keys.ts'
import { peerIdOf } from '../identity/peer-id.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { tagBytes } from '../noise/cipher-state.ts'
import { handshakePatterns } from '../noise/handshake-pattern.ts'
import type { HandshakePattern } from '../noise/handshake-pattern.ts'
import { HandshakeState } from '../noise/handshake-state.ts'
import type { HandshakeRole, TransportKeys } from '../noise/handshake-state.ts'
import {
  decodeOffer,
  encodeOfferHead,
  encodeProof,
  encodeReturn,
  readClaim,
  readProof,
  readVersions,
  saltBytes,
} from './handshake-message.ts'
import type { Offer } from './handshake-message.ts'
import type { KnownPeers } from './known-peers.ts'

/** Versions of the link protocol that this code speaks, both inclusive. */
export const protocolVersionMin = 1
export const protocolVersionMax = 1

const prologueLabel = encodeUtf8('fieldmesh link\n')
const empty = new Uint8Array(0)

/** As long as what an answer to first contact has more: the sealed static key. */
const returnPadding = new Uint8Array(32 + tagBytes)

/** What every handshake of this peer shares. */
export interface HandshakeOptions {
  readonly identity: Identity
  readonly joinKeys: JoinKeys
  readonly verifier: CertificateVerifier
  readonly knownPeers: KnownPeers
  /** Count of this peer's boots; told to the other end. */
  readonly epoch: number
  readonly cryptography: Cryptography
  readonly random: Random
}

/** What is particular to one channel. */
export interface HandshakeChannel {
  readonly role: HandshakeRole
  /** Of a channel that encrypts. */
  readonly binding?: Uint8Array | undefined
  /** Who was dialled by peer id. */
  readonly expectedPeer?: PeerId | undefined
  /** Who answered there last: a return is offered to it. */
  readonly lastPeer?: PeerId | undefined
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
      /** The other end has completed it as well; else it may yet refuse. */
      readonly isConfirmed: boolean
      /** By `IKpsk2`. */
      readonly isReturn: boolean
    }

/** One end of one handshake. Never throws on what the other end sends. */
export class LinkHandshake {
  readonly #options: HandshakeOptions
  readonly #channel: HandshakeChannel
  /** `XXpsk0`. */
  #contact: HandshakeState | undefined
  /** `IKpsk2`, as the initiator offered it. */
  #return: HandshakeState | undefined

  constructor(options: HandshakeOptions, channel: HandshakeChannel) {
    this.#options = options
    this.#channel = channel
  }

  /** The initiator's first message. */
  start(): Uint8Array {
    const { random, joinKeys, knownPeers } = this.#options
    const { binding, expectedPeer, lastPeer } = this.#channel
    const salt = random.bytes(saltBytes)
    const peer = expectedPeer ?? lastPeer
    const known = peer === undefined ? undefined : knownPeers.get(peer)
    const head = encodeOfferHead(
      {
        versionMin: protocolVersionMin,
        versionMax: protocolVersionMax,
        isBound: binding !== undefined,
        salt,
        appTag: joinKeys.appTag(salt),
      },
      known !== undefined,
    )
    const beginning = new ByteWriter().raw(head)
    if (known) {
      this.#return = this.#noise(handshakePatterns.IKpsk2, head, known.staticKey)
      const claim = encodeReturn(this.#ownProof(), knownPeers.claim(known))
      beginning.bytes(this.#written(this.#return, claim))
    }
    this.#contact = this.#noise(handshakePatterns.XXpsk0, beginning.view())
    return beginning.raw(this.#written(this.#contact, empty)).finish()
  }

  /** Takes the other end's next message. */
  read(message: Uint8Array): LinkHandshakeStep {
    if (!this.#contact) return this.#readOffer(message)
    return this.#channel.role === 'initiator'
      ? this.#readAnswer(message, this.#contact)
      : this.#readProof(message, this.#contact)
  }

  #readOffer(message: Uint8Array): LinkHandshakeStep {
    const versions = readVersions(message)
    if (!versions) return refused('handshake-failed')
    const { versionMin, versionMax } = versions
    if (versionMin > protocolVersionMax || versionMax < protocolVersionMin) {
      return refused('protocol-version-mismatch')
    }
    const offer = decodeOffer(message)
    if (!offer) return refused('handshake-failed')
    const { salt, appTag, isBound, beginning, contactMessage } = offer
    if (!equalBytes(appTag, this.#options.joinKeys.appTag(salt))) return refused('app-mismatch')
    if (isBound !== (this.#channel.binding !== undefined)) return refused('handshake-failed')
    this.#contact = this.#noise(handshakePatterns.XXpsk0, beginning)
    const read = this.#contact.readMessage(contactMessage)
    if (read.type === 'failed') {
      return refused(read.reason === 'undecipherable' ? 'secret-mismatch' : 'handshake-failed')
    }
    // Only now: who does not know the secret learns nothing of who is met here.
    const version = Uint8Array.of(Math.min(versionMax, protocolVersionMax))
    return this.#answerReturn(offer, version) ?? this.#answerContact(version, this.#contact)
  }

  #answerContact(version: Uint8Array, contact: HandshakeState): LinkHandshakeStep {
    const written = contact.writeMessage(concatBytes(version, encodeProof(this.#ownProof())))
    if (written.type === 'failed') return refused('handshake-failed')
    return { type: 'send', message: concatBytes(version, written.bytes) }
  }

  /** The answer to a return; undefined when it is none, or none for this boot, or not new. */
  #answerReturn(
    { headBytes, returnMessage }: Offer,
    version: Uint8Array,
  ): LinkHandshakeStep | undefined {
    if (!returnMessage) return undefined
    const noise = this.#noise(handshakePatterns.IKpsk2, headBytes)
    const read = noise.readMessage(returnMessage)
    if (read.type === 'failed') return undefined
    const reader = new ByteReader(read.bytes)
    const remote = this.#readRemote(reader, noise)
    const claim = readClaim(reader)
    const staticKey = noise.remoteStaticKey ?? empty
    if (typeof remote === 'string' || !claim) return undefined
    const { knownPeers } = this.#options
    if (!knownPeers.accept(remote.peer, { staticKey, epoch: remote.epoch }, claim)) return undefined
    const payload = concatBytes(version, encodeProof(this.#ownProof()), returnPadding)
    const written = noise.writeMessage(payload)
    if (written.type === 'failed') return undefined
    const message = concatBytes(version, written.bytes)
    return this.#complete(noise, remote, { message, isConfirmed: false, isReturn: true })
  }

  #readAnswer(message: Uint8Array, contact: HandshakeState): LinkHandshakeStep {
    const version = message[0]
    if (version === undefined) return refused('handshake-failed')
    if (version < protocolVersionMin || version > protocolVersionMax) {
      return refused('protocol-version-mismatch')
    }
    const noiseMessage = message.subarray(1)
    const returned = this.#return?.readMessage(noiseMessage)
    if (this.#return && returned?.type === 'done') {
      const remote = this.#readAnswerer(returned.bytes, version, this.#return)
      if (typeof remote === 'string') return refused(remote)
      const isConfirmed = true
      return this.#complete(this.#return, remote, {
        message: undefined,
        isConfirmed,
        isReturn: true,
      })
    }
    const read = contact.readMessage(noiseMessage)
    if (read.type === 'failed') return refused('handshake-failed')
    const remote = this.#readAnswerer(read.bytes, version, contact)
    if (typeof remote === 'string') return refused(remote)
    const written = contact.writeMessage(encodeProof(this.#ownProof()))
    if (written.type === 'failed') return refused('handshake-failed')
    return this.#complete(contact, remote, {
      message: written.bytes,
      isConfirmed: false,
      isReturn: false,
    })
  }

  #readAnswerer(
    payload: Uint8Array,
    version: number,
    noise: HandshakeState,
  ): RemoteIdentity | HandshakeRefusal {
    const reader = new ByteReader(payload)
    // Said again under seal: who changes the byte outside is found out.
    if (reader.u8() !== version) return 'handshake-failed'
    return this.#readRemote(reader, noise)
  }

  #readProof(message: Uint8Array, contact: HandshakeState): LinkHandshakeStep {
    const read = contact.readMessage(message)
    if (read.type === 'failed') return refused('handshake-failed')
    const remote = this.#readRemote(new ByteReader(read.bytes), contact)
    if (typeof remote === 'string') return refused(remote)
    return this.#complete(contact, remote, {
      message: undefined,
      isConfirmed: true,
      isReturn: false,
    })
  }

  #readRemote(reader: ByteReader, noise: HandshakeState): RemoteIdentity | HandshakeRefusal {
    const { identity, verifier, cryptography } = this.#options
    const { expectedPeer } = this.#channel
    const proof = readProof(reader)
    if (!proof) return 'handshake-failed'
    const { publicKey, certificate, epoch } = proof
    if (!verifier.verify(publicKey, noise.remoteStaticKey ?? empty, certificate)) {
      return 'handshake-failed'
    }
    if (equalBytes(publicKey, identity.publicKey)) return 'self'
    const peer = peerIdOf(publicKey, cryptography)
    if (expectedPeer !== undefined && peer !== expectedPeer) return 'identity-mismatch'
    return { peer, publicKey, epoch }
  }

  #complete(
    noise: HandshakeState,
    remote: RemoteIdentity,
    how: Pick<
      Extract<LinkHandshakeStep, { readonly type: 'complete' }>,
      'message' | 'isConfirmed' | 'isReturn'
    >,
  ): LinkHandshakeStep {
    const staticKey = noise.remoteStaticKey ?? empty
    this.#options.knownPeers.met(remote.peer, { staticKey, epoch: remote.epoch })
    return { type: 'complete', remote, keys: noise.split(), ...how }
  }

  #ownProof() {
    const { identity, epoch } = this.#options
    return { publicKey: identity.publicKey, certificate: identity.certificate, epoch }
  }

  /** A message that nothing of the other end has gone into that could make it fail. */
  #written(noise: HandshakeState, payload: Uint8Array): Uint8Array {
    const written = noise.writeMessage(payload)
    return written.type === 'done' ? written.bytes : empty
  }

  #noise(
    pattern: HandshakePattern,
    beginning: Uint8Array,
    remoteStaticKey?: Uint8Array,
  ): HandshakeState {
    const { identity, joinKeys, cryptography, random } = this.#options
    const { role, binding } = this.#channel
    const boundTo = new ByteWriter().bytes(binding ?? empty).finish()
    return new HandshakeState({
      pattern,
      role,
      cryptography,
      prologue: concatBytes(prologueLabel, beginning, boundTo),
      staticKeys: identity.staticKeys,
      ephemeralSecretKey: random.bytes(32),
      psks: [joinKeys.presharedKey],
      ...(remoteStaticKey && { remoteStaticKey }),
    })
  }
}

function refused(reason: HandshakeRefusal): LinkHandshakeStep {
  return { type: 'refused', reason }
}
