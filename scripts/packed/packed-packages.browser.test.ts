// What an app developer meets on day one: the published packages, packed and installed by npm
// outside the workspace, with the files that README.md shows.

import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  findFirefox,
  hasOrdinaryInterface,
  launchChromium,
  launchFirefox,
  webRtcPermissions,
} from '@fieldmesh/testing-browser'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { publishedPackages } from '../published-packages.mjs'
import { installPackages, writeReadmeFiles, type Installation } from './installation.ts'
import { liveObjects, windowListeners } from './page-objects.ts'
import { Program, runToEnd } from './programs.ts'

const secret = '5e'.repeat(32)
const environment = { FIELDMESH_SECRET: secret, NO_COLOR: '1' }
/** By this global Yjs notices that it was loaded twice. */
const markOfYjs = '__ $YJS$ __'
/** lib0 asks whether it is a terminal. */
const standardOutput = 'PipeWrap'

/** What a program that imports an entry says about it. */
interface Said {
  readonly names: number
  readonly globals: readonly string[]
  readonly resources: readonly string[]
}

const closers: (() => Promise<void>)[] = []

/** What nobody in a page caught. */
const pageErrors: Error[] = []

let installation: Installation
let chromium: Browser
let kitchen: Program
let origin: string

function start(command: string, args: readonly string[], cwd: string): Program {
  const program = new Program(command, args, { cwd, environment })
  closers.push(() => program.stop())
  return program
}

/** A server of the app's own Vite; gives its origin. */
async function startVite(...args: readonly string[]): Promise<string> {
  const where = ['--host', '127.0.0.1', '--port', '0', '--strictPort']
  const server = start('npx', ['vite', ...args, ...where], installation.app)
  const [, found] = await server.printed(/(http:\/\/127\.0\.0\.1:\d+)/)
  return found!
}

/** The app in a browser profile of its own. */
async function visit(address: string): Promise<Page> {
  const profile = await chromium.newContext({ permissions: webRtcPermissions })
  const page = await profile.newPage()
  // Vite's development server may load a page twice on its first start, and spoil the first one.
  if (address === origin) page.on('pageerror', (error) => pageErrors.push(error))
  await page.goto(address)
  return page
}

async function order(page: Page, dish: string): Promise<void> {
  await page.locator('input[name=dish]').fill(dish)
  await page.getByRole('button', { name: 'Order' }).click()
}

function shown(page: Page, output: 'orders' | 'links', text: string): Promise<void> {
  return page.locator(`#${output}`, { hasText: text }).waitFor()
}

beforeAll(async () => {
  installation = await installPackages()
  closers.push(() => installation.remove())
  const hub = start(
    'npx',
    ['fieldmesh', 'hub', '--app', 'corner-cafe', '--port', '0', '--json'],
    installation.node,
  )
  const [, port] = await hub.printed(/"type":"listening".*"port":(\d+)/)
  await writeReadmeFiles(installation, Number(port), secret)
}, 240_000)

afterEach(() => {
  expect(pageErrors.splice(0)).toEqual([])
})

afterAll(async () => {
  for (const close of closers.toReversed()) await close()
}, 60_000)

describe('what is published', () => {
  test.each([
    ['as Vite sets it up', []],
    ['looking into the declarations', ['--skipLibCheck', 'false']],
    ['by the condition of browsers', ['--customConditions', 'browser']],
  ])("type-checks the README's files, %s", async (_how, options) => {
    await runToEnd('npx', ['tsc', ...options], installation.app)
  })

  const entries = publishedPackages().flatMap(({ manifest }) =>
    Object.keys(manifest.exports as object)
      .filter((path) => path !== './package.json')
      .map((path) => (manifest.name as string) + path.slice(1)),
  )

  test.each(entries)('%s does nothing when it is imported without a DOM', async (entry) => {
    const program = `
      const before = new Set(Reflect.ownKeys(globalThis))
      const names = Object.keys(await import('${entry}')).length
      const globals = Reflect.ownKeys(globalThis).filter((key) => !before.has(key)).map(String)
      const resources = process.getActiveResourcesInfo()
      console.log(JSON.stringify({ names, globals, resources }))`
    for (const condition of ['node', 'browser']) {
      const args = [`--conditions=${condition}`, '--input-type=module', '--eval', program]
      // Ends only when nothing is left that could still happen, and has nothing else to say.
      const said = JSON.parse(await runToEnd(process.execPath, args, installation.node)) as Said
      expect(said.names).toBeGreaterThan(0)
      expect(said.globals.filter((name) => name !== markOfYjs)).toEqual([])
      expect(said.resources.filter((name) => name !== standardOutput)).toEqual([])
    }
  })
})

describe("the README's app, built by Vite without configuration", () => {
  let first: Page
  let second: Page

  afterAll(async () => {
    await first.context().close()
    await second.context().close()
  })

  beforeAll(async () => {
    await runToEnd('npx', ['vite', 'build'], installation.app)
    origin = await startVite('preview')
    chromium = await launchChromium()
    closers.push(() => chromium.close())
    kitchen = start(process.execPath, ['kitchen.mjs'], installation.node)
    first = await visit(origin)
    second = await visit(origin)
  }, 120_000)

  test('shares what is written in one browser with the other, directly', async () => {
    await order(first, 'pancakes')
    await shown(second, 'orders', 'pancakes')
    await order(second, 'two flat whites')
    await shown(first, 'orders', 'two flat whites')
    await shown(first, 'links', 'webrtc')
    await shown(second, 'links', 'webrtc')
  })

  test("shares it with the README's program in plain Node, and the other way", async () => {
    await shown(first, 'orders', 'leek soup')
    await kitchen.printed(/dish: 'pancakes'/)
  })

  const firefox = findFirefox()
  const missing = ' (skipped: no Firefox here; apt-get install firefox-esr, or FIELDMESH_FIREFOX)'

  test.skipIf(firefox === undefined)(
    `connects a page in Firefox with one in Chromium${firefox === undefined ? missing : ''}`,
    async () => {
      const browser = await launchFirefox(firefox!)
      try {
        const page = await browser.newPage()
        await page.goto(origin)
        const shows = (output: string, text: string) =>
          page.waitForFunction(
            (id, wanted) => document.querySelector(`#${id}`)?.textContent?.includes(wanted),
            { timeout: 0 },
            output,
            text,
          )
        await shows('orders', 'pancakes')
        await page.type('input[name=dish]', 'crumble')
        await page.click('button')
        await shown(first, 'orders', 'crumble')
        await order(first, 'a pot of tea')
        await shows('orders', 'a pot of tea')
        await shows('links', hasOrdinaryInterface() ? 'webrtc' : 'websocket')
      } finally {
        await browser.close()
      }
    },
  )
})

/** What one mesh with one neighbour and one hub keeps alive in a page of Vite's. */
const ofOneMesh = {
  workers: 1,
  locks: 1,
  // The one of Vite's, and ours: to say farewell, and to follow the page and its network.
  listeners: { beforeunload: 1, pagehide: 2, pageshow: 1, offline: 1, online: 1 },
  objects: {
    Worker: 1,
    // Four lead to the worker. Two are the task queue's, whose wrappers the collector may take.
    MessagePort: expect.toBeOneOf([4, 5, 6]) as number,
    // The one of Vite's, and the hub's.
    WebSocket: 2,
    RTCPeerConnection: 1,
    RTCDataChannel: 1,
  },
}

test('a module that is replaced ten times leaves nothing of its meshes behind', async () => {
  const other = await visit(origin)
  const main = join(installation.app, 'src/main.ts')
  const source = await readFile(join(installation.app, 'src/hot.ts'), 'utf8')
  await writeFile(main, source)
  const page = await visit(await startVite())
  const replace = async (edition: number) => {
    // In one step: Vite would take a file that is being written for an empty one.
    const next = join(installation.app, 'main.next.ts')
    await writeFile(next, `${source}\ndocument.body.dataset.edition = '${edition}'\n`)
    await rename(next, main)
    await page.locator(`body[data-edition="${edition}"]`).waitFor()
    await shown(page, 'links', 'webrtc')
  }
  const alive = async () => ({
    workers: page.workers().length,
    locks: await page.evaluate(async () => {
      const { held = [], pending = [] } = await navigator.locks.query()
      return held.length + pending.length
    }),
    listeners: await windowListeners(page),
    objects: await liveObjects(page, [
      'Worker',
      'MessagePort',
      'WebSocket',
      'RTCPeerConnection',
      'RTCDataChannel',
    ]),
  })

  // A worker that was terminated, and a connection that was closed, end in their own time.
  const settled = () => expect.poll(alive, { timeout: 20_000 }).toEqual(ofOneMesh)

  await replace(0)
  // The edition before this one may not be gone yet.
  await settled()
  // Gone when the page is loaded anew, which would forget everything.
  await page.evaluate(() => Object.assign(globalThis, { isSamePage: true }))
  for (let edition = 1; edition <= 10; edition += 1) await replace(edition)
  expect(await page.evaluate(() => 'isSamePage' in globalThis)).toBe(true)
  await settled()
  await other.context().close()
})
