import { launchChromium, servePage, type PageServer } from '@fieldmesh/testing-browser'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadEditingTrace } from './editing-trace.ts'
import { fieldmesh } from './fieldmesh.ts'
import { measureTyping } from './typing-contest.ts'

const patienceMs = 150_000

let browser: Browser
let server: PageServer

beforeAll(async () => {
  browser = await launchChromium()
  server = await servePage({ entry: fieldmesh.page })
})

afterAll(async () => {
  await browser?.close()
  await server?.close()
})

test(
  'a paper typed in one browser ends in another one and in the hub with exactly its content',
  async () => {
    const trace = loadEditingTrace()
    expect(trace.keystrokes).toHaveLength(259_778)
    // Rejects unless page and hub come to hold the text, character by character.
    const options = { browser, server, technology: fieldmesh, trace, perSecond: 0, patienceMs }
    const { seconds } = await measureTyping(options)
    expect(seconds).toBeGreaterThan(0)
  },
  2 * patienceMs,
)
