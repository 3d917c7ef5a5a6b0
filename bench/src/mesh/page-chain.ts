/** A line of pages in profiles of their own, each of which met the one before it by invitation. */

import {
  openTestPage,
  webRtcPermissions,
  type PageServer,
  type TestPage,
} from '@fieldmesh/testing-browser'
import type { Browser, BrowserContext } from 'playwright-core'
import type { Measurement } from '../harness.ts'
import { figuresOf, type TransferSize } from '../transfer/transfer-figures.ts'

export interface PageChainStage {
  readonly browser: Browser
  readonly pages: PageServer
}

/** Between the first and the last page of a line of so many hops. */
export async function measurePageChain(
  { browser, pages: server }: PageChainStage,
  hops: number,
  { bytes, requests }: TransferSize,
): Promise<Measurement> {
  const profiles: BrowserContext[] = []
  try {
    const pages: TestPage[] = []
    let peer = ''
    for (let place = 0; place <= hops; place += 1) {
      const profile = await browser.newContext({ permissions: webRtcPermissions })
      profiles.push(profile)
      const page = await openTestPage(profile, server)
      peer = await page.call<string>('open', place)
      const before = pages.at(-1)
      if (before) await meet(before, page)
      pages.push(page)
    }
    const [first] = pages as [TestPage]
    await first.call('reach', peer, hops)
    const seconds = await first.call<number>('send', bytes)
    return figuresOf(bytes, seconds, await first.call<number[]>('ask', requests))
  } finally {
    await Promise.all(profiles.map((profile) => profile.close()))
  }
}

async function meet(host: TestPage, guest: TestPage): Promise<void> {
  const answer = await guest.call<string>('join', await host.call<string>('invite'))
  await Promise.all([host.call('accept', answer), guest.call('connected')])
}
