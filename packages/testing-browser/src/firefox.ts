/** The Firefox of this machine, driven by WebDriver BiDi, and its pages under test. */

import { existsSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { launch, type Browser, type Page } from 'puppeteer-core'
import type { InPage } from './in-page.ts'
import type { PageServer } from './page-server.ts'

const knownPaths = [
  '/usr/bin/firefox-esr',
  '/usr/bin/firefox',
  '/Applications/Firefox.app/Contents/MacOS/firefox',
]

/** The path of a Firefox that is here, or undefined. FIELDMESH_FIREFOX names another one. */
export function findFirefox(): string | undefined {
  return process.env['FIELDMESH_FIREFOX'] ?? knownPaths.find((path) => existsSync(path))
}

export async function launchFirefox(executablePath: string): Promise<Browser> {
  return launch({ browser: 'firefox', executablePath, headless: true })
}

/** Whether this machine has an interface that WebRTC uses: Firefox offers no loopback addresses. */
export function hasOrdinaryInterface(): boolean {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .some(({ family, internal }) => family === 'IPv4' && !internal)
}

/** A page in Firefox whose entry's exports can be called. Made by `openFirefoxPage`. */
export class FirefoxPage {
  readonly #page: Page

  constructor(page: Page) {
    this.#page = page
  }

  /** Calls an exported function of the entry. Arguments and result cross as JSON. */
  async call<Result>(exportName: string, ...args: readonly unknown[]): Promise<Result> {
    return (await this.#page.evaluate(
      (name, values) => (globalThis.fieldmeshTestPage as InPage).call(name, values),
      exportName,
      args,
    )) as Result
  }
}

/** Opens the server's page and waits until its entry has run. */
export async function openFirefoxPage(browser: Browser, server: PageServer): Promise<FirefoxPage> {
  const page = await browser.newPage()
  await page.goto(server.origin, { waitUntil: 'load' })
  return new FirefoxPage(page)
}
