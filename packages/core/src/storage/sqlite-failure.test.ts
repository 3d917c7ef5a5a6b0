import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { sqliteFailureOf } from './sqlite-failure.ts'
import { StorageFailure } from './storage.ts'

function errorOf(act: () => void): unknown {
  try {
    act()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

test('a file that may not grow is a quota failure', () => {
  const database = new DatabaseSync(':memory:')
  database.exec('CREATE TABLE entries (value BLOB); PRAGMA max_page_count = 10')
  const error = errorOf(() => {
    database.prepare('INSERT INTO entries VALUES (?)').run(new Uint8Array(100_000))
  })
  expect(sqliteFailureOf(error, 'store.sqlite')).toMatchObject({
    reason: 'quota',
    message: 'SQLite store store.sqlite: database or disk is full',
  })
})

test('errors of the file system are quota or io failures', () => {
  const errorWith = (code: string): Error => Object.assign(new Error('no'), { code })
  expect(sqliteFailureOf(errorWith('ENOSPC'), 'p')).toMatchObject({ reason: 'quota' })
  expect(sqliteFailureOf(errorWith('EDQUOT'), 'p')).toMatchObject({ reason: 'quota' })
  expect(sqliteFailureOf(errorWith('EACCES'), 'p')).toMatchObject({ reason: 'io' })
})

test('an extended result code counts by its primary one', () => {
  const corruptIndex = Object.assign(new Error('no'), { code: 'ERR_SQLITE_ERROR', errcode: 779 })
  expect(sqliteFailureOf(corruptIndex, 'p')).toMatchObject({ reason: 'corrupt' })
  const readError = Object.assign(new Error('no'), { code: 'ERR_SQLITE_ERROR', errcode: 266 })
  expect(sqliteFailureOf(readError, 'p')).toMatchObject({ reason: 'io' })
})

test('a failure and a broken invariant stay what they are', () => {
  const failure = new StorageFailure('fenced', 'no')
  expect(sqliteFailureOf(failure, 'p')).toBe(failure)
  const broken = new Error('broken invariant')
  expect(sqliteFailureOf(broken, 'p')).toBe(broken)
})
