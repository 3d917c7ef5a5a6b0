import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Page } from 'playwright-core'
import { runDemo, type RunningDemo } from './running-demo.ts'

let demo: RunningDemo
let first: Page
let second: Page

beforeAll(async () => {
  demo = await runDemo()
  first = await demo.visit(await demo.newProfile(), 'Till')
  second = await demo.visit(await demo.newProfile(), 'Kitchen')
}, 120_000)

afterAll(async () => {
  await demo.close()
})

async function takeOrder(page: Page, dishes: string): Promise<void> {
  await page.getByLabel('Table', { exact: true }).fill('7')
  await page.getByLabel('Dishes').fill(dishes)
  await page.getByRole('button', { name: 'Take order' }).click()
}

function dialog(page: Page) {
  return page.getByRole('dialog')
}

/** Opens the dialog; resolves with the text of the invitation. */
async function invite(page: Page): Promise<string> {
  await page.getByRole('button', { name: 'Invite' }).click()
  return dialog(page).getByLabel('Text of the invitation').inputValue()
}

/** Opens the dialog on its other side and hands the text in. */
async function join(page: Page, text: string): Promise<void> {
  await page.getByRole('button', { name: 'Invite' }).click()
  await dialog(page).getByRole('button', { name: 'Join' }).first().click()
  await dialog(page).getByLabel('Paste the invitation').fill(text)
  await dialog(page).locator('form').getByRole('button', { name: 'Join' }).click()
}

test('with the hub killed, a new device joins by an invitation, and meets everybody', async () => {
  await takeOrder(first, 'two flat whites')
  await second.locator('.card', { hasText: 'two flat whites' }).waitFor()
  for (const page of [first, second]) {
    await page.locator('.headline', { hasText: 'WebRTC, direct' }).waitFor()
  }
  await demo.hub.kill()
  await takeOrder(second, 'pancakes')
  await first.locator('.card', { hasText: 'pancakes' }).waitFor()

  const third = await demo.visit(await demo.newProfile(), 'Terrace')
  await third.locator('.headline', { hasText: 'On its own' }).waitFor()
  await join(third, await invite(first))
  const answer = await dialog(third).getByLabel('Text of the answer').inputValue()
  await dialog(first).getByLabel('Paste the answer').fill(answer)
  await dialog(first).getByRole('button', { name: 'Connect' }).click()
  await dialog(first).getByText('Connected with Terrace').waitFor()
  await dialog(third).getByText('Connected with Till').waitFor()
  for (const page of [first, third])
    await dialog(page).getByRole('button', { name: 'Close' }).click()

  for (const dishes of ['two flat whites', 'pancakes']) {
    await third.locator('.card', { hasText: dishes }).waitFor()
  }
  await takeOrder(third, 'quiche')
  for (const page of [first, second]) await page.locator('.card', { hasText: 'quiche' }).waitFor()
  await third.locator('.headline', { hasText: '2 devices: WebRTC, direct' }).waitFor()
})

test('a browser that reads codes takes them from the camera, and lets go of it', async () => {
  const profile = await demo.newProfile()
  // No machine of ours has a camera with a code before it.
  await profile.addInitScript(() => {
    const seen = globalThis as unknown as { codeInView?: string; tracks: MediaStreamTrack[] }
    seen.tracks = []
    navigator.mediaDevices.getUserMedia = async () => {
      const canvas = document.createElement('canvas')
      const picture = canvas.getContext('2d')!
      setInterval(() => picture.fillRect(0, 0, 10, 10), 100)
      const stream = canvas.captureStream()
      seen.tracks.push(...stream.getTracks())
      return stream
    }
    Object.assign(globalThis, {
      BarcodeDetector: class {
        static async getSupportedFormats(): Promise<string[]> {
          return ['qr_code']
        }

        async detect(): Promise<{ rawValue: string }[]> {
          return seen.codeInView === undefined ? [] : [{ rawValue: seen.codeInView }]
        }
      },
    })
  })
  const phone = await demo.visit(profile, 'Phone')
  const invitation = await invite(first)
  await phone.getByRole('button', { name: 'Invite' }).click()
  await dialog(phone).getByRole('button', { name: 'Join' }).first().click()
  await dialog(phone).getByRole('button', { name: 'Scan code' }).click()
  await dialog(phone).locator('video').waitFor()
  await phone.evaluate((text) => Object.assign(globalThis, { codeInView: text }), invitation)
  await dialog(phone).getByLabel('Text of the answer').waitFor()
  const states = await phone.evaluate(() => {
    const { tracks } = globalThis as unknown as { tracks: MediaStreamTrack[] }
    return tracks.map(({ readyState }) => readyState)
  })
  expect(states).toEqual(['ended'])
  await dialog(first).getByRole('button', { name: 'Close' }).click()
  await profile.close()
})

test('a text that is none is refused in words, and another one can be handed in', async () => {
  await join(second, 'see you at four')
  await dialog(second).getByRole('alert').filter({ hasText: 'begins with FIELDMESH:' }).waitFor()
  const own = await second.evaluate(async () => {
    const { mesh } = globalThis as unknown as { mesh: { invite(): Promise<{ text: string }> } }
    return (await mesh.invite()).text
  })
  await dialog(second).getByLabel('Paste the invitation').fill(own)
  await dialog(second).locator('form').getByRole('button', { name: 'Join' }).click()
  await dialog(second).getByRole('alert').filter({ hasText: 'own text' }).waitFor()
  expect(await dialog(second).count()).toBe(1)
})
