/** The Firefox of this machine, driven by WebDriver BiDi. */

import { existsSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { launch, type Browser } from 'puppeteer-core'

const knownPaths = [
  '/usr/bin/firefox-esr',
  '/usr/bin/firefox',
  '/Applications/Firefox.app/Contents/MacOS/firefox',
]

/** The path of a Firefox that is here, or undefined. FIELDMESH_FIREFOX names another one. */
export function findFirefox(): string | undefined {
  return process.env['FIELDMESH_FIREFOX'] ?? knownPaths.find((path) => existsSync(path))
}

export async function launchFirefox(executablePath: string): Promise<Browser> {
  return launch({ browser: 'firefox', executablePath, headless: true })
}

/** Whether this machine has an interface that WebRTC uses: Firefox offers no loopback addresses. */
export function hasOrdinaryInterface(): boolean {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .some(({ family, internal }) => family === 'IPv4' && !internal)
}
