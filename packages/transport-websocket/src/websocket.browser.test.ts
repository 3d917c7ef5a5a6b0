import { localEnd, remoteEnd, transportSuite } from '@fieldmesh/core/testing'
import { launchChromium, openTestPage, servePage } from '@fieldmesh/testing-browser'
import type { TestPage } from '@fieldmesh/testing-browser'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { websocket } from './node.ts'

describe('websocket transport from a page to Node', () => {
  const closers: (() => Promise<void>)[] = []
  let page: TestPage

  beforeAll(async () => {
    const browser = await launchChromium()
    closers.push(() => browser.close())
    const server = await servePage({ entry: new URL('websocket.test-page.ts', import.meta.url) })
    closers.push(() => server.close())
    page = await openTestPage(await browser.newContext(), server)
  })

  afterAll(async () => {
    for (const close of closers.reverse()) await close()
  })

  transportSuite({
    test,
    capabilities: websocket().capabilities,
    traits: { encrypted: false, costClass: 'lan' },
    factory: async () => {
      const listener = websocket({ listen: { port: 0, host: '127.0.0.1' } })
      const end = await page.call<number>('makeEnd', '00000000000000aa')
      return {
        dialler: remoteEnd('00000000000000aa', (method, args) =>
          page.call('callEnd', end, method, args),
        ),
        listener: localEnd(listener, '00000000000000bb'),
        address: () => `ws://127.0.0.1:${listener.listening?.port ?? 0}/`,
        nowhere: { address: 'ws://127.0.0.1:9', reason: 'unreachable' },
        malformedAddress: 'http://127.0.0.1:9',
      }
    },
  })
})
