/**
 * One open page under test.
 *
 * Whatever the page logs travels with the failure that follows it, and an error that nobody in the
 * page caught fails the call during which it happened: a page cannot fail in silence.
 */

import type { BrowserContext, Page } from 'playwright-core'
import type { InPage } from './in-page.ts'
import type { PageServer } from './page-server.ts'

/** Lines of the page's log kept for a failure; the oldest are dropped. */
const logLinesMax = 100

/** Opens the server's page in a profile and waits until its entry has run. */
export async function openTestPage(context: BrowserContext, server: PageServer): Promise<TestPage> {
  const testPage = new TestPage(await context.newPage())
  try {
    await testPage.load(server.origin)
    return testPage
  } catch (error) {
    await testPage.close()
    throw error
  }
}

/** A page whose entry's exports can be called. Made by `openTestPage`. */
export class TestPage {
  /** The page as Playwright knows it. */
  readonly page: Page
  readonly #log: string[] = []
  readonly #uncaughtErrors: Error[] = []

  constructor(page: Page) {
    this.page = page
    page.on('console', (message) => {
      this.#remember(`${message.type()}: ${message.text()}`)
    })
    page.on('pageerror', (error) => {
      this.#uncaughtErrors.push(error)
      this.#remember(`uncaught: ${error.stack ?? error.message}`)
    })
    page.on('crash', () => {
      this.#uncaughtErrors.push(new Error('The page crashed'))
    })
  }

  /** Loads the page, or reloads it, and waits until its entry has run. */
  async load(origin: string): Promise<void> {
    await this.#watched(async () => {
      await this.page.goto(origin, { waitUntil: 'load' })
      // Module scripts have run when `load` fires: what is not there now will never be.
      const installed = await this.page.evaluate(() => globalThis.fieldmeshTestPage !== undefined)
      if (!installed) throw new Error('The entry of the page did not run to its end')
    })
  }

  /** Calls an exported function of the entry. Arguments and result cross as JSON. */
  async call<Result>(exportName: string, ...args: readonly unknown[]): Promise<Result> {
    return (await this.#watched(() =>
      this.page.evaluate(
        ([name, values]) => (globalThis.fieldmeshTestPage as InPage).call(name, values),
        [exportName, args] as const,
      ),
    )) as Result
  }

  /** Names of the tests of an exported suite. */
  testNames(exportName: string): Promise<string[]> {
    return this.#watched(() =>
      this.page.evaluate(
        (name) => (globalThis.fieldmeshTestPage as InPage).testNames(name),
        exportName,
      ),
    )
  }

  /** Runs one test of an exported suite. */
  async runTest(exportName: string, testName: string): Promise<void> {
    await this.#watched(() =>
      this.page.evaluate(
        ([name, test]) => (globalThis.fieldmeshTestPage as InPage).runTest(name, test),
        [exportName, testName] as const,
      ),
    )
  }

  async close(): Promise<void> {
    await this.page.close()
  }

  async #watched<Result>(act: () => Promise<Result>): Promise<Result> {
    try {
      const result = await act()
      const uncaught = this.#uncaughtErrors.shift()
      if (uncaught)
        throw new Error(`Uncaught in the page: ${uncaught.message}`, { cause: uncaught })
      return result
    } catch (error) {
      throw withLog(error, this.#log)
    }
  }

  #remember(line: string): void {
    this.#log.push(line)
    if (this.#log.length > logLinesMax) this.#log.shift()
  }
}

function withLog(error: unknown, log: readonly string[]): unknown {
  if (!(error instanceof Error) || log.length === 0) return error
  error.message += `\n--- the page's log ---\n${log.join('\n')}`
  return error
}
