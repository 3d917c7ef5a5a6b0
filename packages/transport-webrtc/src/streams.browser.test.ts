/** Streams between meshes whose engines run in workers of pages, and in Node. */

import { openMesh, type Mesh } from '@fieldmesh/core'
import {
  launchChromium,
  openTestPage,
  servePage,
  webRtcPermissions,
  type PageServer,
  type TestPage,
} from '@fieldmesh/testing-browser'
import { websocket } from '@fieldmesh/transport-websocket'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { webrtc } from './node.ts'
import { hashOf, patternOf, type protocols, StreamPlayer } from './stream-player.test-page.ts'
import type { Joining } from './streams.test-page.ts'

const MiB = 1024 * 1024
const secret = 'ab'.repeat(32)

/** A peer, wherever it runs. */
interface Player {
  readonly peer: string
  play<Result>(method: keyof StreamPlayer, ...args: readonly unknown[]): Promise<Result>
  /** Ends as a page does that is closed. */
  readonly vanish: () => Promise<void>
}

let browser: Awaited<ReturnType<typeof launchChromium>>
let server: PageServer
let hub: Mesh
let hubPlayer: Player
let hubUrl: string
let closers: (() => Promise<void>)[] = []

beforeAll(async () => {
  browser = await launchChromium()
  server = await servePage({ entry: new URL('streams.test-page.ts', import.meta.url) })
  const listener = websocket({ listen: { host: '127.0.0.1', port: 0 } })
  hub = await openMesh({ app: 'streams', secret, transports: [listener] })
  hubPlayer = playerOf(hub)
  hubUrl = `ws://127.0.0.1:${listener.listening?.port}`
})

afterEach(async () => {
  await Promise.all(closers.map(async (close) => close()))
  closers = []
})

afterAll(async () => {
  await hub?.close()
  await browser?.close()
  await server?.close()
})

/** A peer in a page of a profile of its own, as on another device. */
async function inPage(way: Joining['webrtc']): Promise<Player> {
  const profile = await browser.newContext({ permissions: webRtcPermissions })
  const page = await openTestPage(profile, server)
  closers.push(async () => profile.close())
  return playerIn(page, way)
}

async function playerIn(page: TestPage, way: Joining['webrtc']): Promise<Player> {
  const joining: Joining = { secret, hubUrl, webrtc: way, store: 'main' }
  return {
    peer: await page.call<string>('join', joining),
    play: async (method, ...args) => page.call('play', method, args),
    vanish: async () => page.close(),
  }
}

async function inNode(): Promise<Player> {
  const transports = [webrtc(), websocket({ urls: [hubUrl] })]
  const mesh = await openMesh({ app: 'streams', secret, transports })
  closers.push(async () => mesh.close())
  return playerOf(mesh)
}

function playerOf(mesh: Mesh): Player {
  const player = new StreamPlayer(mesh)
  return {
    peer: mesh.peer,
    play: async (method, ...args) =>
      (player[method] as (...args: readonly unknown[]) => Promise<never>)(...args),
    vanish: async () => mesh.close(),
  }
}

/** Two peers that are neighbours over the transport under test. */
type Meeting = () => Promise<readonly [Player, Player]>

async function meeting(transport: string, left: Promise<Player>, right: Promise<Player>) {
  const players = await Promise.all([left, right])
  await Promise.all([
    players[0].play('meet', players[1].peer, transport),
    players[1].play('meet', players[0].peer, transport),
  ])
  return players
}

/** How they meet, and how much is carried. */
const meetings: readonly (readonly [string, number, Meeting])[] = [
  [
    'from page to page, over WebRTC past the pages',
    64 * MiB,
    async () => meeting('webrtc', inPage('direct'), inPage('direct')),
  ],
  [
    'from page to page, over WebRTC through the pages',
    16 * MiB,
    async () => meeting('webrtc', inPage('relayed'), inPage('relayed')),
  ],
  [
    'from a page to Node, over WebRTC past the page',
    16 * MiB,
    async () => meeting('webrtc', inPage('direct'), inNode()),
  ],
  [
    'from a page to Node, over WebSocket',
    64 * MiB,
    async () => meeting('websocket', inPage('none'), Promise.resolve(hubPlayer)),
  ],
]

describe.each(meetings)('streams %s', (_way, sentBytes, meet) => {
  /** A stream, as both ends number it. */
  async function connect(
    from: Player,
    to: Player,
    protocol: (typeof protocols)[number],
  ): Promise<[number, number]> {
    return Promise.all([
      from.play<number>('open', to.peer, protocol),
      to.play<number>('accepted', protocol),
    ])
  }

  test('carry requests and answers, whoever opened them', async () => {
    const [left, right] = await meet()
    for (const [from, to] of [
      [left, right],
      [right, left],
    ] as const) {
      const [here, there] = await connect(from, to, 'ask')
      const echoing = to.play('echo', there)
      for (let count = 0; count < 20; count += 1) await from.play('ask', here)
      await from.play('finish', here)
      await echoing
    }
  })

  test('carry megabytes byte for byte, and other bytes the other way at once', async () => {
    const [left, right] = await meet()
    const [here, there] = await connect(left, right, 'bulk')
    const [sent, answered] = [sentBytes, 8 * MiB + 1]
    const send = async (from: Player, number: number, bytes: number, seed: number) => {
      await from.play('write', number, bytes, seed)
      await from.play('finish', number)
    }
    const [arrived, cameBack] = await Promise.all([
      right.play('read', there),
      left.play('read', here),
      send(left, here, sent, 1),
      send(right, there, answered, 2),
    ])
    const expected = async (bytes: number, seed: number) => ({
      bytes,
      hash: await hashOf(new Blob([patternOf(bytes, seed)])),
    })
    expect(arrived).toEqual(await expected(sent, 1))
    expect(cameBack).toEqual(await expected(answered, 2))
    expect(await left.play('error', here, 'stream')).toBe('no error')
  })

  test('end as the reader or the writer wants, with its code', async () => {
    const [left, right] = await meet()
    const [here, there] = await connect(left, right, 'codes')
    await right.play('cancel', there, 7)
    expect(await left.play('error', here, 'writer')).toEqual(['stream-stopped', 7])
    await right.play('abort', there, 2 ** 32 - 1)
    expect(await left.play('error', here, 'reader')).toEqual(['stream-reset', 2 ** 32 - 1])
    expect(await left.play('error', here, 'stream')).toEqual(['stream-stopped', 7])
    expect(await right.play('error', there, 'stream')).toBe('no error')
  })

  test('hold the writer back while the far reader does not read, within bounds', async () => {
    const [left, right] = await meet()
    const [here, there] = await connect(left, right, 'held')
    const [asking, answering] = await connect(left, right, 'ask')
    const echoing = right.play('echo', answering)
    const heldBytes = await left.play<number>('fill', here, asking)
    expect(heldBytes).toBeGreaterThan(256 * 1024)
    expect(heldBytes).toBeLessThan(2 * MiB)
    // What was held arrives once it is wanted, and more with it.
    await right.play('read', there, 4 * MiB)
    await left.play('abort', here, 0)
    await left.play('finish', asking)
    await echoing
  })

  test('fail at once where nobody accepts their protocol', async () => {
    const [left, right] = await meet()
    const here = await left.play('open', right.peer, 'nobody')
    expect(await left.play('error', here as number, 'reader')).toEqual(['stream-refused', null])
    expect(await left.play('error', here as number, 'writer')).toEqual(['stream-refused', null])
  })

  test('are lost with the mesh of either end', async () => {
    const [left, right] = await meet()
    const [here, there] = await connect(left, right, 'lost')
    const lost = right.play('error', there, 'reader')
    const ended = left.play('error', here, 'reader')
    await left.play('leave')
    expect(await ended).toEqual(['mesh-closed', null])
    expect(await lost).toEqual(['stream-lost', null])
  })
})

test.each(['direct', 'relayed'] as const)(
  'a page that is closed is missed at once: its data channel was %s',
  async (way) => {
    const [left, right] = await meeting('webrtc', inPage(way), inPage('direct'))
    const parted = right.play('part', left.peer, 'webrtc')
    await left.vanish()
    // WebRTC itself takes 16 s to find out that nobody answers.
    const patience = new AbortController()
    const timer = setTimeout(() => patience.abort(), 10_000)
    const late = new Promise((resolve) => {
      patience.signal.addEventListener('abort', () => resolve('late'))
    })
    expect(await Promise.race([parted, late])).not.toBe('late')
    clearTimeout(timer)
  },
)

test('a page that vanished and comes back has lost its streams, and its peer knows', async () => {
  const profile = await browser.newContext({ permissions: webRtcPermissions })
  closers.push(async () => profile.close())
  const page = await openTestPage(profile, server)
  const [left, right] = await meeting('webrtc', playerIn(page, 'direct'), inPage('direct'))
  const [, there] = await Promise.all([
    left.play('open', right.peer, 'lost'),
    right.play<number>('accepted', 'lost'),
  ])
  await left.vanish()
  // The same profile, so the same store and the same peer.
  const again = await playerIn(await openTestPage(profile, server), 'direct')
  expect(again.peer).toBe(left.peer)
  expect(await right.play('error', there, 'reader')).toEqual(['stream-lost', null])
  await again.play('open', right.peer, 'lost')
})
