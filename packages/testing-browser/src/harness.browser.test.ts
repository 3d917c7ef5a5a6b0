import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  launchChromium,
  launchPersistentChromium,
  openTestPage,
  runSuiteInPage,
  servePage,
  webRtcPermissions,
} from './index.ts'
import type { PageServer, TestPage } from './index.ts'

const entry = new URL('suite.test-page.ts', import.meta.url)

describe('a suite that runs in a page', async () => {
  await runSuiteInPage({ test, afterAll, entry })
})

describe('a page', () => {
  const closers: (() => Promise<void>)[] = []
  let server: PageServer
  let page: TestPage

  beforeAll(async () => {
    const browser = await launchChromium()
    closers.push(() => browser.close())
    server = await servePage({ entry })
    closers.push(() => server.close())
    page = await openTestPage(await browser.newContext({ permissions: webRtcPermissions }), server)
  })

  afterAll(async () => {
    for (const close of closers.reverse()) await close()
  })

  test('answers calls of what its entry exports', async () => {
    expect(await page.call('add', 2, 3)).toBe(5)
  })

  test('connects two peer connections over loopback', async () => {
    expect(await page.call('openLoopbackConnection')).toBe('open')
  })

  test('tells with a failure what it logged', async () => {
    const failing = page.runTest('failingSuite', 'a test that fails')
    await expect(failing).rejects.toThrow(/no tea[^]*warning: the kettle is empty/)
  })

  test('fails a call during which something was thrown in the background', async () => {
    await expect(page.call('failInTheBackground')).rejects.toThrow(/nobody catches this/)
  })

  test('has no names but those that its entry exports', async () => {
    await expect(page.call('subtract')).rejects.toThrow(/exports no function subtract/)
  })
})

test('what a persistent Chromium stores outlives a page, under one origin', async () => {
  const chromium = await launchPersistentChromium()
  const server = await servePage({ entry })
  try {
    const first = await openTestPage(chromium.context, server)
    await first.page.evaluate(() => {
      localStorage.setItem('kept', 'yes')
    })
    await first.close()
    const second = await openTestPage(chromium.context, server)
    expect(await second.page.evaluate(() => localStorage.getItem('kept'))).toBe('yes')
  } finally {
    await server.close()
    await chromium.close()
  }
})
