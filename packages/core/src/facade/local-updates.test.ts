import { expect, test } from 'vitest'
import { applyUpdate, Doc } from 'yjs'
import { LocalUpdates } from './local-updates.ts'
import { MeshError } from './mesh-error.ts'

function setUp() {
  const sent: { readonly update: Uint8Array; readonly done: (error?: Error) => void }[] = []
  const failures: [string, boolean][] = []
  const timers: { readonly delayMs: number; readonly callback: () => void }[] = []
  const local = new LocalUpdates({
    send: async (update) =>
      new Promise<void>((resolve, reject) => {
        const done = (error?: Error) => {
          if (error) reject(error)
          else resolve()
        }
        sent.push({ update, done })
      }),
    startTimer: (callback, delayMs) => {
      const timer = { callback, delayMs }
      timers.push(timer)
      return () => timers.splice(timers.indexOf(timer), 1)
    },
    failed: ({ code }, final) => failures.push([code, final]),
  })
  const doc = new Doc()
  doc.on('update', (update: Uint8Array) => local.push(update))
  const text = doc.getText('t')
  const type = (letters: string) => {
    for (const letter of letters) text.insert(text.length, letter)
  }
  /** What somebody has who applied all that was sent. */
  const arrived = () => {
    const copy = new Doc()
    for (const { update } of sent) applyUpdate(copy, update)
    return copy.getText('t').toJSON()
  }
  return { local, sent, failures, timers, type, arrived }
}

async function settle() {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
}

test('what one task does leaves as one batch, what comes meanwhile as the next', async () => {
  const { local, sent, type, arrived } = setUp()
  type('ab')
  type('c')
  await settle()
  type('defg')
  await settle()
  expect(sent).toHaveLength(1)
  expect(arrived()).toBe('abc')
  const saved = local.saved()
  sent[0]?.done()
  await settle()
  expect(sent).toHaveLength(2)
  expect(arrived()).toBe('abcdefg')
  sent[1]?.done()
  await saved
  await local.saved()
})

test('a batch is bounded in updates and in bytes, and order is kept', async () => {
  const { sent, type, arrived } = setUp()
  const letters = 'abcdefghij'.repeat(430)
  type(letters)
  await settle()
  for (let batch = 0; batch < sent.length; batch += 1) {
    sent[batch]?.done()
    await settle()
  }
  expect(sent).toHaveLength(3)
  expect(arrived()).toBe(letters)
})

test('what cannot be stored for now is tried again, with what came meanwhile', async () => {
  const { local, sent, failures, timers, type, arrived } = setUp()
  type('a')
  await settle()
  type('b')
  sent[0]?.done(new MeshError('storage-quota', 'the disk is full'))
  await settle()
  expect(failures).toEqual([['storage-quota', false]])
  expect(sent).toHaveLength(1)
  expect(timers.map(({ delayMs }) => delayMs)).toEqual([1_000])
  timers.pop()?.callback()
  expect(sent).toHaveLength(2)
  expect(arrived()).toBe('ab')
  sent[1]?.done(new MeshError('storage-failed', 'again'))
  await settle()
  expect(timers.map(({ delayMs }) => delayMs)).toEqual([2_000])
  const stopped = local.saved().catch((error: unknown) => error)
  const error = new MeshError('mesh-closed', 'closed')
  local.stop(error)
  expect(await stopped).toBe(error)
  expect(timers).toEqual([])
})

test('what the engine refuses ends the sending', async () => {
  const { local, sent, failures, type } = setUp()
  type('a')
  await settle()
  type('b')
  const saved = local.saved().catch((error: unknown) => (error as MeshError).code)
  sent[0]?.done(new MeshError('document-too-large', 'too large'))
  expect(await saved).toBe('document-too-large')
  type('c')
  await settle()
  expect(sent).toHaveLength(1)
  expect(failures).toEqual([['document-too-large', true]])
})
