import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Mesh } from '@fieldmesh/core'
import type { BrowserContext, Page } from 'playwright-core'
import { insecureHost, runDemo, type RunningDemo } from './running-demo.ts'

let demo: RunningDemo
let firstProfile: BrowserContext
let first: Page
let second: Page

/** Transports of the links that this page's own presence data reports. */
function linkTransports(page: Page): Promise<readonly string[]> {
  return page.evaluate(() => {
    const { mesh } = globalThis as unknown as { readonly mesh: Mesh }
    const { local, connections } = mesh.presence.graph()
    return connections.filter(({ from }) => from === local).map(({ transport }) => transport)
  })
}

async function takeOrder(page: Page, table: string, dishes: string): Promise<void> {
  await page.getByLabel('Table', { exact: true }).fill(table)
  await page.getByLabel('Dishes').fill(dishes)
  await page.getByRole('button', { name: 'Take order' }).click()
}

function card(page: Page, dishes: string) {
  return page.locator('.card', { hasText: dishes })
}

async function typeNote(page: Page, text: string): Promise<void> {
  await page.locator('.cm-content').click()
  await page.keyboard.press('Control+End')
  await page.keyboard.type(text)
}

function note(page: Page, text: string) {
  return page.locator('.cm-content', { hasText: text })
}

beforeAll(async () => {
  demo = await runDemo()
  firstProfile = await demo.newProfile()
  first = await demo.visit(firstProfile, 'Till')
  second = await demo.visit(await demo.newProfile(), 'Kitchen')
}, 120_000)

afterAll(async () => {
  await demo.close()
})

test('an order taken in one browser appears in the other, and moves on there', async () => {
  await takeOrder(first, '4', 'two flat whites')
  await card(second, 'two flat whites').waitFor()
  await card(second, 'two flat whites').getByRole('button', { name: 'To kitchen' }).click()
  await first.locator('.column-cooking .card', { hasText: 'two flat whites' }).waitFor()
})

test('the note is shared as it is typed, with the other’s cursor', async () => {
  await typeNote(first, 'soup of the day: leek')
  await note(second, 'soup of the day: leek').waitFor()
  await second.locator('.cm-ySelectionInfo', { hasText: 'Till' }).waitFor({ state: 'attached' })
})

test('within seconds the two are connected by WebRTC, directly, and say so', async () => {
  for (const page of [first, second]) {
    await page.locator('.headline', { hasText: 'WebRTC, direct' }).waitFor()
    expect(await linkTransports(page)).toContain('webrtc')
  }
})

test('a second tab says that the app is open elsewhere', async () => {
  const tab = await firstProfile.newPage()
  await tab.goto(`http://127.0.0.1:${demo.page.port}/`)
  await tab.locator('.obstacle[data-code="store-in-use"]').waitFor()
  await tab.close()
})

test('when the hub is killed, both go on editing together', async () => {
  await demo.hub.kill()
  await takeOrder(second, '9', 'pancakes')
  await card(first, 'pancakes').waitFor()
  await typeNote(first, ' and tarragon')
  await note(second, 'leek and tarragon').waitFor()
  await expect.poll(() => linkTransports(first)).toEqual(['webrtc'])
})

test('whoever joins after a new hub has started gets everything', async () => {
  await demo.hub.start()
  const third = await demo.visit(await demo.newProfile(), 'Terrace')
  await card(third, 'two flat whites').waitFor()
  await card(third, 'pancakes').waitFor()
  await note(third, 'leek and tarragon').waitFor()
  await third.context().close()
})

test('opened by plain http from another device, it works and names what the browser lacks', async () => {
  const phone = await demo.visit(await demo.newProfile(), 'Phone', insecureHost)
  await card(phone, 'pancakes').waitFor()
  await phone.locator('.notice-limits', { hasText: 'without encryption' }).click()
  expect(await phone.locator('.notice-limits li').allTextContents()).toEqual(
    expect.arrayContaining([expect.stringMatching(/tab/i), expect.stringMatching(/offline/i)]),
  )
  await takeOrder(phone, '3', 'one ginger tea')
  await card(first, 'one ginger tea').waitFor()
  const secondTab = await phone.context().newPage()
  await secondTab.goto(`http://${insecureHost}:${demo.page.port}/`)
  await secondTab.locator('.obstacle[data-code="store-in-use"]').waitFor()
  await phone.context().close()
})

test('a page reloaded with nobody there still has its data', async () => {
  await demo.hub.kill()
  await second.context().close()
  await first.reload()
  await card(first, 'pancakes').waitFor()
  await note(first, 'leek and tarragon').waitFor()
  await first.locator('.headline', { hasText: 'On its own' }).waitFor()
})

test('not even the server of the page has to be there', async () => {
  expect(await first.evaluate(() => navigator.serviceWorker.ready.then(() => true))).toBe(true)
  await demo.page.close()
  await first.reload()
  await card(first, 'pancakes').waitFor()
  await note(first, 'leek and tarragon').waitFor()
})
