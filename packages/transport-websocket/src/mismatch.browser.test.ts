/** Pages and a hub in Node that do not belong together: never connected, and both are told why. */

import { openMesh, type Mesh } from '@fieldmesh/core'
import {
  launchChromium,
  openTestPage,
  servePage,
  type PageServer,
  type TestPage,
} from '@fieldmesh/testing-browser'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Dialled } from './mismatch.test-page.ts'
import { websocket } from './node.ts'

const app = 'corner-cafe'
const secret = 'ab'.repeat(32)
let browser: Awaited<ReturnType<typeof launchChromium>>
let server: PageServer
let page: TestPage

beforeAll(async () => {
  browser = await launchChromium()
  server = await servePage({ entry: new URL('mismatch.test-page.ts', import.meta.url) })
  page = await openTestPage(await browser.newContext(), server)
})

afterAll(async () => {
  await browser?.close()
  await server?.close()
})

async function openHub(): Promise<{ hub: Mesh; url: string; codes: string[] }> {
  const listener = websocket({ listen: { port: 0, host: '127.0.0.1' } })
  const hub = await openMesh({ app, secret, transports: [listener] })
  const codes: string[] = []
  hub.onProblem(({ code }) => codes.push(code))
  return { hub, url: `ws://127.0.0.1:${listener.listening?.port ?? 0}/`, codes }
}

test.each([
  ['[HS5] a page with another secret', app, 'cd'.repeat(32), 'secret-mismatch'],
  ['[HS4] a page of another app', 'other-cafe', secret, 'app-mismatch'],
])('%s is refused by a hub in Node, and both report it once', async (_who, itsApp, its, code) => {
  const { hub, url, codes } = await openHub()
  for (let opening = 1; opening <= 3; opening += 1) {
    const dialled = await page.call<Dialled>('dial', itsApp, its, url)
    expect(dialled).toEqual({ codes: [code], others: [] })
  }
  const friend = await page.call<Dialled>('dial', app, secret, url)
  expect(friend).toEqual({ codes: [], others: [hub.peer] })
  expect(codes).toEqual([code])
  await hub.close()
})
