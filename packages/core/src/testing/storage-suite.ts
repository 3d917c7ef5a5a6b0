/**
 * The conformance suite of storages: what every implementation of `Storage` must do (the rules
 * [KV1] to [KV9] of docs/specs/storage.md).
 *
 * The test runner is an argument: `storageSuite({ test, factory, capabilities })`.
 */

import { compareKeys, hasPrefix, keyPartsMax } from '../storage/key-order.ts'
import {
  storageSpaces,
  type Storage,
  type StorageEntry,
  type StorageKey,
  type StorageRead,
  type StorageSpace,
  type StorageValue,
  type StorageWrite,
} from '../storage/storage.ts'
import { assertEqual, assertRejects, assertThat, describeValue } from './assertions.ts'
import {
  assertEntries,
  assertEntriesEqual,
  assertFails,
  bytes,
  get,
  list,
  put,
  remove,
} from './stored-entries.ts'

/** Where a store is: every storage made for it opens the same one. */
export interface StorageLocation {
  /** A new storage, not opened. */
  storage(): Storage
  /** Deletes the store; all storages made for it were closed before. */
  release?(): Promise<void>
}

/** What an implementation claims; tests of what it does not claim are left out. */
export interface StorageCapabilities {
  /** What happens when a store that is open is opened again. */
  readonly secondOpening: 'fences' | 'refused'
}

export interface StorageSuiteOptions {
  /** The runner's `test`. */
  readonly test: (name: string, run: () => Promise<void>) => void
  /** Makes a place where no store is yet. */
  readonly factory: () => Promise<StorageLocation>
  readonly capabilities: StorageCapabilities
}

/** What a test is given: an open storage, and further ones over the same store. */
interface OpenStore {
  readonly storage: Storage
  /** Another storage over the same store, not opened; closed at the end of the test. */
  readonly another: () => Storage
}

/** Registers the tests. */
export function storageSuite(options: StorageSuiteOptions): void {
  const test = (name: string, run: (store: OpenStore) => Promise<void>): void => {
    options.test(name, () => withStore(options.factory, run))
  }
  registerOpeningTests(test)
  registerEntryTests(test)
  registerRangeTests(test)
  registerBatchTests(test)
  registerSizeTests(test)
  if (options.capabilities.secondOpening === 'fences') registerFencingTests(test)
  else registerRefusalTests(test)
}

type Register = (name: string, run: (store: OpenStore) => Promise<void>) => void

async function withStore(
  factory: () => Promise<StorageLocation>,
  run: (store: OpenStore) => Promise<void>,
): Promise<void> {
  const location = await factory()
  const storages: Storage[] = []
  const another = (): Storage => {
    const storage = location.storage()
    storages.push(storage)
    return storage
  }
  const storage = another()
  try {
    await storage.open()
    await run({ storage, another })
  } finally {
    for (const opened of storages) await opened.close()
    await location.release?.()
  }
}

function registerOpeningTests(test: Register): void {
  test('[KV4] each opening has the epoch after the last one', async ({ storage, another }) => {
    await storage.close()
    for (const epoch of [2, 3, 4]) {
      const reopened = another()
      const opening = await reopened.open()
      assertEqual(opening.epoch, epoch, 'the epoch')
      assertEqual(opening.created, false, '`created` of a store that was there')
      await reopened.close()
    }
  })

  test('[KV6] what was written is there after closing and opening again', async (store) => {
    await store.storage.write([put('heads', ['kept'], 'text'), put('rows', [1], bytes(1, 2, 3))])
    await store.storage.close()
    const reopened = store.another()
    await reopened.open()
    await assertEntries(reopened, 'heads', [{ key: ['kept'], value: 'text' }])
    await assertEntries(reopened, 'rows', [{ key: [1], value: bytes(1, 2, 3) }])
  })

  test('[KV8] closing waits for writes under way and may be repeated', async (store) => {
    const writing = store.storage.write([put('heads', ['late'], 'kept')])
    await Promise.all([store.storage.close(), store.storage.close()])
    await writing
    await store.storage.close()
    const reopened = store.another()
    await reopened.open()
    await assertEntries(reopened, 'heads', [{ key: ['late'], value: 'kept' }])
  })

  test('[KV8] a store that is not open refuses everything as closed', async (store) => {
    const unopened = store.another()
    await assertFails(unopened.read([list('heads')]), 'closed')
    await assertFails(unopened.write([put('heads', [1], '')]), 'closed')
    await unopened.close()
    await assertFails(unopened.open(), 'closed')
    await store.storage.close()
    await assertFails(store.storage.read([list('heads')]), 'closed')
    await assertFails(store.storage.write([put('heads', [1], '')]), 'closed')
    await assertFails(store.storage.open(), 'closed')
  })

  test('[KV8] a storage is opened once', async ({ storage }) => {
    await assertFails(storage.open(), 'closed')
    await storage.write([put('heads', [1], 'still open')])
  })
}

function registerEntryTests(test: Register): void {
  test('an entry is put, replaced and deleted', async ({ storage }) => {
    await assertEntries(storage, 'heads', [])
    await storage.write([put('heads', ['a'], 'one'), put('heads', ['b'], 'two')])
    await storage.write([put('heads', ['a'], 'three'), remove('heads', ['missing'])])
    assertEntriesEqual(
      await get(storage, 'heads', ['a']),
      [{ key: ['a'], value: 'three' }],
      'a replaced entry',
    )
    await storage.write([remove('heads', ['a'])])
    assertEntriesEqual(await get(storage, 'heads', ['a']), [], 'a deleted entry')
    await assertEntries(storage, 'heads', [{ key: ['b'], value: 'two' }])
  })

  test('spaces know nothing of each other', async ({ storage }) => {
    await storage.write(storageSpaces.map((space) => put(space, ['key'], space)))
    await storage.write([{ type: 'delete-prefix', space: 'rows', prefix: [] }])
    for (const space of storageSpaces) {
      const kept = space === 'rows' ? [] : [{ key: ['key'], value: space }]
      await assertEntries(storage, space, kept)
    }
  })

  test('[KV3] text and bytes come back as they were', async ({ storage }) => {
    const values: StorageValue[] = [
      '',
      '\0',
      'a\0b',
      'ä',
      '漢',
      '🌊',
      '{"x":[1,null]}',
      'a lone \ud800',
      '\uffff',
      bytes(),
      bytes(0),
      bytes(0, 255, 128),
    ]
    const entries = values.map((value, index) => ({ key: [index], value }))
    await storage.write(entries.map(({ key, value }) => put('rows', key, value)))
    await assertEntries(storage, 'rows', entries)
  })

  test('[KV3] a store keeps the bytes of a view and not of the buffer around it', async (store) => {
    const around = new Uint8Array(100).fill(7)
    const view = around.subarray(10, 12)
    const writing = store.storage.write([put('rows', [view, 1], view)])
    around.fill(9)
    await writing
    const expected = [{ key: [bytes(7, 7), 1], value: bytes(7, 7) }]
    await assertEntries(store.storage, 'rows', expected)
    const listed = await store.storage.read([list('rows')])
    const entries = [...(listed[0] ?? []), ...(await get(store.storage, 'rows', [bytes(7, 7), 1]))]
    for (const { value } of entries) {
      assertThat(value instanceof Uint8Array, 'the value is bytes')
      assertEqual(value.buffer.byteLength, 2, 'the length of the buffer')
      value.fill(0)
    }
    await assertEntries(store.storage, 'rows', expected)
  })
}

/** Keys of every kind, in order: near each other, prefixes of each other, of any length. */
const orderedKeys: readonly StorageKey[] = [
  [0],
  [0, 0],
  [0, 0, 0, 0, 0, 0, 0, 0],
  [0, ''],
  [0, 'a'],
  [1],
  [255],
  [256],
  [65_536],
  [2 ** 32 - 1],
  [2 ** 32],
  [Number.MAX_SAFE_INTEGER],
  [''],
  ['', 0],
  ['', ''],
  ['\0'],
  ['\0', 0],
  ['\0\0'],
  ['a'],
  ['a', 2],
  ['a', 10],
  ['a', 10, 'x'],
  ['a', 'b'],
  ['a', bytes(1)],
  ['a\0'],
  ['a\0', 1],
  ['aa'],
  ['b'],
  ['\u007f'],
  ['\u0080'],
  ['\u07ff'],
  ['\u0800'],
  ['\ud800'],
  ['\u{1f30a}'],
  ['\udfff'],
  ['\ue000'],
  ['\uffff'],
  [bytes()],
  [bytes(), 5],
  [bytes(0)],
  [bytes(0, 0)],
  [bytes(0, 1)],
  [bytes(1)],
  [bytes(1), 'x'],
  [bytes(1, 0)],
  [bytes(127)],
  [bytes(128)],
  [bytes(255)],
  [bytes(255, 255)],
]
const orderedEntries = orderedKeys.map((key, index) => ({ key, value: `entry ${index}` }))

/** Puts the ordered entries in another order than that of their keys. */
function putShuffled(space: StorageSpace): StorageWrite[] {
  const count = orderedEntries.length
  return orderedEntries.map((_, index) => {
    const { key, value } = orderedEntries[(index * 17) % count]!
    return put(space, key, value)
  })
}

function registerRangeTests(test: Register): void {
  test('[KV1] entries are listed in the order of their keys', async ({ storage }) => {
    await storage.write(putShuffled('changes'))
    await assertEntries(storage, 'changes', orderedEntries)
  })

  test('[KV1] a list is what has the prefix, after a key, up to a limit', async ({ storage }) => {
    await storage.write(putShuffled('changes'))
    const absent: StorageKey[] = [['a', 3], ['zz'], [7], [bytes(2)]]
    const keys: StorageKey[] = [...orderedKeys, ...absent]
    for (const prefix of [[], ...keys]) {
      const questions = [undefined, ...keys].flatMap((after) =>
        [0, 1, 3, 1_000].map((limit) => ({ after, limit })),
      )
      const answers = await storage.read(
        questions.map(({ after, limit }) => ({
          type: 'list',
          space: 'changes',
          prefix,
          ...(after === undefined ? {} : { after }),
          limit,
        })),
      )
      for (const [index, { after, limit }] of questions.entries()) {
        const expected = orderedEntries
          .filter(({ key }) => hasPrefix(key, prefix))
          .filter(({ key }) => after === undefined || compareKeys(key, after) > 0)
          .slice(0, limit)
        const what = `a list of ${describeValue({ prefix, after, limit })}`
        assertEntriesEqual(answers[index] ?? [], expected, what)
      }
    }
  })

  test('[KV1] delete-prefix deletes what has the prefix and nothing else', async ({ storage }) => {
    for (const prefix of [[], ...orderedKeys, ['missing']]) {
      await storage.write([
        { type: 'delete-prefix', space: 'rows', prefix: [] },
        ...putShuffled('rows'),
        { type: 'delete-prefix', space: 'rows', prefix },
      ])
      const kept = orderedEntries.filter(({ key }) => !hasPrefix(key, prefix))
      await assertEntries(storage, 'rows', kept)
    }
  })
}

function registerBatchTests(test: Register): void {
  test('[KV5] the writes of a batch are applied in order', async ({ storage }) => {
    await storage.write([put('rows', ['a', 1], 'old'), put('rows', ['b'], 'old')])
    await storage.write([
      put('rows', ['a', 2], 'first'),
      { type: 'delete-prefix', space: 'rows', prefix: ['a'] },
      put('rows', ['a', 2], 'second'),
      put('rows', ['a', 2], 'third'),
      remove('rows', ['b']),
      put('rows', ['c'], 'deleted again'),
      remove('rows', ['c']),
    ])
    await assertEntries(storage, 'rows', [{ key: ['a', 2], value: 'third' }])
  })

  test('[KV5] of a batch that fails nothing is kept', async ({ storage }) => {
    const tooLong = Array.from({ length: keyPartsMax + 1 }, () => 1)
    for (const key of [[], tooLong, [-1], [0.5]]) {
      const batch = [put('rows', ['good'], 'x'), put('heads', ['good'], 'x'), put('rows', key, 'x')]
      await assertRejects(storage.write(batch), `a write with the key ${describeValue(key)}`)
    }
    await assertEntries(storage, 'rows', [])
    await assertEntries(storage, 'heads', [])
    await storage.write([put('rows', ['good'], 'the store still works')])
  })

  test('[KV5] an empty batch and an empty request are fine', async ({ storage }) => {
    await storage.write([])
    assertEqual((await storage.read([])).length, 0, 'the number of answers')
  })

  test('[KV7] all questions of a request see the same state', async ({ storage }) => {
    const requests: Promise<readonly (readonly StorageEntry[])[]>[] = []
    const writes: Promise<void>[] = []
    for (let round = 0; round < 20; round += 1) {
      writes.push(storage.write([put('heads', [0], `${round}`), put('rows', [0], `${round}`)]))
      requests.push(storage.read([list('heads'), list('rows'), list('heads')]))
    }
    for (const [heads, rows, headsAgain] of await Promise.all(requests)) {
      assertEqual(rows?.[0]?.value, heads?.[0]?.value, 'the row')
      assertEqual(headsAgain?.[0]?.value, heads?.[0]?.value, 'the head, asked again')
    }
    await Promise.all(writes)
  })

  test('[KV7] operations that are not waited for take effect in order', async ({ storage }) => {
    const answers: Promise<readonly StorageEntry[]>[] = []
    const writes: Promise<void>[] = []
    for (let round = 0; round < 20; round += 1) {
      answers.push(get(storage, 'heads', ['turn']))
      writes.push(storage.write([put('heads', ['turn'], `${round}`)]))
    }
    const values = (await Promise.all(answers)).map((entries) => entries[0]?.value)
    await Promise.all(writes)
    for (const [round, value] of values.entries()) {
      const expected = round === 0 ? undefined : `${round - 1}`
      assertEqual(value, expected, `what request ${round} sees`)
    }
  })
}

function registerSizeTests(test: Register): void {
  test('values of 1 MiB come back as they were', async ({ storage }) => {
    const length = 1024 * 1024
    const text = 'Überfahrt '.repeat(length / 10)
    const octets = Uint8Array.from({ length }, (_, index) => (index * 31) % 256)
    await storage.write([put('checkpoints', ['text'], text), put('checkpoints', [1], octets)])
    const expected = [
      { key: [1], value: octets },
      { key: ['text'], value: text },
    ]
    await assertEntries(storage, 'checkpoints', expected)
  })

  test('10,000 entries are read page by page', async ({ storage }) => {
    const total = 10_000
    const batch = 1_000
    for (let start = 0; start < total; start += batch) {
      await storage.write(
        Array.from({ length: batch }, (_, index) => {
          // Every number once, in an order that is not that of the keys.
          const number = ((start + index) * 7_919) % total
          return put('changes', ['log', number], `change ${number}`)
        }),
      )
    }
    let after: StorageKey | undefined
    let count = 0
    for (;;) {
      const question: StorageRead = { type: 'list', space: 'changes', prefix: ['log'], limit: 700 }
      const [page = []] = await storage.read([
        after === undefined ? question : { ...question, after },
      ])
      for (const { key, value } of page) {
        assertThat(
          key[1] === count && value === `change ${count}`,
          `entry ${count} is ${describeValue({ key, value })}`,
        )
        count += 1
      }
      after = page.at(-1)?.key
      if (page.length < 700) break
    }
    assertEqual(count, total, 'the number of entries')
  })
}

function registerFencingTests(test: Register): void {
  test('[KV9] a later opening takes the store from an earlier one', async (store) => {
    await store.storage.write([put('heads', ['before'], 'kept')])
    const later = store.another()
    assertEqual((await later.open()).epoch, 2, 'the epoch of the later opening')
    const late = [put('heads', ['before'], 'late'), put('rows', ['late'], 'late')]
    await assertFails(store.storage.write(late), 'fenced')
    await assertFails(store.storage.write([]), 'fenced')
    await later.write([put('heads', ['after'], 'kept')])
    await assertEntries(later, 'heads', [
      { key: ['after'], value: 'kept' },
      { key: ['before'], value: 'kept' },
    ])
    await assertEntries(later, 'rows', [])
  })

  test('[KV9] of many openings only the last can write', async (store) => {
    const storages = Array.from({ length: 5 }, () => store.another())
    const openings = await Promise.all(storages.map((storage) => storage.open()))
    const epochs = openings.map((opening) => opening.epoch).sort((left, right) => left - right)
    assertEqual(epochs, [2, 3, 4, 5, 6], 'the epochs')
    for (const [index, { epoch }] of openings.entries()) {
      const writing = storages[index]!.write([put('heads', [epoch], 'x')])
      if (epoch === 6) await writing
      else await assertFails(writing, 'fenced')
    }
  })
}

function registerRefusalTests(test: Register): void {
  test('[KV9] a store that is open is not opened again', async (store) => {
    await store.storage.write([put('heads', ['before'], 'kept')])
    await assertFails(store.another().open(), 'in-use')
    await assertFails(store.another().open(), 'in-use')
    await store.storage.write([put('heads', ['after'], 'kept')])
    await store.storage.close()
    const next = store.another()
    assertEqual((await next.open()).epoch, 2, 'the epoch of the next opening')
    await assertEntries(next, 'heads', [
      { key: ['after'], value: 'kept' },
      { key: ['before'], value: 'kept' },
    ])
  })
}
