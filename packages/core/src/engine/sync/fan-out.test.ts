import { describe, expect, test } from 'vitest'
import { FlightRecorder } from '../../recorder/recorder.ts'
import { registry } from '../../recorder/registry.ts'
import type { EngineContext } from '../context.ts'
import type { Cryptography } from '../crypto/cryptography.ts'
import { SeededRandom } from '../crypto/random.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { Change } from './change.ts'
import { FanOut, announcementDelayMs } from './fan-out.ts'
import { Inbox, inboxBytesMax } from './inbox.ts'
import { PushQueue } from './push-queue.ts'
import type { Delivery } from './replica-port.ts'

const [alice, bob, carol] = ['00000000000000aa', '00000000000000bb', '00000000000000cc'] as [
  PeerId,
  PeerId,
  PeerId,
]

const context: EngineContext = {
  random: new SeededRandom(new Uint8Array(32)),
  cryptography: {} as Cryptography,
  recorder: new FlightRecorder(registry).recorder,
}

function changeOf(seq: number, bytes = 10, peer = alice): Change {
  const document = { collection: '', id: 'note' }
  const content = { type: 'update' as const, updates: [new Uint8Array(bytes)] }
  const part = { document, previous: seq - 1, incarnation: 1, content }
  return { peer, epoch: 1, seq, parts: [part] }
}

function fanOutTo(peer: PeerId, linked: boolean): { fanOut: FanOut; queue: PushQueue } {
  const fanOut = new FanOut(context, { linked: () => linked })
  const queue = new PushQueue()
  fanOut.neighbourUp(peer, queue)
  return { fanOut, queue }
}

describe('fan-out', () => {
  test('[SY13] what a neighbour is known to hold is neither pushed nor announced to it', () => {
    for (const linked of [false, true]) {
      const { fanOut, queue } = fanOutTo(carol, linked)
      queue.learn(changeOf(1))
      fanOut.applied(changeOf(1), bob, 0)
      expect(queue.hasChanges).toBe(false)
      expect(queue.takeAnnouncements()).toEqual([])
    }
  })

  test('[SY13] nothing goes back to where it came from, nor to its writer', () => {
    const { fanOut, queue } = fanOutTo(bob, false)
    fanOut.applied(changeOf(1), bob, 0)
    fanOut.applied(changeOf(2, 10, bob), carol, 0)
    expect(queue.hasChanges).toBe(false)
  })

  test('[SY14] an announcement is not made once the neighbour announced the same', () => {
    const { fanOut, queue } = fanOutTo(carol, true)
    fanOut.applied(changeOf(1), bob, 0)
    queue.learn(changeOf(1))
    expect(queue.announceAtMs).toBeGreaterThanOrEqual(announcementDelayMs)
    expect(queue.takeAnnouncements()).toEqual([])
    expect(queue.announceAtMs).toBe(Number.POSITIVE_INFINITY)
  })

  test('[SY14] announcements of one document name the last change of each writer', () => {
    const { fanOut, queue } = fanOutTo(carol, true)
    for (const seq of [1, 2, 3]) fanOut.applied(changeOf(seq), bob, 0)
    expect(queue.takeAnnouncements()).toEqual([
      {
        document: { collection: '', id: 'note' },
        changes: [{ peer: alice, epoch: 1, seq: 3 }],
      },
    ])
  })

  test('[SY15] a queue over its bound is dropped as a whole', () => {
    const { fanOut, queue } = fanOutTo(carol, false)
    const overflowed = Array.from({ length: 17 }, (_, index) =>
      fanOut.committed(changeOf(index + 1, 65_536)),
    )
    expect(overflowed.flat()).toEqual([carol])
    expect(queue.queuedBytes).toBeLessThanOrEqual(2 * 65_536)
  })

  test('[SY9] changes share a message up to its bound', () => {
    const { fanOut, queue } = fanOutTo(carol, false)
    for (let seq = 1; seq <= 20; seq += 1) fanOut.committed(changeOf(seq, 10_000))
    expect(queue.takeChanges().map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6])
    expect(queue.takeChanges()[0]?.seq).toBe(7)
  })
})

describe('inbox', () => {
  const delivery = (seq: number): Delivery => ({ type: 'change', change: changeOf(seq) })

  test('one batch is applied at a time, pushed ones together, fetched ones alone', () => {
    const inbox = new Inbox()
    inbox.push([delivery(1)], 10)
    inbox.push([delivery(2)], 10)
    inbox.fetched([delivery(3)])
    expect(inbox.take()).toEqual({ deliveries: [delivery(1), delivery(2)], fetched: false })
    expect(inbox.take()).toBeUndefined()
    inbox.applied()
    expect(inbox.take()).toEqual({ deliveries: [delivery(3)], fetched: true })
    inbox.applied()
    expect(inbox.take()).toBeUndefined()
    expect(inbox.idle).toBe(true)
  })

  test('[SY15] pushed changes beyond its bound are dropped until there is room again', () => {
    const inbox = new Inbox()
    expect(inbox.push([delivery(1)], inboxBytesMax)).toBe(true)
    expect(inbox.push([delivery(2)], 1)).toBe(false)
    inbox.take()
    expect(inbox.push([delivery(2)], 1)).toBe(true)
  })
})
