/**
 * HandshakeState (Noise revision 34, section 5.3): one handshake over any pattern of
 * handshake-pattern.ts, with 25519, ChaChaPoly and SHA256.
 *
 * Randomness is handed in: the ephemeral secret key is a constructor argument, used once. What a
 * hostile peer can cause is a result, never an exception; after a failure the state is of no use.
 */

import { assert, unreachable } from '../assert.ts'
import { ByteReader } from '../bytes/reader.ts'
import { ByteWriter } from '../bytes/writer.ts'
import type { Cryptography } from '../crypto/cryptography.ts'
import { noiseMessageBytesMax, tagBytes } from './cipher-state.ts'
import type { CipherState } from './cipher-state.ts'
import type { HandshakePattern, HandshakeToken } from './handshake-pattern.ts'
import { SymmetricState } from './symmetric-state.ts'

/** An X25519 key pair, 32 bytes each. */
export interface KeyPair {
  readonly secretKey: Uint8Array
  readonly publicKey: Uint8Array
}

export type HandshakeRole = 'initiator' | 'responder'

export interface HandshakeOptions {
  readonly pattern: HandshakePattern
  readonly role: HandshakeRole
  readonly cryptography: Cryptography
  /** Both ends must have the same. */
  readonly prologue: Uint8Array
  /** Own static keys, where the pattern has this end send or use them. */
  readonly staticKeys?: KeyPair
  /** 32 fresh random bytes. */
  readonly ephemeralSecretKey: Uint8Array
  /** The responder's static public key, where the initiator must know it. */
  readonly remoteStaticKey?: Uint8Array
  /** 32 bytes for each `psk` token, in order. */
  readonly psks?: readonly Uint8Array[]
}

/**
 * Why a handshake failed. `truncated`: a message ends before its fields do. `too-long`: beyond
 * 65,535 bytes. `undecipherable`: a tag does not fit (another key, psk or prologue, or tampering).
 * `bad-key`: the other end's public key gives no shared secret. `refused`: the payload was not accepted.
 */
export type HandshakeFailure = 'truncated' | 'too-long' | 'undecipherable' | 'bad-key' | 'refused'

export type HandshakeStep =
  | { readonly type: 'done'; readonly bytes: Uint8Array }
  | { readonly type: 'failed'; readonly reason: HandshakeFailure }

/** Whose move it is. */
export type HandshakeTurn = 'write' | 'read' | 'complete' | 'failed'

/** Transport keys of a complete handshake. */
export interface TransportKeys {
  readonly send: CipherState
  readonly receive: CipherState
}

const keyBytes = 32

/** One end of one handshake. */
export class HandshakeState {
  readonly #pattern: HandshakePattern
  readonly #role: HandshakeRole
  readonly #cryptography: Cryptography
  #symmetric: SymmetricState
  readonly #staticKeys: KeyPair | undefined
  readonly #ephemeralKeys: KeyPair
  readonly #psks: readonly Uint8Array[]
  #remoteStaticKey: Uint8Array | undefined
  #remoteEphemeralKey: Uint8Array | undefined
  #messageIndex = 0
  #pskIndex = 0
  #failure: HandshakeFailure | undefined

  constructor(options: HandshakeOptions) {
    const { pattern, cryptography } = options
    this.#pattern = pattern
    this.#role = options.role
    this.#cryptography = cryptography
    this.#staticKeys = options.staticKeys
    this.#ephemeralKeys = {
      secretKey: options.ephemeralSecretKey,
      publicKey: cryptography.x25519PublicKey(options.ephemeralSecretKey),
    }
    this.#remoteStaticKey = options.remoteStaticKey
    this.#psks = options.psks ?? []
    this.#symmetric = SymmetricState.of(
      `Noise_${pattern.name}_25519_ChaChaPoly_SHA256`,
      cryptography,
    )
    this.#symmetric.mixHash(options.prologue)
    if (pattern.responderStaticKnown) {
      const known =
        options.role === 'initiator' ? options.remoteStaticKey : options.staticKeys?.publicKey
      assert(known !== undefined, `${pattern.name} needs the responder's static key`)
      this.#symmetric.mixHash(known)
    }
  }

  get turn(): HandshakeTurn {
    if (this.#failure) return 'failed'
    if (this.#messageIndex >= this.#pattern.messages.length) return 'complete'
    const initiatorsTurn = this.#messageIndex % 2 === 0
    return initiatorsTurn === (this.#role === 'initiator') ? 'write' : 'read'
  }

  /** The other end's static key, as soon as it is known; proven once the handshake is complete. */
  get remoteStaticKey(): Uint8Array | undefined {
    return this.#remoteStaticKey
  }

  /** A name of the session for channel binding (section 11.2). */
  get handshakeHash(): Uint8Array {
    return this.#symmetric.handshakeHash
  }

  /** The next message, with the payload inside. Only when it is this end's turn. */
  writeMessage(payload: Uint8Array): HandshakeStep {
    assert(this.turn === 'write', `handshake message written in turn ${this.turn}`)
    const writer = new ByteWriter(256)
    for (const token of this.#pattern.messages[this.#messageIndex]!) {
      if (token === 'e') {
        writer.raw(this.#ephemeralKeys.publicKey)
        this.#mixEphemeralKey(this.#ephemeralKeys.publicKey)
      } else if (token === 's') {
        writer.raw(this.#symmetric.sealAndHash(this.#ownStaticKeys().publicKey))
      } else if (!this.#mixSecret(token)) {
        return this.#fail('bad-key')
      }
    }
    writer.raw(this.#symmetric.sealAndHash(payload))
    if (writer.length > noiseMessageBytesMax) return this.#fail('too-long')
    this.#messageIndex += 1
    return { type: 'done', bytes: writer.finish() }
  }

  /** The payload of the other end's next message. Only when it is the other end's turn. */
  readMessage(message: Uint8Array): HandshakeStep {
    assert(this.turn === 'read', `handshake message read in turn ${this.turn}`)
    if (message.length > noiseMessageBytesMax) return this.#fail('too-long')
    const reader = new ByteReader(message)
    for (const token of this.#pattern.messages[this.#messageIndex]!) {
      if (token === 'e') {
        const key = reader.raw(keyBytes)
        if (reader.failed) return this.#fail('truncated')
        this.#remoteEphemeralKey = key.slice()
        this.#mixEphemeralKey(key)
      } else if (token === 's') {
        const sealed = reader.raw(keyBytes + (this.#symmetric.hasKey ? tagBytes : 0))
        if (reader.failed) return this.#fail('truncated')
        const key = this.#symmetric.openAndHash(sealed)
        if (!key) return this.#fail('undecipherable')
        this.#remoteStaticKey = key.slice()
      } else if (!this.#mixSecret(token)) {
        return this.#fail('bad-key')
      }
    }
    const payload = this.#symmetric.openAndHash(reader.rest())
    if (!payload) return this.#fail('undecipherable')
    this.#messageIndex += 1
    return { type: 'done', bytes: payload }
  }

  /**
   * As `readMessage`, but a message that cannot be read, or whose payload is not accepted, changes
   * nothing: anybody can send one, and the right one may still come.
   */
  tryMessage(message: Uint8Array, isAccepted: (payload: Uint8Array) => boolean): HandshakeStep {
    const symmetric = this.#symmetric.copy()
    const [staticKey, ephemeralKey] = [this.#remoteStaticKey, this.#remoteEphemeralKey]
    const [messageIndex, pskIndex] = [this.#messageIndex, this.#pskIndex]
    const step = this.readMessage(message)
    if (step.type === 'done' && isAccepted(step.bytes)) return step
    this.#symmetric = symmetric
    this.#remoteStaticKey = staticKey
    this.#remoteEphemeralKey = ephemeralKey
    this.#messageIndex = messageIndex
    this.#pskIndex = pskIndex
    this.#failure = undefined
    return step.type === 'done' ? { type: 'failed', reason: 'refused' } : step
  }

  /** The transport keys. Only when the handshake is complete. */
  split(): TransportKeys {
    assert(this.turn === 'complete', `handshake split in turn ${this.turn}`)
    const [first, second] = this.#symmetric.split()
    return this.#role === 'initiator'
      ? { send: first, receive: second }
      : { send: second, receive: first }
  }

  /** A secret of 32 bytes that both ends share, for the purpose that the label names. When complete. */
  exportKey(label: Uint8Array): Uint8Array {
    assert(this.turn === 'complete', `key exported in turn ${this.turn}`)
    return this.#symmetric.exportKey(label)
  }

  #mixEphemeralKey(publicKey: Uint8Array): void {
    this.#symmetric.mixHash(publicKey)
    if (this.#pattern.usesPsk) this.#symmetric.mixKey(publicKey)
  }

  /** False when the other end's key gives no shared secret. */
  #mixSecret(token: Exclude<HandshakeToken, 'e' | 's'>): boolean {
    const isInitiator = this.#role === 'initiator'
    switch (token) {
      case 'psk': {
        const psk = this.#psks[this.#pskIndex]
        assert(psk?.length === keyBytes, `${this.#pattern.name} needs another pre-shared key`)
        this.#pskIndex += 1
        this.#symmetric.mixKeyAndHash(psk)
        return true
      }
      case 'ee':
        return this.#mixShared(this.#ephemeralKeys, this.#remoteEphemeralKey)
      case 'ss':
        return this.#mixShared(this.#ownStaticKeys(), this.#remoteStaticKey)
      case 'es':
        return isInitiator
          ? this.#mixShared(this.#ephemeralKeys, this.#remoteStaticKey)
          : this.#mixShared(this.#ownStaticKeys(), this.#remoteEphemeralKey)
      case 'se':
        return isInitiator
          ? this.#mixShared(this.#ownStaticKeys(), this.#remoteEphemeralKey)
          : this.#mixShared(this.#ephemeralKeys, this.#remoteStaticKey)
      default:
        return unreachable(token)
    }
  }

  #mixShared(local: KeyPair, remotePublicKey: Uint8Array | undefined): boolean {
    assert(remotePublicKey !== undefined, 'a pattern uses keys only after they were sent')
    const shared = this.#cryptography.x25519SharedSecret(local.secretKey, remotePublicKey)
    if (!shared) return false
    this.#symmetric.mixKey(shared)
    return true
  }

  #ownStaticKeys(): KeyPair {
    assert(this.#staticKeys !== undefined, `${this.#pattern.name} needs static keys`)
    return this.#staticKeys
  }

  #fail(reason: HandshakeFailure): HandshakeStep {
    this.#failure = reason
    return { type: 'failed', reason }
  }
}
