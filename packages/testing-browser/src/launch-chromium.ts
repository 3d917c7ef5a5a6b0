/**
 * Starting Chromium for tests: quiet, without the internet, with WebRTC over loopback.
 *
 * `newContext()` of a launched browser is an incognito profile: its storage is in memory and its
 * figures mean nothing. Tests of storage use the persistent variant, whose profile is a folder.
 */

import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import type { Browser, BrowserContext } from 'playwright-core'

const defaultExecutable = '/usr/lib/chromium/chromium'

/** Silence, and no internet. */
export const quietArguments = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--disable-quic',
  // Nothing but loopback resolves, so that neither Chromium nor a test can call home.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
]

// On a machine without any other interface, peer connections find no candidate unless this flag is
// given and the page may use the microphone (`grantWebRtc`), which also ends the hiding of addresses.
const webRtcArguments = ['--allow-loopback-in-peer-connection']

/** The permissions without which WebRTC finds no candidate on a loopback-only machine. */
export const webRtcPermissions = ['microphone']

export interface ChromiumOptions {
  /** More command line arguments. Do not pass `--disable-features`: Playwright passes one itself. */
  readonly arguments?: readonly string[]
}

/** A running Chromium; `browser.newContext({ permissions: webRtcPermissions })` makes a profile. */
export async function launchChromium(options: ChromiumOptions = {}): Promise<Browser> {
  return chromium.launch(launchOptions(options))
}

export interface PersistentChromiumOptions extends ChromiumOptions {
  /** Folder of a profile that outlives this browser; by default a new one that `close` deletes. */
  readonly profile?: string
}

/** A Chromium with one profile on disk. */
export interface PersistentChromium {
  readonly context: BrowserContext
  /** Ends the browser; deletes the profile unless it was given. */
  close(): Promise<void>
}

/** Starts Chromium with a profile in a folder. */
export async function launchPersistentChromium(
  options: PersistentChromiumOptions = {},
): Promise<PersistentChromium> {
  const folder = options.profile ?? (await mkdtemp(join(tmpdir(), 'fieldmesh-chromium-')))
  const removeFolder = async () => {
    if (options.profile !== undefined) return
    // Chromium's last children may still write while the profile is deleted.
    await rm(folder, { recursive: true, force: true, maxRetries: 10 })
  }
  try {
    const context = await chromium.launchPersistentContext(folder, {
      ...launchOptions(options),
      permissions: webRtcPermissions,
    })
    return {
      context,
      async close() {
        await context.close()
        await removeFolder()
      },
    }
  } catch (error) {
    await removeFolder()
    throw error
  }
}

/** Where Chromium is; throws when it is not there. */
export function chromiumExecutable(): string {
  const executablePath = process.env['FIELDMESH_CHROMIUM'] ?? defaultExecutable
  if (!existsSync(executablePath)) {
    throw new Error(
      `No Chromium at ${executablePath}. Set FIELDMESH_CHROMIUM to the path of its program.`,
    )
  }
  return executablePath
}

function launchOptions(options: ChromiumOptions) {
  return {
    executablePath: chromiumExecutable(),
    headless: true,
    args: [...quietArguments, ...webRtcArguments, ...(options.arguments ?? [])],
  }
}
