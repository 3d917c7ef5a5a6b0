/** Two pages of a real browser whose direct channel is cut while one of them writes. */

import { openMesh } from '@fieldmesh/core'
import {
  launchChromium,
  openTestPage,
  servePage,
  webRtcPermissions,
} from '@fieldmesh/testing-browser'
import { websocket } from '@fieldmesh/transport-websocket'
import { expect, test } from 'vitest'

const secret = 'ab'.repeat(32)

test('what a page writes goes on over the hub when its direct channel is cut, and directly again', async () => {
  const listener = websocket({ listen: { host: '127.0.0.1', port: 0 } })
  const hub = await openMesh({ app: 'cafe', secret, transports: [listener] })
  const server = await servePage({ entry: new URL('fallback.test-page.ts', import.meta.url) })
  const browser = await launchChromium()
  try {
    const hubUrl = `ws://127.0.0.1:${listener.listening?.port}`
    const open = async () => {
      const profile = await browser.newContext({ permissions: [...webRtcPermissions] })
      const page = await openTestPage(profile, server)
      return { page, peer: await page.call<string>('open', secret, hubUrl) }
    }
    const [writer, reader] = [await open(), await open()]
    await reader.page.call('watchRows')
    await writer.page.call('hops', reader.peer, 1)
    await writer.page.call('startWriting')
    await reader.page.call('arrived', 20)

    await writer.page.call('cut')
    await writer.page.call('hops', reader.peer, 2)
    await writer.page.call('mend')
    await writer.page.call('hops', reader.peer, 1)

    const written = await writer.page.call<number>('stopWriting')
    const { counts, longestMs } = await reader.page.call<{ counts: number[]; longestMs: number }>(
      'arrived',
      written,
    )
    // Each once, and in the order in which they were written.
    expect(counts).toEqual(Array.from({ length: written }, (_, count) => count))
    console.log(`${written} rows, and at most ${Math.round(longestMs)} ms between two`)
  } finally {
    await browser.close()
    await server.close()
    await hub.close()
  }
})
