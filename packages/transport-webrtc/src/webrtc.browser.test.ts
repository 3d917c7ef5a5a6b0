import { localEnd, remoteEnd, transportSuite } from '@fieldmesh/core/testing'
import type { TransportEnd } from '@fieldmesh/core/testing'
import {
  launchChromium,
  openTestPage,
  servePage,
  webRtcPermissions,
} from '@fieldmesh/testing-browser'
import type { TestPage } from '@fieldmesh/testing-browser'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { webrtc } from './node.ts'

const [peerA, peerB] = ['00000000000000aa', '00000000000000bb']
const closers: (() => Promise<void>)[] = []
// Each in a profile of its own, as on two devices.
let pageA: TestPage
let pageB: TestPage

beforeAll(async () => {
  const browser = await launchChromium()
  closers.push(() => browser.close())
  const server = await servePage({ entry: new URL('webrtc.test-page.ts', import.meta.url) })
  closers.push(() => server.close())
  const open = async () =>
    openTestPage(await browser.newContext({ permissions: webRtcPermissions }), server)
  pageA = await open()
  pageB = await open()
})

afterAll(async () => {
  for (const close of closers.reverse()) await close()
})

async function endIn(page: TestPage, peer: string): Promise<TransportEnd> {
  const end = await page.call<number>('makeEnd', peer)
  return remoteEnd(peer, (method, args) => page.call('callEnd', end, method, args))
}

function suite(
  dialler: () => Promise<TransportEnd>,
  listener: () => Promise<TransportEnd>,
  bulkBytes: number,
): void {
  transportSuite({
    test,
    bulkBytes,
    capabilities: webrtc().capabilities,
    traits: { encrypted: true, costClass: 'lan' },
    factory: async () => ({
      dialler: await dialler(),
      listener: await listener(),
      address: () => peerB,
      malformedAddress: 'somebody',
    }),
  })
}

describe('webrtc transport from page to page', () => {
  suite(
    () => endIn(pageA, peerA),
    () => endIn(pageB, peerB),
    8 * 1024 * 1024,
  )
})

describe('webrtc transport from a page to Node', () => {
  suite(
    () => endIn(pageA, peerA),
    async () => localEnd(webrtc(), peerB),
    1024 * 1024,
  )
})

describe('webrtc transport from Node to a page', () => {
  suite(
    async () => localEnd(webrtc(), peerA),
    () => endIn(pageB, peerB),
    1024 * 1024,
  )
})
