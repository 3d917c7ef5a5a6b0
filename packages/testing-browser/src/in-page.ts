/** What runs in the page itself: finds the entry's exports and tests when Node asks for them. */

/** What a `*.test-page.ts` module exports: functions to call by name, and perhaps a suite. */
export type TestPageEntry = Readonly<Record<string, unknown>>

/** A suite as the page exports it: registers its tests with the runner that it is given. */
export type PageSuite = (test: (name: string, run: () => unknown) => void) => void

/** What Node talks to. Arguments and results cross as JSON. */
export interface InPage {
  /** Names of the tests of the exported suite, in order. */
  testNames(exportName: string): string[]
  runTest(exportName: string, name: string): Promise<void>
  call(exportName: string, args: readonly unknown[]): Promise<unknown>
}

declare global {
  var fieldmeshTestPage: InPage | undefined
}

/** Called by the page's entry once everything is loaded. */
export function installTestPage(entry: TestPageEntry): void {
  const suites = new Map<string, Map<string, () => unknown>>()

  function testsOf(exportName: string): Map<string, () => unknown> {
    const known = suites.get(exportName)
    if (known) return known
    const tests = new Map<string, () => unknown>()
    const register = functionNamed(exportName) as PageSuite
    register((name, run) => {
      if (tests.has(name)) throw new Error(`Two tests of one suite are named: ${name}`)
      tests.set(name, run)
    })
    suites.set(exportName, tests)
    return tests
  }

  function functionNamed(exportName: string): unknown {
    const value = entry[exportName]
    if (typeof value !== 'function') throw new Error(`The page exports no function ${exportName}`)
    return value
  }

  globalThis.fieldmeshTestPage = {
    testNames: (exportName) => [...testsOf(exportName).keys()],
    async runTest(exportName, name) {
      const run = testsOf(exportName).get(name)
      if (!run) throw new Error(`The page has no test named: ${name}`)
      await run()
    },
    async call(exportName, args) {
      const callable = functionNamed(exportName) as (...args: readonly unknown[]) => unknown
      return await callable(...args)
    },
  }
}
