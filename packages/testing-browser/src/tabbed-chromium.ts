/**
 * A Chromium whose pages are as those of a person: seen when in front, hidden behind another one, and
 * then the browser may freeze them. Playwright's own has all pages seen at all times.
 */

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import type { PersistentChromium } from './launch-chromium.ts'
import { chromiumExecutable, quietArguments } from './launch-chromium.ts'

/** Starts it, with a profile that `close` deletes. */
export async function launchTabbedChromium(): Promise<PersistentChromium> {
  const folder = await mkdtemp(join(tmpdir(), 'fieldmesh-chromium-'))
  const browserProcess = spawn(
    chromiumExecutable(),
    [
      '--headless',
      '--no-sandbox',
      '--remote-debugging-port=0',
      `--user-data-dir=${folder}`,
      ...quietArguments,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const ended = new Promise<void>((resolve) => {
    browserProcess.once('close', () => {
      resolve()
    })
  })
  const end = async () => {
    browserProcess.kill()
    await ended
    // Chromium's last children may still write while the profile is deleted.
    await rm(folder, { recursive: true, force: true, maxRetries: 10 })
  }
  try {
    const address = await debuggingAddress(browserProcess)
    const browser = await chromium.connectOverCDP(address, { noDefaults: true })
    const [context] = browser.contexts()
    if (!context) throw new Error('Chromium has no profile')
    return {
      context,
      async close() {
        await browser.close()
        await end()
      },
    }
  } catch (error) {
    await end()
    throw error
  }
}

/** Where the browser says that it can be reached; rejects with what it said when it ends first. */
function debuggingAddress(browserProcess: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    browserProcess.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text
      const address = /DevTools listening on (ws:\S+)/.exec(said)?.[1]
      if (address !== undefined) resolve(address)
    })
    browserProcess.once('error', reject)
    browserProcess.once('close', () => {
      reject(new Error(`Chromium ended at once: ${said}`))
    })
  })
}
