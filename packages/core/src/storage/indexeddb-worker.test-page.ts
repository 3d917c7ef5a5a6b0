// The worker that runs the suite: each test in turn, then one message with what failed.

import { suite } from './indexeddb.test-page.ts'

const tests: { readonly name: string; readonly run: () => Promise<void> }[] = []
suite((name, run) => {
  tests.push({ name, run })
})

const failures: string[] = []
for (const { name, run } of tests) {
  await run().catch((error: unknown) => {
    failures.push(`${name}: ${String(error)}`)
  })
}
postMessage({ passed: tests.length - failures.length, failures })
