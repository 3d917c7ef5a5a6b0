import { openMesh } from '@fieldmesh/core'
import { launchChromium, openTestPage, servePage } from '@fieldmesh/testing-browser'
import { expect, test } from 'vitest'
import { websocket } from './node.ts'

const secret = 'ab'.repeat(32)
const rowCount = 3_000

test('a live query is right again after its page was busy while thousands of rows came', async () => {
  const browser = await launchChromium()
  const server = await servePage({ entry: new URL('busy-page.test-page.ts', import.meta.url) })
  const listener = websocket({ listen: { port: 0, host: '127.0.0.1' } })
  const hub = await openMesh({ app: 'busy', secret, transports: [listener] })
  try {
    const page = await openTestPage(await browser.newContext(), server)
    await page.call('watch', secret, `ws://127.0.0.1:${listener.listening?.port ?? 0}/`)
    const writing = (async () => {
      const orders = hub.collection<{ _id: string }>('orders')
      for (let count = 0; count < rowCount; count += 1) await orders.insert({ _id: `o-${count}` })
    })()
    for (let round = 0; round < 4; round += 1) await page.call('spin', 1_000)
    await writing
    const [watched, found] = await page.call<[string[], string[]]>('rowsOf', rowCount)
    expect(watched).toHaveLength(rowCount)
    expect(new Set(watched)).toEqual(new Set(found))
    await page.call('leave')
  } finally {
    await hub.close()
    await browser.close()
    await server.close()
  }
})
