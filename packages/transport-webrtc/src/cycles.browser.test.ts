/** Connections of pages whose data channels are handed over to their workers, many times over. */

import { remoteEnd, type TransportEnd } from '@fieldmesh/core/testing'
import {
  launchChromium,
  openTestPage,
  servePage,
  webRtcPermissions,
  type TestPage,
} from '@fieldmesh/testing-browser'
import type { CDPSession } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { carrySignals } from './signal-carrier.test-page.ts'

const cycleCount = 300
/** Connections after which the caches of the browser are as full as they get. */
const warmupCount = 150
const [peerA, peerB] = ['00000000000000aa', '00000000000000bb']
const closers: (() => Promise<void>)[] = []
let pages: readonly TestPage[]

beforeAll(async () => {
  const browser = await launchChromium()
  closers.push(() => browser.close())
  const server = await servePage({ entry: new URL('webrtc.test-page.ts', import.meta.url) })
  closers.push(() => server.close())
  const open = async () =>
    openTestPage(await browser.newContext({ permissions: webRtcPermissions }), server)
  pages = await Promise.all([open(), open()])
})

afterAll(async () => {
  for (const close of closers.reverse()) await close()
})

/** Sends a command of the developer tools to a page, or to its worker. */
type Send = (method: string, parameters?: object) => Promise<Record<string, unknown>>

/** The developer tools of a page and of its worker. */
async function inspect({ page }: TestPage): Promise<readonly [Send, Send]> {
  const session = await page.context().newCDPSession(page)
  const worker = await workerOf(session)
  return [
    // The method is one of many, each with parameters and a result of its own type.
    async (method, parameters) => session.send(method as 'Page.reload', parameters) as never,
    worker,
  ]
}

async function workerOf(session: CDPSession): Promise<Send> {
  const attached = new Promise<string>((resolve) => {
    session.on('Target.attachedToTarget', ({ sessionId, targetInfo }) => {
      if (targetInfo.type === 'worker') resolve(sessionId)
    })
  })
  const answers = new Map<number, (result: Record<string, unknown>) => void>()
  session.on('Target.receivedMessageFromTarget', ({ message }) => {
    const { id, result } = JSON.parse(message) as { id: number; result: Record<string, unknown> }
    answers.get(id)?.(result)
  })
  const options = { autoAttach: true, waitForDebuggerOnStart: false, flatten: false }
  await session.send('Target.setAutoAttach', options)
  const sessionId = await attached
  let count = 0
  return async (method, parameters) => {
    count += 1
    const id = count
    const answered = new Promise<Record<string, unknown>>((resolve) => {
      answers.set(id, resolve)
    })
    const message = JSON.stringify({ id, method, params: parameters ?? {} })
    await session.send('Target.sendMessageToTarget', { sessionId, message })
    return answered
  }
}

/**
 * What is alive once garbage has been collected, and closed peer connections with it: timers of
 * simple-peer and the browser hold them for some seconds.
 */
async function alive(send: Send, isPage: boolean): Promise<Record<string, number>> {
  const connectionCount = async () => {
    await send('HeapProfiler.collectGarbage')
    return isPage ? objectCount(send, 'RTCPeerConnection') : 0
  }
  while ((await connectionCount()) > 0) {
    await new Promise((resolve) => {
      setTimeout(resolve, 500)
    })
  }
  const kinds = ['Object', 'Promise', 'Function', 'MessagePort', 'RTCDataChannel']
  const counts: Record<string, number> = {}
  for (const kind of kinds) counts[kind] = await objectCount(send, kind)
  const { usedSize } = (await send('Runtime.getHeapUsage')) as { usedSize: number }
  counts['heap bytes'] = usedSize
  if (isPage) {
    const { jsEventListeners } = await send('Memory.getDOMCounters')
    counts['event listeners'] = jsEventListeners as number
  }
  return counts
}

async function objectCount(send: Send, kind: string): Promise<number> {
  interface Remote {
    readonly objectId?: string
    readonly value?: number
  }
  const objectGroup = 'counting'
  const evaluated = await send('Runtime.evaluate', { expression: `${kind}.prototype`, objectGroup })
  const { objectId: prototypeObjectId } = evaluated['result'] as Remote
  const queried = await send('Runtime.queryObjects', { prototypeObjectId, objectGroup })
  const { objectId } = queried['objects'] as Remote
  const called = await send('Runtime.callFunctionOn', {
    objectId,
    functionDeclaration: 'function () { return this.length }',
  })
  await send('Runtime.releaseObjectGroup', { objectGroup })
  return (called['result'] as Remote).value ?? 0
}

async function endIn(page: TestPage, peer: string): Promise<TransportEnd> {
  const end = await page.call<number>('makeEnd', peer, 'direct')
  return remoteEnd(peer, (method, args) => page.call('callEnd', end, method, args))
}

/** Connects, says something in both directions, and closes; the ends take turns at that. */
async function cycle(dialler: TransportEnd, listener: TransportEnd, count: number): Promise<void> {
  const dialled = await dialler.dial(peerB)
  if (dialled.type !== 'open') throw new Error(`the dial ${JSON.stringify(dialled)}`)
  const [near, far] = [dialled.channel, await listener.accepted()]
  await Promise.all([dialler.attach(near), listener.attach(far)])
  const pattern = { count: 3, bytes: 1000, seed: count }
  await Promise.all([dialler.sendAll(near, pattern), listener.sendAll(far, pattern)])
  await Promise.all([dialler.received(near, 3), listener.received(far, 3)])
  await (count % 2 === 0 ? dialler.close(near) : listener.close(far))
  await Promise.all([dialler.closed(near), listener.closed(far)])
  await Promise.all([dialler.forget(near), listener.forget(far)])
}

test('300 connections past the pages leave nothing behind, in pages and workers', async () => {
  const [pageA, pageB] = pages as [TestPage, TestPage]
  const [dialler, listener] = [await endIn(pageA, peerA), await endIn(pageB, peerB)]
  await Promise.all([dialler.start(), listener.start()])
  carrySignals(dialler, listener)
  carrySignals(listener, dialler)
  const inspected = (await Promise.all(pages.map(inspect))).flat()
  const look = async () =>
    Promise.all(inspected.map(async (send, index) => alive(send, index % 2 === 0)))
  for (let count = 0; count < warmupCount; count += 1) await cycle(dialler, listener, count)
  const before = await look()
  for (let count = warmupCount; count < cycleCount; count += 1) {
    await cycle(dialler, listener, count)
  }
  const after = await look()
  expect(await pageA.call('handedOver')).toBe(cycleCount)
  // Less than one object of any kind, and less than a kilobyte, for each connection.
  const measuredCount = cycleCount - warmupCount
  for (const [index, counts] of after.entries()) {
    for (const [kind, count] of Object.entries(counts)) {
      const unit = kind === 'heap bytes' ? 1024 : 0.5
      const grown = count - (before[index]?.[kind] ?? 0)
      expect(grown, `${kind} in ${['page', 'worker'][index % 2]}`).toBeLessThan(
        measuredCount * unit,
      )
    }
  }
  await Promise.all([dialler.stop(), listener.stop()])
}, 180_000)
