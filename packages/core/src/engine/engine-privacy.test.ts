/** What a recording of a whole mesh, at its most talkative, tells of documents and keys: nothing. */

import { expect, test } from 'vitest'

import { createYjsDocuments } from '../documents/yjs-documents.ts'
import { nodeCryptography } from '../driver/node-cryptography.ts'
import { createFlightRecorder } from '../recorder/recorder.ts'
import { FuzzNetwork } from '../testing/fuzz/fuzz-network.ts'
import { encodeHex } from './bytes/hex.ts'
import { Engine } from './engine.ts'

const content = 'a glass of the good wine'
const secret = new Uint8Array(32).fill(0xa7)

test('[OB7] neither content of documents nor secret keys enter an event', () => {
  const network = new FuzzNetwork()
  const identities = [new Uint8Array(32).fill(0xb7), new Uint8Array(32).fill(0xc7)]
  const [writer, reader] = identities.map((identitySecretKey, index) => {
    const flight = createFlightRecorder({ level: 'debug' })
    const engine = new Engine({
      app: 'corner-cafe',
      secret,
      identitySecretKey,
      epoch: 1,
      seed: new Uint8Array(32).fill(index),
      name: `peer ${index}`,
      platform: 'node',
      metadata: {},
      cryptography: nodeCryptography,
      documents: createYjsDocuments(),
      recorder: flight.recorder,
    })
    return network.add(`peer-${index}`, engine, flight, index === 0 ? [] : ['peer-0'])
  })
  const row = { _id: 'o-1', order: content }
  const operations = [{ type: 'insert', collection: 'orders', row }] as const
  writer!.execute({ type: 'write', operations }, () => {})
  writer!.execute({ type: 'write', operations }, () => {})
  let found: unknown
  const arrived = network.runUntil(() => {
    reader!.execute({ type: 'get', collection: 'orders', id: 'o-1' }, (answer) => {
      if (answer.ok) found = answer.value
    })
    return found !== undefined
  }, 10_000)
  expect(arrived).toBe(true)
  for (const peer of [writer!, reader!]) {
    const events = peer.flight.events()
    expect(events.length).toBeGreaterThan(10)
    const told = JSON.stringify(events)
    for (const hidden of [content, ...[secret, ...identities].map((key) => encodeHex(key))]) {
      expect(told).not.toContain(hidden)
    }
  }
})
