/** The demo as a person runs it, for tests: a hub process, the built page, and pages to look at. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { launchChromium, webRtcPermissions } from '@fieldmesh/testing-browser'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import type { DemoSettings } from '../server/demo-settings.ts'
import { HubProcess } from '../server/hub-process.ts'
import { buildPage, servePage, type PageServer } from '../server/page-server.ts'

/** A demo with everything of its own: folder, ports, browser. */
export interface RunningDemo {
  readonly browser: Browser
  readonly hub: HubProcess
  readonly page: PageServer
  /** A browser profile of its own, which no shortcut from tab to tab connects with another. */
  newProfile(): Promise<BrowserContext>
  /** Opens the demo and waits until it shows its board. */
  visit(profile: BrowserContext, name: string): Promise<Page>
  close(): Promise<void>
}

/** Builds the page and starts hub, page server and browser. */
export async function runDemo(): Promise<RunningDemo> {
  const folder = await mkdtemp(join(tmpdir(), 'fieldmesh-demo-'))
  const settings: DemoSettings = {
    app: 'corner-cafe',
    secret: '5e'.repeat(32),
    folder,
    pagePort: 0,
    hubPort: 0,
  }
  await buildPage()
  const hub = new HubProcess(settings)
  await hub.start()
  const page = await servePage({ ...settings, hubPort: hub.port })
  const browser = await launchChromium()
  return {
    browser,
    hub,
    page,
    newProfile: () => browser.newContext({ permissions: webRtcPermissions }),
    async visit(profile, name) {
      const tab = await profile.newPage()
      await tab.goto(`http://127.0.0.1:${page.port}/?name=${encodeURIComponent(name)}`)
      await tab.locator('.board').waitFor()
      return tab
    },
    async close() {
      await browser.close()
      await hub.stop()
      await page.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
