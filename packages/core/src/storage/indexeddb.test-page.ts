import { formatGoldenStore, parseGoldenStore } from '../testing/golden-store.ts'
import { storageSuite, type StorageSuiteOptions } from '../testing/storage-suite.ts'
import { databaseKey, transactionEnd } from './indexeddb-database.ts'
import { compareKeys } from './key-order.ts'
import { indexedDbStorage } from './indexeddb.ts'
import { StorageFailure, storageSpaces, type Storage, type StorageKey } from './storage.ts'

let count = 0

/** A database that no test of this page or worker has used. */
export function newName(): string {
  count += 1
  return `store-${crypto.getRandomValues(new Uint32Array(2)).join('-')}-${count}`
}

export function suite(test: StorageSuiteOptions['test']): void {
  storageSuite({
    test,
    factory: () => {
      const name = newName()
      return Promise.resolve({
        storage: () => indexedDbStorage({ name }),
        release: () => deleteDatabase(name),
      })
    },
    capabilities: { secondOpening: 'fences' },
  })
}

/** Runs the suite in a worker; the name and failure of each test that failed there. */
export async function failuresInWorker(): Promise<{ passed: number; failures: string[] }> {
  const worker = new Worker(new URL('indexeddb-worker.test-page.ts', import.meta.url), {
    type: 'module',
  })
  try {
    return await new Promise((resolve, reject) => {
      worker.addEventListener('message', ({ data }) => {
        resolve(data as { passed: number; failures: string[] })
      })
      worker.addEventListener('error', ({ message }) => {
        reject(new Error(message))
      })
    })
  } finally {
    worker.terminate()
  }
}

/** How IndexedDB itself orders keys, where it disagrees with `compareKeys`. */
export function disagreements(keys: readonly StorageKey[]): string[] {
  const found: string[] = []
  for (const left of keys) {
    for (const right of keys) {
      const theirs = indexedDB.cmp([...left], [...right])
      if (theirs !== Math.sign(compareKeys(left, right))) {
        found.push(`${JSON.stringify(left)} ${theirs} ${JSON.stringify(right)}`)
      }
    }
  }
  return found
}

/** Random keys of small parts: equal parts and prefixes are common. */
export function disagreementsOfRandomKeys(total: number): string[] {
  const draw = (end: number): number => Math.floor(Math.random() * end)
  const units = [0, 0x61, 0x62, 0x7f, 0x80, 0x7ff, 0x800, 0xd800, 0xdc00, 0xe000, 0xffff]
  const part = (): StorageKey[number] => {
    const length = draw(3)
    switch (draw(3)) {
      case 0:
        return draw(2) === 0 ? draw(4) : draw(2 ** 53)
      case 1:
        return String.fromCharCode(...Array.from({ length }, () => units[draw(units.length)]!))
      default:
        return Uint8Array.from({ length }, () => [0, 1, 127, 128, 255][draw(5)]!)
    }
  }
  return disagreements(
    Array.from({ length: total }, () => Array.from({ length: 1 + draw(3) }, part)),
  )
}

/** Opens a store, puts one entry and leaves the store open, as a page that is closed does. */
export async function openAndPut(name: string, value: string): Promise<number> {
  const storage = indexedDbStorage({ name })
  const { epoch } = await storage.open()
  await storage.write([{ type: 'put', space: 'heads', key: ['kept', epoch], value }])
  return epoch
}

export async function openAndList(name: string): Promise<{ epoch: number; entries: unknown }> {
  const storage = indexedDbStorage({ name })
  const { epoch } = await storage.open()
  const [entries = []] = await storage.read([
    { type: 'list', space: 'heads', prefix: [], limit: 100 },
  ])
  await storage.close()
  return { epoch, entries }
}

/** The reason for which opening a database of a later version fails. */
export async function openLaterFormat(): Promise<string> {
  const name = newName()
  const later = await openRaw(name, 2)
  later.close()
  return reasonOf(indexedDbStorage({ name }).open())
}

/** What a write fails with while a later version of the application takes the store over. */
export async function upgradeWhileOpen(): Promise<string> {
  const name = newName()
  const storage = indexedDbStorage({ name })
  await storage.open()
  const later = await openRaw(name, 2)
  later.close()
  return reasonOf(put(storage))
}

/** What a write fails with when the database is deleted, and whether deleting had to wait. */
export async function deleteWhileOpen(): Promise<string> {
  const name = newName()
  const storage = indexedDbStorage({ name })
  await storage.open()
  await deleteDatabase(name)
  return reasonOf(put(storage))
}

/** What a batch fails with that IndexedDB itself refuses in the middle; nothing of it is kept. */
export async function refusedBatch(): Promise<{ failed: boolean; kept: number }> {
  const storage = indexedDbStorage({ name: newName() })
  await storage.open()
  const uncloneable = (() => {}) as unknown as string
  const batch = storage.write([
    { type: 'put', space: 'heads', key: [1], value: 'lost' },
    { type: 'put', space: 'heads', key: [2], value: uncloneable },
  ])
  const failed = await batch.then(
    () => false,
    () => true,
  )
  const [entries = []] = await storage.read([
    { type: 'list', space: 'heads', prefix: [], limit: 100 },
  ])
  await storage.close()
  return { failed, kept: entries.length }
}

/** What a write fails with when the origin may not store as much, and what is left of it. */
export async function writeBeyondQuota(
  lengthBytes: number,
): Promise<{ reason: string; kept: number }> {
  // Random, since Chromium compresses what it stores.
  const value = new Uint8Array(lengthBytes)
  for (let start = 0; start < lengthBytes; start += 65_536) {
    crypto.getRandomValues(value.subarray(start, start + 65_536))
  }
  const storage = indexedDbStorage({ name: newName() })
  await storage.open()
  const reason = await reasonOf(
    storage.write([
      { type: 'put', space: 'heads', key: [1], value: 'lost' },
      { type: 'put', space: 'checkpoints', key: [1], value },
    ]),
  )
  const [entries = []] = await storage.read([
    { type: 'list', space: 'heads', prefix: [], limit: 100 },
  ])
  await storage.write([{ type: 'put', space: 'heads', key: [2], value: 'small' }])
  await storage.close()
  return { reason, kept: entries.length }
}

/** Makes a store as format 1 is, without this library, and tells what the library reads from it. */
export async function readGoldenStore(lines: string): Promise<string> {
  const name = newName()
  const names = ['store', 'meta', 'heads', 'rows', 'changes', 'checkpoints']
  const database = await openRaw(name, 1, (made) => {
    for (const space of names) made.createObjectStore(space)
  })
  const transaction = database.transaction(names, 'readwrite')
  transaction.objectStore('store').put(1, 'epoch')
  for (const { space, key, value } of parseGoldenStore(lines)) {
    transaction.objectStore(space).put(value, databaseKey(key))
  }
  await transactionEnd(transaction)
  database.close()
  const storage = indexedDbStorage({ name })
  await storage.open()
  const listed = await storage.read(
    storageSpaces.map((space) => ({ type: 'list', space, prefix: [], limit: 10_000 })),
  )
  await storage.close()
  return formatGoldenStore(
    listed.flatMap((entries, index) =>
      entries.map((entry) => ({ space: storageSpaces[index]!, ...entry })),
    ),
  )
}

function put(storage: Storage): Promise<void> {
  return storage.write([{ type: 'put', space: 'heads', key: [1], value: 'late' }])
}

async function reasonOf(operation: Promise<unknown>): Promise<string> {
  try {
    await operation
    return 'nothing failed'
  } catch (error) {
    return error instanceof StorageFailure ? error.reason : String(error)
  }
}

function openRaw(
  name: string,
  version: number,
  upgrade: (database: IDBDatabase) => void = () => {},
): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, version)
    request.onupgradeneeded = () => {
      upgrade(request.result)
    }
    request.onsuccess = () => {
      resolve(request.result)
    }
    request.onblocked = () => {
      reject(new Error(`opening ${name} is blocked`))
    }
    request.onerror = () => {
      reject(new Error(`opening ${name} failed`, { cause: request.error }))
    }
  })
}

function deleteDatabase(name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name)
    request.onsuccess = () => {
      resolve()
    }
    request.onblocked = () => {
      reject(new Error(`deleting ${name} is blocked`))
    }
    request.onerror = () => {
      reject(new Error(`deleting ${name} failed`, { cause: request.error }))
    }
  })
}
