/** The demo as a person runs it, for tests: a hub process, the built page, and pages to look at. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { launchChromium, webRtcPermissions } from '@fieldmesh/testing-browser'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import type { DemoSettings } from '../server/demo-settings.ts'
import { HubProcess } from '../server/hub-process.ts'
import { buildPage, servePage, type PageServer } from '../server/page-server.ts'

/** A name of this machine that is no secure origin, as other devices on a network see it. */
export const insecureHost = 'cafe.test'

/** A demo with everything of its own: folder, ports, browser. */
export interface RunningDemo {
  readonly browser: Browser
  readonly hub: HubProcess
  readonly page: PageServer
  /** A browser profile of its own, which no shortcut from tab to tab connects with another. */
  newProfile(): Promise<BrowserContext>
  /** Opens the demo, at a host of this machine, and waits until it shows its board. */
  visit(profile: BrowserContext, name: string, host?: string): Promise<Page>
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
  const hosts = `MAP ${insecureHost} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1`
  const browser = await launchChromium({ arguments: [`--host-resolver-rules=${hosts}`] })
  return {
    browser,
    hub,
    page,
    newProfile: () => browser.newContext({ permissions: webRtcPermissions }),
    async visit(profile, name, host = '127.0.0.1') {
      const tab = await profile.newPage()
      await tab.goto(`http://${host}:${page.port}/?name=${encodeURIComponent(name)}`)
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
