import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  launchPersistentChromium,
  openTestPage,
  runSuiteInPage,
  servePage,
  type PageServer,
  type PersistentChromium,
  type TestPage,
} from '@fieldmesh/testing-browser'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const entry = new URL('indexeddb.test-page.ts', import.meta.url)

describe('IndexedDB storage', async () => {
  await runSuiteInPage({ test, afterAll, entry, persistent: true })
})

describe('IndexedDB storage in a page', () => {
  let profile: string
  let chromium: PersistentChromium
  let server: PageServer
  let page: TestPage

  beforeAll(async () => {
    profile = await mkdtemp(join(tmpdir(), 'fieldmesh-profile-'))
    chromium = await launchPersistentChromium({ profile })
    server = await servePage({ entry })
    page = await openTestPage(chromium.context, server)
  })

  afterAll(async () => {
    await chromium.close()
    await server.close()
    await rm(profile, { recursive: true, force: true, maxRetries: 10 })
  })

  test('the suite passes in a worker too', async () => {
    const { passed, failures } = await page.call<{ passed: number; failures: string[] }>(
      'failuresInWorker',
    )
    expect(failures).toEqual([])
    expect(passed).toBeGreaterThan(15)
  })

  test('[KV1] keys have the order that IndexedDB gives them', async () => {
    expect(await page.call('disagreementsOfRandomKeys', 700)).toEqual([])
  })

  test('[KV10] the golden store of format 1 has the same content in IndexedDB', async () => {
    const lines = await readFile(new URL('golden/format-1.jsonl', import.meta.url), 'utf8')
    expect(await page.call('readGoldenStore', lines)).toBe(lines)
  })

  test('[KV10] a store of a later format is not opened', async () => {
    expect(await page.call('openLaterFormat')).toBe('version')
  })

  test('[KV9] a later version of the application takes the store over', async () => {
    expect(await page.call('upgradeWhileOpen')).toBe('fenced')
  })

  test('[KV8] a store that is deleted is closed, and deleting need not wait', async () => {
    expect(await page.call('deleteWhileOpen')).toBe('closed')
  })

  test('[KV5] of a batch that IndexedDB refuses nothing is kept', async () => {
    expect(await page.call('refusedBatch')).toEqual({ failed: true, kept: 0 })
  })

  test('[KV6] what was written outlives a reload and the end of the browser', async () => {
    expect(await page.call('openAndPut', 'lasting', 'before the reload')).toBe(1)
    await page.load(server.origin)
    expect(await page.call('openAndPut', 'lasting', 'before the restart')).toBe(2)
    await chromium.close()
    chromium = await launchPersistentChromium({ profile })
    page = await openTestPage(chromium.context, server)
    expect(await page.call('openAndList', 'lasting')).toEqual({
      epoch: 3,
      entries: [
        { key: ['kept', 1], value: 'before the reload' },
        { key: ['kept', 2], value: 'before the restart' },
      ],
    })
  })
})

// In a browser of its own: Chromium remembers for a while how much room there was.
test('[KV5] a write beyond the quota keeps nothing, and the store still works', async () => {
  const chromium = await launchPersistentChromium()
  const server = await servePage({ entry })
  try {
    const { origin } = server
    const page = await openTestPage(chromium.context, server)
    const devtools = await chromium.context.newCDPSession(page.page)
    const quotaSize = 2_000_000
    await devtools.send('Storage.overrideQuotaForOrigin', { origin, quotaSize })
    const outcome = await page.call('writeBeyondQuota', 2 * quotaSize)
    expect(outcome).toEqual({ reason: 'quota', kept: 0 })
  } finally {
    await chromium.close()
    await server.close()
  }
})
