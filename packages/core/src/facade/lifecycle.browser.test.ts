/** The lifecycle of a mesh in a real Chromium. */

import {
  launchTabbedChromium,
  openTestPage,
  servePage,
  type PageServer,
  type PersistentChromium,
} from '@fieldmesh/testing-browser'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PresencePeer } from './api.ts'

let chromium: PersistentChromium
let server: PageServer

beforeAll(async () => {
  chromium = await launchTabbedChromium()
  server = await servePage({ entry: new URL('open-mesh.test-page.ts', import.meta.url) })
})

afterAll(async () => {
  await chromium?.close()
  await server?.close()
})

test('[LK42] a page that goes offline, behind another one, is frozen, and comes back tells each once', async () => {
  const { context } = chromium
  const page = await openTestPage(context, server)
  await page.call('openWatched', 'lifecycle')
  const devtools = await context.newCDPSession(page.page)
  await context.setOffline(true)
  await page.call('transitionsUntil', 'offline: offline')
  await context.setOffline(false)
  await page.call('transitionsUntil', 'online: online')
  const other = await context.newPage()
  await other.bringToFront()
  await page.call('transitionsUntil', 'hidden: visibilitychange')
  await devtools.send('Page.setWebLifecycleState', { state: 'frozen' })
  await page.page.bringToFront()
  const told = await page.call<string[]>('transitionsUntil', 'visible: visibilitychange')
  // How long the worker stood still is up to the browser; and its guess of the network may change.
  expect(told.filter((each) => !/^(?:woke|network-changed): /.test(each))).toEqual([
    'offline: offline',
    'online: online',
    'hidden: visibilitychange',
    'frozen: freeze',
    'resumed: resume',
    'visible: visibilitychange',
  ])
  await other.close()
  await page.close()
})

test('a page shows others what it runs on', async () => {
  const page = await openTestPage(chromium.context, server)
  await page.call('openWatched', 'shown')
  const shown = await page.call<PresencePeer | undefined>('shown')
  expect(shown).toMatchObject({ platform: 'chromium', hopCount: 0 })
  await page.close()
})
