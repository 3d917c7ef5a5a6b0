import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

import { concatBytes } from '../bytes/compare.ts'
import { decodeHex, encodeHex } from '../bytes/hex.ts'
import { ByteReader } from '../bytes/reader.ts'
import { ByteWriter } from '../bytes/writer.ts'
import { nobleCryptography as cryptography } from '../crypto/noble.ts'
import { CertificateVerifier, Identity } from '../identity/identity.ts'
import { deriveJoinKeys } from '../identity/join-keys.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { CipherState } from '../noise/cipher-state.ts'
import { keyLifetime } from '../noise/key-use.ts'
import { decodeBundleFrame, encodeBundleFrame } from './bundle-frame.ts'
import type { BundleFrame } from './bundle-frame.ts'
import { closeReasonCodes, decodeCloseReason, encodeCloseReason } from './close-reason.ts'
import type { WireCloseReason } from './close-reason.ts'
import { frameKindCodes, frameKindOf, priorityIndexOf } from './frame.ts'
import type { FrameKind } from './frame.ts'
import { frameBodyBytesMax, FrameCipher } from './frame-cipher.ts'
import { FramePacker } from './frame-packer.ts'
import { FrameReassembler } from './frame-reassembler.ts'
import { decodeHello, encodeHello } from './hello.ts'
import type { Hello } from './hello.ts'
import { KnownPeers } from './known-peers.ts'
import { LinkHandshake } from './link-handshake.ts'
import type { Priority } from './link-port.ts'

interface FieldVector {
  readonly type: 'u8' | 'u16' | 'u32' | 'varint' | 'bytes' | 'text'
  readonly value: number | string
  readonly bytes: string
}

interface FrameVector {
  readonly about: string
  /** Key of either direction, where frames are sealed. */
  readonly key?: string
  readonly messageBytesMax: number
  readonly frames: readonly {
    readonly kind: FrameKind
    readonly priority: Priority
    readonly payload: string
    /** It waits until so many messages are written. */
    readonly after?: number
  }[]
  readonly messages: readonly string[]
}

interface HandshakeSide {
  readonly identitySecretKey: string
  readonly epoch: number
  /** What the side draws at random, in order: the initiator's salt, then ephemeral secret keys. */
  readonly random: readonly string[]
  readonly peer: string
  /** It has met the other end's boot. */
  readonly knowsOther?: boolean
}

interface HandshakeVector {
  readonly about: string
  readonly app: string
  readonly secret: string
  readonly binding?: string
  readonly initiator: HandshakeSide
  readonly responder: HandshakeSide
  readonly messages: readonly string[]
  /** The first frame of the initiator under its transport key, nonce 0 and no additional data. */
  readonly firstSealed: string
}

/** An offer to the responder of the first handshake, and what comes of it. */
interface OfferVector {
  readonly about: string
  readonly offer: string
  readonly answer?: string
  readonly refusal?: string
}

interface LinkVectors {
  readonly frames: readonly FrameVector[]
  readonly malformed: readonly { readonly about: string; readonly messages: readonly string[] }[]
  readonly hellos: readonly { readonly hello: Hello; readonly bytes: string }[]
  readonly bundleFrames: readonly { readonly frame: BundleFrame; readonly bytes: string }[]
  readonly closeReasons: Readonly<Record<WireCloseReason, string>>
}

function vectors(name: string): unknown {
  const file = new URL(`../../../../../docs/specs/vectors/${name}.json`, import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8'))
}

function bytes(hex: string): Uint8Array {
  return decodeHex(hex)!
}

const { fields } = vectors('fields') as { readonly fields: readonly FieldVector[] }
const link = vectors('link-frames') as LinkVectors
const { handshakes, offers } = vectors('link-handshake') as {
  readonly handshakes: readonly HandshakeVector[]
  readonly offers: readonly OfferVector[]
}

test.each(fields)('[FR1] field $type of $value is $bytes', (field) => {
  const writer = new ByteWriter()
  const reader = new ByteReader(bytes(field.bytes))
  if (field.type === 'bytes') {
    expect(encodeHex(writer.bytes(bytes(String(field.value))).finish())).toBe(field.bytes)
    expect(encodeHex(reader.bytes(1000))).toBe(field.value)
  } else if (field.type === 'text') {
    expect(encodeHex(writer.text(String(field.value)).finish())).toBe(field.bytes)
    expect(reader.text(1000)).toBe(field.value)
  } else {
    expect(encodeHex(writer[field.type](Number(field.value)).finish())).toBe(field.bytes)
    expect(reader[field.type]()).toBe(field.value)
  }
  expect(reader.finished).toBe(true)
})

function cipherOf(vector: FrameVector): FrameCipher {
  const cipher = new FrameCipher()
  if (vector.key !== undefined) {
    const state = new CipherState(bytes(vector.key), cryptography)
    cipher.secure({ send: state, receive: state }, keyLifetime)
  }
  return cipher
}

describe('[FR2] to [FR8], [FR12] frames', () => {
  test.each(link.frames)('$about: written', (vector) => {
    const packer = new FramePacker(cipherOf(vector))
    const waiting = [...vector.frames]
    const messages: string[] = []
    for (;;) {
      const message = packer.pack(vector.messageBytesMax, 3, (priority) => {
        const index = waiting.findIndex((frame) => {
          const isDue = (frame.after ?? 0) <= messages.length
          return isDue && priorityIndexOf(frame.priority) === priority
        })
        const frame = index < 0 ? undefined : waiting.splice(index, 1)[0]
        return frame && { kind: frame.kind, payload: bytes(frame.payload) }
      })
      if (!message) break
      messages.push(encodeHex(message))
    }
    expect(messages).toEqual(vector.messages)
  })

  test.each(link.frames)('$about: read', (vector) => {
    const cipher = cipherOf(vector)
    const reassembler = new FrameReassembler(frameBodyBytesMax)
    const frames: string[] = []
    for (const message of vector.messages) {
      reassembler.load(bytes(message))
      for (let frame = reassembler.next(); frame; frame = reassembler.next()) {
        const payload = encodeHex(cipher.open(frame)!)
        const kind = frameKindOf(frame.kindCode)
        if (kind === 'rekey') cipher.rekeyReceived((priority) => reassembler.isUnderWay(priority))
        frames.push(`${frame.priority} ${kind} ${payload}`)
      }
    }
    const expected = vector.frames.map(
      ({ kind, priority, payload }) => `${priorityIndexOf(priority)} ${kind} ${payload}`,
    )
    expect(frames.sort()).toEqual(expected.sort())
    expect(reassembler.fault).toBe(undefined)
  })

  test.each(link.malformed)('[FR10] malformed: $about', ({ messages }) => {
    const reassembler = new FrameReassembler(frameBodyBytesMax)
    for (const message of messages) {
      expect(reassembler.fault).toBe(undefined)
      reassembler.load(bytes(message))
      while (reassembler.next());
    }
    expect(reassembler.fault).not.toBe(undefined)
  })

  test.each(link.hellos)('[LK3] hello $bytes', ({ hello, bytes: hex }) => {
    expect(encodeHex(encodeHello(hello))).toBe(hex)
    expect(decodeHello(bytes(hex))).toEqual(hello)
  })

  test.each(link.bundleFrames)('[LK30] $frame.type is $bytes', ({ frame, bytes: hex }) => {
    expect(encodeHex(encodeBundleFrame(frame))).toBe(hex)
    expect(decodeBundleFrame(bytes(hex))).toEqual(frame)
    expect(decodeBundleFrame(bytes(hex + '00ff'))).toEqual(frame)
    expect(decodeBundleFrame(bytes(hex.slice(0, -2)))).toBe('malformed')
  })

  test('[LK30] types of later versions are unknown, counts beyond their bound malformed', () => {
    expect(decodeBundleFrame(bytes('06'))).toBe('unknown')
    expect(decodeBundleFrame(bytes('04ffffffffffff3f'))).toEqual({
      type: 'begin',
      first: 2 ** 48 - 1,
      givenUp: 0,
    })
    expect(decodeBundleFrame(bytes('0481808080808040'))).toBe('malformed')
    expect(decodeBundleFrame(bytes('01056300000000'))).toMatchObject({
      reason: 'unknown',
    })
  })

  test('[FR9] close reasons, and codes that are not known', () => {
    expect(Object.keys(link.closeReasons)).toEqual(Object.keys(closeReasonCodes))
    for (const [reason, hex] of Object.entries(link.closeReasons)) {
      expect(encodeHex(encodeCloseReason(reason as WireCloseReason))).toBe(hex)
      expect(decodeCloseReason(bytes(hex))).toBe(reason)
    }
    expect(decodeCloseReason(bytes('ff'))).toBe('unknown')
    expect(decodeCloseReason(bytes(''))).toBe('unknown')
    expect(frameKindOf(0)).toBe(undefined)
    expect(Object.values(frameKindCodes)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
  })
})

function sideOf(vector: HandshakeVector, role: 'initiator' | 'responder'): LinkHandshake {
  const side = vector[role]
  const other = vector[role === 'initiator' ? 'responder' : 'initiator']
  const random = side.random.map(bytes)
  const identity = new Identity(bytes(side.identitySecretKey), cryptography)
  expect(identity.peer).toBe(side.peer)
  const knownPeers = new KnownPeers(side.epoch)
  if (side.knowsOther === true) {
    const { staticKeys } = new Identity(bytes(other.identitySecretKey), cryptography)
    knownPeers.met(other.peer as PeerId, { staticKey: staticKeys.publicKey, epoch: other.epoch })
  }
  return new LinkHandshake(
    {
      identity,
      joinKeys: deriveJoinKeys(vector.app, bytes(vector.secret), cryptography),
      verifier: new CertificateVerifier(cryptography),
      knownPeers,
      epoch: side.epoch,
      cryptography,
      random: { bytes: () => random.shift()!, fraction: () => 0 },
    },
    {
      role,
      binding: vector.binding === undefined ? undefined : bytes(vector.binding),
      lastPeer: role === 'initiator' ? (other.peer as PeerId) : undefined,
    },
  )
}

test.each(handshakes)('[HS1] to [HS9], [HS13] $about', (vector) => {
  const initiator = sideOf(vector, 'initiator')
  const responder = sideOf(vector, 'responder')
  const messages = [initiator.start()]
  const answer = responder.read(messages[0]!)
  if (answer.type === 'refused' || !answer.message) throw new Error(`gave ${answer.type}`)
  messages.push(answer.message)
  const proof = initiator.read(answer.message)
  if (proof.type !== 'complete') throw new Error(`the initiator gave ${proof.type}`)
  if (proof.message) messages.push(proof.message)
  const end = answer.type === 'complete' ? answer : responder.read(proof.message!)
  if (end.type !== 'complete') throw new Error(`the responder ended with ${end.type}`)
  expect(messages.map(encodeHex)).toEqual(vector.messages)
  const isReturn = vector.messages.length === 2
  expect([proof.isReturn, end.isReturn]).toEqual([isReturn, isReturn])
  expect([proof.isConfirmed, end.isConfirmed]).toEqual([isReturn, !isReturn])
  expect(proof.remote).toMatchObject({ peer: vector.responder.peer, epoch: vector.responder.epoch })
  expect(end.remote).toMatchObject({ peer: vector.initiator.peer, epoch: vector.initiator.epoch })
  const sealed = concatBytes(
    ...proof.keys.send.sealAt(0, new Uint8Array(0), Uint8Array.of(1, 2, 3)),
  )
  expect(encodeHex(sealed)).toBe(vector.firstSealed)
  expect(end.keys.receive.openAt(0, new Uint8Array(0), sealed)).toEqual(Uint8Array.of(1, 2, 3))
})

test.each(offers)('[HS2, HS4, HS5, HS9] an offer $about', ({ offer, answer, refusal }) => {
  const step = sideOf(handshakes[0]!, 'responder').read(bytes(offer))
  if (step.type === 'send') expect(encodeHex(step.message)).toBe(answer)
  else expect(step).toEqual({ type: 'refused', reason: refusal })
})
