import { describe, expect, test } from 'vitest'
import { storageSuite } from '../testing/storage-suite.ts'
import { createMemoryImage, memoryStorage } from './memory.ts'

describe('memory storage', () => {
  storageSuite({
    test,
    factory: () => {
      const image = createMemoryImage()
      return Promise.resolve({ storage: () => memoryStorage({ image }) })
    },
    capabilities: { secondOpening: 'fences' },
  })
})

test('a store without an image is new', async () => {
  const storage = memoryStorage()
  expect(await storage.open()).toEqual({ epoch: 1, formatVersion: 1, created: true })
  await storage.write([{ type: 'put', space: 'heads', key: [1], value: 'gone' }])
  await storage.close()
  expect((await memoryStorage().open()).created).toBe(true)
})

test('[KV10] an image of a later format is not opened', async () => {
  const image = { ...createMemoryImage(), formatVersion: 2 }
  await expect(memoryStorage({ image }).open()).rejects.toMatchObject({ reason: 'version' })
})
