/**
 * What a relay learns of the signals that it carries: nothing. Two peers behind a hub signal each
 * other; all that the hub's engine is handed, sends and ever decrypts is looked through.
 */

import { expect, test } from 'vitest'
import { createYjsDocuments } from '../../documents/yjs-documents.ts'
import { nodeCryptography } from '../../driver/node-cryptography.ts'
import type { Cryptography } from '../../engine/crypto/cryptography.ts'
import type { Input } from '../../engine/input.ts'
import type { Output } from '../../engine/output.ts'
import type { ChannelTraits } from '../../transport/channel.ts'
import { wifi, World, type SimulatedPeer } from './index.ts'

/** Nothing else in the run looks like these. */
const signal = new TextEncoder().encode('v=0 recognisable-session-description a=fingerprint:4f3a')
const rowText = 'a recognisable row, which the hub stores as everybody does'

/** Bytes that passed somewhere, and whether some bytes are among them. */
class Tap {
  readonly #seen: Uint8Array[] = []

  add(bytes: Uint8Array | undefined): void {
    if (bytes !== undefined) this.#seen.push(bytes)
  }

  has(part: Uint8Array | string): boolean {
    const sought = Buffer.from(part)
    return this.#seen.some((bytes) => Buffer.from(bytes).includes(sought))
  }
}

/** Cryptography that tells a tap every plaintext and every key. */
function tapped(tap: Tap): Cryptography {
  return {
    ...nodeCryptography,
    open(key, nonce, additional, ciphertext) {
      const plaintext = nodeCryptography.open(key, nonce, additional, ciphertext)
      for (const bytes of [key, additional, plaintext]) tap.add(bytes)
      return plaintext
    },
    seal(key, nonce, additional, plaintext) {
      for (const bytes of [key, additional, plaintext]) tap.add(bytes)
      return nodeCryptography.seal(key, nonce, additional, plaintext)
    },
  }
}

/** All bytes of an input or output, wherever in it they are. */
function tapValue(tap: Tap, value: unknown): void {
  if (value instanceof Uint8Array) tap.add(value)
  else if (typeof value === 'string') tap.add(new TextEncoder().encode(value))
  else if (typeof value === 'object' && value !== null) {
    for (const part of Object.values(value)) tapValue(tap, part)
  }
}

/** Traits of channels that encrypt by themselves, on which links say everything in clear. */
const clearTraits: ChannelTraits = {
  ...wifi().traits,
  encrypted: true,
  binding: Uint8Array.of(1),
}

test.each([
  ['channels that the links encrypt', wifi().traits],
  ['channels on which the links speak in clear', clearTraits],
])('[SG1] a hub cannot read the signals that it carries over %s', (_what, traits) => {
  const world = new World({
    seed: 1,
    cryptography: nodeCryptography,
    documents: createYjsDocuments(),
  })
  const taps = { hub: new Tap(), ada: new Tap(), ben: new Tap() }
  const profile = { ...wifi(), traits }
  const watch = (peer: SimulatedPeer, tap: Tap) => {
    peer.onInput = (input: Input) => tapValue(tap, input)
    peer.onOutput = (output: Output) => tapValue(tap, output)
  }
  const add = (name: 'ada' | 'ben') => {
    const peer = world.add({
      name,
      dials: [{ transport: 'wire', to: 'hub', profile }],
      direct: profile,
      cryptography: tapped(taps[name]),
    })
    watch(peer, taps[name])
    return peer
  }
  const hub = world.add({ name: 'hub', dials: [], cryptography: tapped(taps.hub) })
  watch(hub, taps.hub)
  const ada = add('ada')
  const ben = add('ben')
  // They signal, but never get a channel of their own: the hub carries everything.
  world.wiring.partition('ada', 'ben')
  world.runFor(5_000)
  const row = { _id: 'one', text: rowText }
  ada.execute({ type: 'write', operations: [{ type: 'upsert', collection: 'rows', row }] })
  ada.sendSignal(ben.id, signal)
  world.runFor(5_000)

  // The taps hear what there is to hear, and the signal went through the hub.
  expect(hub.flight?.snapshot().counters['mesh.packetsForwarded']).toBeGreaterThan(0)
  expect(world.wiring.between('ada', 'ben')).toEqual([])
  expect(taps.hub.has(rowText)).toBe(true)
  expect(taps.ada.has(signal)).toBe(true)
  expect(taps.ben.has(signal)).toBe(true)
  expect(taps.ben.has('offer ') && taps.ben.has('answer ')).toBe(true)
  // Neither that signal, nor a part of it, nor those that the two introduced each other with.
  expect(taps.hub.has(signal)).toBe(false)
  expect(taps.hub.has(signal.slice(4, 20))).toBe(false)
  expect(taps.hub.has('offer ')).toBe(false)
  expect(taps.hub.has('answer ')).toBe(false)
})
