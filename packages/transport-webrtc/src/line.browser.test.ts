/** Five profiles of a real browser in a line, and a hub at its beginning, which goes. */

import { openMesh } from '@fieldmesh/core'
import {
  launchChromium,
  openTestPage,
  servePage,
  webRtcPermissions,
  type PageServer,
  type TestPage,
} from '@fieldmesh/testing-browser'
import { websocket } from '@fieldmesh/transport-websocket'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'

const secret = 'ab'.repeat(32)
let browser: Awaited<ReturnType<typeof launchChromium>>
let server: PageServer
const closers: (() => Promise<void>)[] = []

beforeAll(async () => {
  browser = await launchChromium()
  server = await servePage({ entry: new URL('line.test-page.ts', import.meta.url) })
})

afterEach(async () => {
  await Promise.all(closers.splice(0).map(async (close) => close()))
})

afterAll(async () => {
  await browser?.close()
  await server?.close()
})

interface PageInLine {
  readonly page: TestPage
  readonly peer: string
}

async function openPage(place: number, hubUrl?: string): Promise<PageInLine> {
  const profile = await browser.newContext({ permissions: [...webRtcPermissions] })
  closers.push(async () => profile.close())
  const page = await openTestPage(profile, server)
  const more = hubUrl === undefined ? [] : [hubUrl]
  return { page, peer: await page.call<string>('open', place, secret, ...more) }
}

async function meet(host: PageInLine, guest: PageInLine): Promise<void> {
  const answer = await guest.page.call<string>('join', await host.page.call<string>('invite'))
  await Promise.all([host.page.call('accept', answer), guest.page.call('connected')])
}

test('documents pass a line of pages; without the hub it goes on, and a page more is invited', async () => {
  const listener = websocket({ listen: { host: '127.0.0.1', port: 0 } })
  const hub = await openMesh({ app: 'line', secret, transports: [listener] })
  closers.push(async () => hub.close())
  const hubUrl = `ws://127.0.0.1:${listener.listening?.port}`

  const line: PageInLine[] = []
  for (let place = 1; place <= 5; place += 1) {
    const next = await openPage(place, place === 1 ? hubUrl : undefined)
    const before = line.at(-1)
    if (before) await meet(before, next)
    line.push(next)
  }
  const [first, last] = [line[0]!, line[4]!]
  await first.page.call('hops', last.peer, 4)
  await last.page.call('hops', hub.peer, 5)
  await first.page.call('insert', 'from the first')
  await hub.collection('orders').insert({ _id: 'from the hub' })
  expect(await last.page.call('rows', 2)).toEqual(['from the first', 'from the hub'])

  await hub.close()
  await last.page.call('hops', hub.peer, 0)
  await last.page.call('insert', 'from the last')
  expect(await first.page.call('rows', 3)).toContain('from the last')
  const sixth = await openPage(6)
  await meet(last, sixth)
  expect(await sixth.page.call('rows', 3)).toHaveLength(3)
  await first.page.call('hops', sixth.peer, 5)
  await sixth.page.call('insert', 'from the sixth')
  expect(await first.page.call('rows', 4)).toContain('from the sixth')
})
