import { chromium } from 'playwright-core'
import { expect, test } from 'vitest'
import { findChromium } from './chromium.mjs'

// When this one fails, so does every other browser test: look at the machine first.
test('the Chromium that is found starts and has WebRTC', async () => {
  const browser = await chromium.launch({
    executablePath: findChromium() ?? 'chromium',
    // Chromium's sandbox refuses to run as root, as in a container.
    args: ['--no-sandbox'],
  })
  try {
    const page = await browser.newPage()
    expect(await page.evaluate(() => typeof RTCPeerConnection)).toBe('function')
  } finally {
    await browser.close()
  }
})
