import { copyFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseGoldenStore, type GoldenEntry } from '../testing/golden-store.ts'
import { formatVersion } from './format.ts'
import { createMemoryImage, memoryStorage } from './memory.ts'
import { sqliteStorage } from './sqlite.ts'
import { storageSpaces, type Storage } from './storage.ts'

const golden = join(import.meta.dirname, 'golden')
const names = (await readdir(golden))
  .filter((name) => name.endsWith('.jsonl'))
  .map((name) => name.replace(/\.jsonl$/, ''))

/** All that a store holds, in order. */
async function contentOf(storage: Storage): Promise<readonly GoldenEntry[]> {
  const listed = await storage.read(
    storageSpaces.map((space) => ({ type: 'list', space, prefix: [], limit: 10_000 })),
  )
  return listed.flatMap((entries, index) =>
    entries.map((entry) => ({ space: storageSpaces[index]!, ...entry })),
  )
}

test('[KV10] the present format has a golden store', () => {
  expect(names).toContain(`format-${formatVersion}`)
})

describe.each(names)('the golden store %s', (name) => {
  test('[KV10] opens in SQLite with the same content', async () => {
    const expected = parseGoldenStore(await readFile(join(golden, `${name}.jsonl`), 'utf8'))
    const folder = await mkdtemp(join(tmpdir(), 'fieldmesh-golden-'))
    const path = join(folder, 'store.sqlite')
    await copyFile(join(golden, `${name}.sqlite`), path)
    const storage = sqliteStorage({ path })
    expect(await storage.open()).toEqual({ epoch: 2, formatVersion, created: false })
    expect(await contentOf(storage)).toEqual(expected)
    await storage.close()
    await rm(folder, { recursive: true })
  })

  test('[KV10] has the same content in memory', async () => {
    const expected = parseGoldenStore(await readFile(join(golden, `${name}.jsonl`), 'utf8'))
    const image = createMemoryImage()
    const first = memoryStorage({ image })
    await first.open()
    await first.write(expected.toReversed().map((entry) => ({ type: 'put', ...entry })))
    const storage = memoryStorage({ image })
    await storage.open()
    expect(await contentOf(storage)).toEqual(expected)
  })
})
