// `pnpm --filter @fieldmesh/demo screenshots FOLDER`: pictures of the demo at work, on a tablet and a
// phone, light and dark, to be looked at by a person.

import { join } from 'node:path'
import { webRtcPermissions } from '@fieldmesh/testing-browser'
import type { Page } from 'playwright-core'
import { insecureHost, runDemo } from './running-demo.ts'

const folder = process.argv[2]
if (folder === undefined) throw new Error('usage: screenshots FOLDER')

const tablet = { width: 1180, height: 820 }
const phone = { width: 390, height: 844 }
const orders = [
  ['4', 'two flat whites, one oat'],
  ['7', 'leek soup, sourdough'],
  ['12', 'pancakes, blueberry jam, extra butter'],
  ['2', 'double espresso'],
  ['9', 'quiche, green salad'],
] as const

const demo = await runDemo()

async function open(name: string, viewport: typeof tablet, host?: string): Promise<Page> {
  const profile = await demo.browser.newContext({ permissions: webRtcPermissions, viewport })
  return demo.visit(profile, name, host)
}

async function shoot(page: Page, name: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    await page.screenshot({ path: join(folder!, `${name}-${colorScheme}.png`) })
  }
}

async function press(page: Page, dishes: string, button: string): Promise<void> {
  await page.locator('.card', { hasText: dishes }).getByRole('button', { name: button }).click()
}

const till = await open('Till', tablet)
const kitchen = await open('Kitchen', phone)
for (const [table, dishes] of orders) {
  await till.getByLabel('Table', { exact: true }).fill(table)
  await till.getByLabel('Dishes').fill(dishes)
  await till.getByRole('button', { name: 'Take order' }).click()
}
await press(till, 'leek soup', 'To kitchen')
await press(till, 'double espresso', 'To kitchen')
await till.locator('.column-cooking .card', { hasText: 'double espresso' }).waitFor()
await press(till, 'double espresso', 'Mark ready')
await till.locator('.column-ready .card').waitFor()
await till.locator('.cm-content').click()
await till.keyboard.type('# Friday\n\n**Soup:** leek and tarragon. Oat milk is low.')
await kitchen.getByRole('button', { name: 'Note' }).click()
await kitchen.locator('.cm-content', { hasText: 'Oat milk' }).click()
await kitchen.keyboard.press('Control+End')
await kitchen.keyboard.type(' Ordered!')
for (const page of [till, kitchen]) {
  await page.locator('.headline', { hasText: 'WebRTC, direct' }).waitFor()
}
await till.locator('.cm-ySelectionInfo').waitFor({ state: 'attached' })
await shoot(till, 'tablet')
await shoot(kitchen, 'phone-note')
await kitchen.getByRole('button', { name: 'Orders' }).click()
await shoot(kitchen, 'phone-board')

await till.getByRole('button', { name: 'Invite' }).click()
const invitation = await till.getByLabel('Text of the invitation').inputValue()
await shoot(till, 'tablet-invite')
const terrace = await open('Terrace', phone)
await terrace.getByRole('button', { name: 'Invite' }).click()
await terrace.getByRole('dialog').getByRole('button', { name: 'Join' }).first().click()
await shoot(terrace, 'phone-join')
await terrace.getByLabel('Paste the invitation').fill('see you at four')
await terrace.locator('form').getByRole('button', { name: 'Join' }).last().click()
await terrace.getByRole('alert').filter({ hasText: 'FIELDMESH' }).waitFor()
await shoot(terrace, 'phone-join-refused')
await terrace.getByLabel('Paste the invitation').fill(invitation)
await terrace.getByRole('dialog').locator('form').getByRole('button', { name: 'Join' }).click()
const answer = await terrace.getByLabel('Text of the answer').inputValue()
await shoot(terrace, 'phone-answer')
await till.getByLabel('Paste the answer').fill(answer)
await till.getByRole('button', { name: 'Connect' }).click()
await till.getByText('Connected with Terrace').waitFor()
await shoot(till, 'tablet-connected')
await till.getByRole('dialog').getByRole('button', { name: 'Close' }).click()

const guest = await open('Guest', phone, insecureHost)
await guest.locator('.notice-limits summary').click()
await shoot(guest, 'phone-plain-http')
const secondTab = await kitchen.context().newPage()
await secondTab.goto(`http://127.0.0.1:${demo.page.port}/`)
await secondTab.locator('.obstacle').waitFor()
await shoot(secondTab, 'phone-second-tab')
await demo.close()
