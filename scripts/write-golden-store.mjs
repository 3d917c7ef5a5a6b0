// Writes the golden store of the present format: a SQLite file and its content as JSON lines, which every
// later version must open and read alike. Done once for each format, when it is released; what is
// there is never written again.

import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatVersion } from '../packages/core/src/storage/format.ts'
import { compareKeys } from '../packages/core/src/storage/key-order.ts'
import { sqliteStorage } from '../packages/core/src/storage/sqlite.ts'
import { storageSpaces } from '../packages/core/src/storage/storage.ts'
import { formatGoldenStore } from '../packages/core/src/testing/golden-store.ts'

const folder = join(import.meta.dirname, '../packages/core/src/storage/golden')
const name = join(folder, `format-${formatVersion}`)

if (existsSync(`${name}.sqlite`)) {
  console.error(`${name}.sqlite is there. A golden store is not changed: raise the format version.`)
  process.exitCode = 1
} else {
  const entries = goldenEntries().sort(
    (left, right) =>
      storageSpaces.indexOf(left.space) - storageSpaces.indexOf(right.space) ||
      compareKeys(left.key, right.key),
  )
  mkdirSync(folder, { recursive: true })
  const storage = sqliteStorage({ path: `${name}.sqlite` })
  await storage.open()
  // In several batches, as a store grows.
  for (let start = 0; start < entries.length; start += 7) {
    const batch = entries.slice(start, start + 7)
    await storage.write(batch.map((entry) => ({ type: 'put', ...entry })))
  }
  await storage.close()
  writeFileSync(`${name}.jsonl`, formatGoldenStore(entries))
}

/** What the store holds: every kind of key and value, and all spaces. */
function goldenEntries() {
  const bytes = (...octets) => Uint8Array.from(octets)
  const numbers = [[0], [0, 'a'], [1], [255], [256], [2 ** 32], [Number.MAX_SAFE_INTEGER]]
  const texts = [
    [''],
    ['a'],
    ['a', 0],
    ['a', 'b', bytes(1)],
    ['a\0b'],
    ['ä', '漢'],
    ['🌊'],
    ['\udfff'],
  ]
  const octets = [[bytes()], [bytes(0)], [bytes(0, 0)], [bytes(1, 255)]]
  const keys = [...numbers, ...texts, ...octets, [1, 2, 3, 4, 5, 6, 7, 8]]
  const values = [
    '',
    'text',
    '{"_id":"o-17","table":4}',
    'ä漢🌊\0',
    'a lone \ud800',
    bytes(),
    bytes(0, 255),
  ]
  const small = storageSpaces.flatMap((space, shift) =>
    keys.map((key, index) => ({ space, key, value: values[(index + shift) % values.length] })),
  )
  const large = Uint8Array.from({ length: 5_000 }, (_, index) => index % 251)
  return [...small, { space: 'checkpoints', key: ['large'], value: large }]
}
