/** Batches that storage kept although it reported them as failed: nobody may miss what is in them. */

import { expect, test } from 'vitest'
import { createYjsDocuments } from './yjs-documents.ts'
import type { PeerId } from '../engine/identity/peer-id.ts'
import type { Change } from '../engine/sync/change.ts'
import { ReplicaDriver, ReplicaStore } from '../testing/replica-driver.ts'

const [self, other] = ['aaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbb'] as [PeerId, PeerId]
const note = { collection: '', id: 'note' }

/** A replica whose next write, once told so, is kept and reported as failed. */
function misledReplica(): { readonly driver: ReplicaDriver; readonly misleadOnce: () => void } {
  let misleads = false
  const driver = new ReplicaDriver({
    store: new ReplicaStore(),
    peer: self,
    seed: 1,
    fate: (_count, bytes) => {
      if (!misleads || bytes === 0) return { type: 'done' }
      misleads = false
      return { type: 'done-but-failed' }
    },
  })
  driver.settle()
  return { driver, misleadOnce: () => (misleads = true) }
}

/** A change by another peer that adds a field to the note. */
function foreignChange(): Change {
  const update = createYjsDocuments().create(7).upsert({ greeting: 'hello' })!
  const content = { type: 'update', updates: [update] } as const
  return {
    peer: other,
    epoch: 1,
    seq: 1,
    parts: [{ document: note, previous: 0, incarnation: 1, content }],
  }
}

test('[DO26] live queries learn of a write that was kept though reported as failed', () => {
  const { driver, misleadOnce } = misledReplica()
  driver.ask({ type: 'observe', subscriber: 1, query: { collection: 'orders', filter: {} } })
  misleadOnce()
  const row = { _id: 'one', total: 1 }
  const operations = [{ type: 'insert', collection: 'orders', row }] as const
  expect(driver.ask({ type: 'write', operations }).ok).toBe(false)
  const changes = [{ type: 'added', index: 0, row }]
  expect(driver.events).toEqual([{ type: 'rows-changed', subscriber: 1, changes }])
  // It is a change of this peer like any other: sync has to pass it on.
  expect(driver.notices).toMatchObject([{ type: 'committed', change: { peer: self, seq: 1 } }])
})

test('[DO26] a live document is sent an update that was kept though reported as failed', () => {
  const { driver, misleadOnce } = misledReplica()
  driver.ask({ type: 'open-document', subscriber: 1, document: note })
  driver.events.length = 0
  misleadOnce()
  const change = foreignChange()
  const request = driver.apply(other, [{ type: 'change', change }])
  expect(driver.answerTo(request)).toMatchObject({ outcomes: ['failed'] })
  const [part] = change.parts
  const updates = part?.content.type === 'update' ? part.content.updates : []
  expect(driver.events).toEqual([
    { type: 'document-updated', subscriber: 1, updates, loaded: true },
  ])
  const again = driver.apply(other, [{ type: 'change', change }])
  expect(driver.answerTo(again)).toMatchObject({ outcomes: ['known'] })
  expect(driver.events).toHaveLength(1)
})
