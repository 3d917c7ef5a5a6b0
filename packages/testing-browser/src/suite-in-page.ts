/**
 * Reports the tests of a suite that runs in a page under their own names in the runner in Node.
 *
 * The suite is enumerated in the page itself, so that what is reported is what the page has.
 */

import type { BrowserContext } from 'playwright-core'
import { launchChromium, launchPersistentChromium, webRtcPermissions } from './launch-chromium.ts'
import { servePage } from './page-server.ts'
import { openTestPage } from './test-page.ts'
import type { TestPage } from './test-page.ts'

export interface SuiteInPageOptions {
  /** The runner's `test`. */
  readonly test: (name: string, run: () => Promise<void>) => void
  /** The runner's `afterAll`; browser, server and profile are closed in it. */
  readonly afterAll: (close: () => Promise<void>) => void
  /** The `*.test-page.ts` module. */
  readonly entry: URL
  /** Name of the function it exports that takes a `test` and registers with it. Default `suite`. */
  readonly suite?: string
  /** Storage on disk instead of an incognito profile in memory. */
  readonly persistent?: boolean
  readonly port?: number
}

/**
 * Starts Chromium, enumerates the suite and registers each of its tests. To be awaited at the top
 * level of a test file:
 *
 *     await runSuiteInPage({ test, afterAll, entry: new URL('x.test-page.ts', import.meta.url) })
 */
export async function runSuiteInPage(options: SuiteInPageOptions): Promise<void> {
  const suite = options.suite ?? 'suite'
  const closers: (() => Promise<void>)[] = []
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer()
  }
  let page: TestPage
  let names: string[]
  try {
    const context = await openProfile(options.persistent ?? false, closers)
    const server = await servePage({
      entry: options.entry,
      ...(options.port === undefined ? {} : { port: options.port }),
    })
    closers.push(() => server.close())
    page = await openTestPage(context, server)
    names = await page.testNames(suite)
    if (names.length === 0) throw new Error(`The suite ${suite} registered no test in the page`)
  } catch (error) {
    await close()
    throw error
  }
  for (const name of names) options.test(name, () => page.runTest(suite, name))
  options.afterAll(close)
}

async function openProfile(
  persistent: boolean,
  closers: (() => Promise<void>)[],
): Promise<BrowserContext> {
  if (persistent) {
    const chromium = await launchPersistentChromium()
    closers.push(() => chromium.close())
    return chromium.context
  }
  const browser = await launchChromium()
  closers.push(() => browser.close())
  return browser.newContext({ permissions: webRtcPermissions })
}
