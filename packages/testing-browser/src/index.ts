/**
 * The browser test harness of this repository (private, never published).
 *
 * A test file named `*.browser.test.ts` runs in Node and drives Chromium with this; what runs in the
 * page is a module named `*.test-page.ts`, bundled by vite as an application would bundle it.
 */

export {
  findFirefox,
  FirefoxPage,
  hasOrdinaryInterface,
  launchFirefox,
  openFirefoxPage,
} from './firefox.ts'
export { launchChromium, launchPersistentChromium, webRtcPermissions } from './launch-chromium.ts'
export type {
  ChromiumOptions,
  PersistentChromium,
  PersistentChromiumOptions,
} from './launch-chromium.ts'
export { servePage } from './page-server.ts'
export type { PageServer, PageServerOptions } from './page-server.ts'
export { openTestPage, TestPage } from './test-page.ts'
export type { InPage, PageSuite, TestPageEntry } from './in-page.ts'
export { runSuiteInPage } from './suite-in-page.ts'
export type { SuiteInPageOptions } from './suite-in-page.ts'
export { launchTabbedChromium } from './tabbed-chromium.ts'
