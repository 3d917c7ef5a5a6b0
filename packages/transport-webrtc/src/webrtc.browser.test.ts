import { localEnd, remoteEnd, transportSuite } from '@fieldmesh/core/testing'
import type { TransportEnd } from '@fieldmesh/core/testing'
import {
  findFirefox,
  hasOrdinaryInterface,
  launchChromium,
  launchFirefox,
  openFirefoxPage,
  openTestPage,
  servePage,
  webRtcPermissions,
} from '@fieldmesh/testing-browser'
import type { FirefoxPage, PageServer, TestPage } from '@fieldmesh/testing-browser'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { webrtc } from './node.ts'
import { carrySignals } from './signal-carrier.test-page.ts'
import type { EndPlace } from './webrtc.test-page.ts'

const [peerA, peerB] = ['00000000000000aa', '00000000000000bb']
const closers: (() => Promise<void>)[] = []
// Each in a profile of its own, as on two devices.
let pageA: TestPage
let pageB: TestPage
let server: PageServer

beforeAll(async () => {
  const browser = await launchChromium()
  closers.push(() => browser.close())
  server = await servePage({ entry: new URL('webrtc.test-page.ts', import.meta.url) })
  closers.push(() => server.close())
  const open = async () =>
    openTestPage(await browser.newContext({ permissions: webRtcPermissions }), server)
  pageA = await open()
  pageB = await open()
})

afterAll(async () => {
  for (const close of closers.reverse()) await close()
})

async function endIn(
  page: TestPage | FirefoxPage,
  peer: string,
  place: EndPlace,
): Promise<TransportEnd> {
  const end = await page.call<number>('makeEnd', peer, place)
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

/** The suite between two places, and whether the bytes went the way that was meant. */
function pageSuite(placeA: EndPlace, placeB: EndPlace): void {
  suite(
    () => endIn(pageA, peerA, placeA),
    () => endIn(pageB, peerB, placeB),
    8 * 1024 * 1024,
  )

  for (const [name, place, page] of [
    ['dials', placeA, () => pageA],
    ['listens', placeB, () => pageB],
  ] as const) {
    const what = place === 'direct' ? 'handed over' : 'kept on the page'
    test(`the data channel of the end that ${name} is ${what}`, async () => {
      const [dialler, listener] = await startPair(placeA, placeB)
      const before = await page().call<number>('handedOver')
      expect(await dialler.dial(peerB)).toMatchObject({ type: 'open' })
      expect(await page().call('handedOver')).toBe(before + (place === 'direct' ? 1 : 0))
      await Promise.all([dialler.stop(), listener.stop()])
    })
  }
}

async function startPair(placeA: EndPlace, placeB: EndPlace) {
  const [dialler, listener] = [
    await endIn(pageA, peerA, placeA),
    await endIn(pageB, peerB, placeB),
  ] as const
  await Promise.all([dialler.start(), listener.start()])
  carrySignals(dialler, listener)
  carrySignals(listener, dialler)
  return [dialler, listener] as const
}

describe('webrtc transport from page to page', () => {
  pageSuite('page', 'page')
})

describe('webrtc transport from worker to worker, past the pages', () => {
  pageSuite('direct', 'direct')
})

describe('webrtc transport from a worker past its page to one through its page', () => {
  pageSuite('direct', 'relayed')
})

describe('webrtc transport from a page to Node', () => {
  suite(
    () => endIn(pageA, peerA, 'page'),
    async () => localEnd(webrtc(), peerB),
    1024 * 1024,
  )
})

describe('webrtc transport from a worker, past its page, to Node', () => {
  suite(
    () => endIn(pageA, peerA, 'direct'),
    async () => localEnd(webrtc(), peerB),
    1024 * 1024,
  )
})

describe('webrtc transport from Node to a worker, past its page', () => {
  suite(
    async () => localEnd(webrtc(), peerA),
    () => endIn(pageB, peerB, 'direct'),
    1024 * 1024,
  )
})

const firefox = findFirefox()

// Firefox 140 cannot move a data channel, and says so: the page carries the bytes itself.
describe.skipIf(firefox === undefined || !hasOrdinaryInterface())(
  'webrtc transport from a worker in Chromium to one in Firefox, past the pages where it can be',
  () => {
    let page: FirefoxPage

    beforeAll(async () => {
      const browser = await launchFirefox(firefox ?? '')
      closers.push(() => browser.close())
      page = await openFirefoxPage(browser, server)
    })

    suite(
      () => endIn(pageA, peerA, 'direct'),
      () => endIn(page, peerB, 'direct'),
      8 * 1024 * 1024,
    )
  },
)

test('with both pages half busy, round trips past them take a fraction of those through them', async () => {
  const pages = [pageA, pageB]
  const sorted: Record<string, number[]> = {}
  for (const place of ['relayed', 'direct'] as const) {
    const [dialler, listener] = await startPair(place, place)
    expect(await dialler.dial(peerB)).toMatchObject({ type: 'open' })
    await listener.echo(await listener.accepted())
    await Promise.all(pages.map(async (page) => page.call('beHalfBusy', true)))
    // Pauses, so that not all of them fall into the idle halves.
    const timesMs = await dialler.roundTrips(0, 200, 11)
    await Promise.all(pages.map(async (page) => page.call('beHalfBusy', false)))
    await Promise.all([dialler.stop(), listener.stop()])
    sorted[place] = timesMs.toSorted((one, other) => one - other)
  }
  const quantile = (place: string, share: number) => sorted[place]?.[Math.floor(200 * share)] ?? 0
  for (const place of ['relayed', 'direct']) {
    const [p50, p99] = [quantile(place, 0.5), quantile(place, 0.99)].map((ms) => ms.toFixed(1))
    console.log(`pages half busy, ${place}: round trip p50 ${p50} ms, p99 ${p99} ms`)
  }
  // Of the tail, other work of the machine has its share.
  expect(quantile('direct', 0.5)).toBeLessThan(quantile('relayed', 0.5) / 2)
})
