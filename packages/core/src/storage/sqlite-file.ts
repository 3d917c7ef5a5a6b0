/** Opening a SQLite file as a store: settings, format, and the claim that bumps its epoch. */

import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type * as Sqlite from 'node:sqlite'
import type { DatabaseSync } from 'node:sqlite'
import { formatVersion, newerFormatFailure } from './format.ts'
import { StorageFailure, type StorageOpening } from './storage.ts'

/** Tells our files from other SQLite files: "FMSH". */
const applicationId = 0x46_4d_53_48

/** How long another process may hold a lock before an operation fails; it blocks the thread. */
const lockTimeoutMs = 500

/** Step N turns a store of format N into one of format N + 1. */
const formatSteps: readonly ((database: DatabaseSync) => void)[] = [createFormat1]

/** Opens the file without looking into it; makes it, and the folders to it, when missing. */
export function openFile(path: string, exclusive: boolean): DatabaseSync {
  if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true })
  const { DatabaseSync } = loadSqlite()
  const database = new DatabaseSync(path)
  // An exclusive lock is not waited for: whoever holds it keeps it for as long as it lives.
  database.exec(`PRAGMA busy_timeout = ${exclusive ? 0 : lockTimeoutMs}`)
  if (exclusive) database.exec('PRAGMA locking_mode = EXCLUSIVE')
  return database
}

/** Brings the store to the present format and claims it, all or nothing. */
export function claimStore(database: DatabaseSync): StorageOpening {
  checkApplication(database)
  // Each commit waits for the disk, on macOS for the disk's own cache too.
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA fullfsync = 1;
  `)
  database.exec('BEGIN IMMEDIATE')
  const writtenVersion = pragma(database, 'user_version')
  if (writtenVersion > formatVersion) throw newerFormatFailure(writtenVersion)
  for (const step of formatSteps.slice(writtenVersion)) step(database)
  database.exec(`PRAGMA user_version = ${formatVersion}`)
  database.exec('UPDATE store SET epoch = epoch + 1')
  const epoch = readEpoch(database)
  database.exec('COMMIT')
  return { epoch, formatVersion, created: writtenVersion === 0 }
}

/** The epoch of the last opening. */
export function readEpoch(database: DatabaseSync): number {
  return Number(database.prepare('SELECT epoch FROM store').get()?.['epoch'])
}

/** Refuses files of others before anything is changed in them. */
function checkApplication(database: DatabaseSync): void {
  if (pragma(database, 'application_id') === applicationId) return
  const { tables } = database.prepare('SELECT count(*) AS tables FROM sqlite_schema').get() ?? {}
  if (tables === 0) return
  throw new StorageFailure('corrupt', `${database.location() ?? 'The file'} is no Fieldmesh store.`)
}

function createFormat1(database: DatabaseSync): void {
  database.exec(`PRAGMA application_id = ${applicationId}`)
  database.exec('CREATE TABLE store (epoch INTEGER NOT NULL) STRICT')
  database.exec('INSERT INTO store (epoch) VALUES (0)')
  // Not `storageSpaces`: this is how format 1 is, whatever comes later.
  for (const space of ['meta', 'heads', 'rows', 'changes', 'checkpoints']) {
    database.exec(`
      CREATE TABLE ${space} (
        key BLOB NOT NULL PRIMARY KEY,
        kind INTEGER NOT NULL,
        value ANY NOT NULL
      ) STRICT, WITHOUT ROWID
    `)
  }
}

function pragma(database: DatabaseSync, name: string): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name])
}

/** Loads the module when the first store is opened, and without the warning that Node 22 prints. */
function loadSqlite(): typeof Sqlite {
  const descriptor = Object.getOwnPropertyDescriptor(process, 'emitWarning')
  const emitWarning = process.emitWarning.bind(process) as (...args: unknown[]) => void
  process.emitWarning = (...args: unknown[]) => {
    if (!String(args[0]).startsWith('SQLite is an experimental feature')) emitWarning(...args)
  }
  try {
    return process.getBuiltinModule('node:sqlite')
  } finally {
    if (descriptor !== undefined) Object.defineProperty(process, 'emitWarning', descriptor)
  }
}
