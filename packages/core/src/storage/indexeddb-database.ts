/** Opening an IndexedDB database in the present format. */

import { formatVersion } from './format.ts'
import { StorageFailure, type StorageKey, type StorageSpace } from './storage.ts'

/** The object store beside the spaces; holds the epoch of the last opening under its name. */
export const claimStore = 'store'
export const epochKey = 'epoch'

/** Step N turns a store of format N into one of format N + 1; it runs in the upgrade. */
const formatSteps: readonly ((database: IDBDatabase) => void)[] = [createFormat1]

/**
 * Opens the database, makes it when missing, brings it to the present format. Waits until older
 * versions of the application that have it open have closed it, as they do when they are told.
 */
export function openDatabase(name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    if (typeof indexedDB === 'undefined') {
      reject(new StorageFailure('io', 'There is no IndexedDB here.'))
      return
    }
    // The database's version is the format's, so that the browser refuses newer ones by itself.
    const request = indexedDB.open(name, formatVersion)
    request.onupgradeneeded = ({ oldVersion }) => {
      for (const step of formatSteps.slice(oldVersion)) step(request.result)
    }
    // Not `onblocked`: it also comes while an older version, told to close, ends its transactions.
    request.onsuccess = () => {
      resolve(request.result)
    }
    request.onerror = () => {
      // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- a DOMException is one
      reject(request.error)
    }
  })
}

/** A key as IndexedDB takes it. */
export function databaseKey(key: StorageKey): IDBValidKey {
  return key.map((part) => (part instanceof Uint8Array ? part.slice() : part))
}

/** The key that IndexedDB gave back: bytes come as buffers. */
export function storageKey(key: IDBValidKey): StorageKey {
  return (key as (number | string | ArrayBuffer)[]).map((part) =>
    part instanceof ArrayBuffer ? new Uint8Array(part) : part,
  )
}

/** All keys with a prefix: in IndexedDB an array comes after all kinds of parts that we have. */
export function prefixRange(prefix: StorageKey, after: StorageKey | undefined): IDBKeyRange {
  const lower = databaseKey(after ?? prefix)
  const upper = [...(databaseKey(prefix) as IDBValidKey[]), []]
  return IDBKeyRange.bound(lower, upper, after !== undefined, true)
}

/** Resolves when a transaction is on the disk; rejects when nothing of it is kept. */
export function transactionEnd(transaction: IDBTransaction): Promise<void> {
  // Not idb-keyval's promisifyRequest: it takes the handlers, of which a transaction has one each,
  // and rejects when the first request fails, when the transaction has no error yet.
  return new Promise((resolve, reject) => {
    transaction.addEventListener('complete', () => {
      resolve()
    })
    transaction.addEventListener('abort', () => {
      // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- a DOMException, or null
      reject(transaction.error)
    })
  })
}

function createFormat1(database: IDBDatabase): void {
  // Not `storageSpaces`: this is how format 1 is, whatever comes later.
  const spaces: StorageSpace[] = ['meta', 'heads', 'rows', 'changes', 'checkpoints']
  for (const name of [claimStore, ...spaces]) database.createObjectStore(name)
}
