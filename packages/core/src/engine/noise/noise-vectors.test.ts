import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

import { decodeHex, encodeHex } from '../bytes/hex.ts'
import { nobleCryptography } from '../crypto/noble.ts'
import { handshakePattern, handshakePatterns } from './handshake-pattern.ts'
import type { BasePatternName } from './handshake-pattern.ts'
import { HandshakeState } from './handshake-state.ts'
import type { HandshakeRole, KeyPair, TransportKeys } from './handshake-state.ts'

interface NoiseVector {
  readonly protocol_name: string
  readonly init_prologue: string
  readonly init_psks?: readonly string[]
  readonly init_static?: string
  readonly init_ephemeral: string
  readonly init_remote_static?: string
  readonly resp_prologue: string
  readonly resp_psks?: readonly string[]
  readonly resp_static?: string
  readonly resp_ephemeral?: string
  /** Not every implementation publishes it. */
  readonly handshake_hash?: string
  readonly messages: readonly { readonly payload: string; readonly ciphertext: string }[]
}

const repository = new URL('../../../../../', import.meta.url)
const published = new URL('../shared/data/noise-vectors.json', repository)
const kept = new URL('docs/specs/vectors/noise.json', repository)

function vectorsOf(file: URL): readonly NoiseVector[] {
  const parsed = JSON.parse(readFileSync(file, 'utf8')) as { vectors: NoiseVector[] }
  return parsed.vectors.filter((vector) => vector.protocol_name.endsWith('_ChaChaPoly_SHA256'))
}

function bytes(hex: string): Uint8Array {
  return decodeHex(hex)!
}

function keyPair(secretHex: string | undefined): KeyPair | undefined {
  if (secretHex === undefined) return undefined
  const secretKey = bytes(secretHex)
  return { secretKey, publicKey: nobleCryptography.x25519PublicKey(secretKey) }
}

function handshakeOf(vector: NoiseVector, role: HandshakeRole): HandshakeState {
  const [, base, places] = /^Noise_([A-Z]+)((?:psk\d\+?)*)_/.exec(vector.protocol_name)!
  const psks = role === 'initiator' ? vector.init_psks : vector.resp_psks
  const staticKeys = keyPair(role === 'initiator' ? vector.init_static : vector.resp_static)
  const ephemeral = role === 'initiator' ? vector.init_ephemeral : vector.resp_ephemeral
  return new HandshakeState({
    pattern: handshakePattern(
      base as BasePatternName,
      [...places!.matchAll(/\d/g)].map(([digit]) => Number(digit)),
    ),
    role,
    cryptography: nobleCryptography,
    prologue: bytes(role === 'initiator' ? vector.init_prologue : vector.resp_prologue),
    ephemeralSecretKey: ephemeral ? bytes(ephemeral) : new Uint8Array(32).fill(1),
    psks: (psks ?? []).map(bytes),
    ...(staticKeys && { staticKeys }),
    ...(role === 'initiator' &&
      vector.init_remote_static && { remoteStaticKey: bytes(vector.init_remote_static) }),
  })
}

function play(vector: NoiseVector): void {
  const initiator = handshakeOf(vector, 'initiator')
  const responder = handshakeOf(vector, 'responder')
  const isOneWay = vector.resp_ephemeral === undefined
  let keys: { initiator: TransportKeys; responder: TransportKeys } | undefined
  for (const [index, { payload, ciphertext }] of vector.messages.entries()) {
    const fromInitiator = isOneWay || index % 2 === 0
    if (initiator.turn !== 'complete') {
      const [writer, reader] = fromInitiator ? [initiator, responder] : [responder, initiator]
      const written = writer.writeMessage(bytes(payload))
      if (written.type === 'failed') throw new Error(`writing failed: ${written.reason}`)
      expect(encodeHex(written.bytes)).toBe(ciphertext)
      const read = reader.readMessage(written.bytes)
      if (read.type === 'failed') throw new Error(`reading failed: ${read.reason}`)
      expect(encodeHex(read.bytes)).toBe(payload)
      continue
    }
    keys ??= { initiator: initiator.split(), responder: responder.split() }
    const empty = new Uint8Array(0)
    const [sender, receiver] = fromInitiator
      ? [keys.initiator.send, keys.responder.receive]
      : [keys.responder.send, keys.initiator.receive]
    const sealed = sender.seal(empty, bytes(payload))
    expect(encodeHex(sealed)).toBe(ciphertext)
    expect(encodeHex(receiver.open(empty, sealed)!)).toBe(payload)
  }
  const hash = encodeHex(initiator.handshakeHash)
  expect(encodeHex(responder.handshakeHash)).toBe(hash)
  expect(hash).toBe(vector.handshake_hash ?? hash)
}

describe('[HS1] Noise handshakes give the published bytes', () => {
  test.each(vectorsOf(kept).map((vector, index) => [vector.protocol_name, index, vector] as const))(
    '%s, vector %i',
    (_name, _index, vector) => play(vector),
  )

  test('every pattern in use has vectors of others: with and without prologue and payloads', () => {
    const others = vectorsOf(kept).filter(({ handshake_hash: hash }) => hash === undefined)
    for (const pattern of Object.values(handshakePatterns)) {
      const name = `Noise_${pattern.name}_25519_ChaChaPoly_SHA256`
      expect(others.filter(({ protocol_name: other }) => other === name)).toHaveLength(4)
    }
  })

  test('all published vectors of SHA256 and ChaChaPoly', (context) => {
    if (!existsSync(published)) context.skip('../shared/data/noise-vectors.json is absent')
    const vectors = vectorsOf(published)
    expect(vectors.map((vector) => vector.protocol_name)).toHaveLength(7)
    for (const vector of vectors) play(vector)
  })
})
