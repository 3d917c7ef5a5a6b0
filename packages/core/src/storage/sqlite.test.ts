import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { storageSuite, type StorageLocation } from '../testing/storage-suite.ts'
import { sqliteStorage } from './sqlite.ts'
import type { StorageWrite } from './storage.ts'

let folder: string
let count = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldmesh-sqlite-'))
})

afterAll(async () => {
  await rm(folder, { recursive: true })
})

function newPath(): string {
  count += 1
  return join(folder, 'made', `${count}.sqlite`)
}

function factoryOf(exclusive: boolean): () => Promise<StorageLocation> {
  return () => {
    const path = newPath()
    return Promise.resolve({ storage: () => sqliteStorage({ path, exclusive }) })
  }
}

describe('SQLite storage', () => {
  storageSuite({ test, factory: factoryOf(true), capabilities: { secondOpening: 'refused' } })
})

describe('SQLite storage that lets others in', () => {
  storageSuite({ test, factory: factoryOf(false), capabilities: { secondOpening: 'fences' } })
})

/** A program that opens a store, writes, says so and stays. */
const holderProgram = `
  const { sqliteStorage } = await import(process.argv[1])
  const storage = sqliteStorage({ path: process.argv[2] })
  await storage.open()
  await storage.write([{ type: 'put', space: 'heads', key: ['k'], value: 'before the kill' }])
  console.log('open')
  setInterval(() => {}, 1000)
`

test('[KV6] [KV9] what another process holds is in use until it dies, and nothing is lost', async () => {
  const path = newPath()
  const module = new URL('sqlite.ts', import.meta.url).href
  const program = ['--input-type=module', '--eval', holderProgram, module, path]
  const holder = spawn(process.execPath, program, { stdio: ['ignore', 'pipe', 'pipe'] })
  let warnings = ''
  holder.stderr.on('data', (data) => {
    warnings += String(data)
  })
  await once(holder.stdout, 'data')
  await expect(sqliteStorage({ path }).open()).rejects.toMatchObject({ reason: 'in-use' })
  holder.kill('SIGKILL')
  await once(holder, 'close')
  expect(warnings).toBe('')
  const storage = sqliteStorage({ path })
  expect((await storage.open()).epoch).toBe(2)
  expect(await storage.read([{ type: 'get', space: 'heads', key: ['k'] }])).toEqual([
    [{ key: ['k'], value: 'before the kill' }],
  ])
  await storage.close()
})

test('[KV10] a store of a later format is not opened and not changed', async () => {
  const path = newPath()
  const storage = sqliteStorage({ path })
  await storage.open()
  await storage.close()
  const raw = new DatabaseSync(path)
  raw.exec('PRAGMA user_version = 2')
  raw.close()
  await expect(sqliteStorage({ path }).open()).rejects.toMatchObject({ reason: 'version' })
  const again = new DatabaseSync(path)
  expect(again.prepare('SELECT epoch FROM store').get()).toEqual({ epoch: 1 })
  again.close()
})

test('a file that is no store is refused as corrupt and stays as it was', async () => {
  const text = newPath()
  await mkdir(dirname(text), { recursive: true })
  await writeFile(text, 'this is no database, and longer than the header of one: '.repeat(20))
  await expect(sqliteStorage({ path: text }).open()).rejects.toMatchObject({ reason: 'corrupt' })

  const foreign = newPath()
  const raw = new DatabaseSync(foreign)
  raw.exec('CREATE TABLE letters (text)')
  raw.close()
  await expect(sqliteStorage({ path: foreign }).open()).rejects.toMatchObject({ reason: 'corrupt' })
  const again = new DatabaseSync(foreign)
  expect(again.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'delete' })
  again.close()
})

test('a folder that cannot be made is an io failure', async () => {
  const file = join(folder, 'a-file')
  await writeFile(file, '')
  const storage = sqliteStorage({ path: join(file, 'store.sqlite') })
  await expect(storage.open()).rejects.toMatchObject({ reason: 'io' })
  await storage.close()
})

test('[KV5] of a batch that fails on the disk nothing is kept, and the next one works', async () => {
  const path = newPath()
  const storage = sqliteStorage({ path, exclusive: false })
  await storage.open()
  const raw = new DatabaseSync(path)
  raw.exec("CREATE TRIGGER broken BEFORE INSERT ON rows BEGIN SELECT RAISE(ABORT, 'broken'); END")
  const batch: StorageWrite[] = [
    { type: 'put', space: 'heads', key: ['k'], value: 'lost' },
    { type: 'put', space: 'rows', key: ['k'], value: 'lost' },
  ]
  await expect(storage.write(batch)).rejects.toMatchObject({ reason: 'io' })
  expect(await storage.read([{ type: 'get', space: 'heads', key: ['k'] }])).toEqual([[]])
  raw.exec('DROP TRIGGER broken')
  await storage.write(batch)
  expect(await storage.read([{ type: 'get', space: 'heads', key: ['k'] }])).not.toEqual([[]])
  raw.close()
  await storage.close()
})

test('an entry that no version of the library wrote is corrupt', async () => {
  const path = newPath()
  const storage = sqliteStorage({ path, exclusive: false })
  await storage.open()
  const raw = new DatabaseSync(path)
  raw.exec("INSERT INTO heads (key, kind, value) VALUES (x'10', 9, 'of no kind')")
  raw.exec("INSERT INTO rows (key, kind, value) VALUES (x'20', 1, 'of no key')")
  raw.close()
  for (const space of ['heads', 'rows'] as const) {
    const reading = storage.read([{ type: 'list', space, prefix: [], limit: 1 }])
    await expect(reading).rejects.toMatchObject({ reason: 'corrupt' })
  }
  await storage.close()
})
