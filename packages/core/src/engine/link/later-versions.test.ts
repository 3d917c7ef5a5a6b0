/** What peers of later versions may say, and what this one makes of it. */

import { describe, expect, test } from 'vitest'

import { concatBytes } from '../bytes/compare.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import { ByteWriter } from '../bytes/writer.ts'
import { nobleCryptography as cryptography } from '../crypto/noble.ts'
import { Identity } from '../identity/identity.ts'
import { deriveJoinKeys } from '../identity/join-keys.ts'
import { handshakePatterns } from '../noise/handshake-pattern.ts'
import { HandshakeState } from '../noise/handshake-state.ts'
import { keyLifetime } from '../noise/key-use.ts'
import type { HandshakeRole } from '../noise/handshake-state.ts'
import { encodeBundleFrame } from './bundle-frame.ts'
import { encodeFragmentHeader, frameKindCodes } from './frame.ts'
import type { PriorityIndex } from './frame.ts'
import { FrameCipher } from './frame-cipher.ts'
import { FrameReassembler } from './frame-reassembler.ts'
import { decodeOffer, encodeOfferHead, encodeProof } from './handshake-message.ts'
import { encodeHello } from './hello.ts'
import { plainTraits, VirtualPeer } from './virtual-network.ts'

const joinKeys = deriveJoinKeys('cafe', new Uint8Array(32).fill(1), cryptography)
const empty = new Uint8Array(0)
/** What a later version may append wherever bytes may follow. */
const later = Uint8Array.of(1, 2, 3)

/** A peer of a later version, played by hand, at the other end of a channel of `peer`. */
class LaterPeer {
  readonly peer = new VirtualPeer('peer')
  readonly #identity = new Identity(new Uint8Array(32).fill(2), cryptography)
  readonly #cipher = new FrameCipher()
  #noise: HandshakeState | undefined

  /** Opens the channel. `peer` dials where this end is the responder. */
  open(role: HandshakeRole): void {
    const { neighbourhood } = this.peer
    const dialling = { canDial: true, canListen: true, needsUserGesture: false } as const
    neighbourhood.transportStarted('virtual', { ...dialling, needsSignalling: false }, 0)
    if (role === 'responder') neighbourhood.addressFound('virtual', 'later', 0)
    const [dial] = this.outputs().filter((output) => output.type === 'dial')
    const opening = { channel: 1, transport: 'virtual', traits: plainTraits }
    neighbourhood.channelOpened({ ...opening, ...(dial && { dial: dial.dial }) }, 0)
  }

  outputs() {
    const { neighbourhood, told } = this.peer
    const outputs = []
    for (let output = neighbourhood.poll(); output; output = neighbourhood.poll()) {
      outputs.push(output)
      told.push(output)
    }
    return outputs
  }

  /** Sends a frame of a kind by its number. */
  send(kindCode: number, priority: PriorityIndex, payload: Uint8Array): void {
    const body = concatBytes(...this.#cipher.seal(kindCode, priority, payload))
    const header = encodeFragmentHeader({ kindCode, priority, first: true, last: true })
    const message = new ByteWriter().u8(header).bytes(body).finish()
    this.peer.neighbourhood.channelReceived(1, message, 0)
  }

  /** The payload of the next handshake message that `peer` has sent. */
  handshakeMessage(): Uint8Array {
    const reassembler = new FrameReassembler(1024)
    for (const output of this.outputs()) {
      if (output.type === 'channel-send') reassembler.load(output.bytes)
    }
    const frame = reassembler.next()
    expect(frame?.kindCode).toBe(frameKindCodes.auth)
    return frame!.body
  }

  /** As initiator: offers these versions. */
  offer(versionMin: number, versionMax: number): void {
    const salt = new Uint8Array(16).fill(5)
    const appTag = joinKeys.appTag(salt)
    const head = encodeOfferHead({ versionMin, versionMax, isBound: false, salt, appTag }, false)
    const noise = this.#begin('initiator', head)
    const written = noise.writeMessage(empty)
    if (written.type === 'failed') throw new Error(written.reason)
    this.send(frameKindCodes.auth, 0, concatBytes(head, written.bytes))
  }

  /** As initiator: takes the answer, and proves itself with more than this version knows. */
  prove(): void {
    const noise = this.#noise!
    expect(noise.readMessage(this.handshakeMessage().subarray(1)).type).toBe('done')
    const written = noise.writeMessage(concatBytes(this.#proof(), later))
    if (written.type === 'failed') throw new Error(written.reason)
    this.send(frameKindCodes.auth, 0, written.bytes)
    this.#cipher.secure(noise.split(), keyLifetime)
  }

  /** As responder: answers in a version, which it says outside and under seal. */
  answer(version: number, sealedVersion = version): void {
    const offer = decodeOffer(this.handshakeMessage())!
    const noise = this.#begin('responder', offer.beginning)
    noise.readMessage(offer.contactMessage)
    const written = noise.writeMessage(
      concatBytes(Uint8Array.of(sealedVersion), this.#proof(), later),
    )
    if (written.type === 'failed') throw new Error(written.reason)
    this.send(frameKindCodes.auth, 0, concatBytes(Uint8Array.of(version), written.bytes))
  }

  #proof(): Uint8Array {
    const { publicKey, certificate } = this.#identity
    return encodeProof({ publicKey, certificate, epoch: 1 })
  }

  #begin(role: HandshakeRole, beginning: Uint8Array): HandshakeState {
    const noBinding = new ByteWriter().bytes(empty).finish()
    this.#noise = new HandshakeState({
      pattern: handshakePatterns.XXpsk0,
      role,
      cryptography,
      prologue: concatBytes(encodeUtf8('fieldmesh link\n'), beginning, noBinding),
      staticKeys: this.#identity.staticKeys,
      ephemeralSecretKey: new Uint8Array(32).fill(6),
      psks: [joinKeys.presharedKey],
    })
    return this.#noise
  }
}

/** A link to a peer of a later version that dialled. */
function linked(): LaterPeer {
  const end = new LaterPeer()
  end.open('initiator')
  end.offer(1, 3)
  end.prove()
  end.outputs()
  expect(end.peer.toldOf('link-up')).toHaveLength(1)
  const counts = [0, 0, 0, 0]
  const join = { serial: 1, number: 0, isFounder: true, firsts: counts, received: counts }
  const payload = encodeBundleFrame({ type: 'join', ...join })
  end.send(frameKindCodes['bundle-switch'], 0, concatBytes(payload, later))
  return end
}

/** Says which number the next frame of a priority has, and sends one. */
function sendPacket(end: LaterPeer, number: number): void {
  if (number === 0) {
    const begin = encodeBundleFrame({ type: 'begin', first: 0, givenUp: 0 })
    end.send(frameKindCodes['bundle-switch'], 2, concatBytes(begin, later))
  }
  end.send(frameKindCodes.packet, 2, Uint8Array.of(number))
}

function payloads(end: LaterPeer): number[][] {
  end.outputs()
  return end.peer.toldOf('frame').map(({ payload }) => [...payload])
}

describe('[HS2] versions', () => {
  test.each([
    [0, 1],
    [1, 1],
    [1, 255],
  ])('who speaks %i to %i is answered in version 1', (versionMin, versionMax) => {
    const end = new LaterPeer()
    end.open('initiator')
    end.offer(versionMin, versionMax)
    expect(end.handshakeMessage()[0]).toBe(1)
  })

  test.each([
    [0, 0],
    [2, 9],
    [1, 0],
  ])('who speaks %i to %i is refused', (versionMin, versionMax) => {
    const end = new LaterPeer()
    end.open('initiator')
    end.offer(versionMin, versionMax)
    end.outputs()
    expect(end.peer.toldOf('problem')[0]?.problem.code).toBe('protocol-version-mismatch')
  })

  test.each([
    ['that was not offered', 2, 2, 'protocol-version-mismatch'],
    ['before the first', 0, 0, 'protocol-version-mismatch'],
    ['other than the one under seal', 1, 2, 'handshake-failed'],
  ] as const)('an answer in a version %s is refused', (_what, version, sealedVersion, code) => {
    const end = new LaterPeer()
    end.open('responder')
    end.answer(version, sealedVersion)
    end.outputs()
    expect(end.peer.toldOf('link-up')).toEqual([])
    expect(end.peer.toldOf('problem')[0]?.problem.code).toBe(code)
  })

  test('what follows a proof is for later versions, in either role', () => {
    expect(linked().peer.toldOf('problem')).toEqual([])
    const end = new LaterPeer()
    end.open('responder')
    end.answer(1)
    end.outputs()
    expect(end.peer.toldOf('link-up')).toHaveLength(1)
  })
})

describe('[FR10] what this version does not know', () => {
  test('of frames is opened, counted and ignored, at whatever priority', () => {
    const end = linked()
    const unknown = [0, frameKindCodes['route-request'], frameKindCodes.extension, 12, 13, 14, 15]
    sendPacket(end, 0)
    for (const kindCode of unknown) {
      for (const priority of [0, 1, 2, 3] as const) end.send(kindCode, priority, later)
    }
    // Nonces count what is ignored.
    sendPacket(end, 1)
    expect(payloads(end)).toEqual([[0], [1]])
    expect(end.peer.counter('framesSkipped')).toBe(unknown.length * 4)
    expect(end.peer.toldOf('link-down')).toEqual([])
  })

  test('[LK26] [LK30] of types of frames about the link and its channels as well', () => {
    const end = linked()
    end.send(frameKindCodes['link-control'], 0, Uint8Array.of(9, 1, 2))
    end.send(frameKindCodes['bundle-switch'], 0, Uint8Array.of(9, 1, 2))
    sendPacket(end, 0)
    expect(payloads(end)).toEqual([[0]])
    expect(end.peer.counter('framesSkipped')).toBe(2)
  })

  test('[LK3] behind the fields of a hello', () => {
    const end = linked()
    const hello = { probe: false, number: 0, intervalMs: 9_000, sentAtMicros: 7 }
    end.send(frameKindCodes.hello, 0, concatBytes(encodeHello(hello), later))
    sendPacket(end, 0)
    expect(payloads(end)).toEqual([[0]])
  })

  test.each([
    ['stopped', [1, 7, 7]],
    ['unknown', [77, 7]],
    ['unknown', []],
  ] as const)('[FR9] behind a reason, which is %s', (reason, payload) => {
    const end = linked()
    end.outputs()
    end.send(frameKindCodes.close, 0, Uint8Array.from(payload))
    end.outputs()
    expect(end.peer.toldOf('link-down').map((told) => told.reason)).toEqual([reason])
  })
})

test('[FR10] a frame of an unassigned kind before the proof is skipped, any other ends the channel', () => {
  const end = new LaterPeer()
  end.open('initiator')
  end.send(12, 0, later)
  expect(end.peer.counter('framesSkipped')).toBe(1)
  end.send(frameKindCodes.extension, 0, later)
  end.outputs()
  expect(end.peer.counter('framesMalformed')).toBe(1)
  expect(end.peer.toldOf('problem')[0]?.problem.code).toBe('handshake-failed')
})

test('[HS2] an offer that is cut short fails', () => {
  const end = new LaterPeer()
  end.open('initiator')
  end.send(frameKindCodes.auth, 0, Uint8Array.of(1, 1))
  end.outputs()
  expect(end.peer.toldOf('problem')[0]?.problem.code).toBe('handshake-failed')
})
