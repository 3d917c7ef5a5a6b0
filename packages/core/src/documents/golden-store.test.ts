/**
 * A store written by version 1 of the format must open for ever. `golden/store-1.jsonl` is never
 * written again; a new version adds a file, and its own test.
 */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { encodeHex } from '../engine/bytes/hex.ts'
import type { PeerId } from '../engine/identity/peer-id.ts'
import { parseGoldenStore } from '../testing/golden-store.ts'
import { ReplicaDriver, ReplicaStore } from '../testing/replica-driver.ts'

async function openGolden(): Promise<ReplicaDriver> {
  const lines = await readFile(join(import.meta.dirname, 'golden', 'store-1.jsonl'), 'utf8')
  const store = new ReplicaStore()
  for (const entry of parseGoldenStore(lines)) store.write({ type: 'put', ...entry })
  store.epoch = 1
  return new ReplicaDriver({ store, peer: 'aaaaaaaaaaaaaaaa' as PeerId, seed: 2 })
}

test('[DO15] [DO16] [DO17] [DO18] the golden store of version 1 opens with all its documents', async () => {
  const driver = await openGolden()
  const found = driver.ask({ type: 'find', query: { collection: 'orders', filter: {} } })
  expect(found).toEqual({
    ok: true,
    value: [
      { _id: 'again', second: true },
      { _id: 'busy', items: ['tea', { name: 'cake' }], nested: { deep: { n: 299 } } },
      { _id: 'plain', '/~': null, table: 4 },
    ],
  })
  const document = { collection: '', id: 'note' }
  driver.ask({ type: 'open-document', subscriber: 1, document })
  const doc = new Y.Doc({ guid: '' })
  for (const event of driver.events) {
    if (event.type !== 'document-updated') continue
    for (const update of event.updates) Y.applyUpdate(doc, update)
  }
  expect(doc.getText('text').toJSON()).toBe('a note 😀')
  expect(encodeHex(driver.replica.rootDigest())).toBe('acfc3406378135060853cce8447bf6a8')
})

test('[DO19] writing goes on in the golden store of version 1', async () => {
  const driver = await openGolden()
  const row = { _id: 'busy', nested: { deep: { m: 1 } } }
  const operations = [
    { type: 'upsert' as const, collection: 'orders', row },
    { type: 'insert' as const, collection: 'orders', row: { _id: 'gone' } },
  ]
  expect(driver.ask({ type: 'write', operations }).ok).toBe(true)
  expect(driver.ask({ type: 'get', collection: 'orders', id: 'busy' })).toMatchObject({
    value: { row: { items: ['tea', { name: 'cake' }], nested: { deep: { m: 1, n: 299 } } } },
  })
})
