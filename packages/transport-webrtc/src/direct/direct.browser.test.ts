/** Real browsers that dial a Node peer by nothing but its address (docs/specs/direct.md). */

import { openMesh } from '@fieldmesh/core'
import type { Mesh } from '@fieldmesh/core'
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
import type { PageServer, TestPage } from '@fieldmesh/testing-browser'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { formatDirectAddress, parseDirectAddress, webrtcDirect } from '../node.ts'
import type { EndPlace } from './direct.test-page.ts'

const [peerA, peerB] = ['00000000000000aa', '00000000000000bb']
const listen = { port: 0, host: '127.0.0.1' }
const app = 'dead-zone'
const secret = 'ab'.repeat(32)
const closers: (() => Promise<void>)[] = []
const meshes: Mesh[] = []
let browser: Awaited<ReturnType<typeof launchChromium>>
let server: PageServer
let page: TestPage

beforeAll(async () => {
  browser = await launchChromium()
  closers.push(() => browser.close())
  server = await servePage({ entry: new URL('direct.test-page.ts', import.meta.url) })
  closers.push(() => server.close())
  page = await openPage()
})

afterEach(async () => {
  for (const mesh of meshes.splice(0)) await mesh.close()
})

afterAll(async () => {
  for (const close of closers.reverse()) await close()
})

/** A page in a profile of its own, as on another device. */
async function openPage(): Promise<TestPage> {
  return openTestPage(await browser.newContext({ permissions: webRtcPermissions }), server)
}

async function endIn(place: EndPlace): Promise<TransportEnd> {
  const end = await page.call<number>('makeEnd', peerA, place)
  return remoteEnd(peerA, (method, args) => page.call('callEnd', end, method, args))
}

for (const [place, what] of [
  ['page', 'a page'],
  ['worker', 'a worker, past its page,'],
] as const) {
  describe(`direct dialling from ${what} to Node`, () => {
    transportSuite({
      test,
      bulkBytes: 1024 * 1024,
      // The broker between page and worker is stopped once.
      restarts: place === 'page',
      capabilities: webrtcDirect().capabilities,
      traits: { encrypted: true, costClass: 'lan' },
      factory: async () => {
        const listener = webrtcDirect({ listen })
        return {
          dialler: await endIn(place),
          listener: localEnd(listener, peerB),
          address: () => listener.listening[0] ?? '',
          malformedAddress: 'webrtc-direct://127.0.0.1:9/abc',
        }
      },
    })

    test(`the data channel is ${place === 'page' ? 'kept on the page' : 'handed over'}`, async () => {
      const listener = webrtcDirect({ listen })
      const [dialler, far] = [await endIn(place), localEnd(listener, peerB)]
      await Promise.all([dialler.start(), far.start()])
      const before = await page.call<number>('handedOver')
      expect(await dialler.dial(listener.listening[0] ?? '')).toMatchObject({ type: 'open' })
      expect(await page.call('handedOver')).toBe(before + (place === 'page' ? 0 : 1))
      await Promise.all([dialler.stop(), far.stop()])
    })
  })
}

/** A Node peer that is dialled, and its address. */
async function openNode() {
  const transport = webrtcDirect({ listen })
  const mesh = await openMesh({ app, secret, transports: [transport] })
  meshes.push(mesh)
  return { mesh, transport, address: transport.listening[0] ?? '' }
}

/** Resolves with the text once a note has arrived. */
async function arrival(mesh: Mesh, id: string): Promise<string> {
  return new Promise((resolve) => {
    const query = mesh
      .collection<{ _id: string; text: string }>('notes')
      .find({ _id: id })
      .observe(({ rows: [note] }) => {
        if (note === undefined) return
        queueMicrotask(() => query.stop())
        resolve(note.text)
      })
  })
}

test('[DR5, DR6, DR14] five browsers share documents with a Node peer, all by one UDP port', async () => {
  const { mesh, transport, address } = await openNode()
  expect(transport.listening).toHaveLength(1)
  const pages = await Promise.all(Array.from({ length: 5 }, openPage))
  await Promise.all(
    pages.map(async (each, number) => {
      await each.call('join', { app, secret, address })
      await each.call('write', `page-${number}`, `from page ${number}`)
      expect(await arrival(mesh, `page-${number}`)).toBe(`from page ${number}`)
    }),
  )
  await mesh.collection<{ _id: string; text: string }>('notes').insert({ _id: 'n', text: 'node' })
  for (const each of pages) {
    expect(await each.call('read', 'n')).toBe('node')
    // Through the Node peer, from the other pages.
    for (const number of pages.keys()) {
      expect(await each.call('read', `page-${number}`)).toBe(`from page ${number}`)
    }
    expect(await each.call('offersUntouched')).not.toContain(false)
  }
  await Promise.all(pages.map(async (each) => each.call('leave')))
  await Promise.all(pages.map(async (each) => each.close()))
})

test('[DR8, DR18] a wrong fingerprint is told as such, and nothing is sent', async () => {
  const { mesh, transport, address } = await openNode()
  const { host, port, fingerprint } = parseDirectAddress(address) as Exclude<
    ReturnType<typeof parseDirectAddress>,
    string
  >
  const wrong = formatDirectAddress({
    host,
    port,
    fingerprint: fingerprint.map((byte) => byte ^ 1),
  })
  const stranger = await openPage()
  await stranger.call('join', { app, secret, address: wrong })
  const problem = await stranger.call<string>('problem')
  expect(problem).toMatch(/^certificate-mismatch: webrtc-direct:/)
  expect(problem).toContain(wrong)
  expect(transport.counts.checksForOthers).toBeGreaterThan(0)
  expect(mesh.presence.graph().peers.map(({ peer }) => peer)).toEqual([mesh.peer])
  await stranger.call('leave')
  await stranger.close()
})

test('[DR2] what is no address is told as such', async () => {
  const stranger = await openPage()
  await stranger.call('join', { app, secret, address: 'webrtc-direct://127.0.0.1:99999/x' })
  expect(await stranger.call('problem')).toMatch(/^address-invalid: .* its port is malformed$/)
  await stranger.call('leave')
  await stranger.close()
})

const firefox = findFirefox()

// Firefox does not reach the loopback from a peer connection: an interface of this machine will do.
test.skipIf(firefox === undefined || !hasOrdinaryInterface())(
  '[DR5, DR9] Firefox shares documents with a Node peer as well',
  async () => {
    const transport = webrtcDirect({ listen: { port: 0 } })
    const mesh = await openMesh({ app, secret, transports: [transport] })
    meshes.push(mesh)
    const firefoxBrowser = await launchFirefox(firefox ?? '')
    closers.push(() => firefoxBrowser.close())
    const other = await openFirefoxPage(firefoxBrowser, server)
    const address = transport.listening.find((text) => !text.includes('[')) ?? ''
    await other.call('join', { app, secret, address })
    await other.call('write', 'fox', 'from Firefox')
    expect(await arrival(mesh, 'fox')).toBe('from Firefox')
    await mesh.collection<{ _id: string; text: string }>('notes').insert({ _id: 'n', text: 'node' })
    expect(await other.call('read', 'n')).toBe('node')
    expect(await other.call('offersUntouched')).not.toContain(false)
    await other.call('leave')
  },
)
