/** What is alive in a page, as the developer tools of Chromium see it. */

import type { CDPSession, Page } from 'playwright-core'

/** How many objects of each kind there are once garbage has been collected. */
export async function liveObjects(
  page: Page,
  kinds: readonly string[],
): Promise<Record<string, number>> {
  return inspected(page, async (session) => {
    const counts: Record<string, number> = {}
    for (const kind of kinds) {
      const prototype = await objectId(session, `${kind}.prototype`)
      const { objects } = await session.send('Runtime.queryObjects', {
        prototypeObjectId: prototype,
      })
      const { result } = await session.send('Runtime.callFunctionOn', {
        objectId: objects.objectId!,
        functionDeclaration: 'function () { return this.length }',
      })
      counts[kind] = result.value as number
    }
    return counts
  })
}

/** How many listeners the window has, by type. */
export async function windowListeners(page: Page): Promise<Record<string, number>> {
  return inspected(page, async (session) => {
    const { listeners } = await session.send('DOMDebugger.getEventListeners', {
      objectId: await objectId(session, 'window'),
    })
    const counts: Record<string, number> = {}
    for (const { type } of listeners) counts[type] = (counts[type] ?? 0) + 1
    return counts
  })
}

/** What the inspector holds is let go with its session. */
async function inspected<Result>(
  page: Page,
  look: (session: CDPSession) => Promise<Result>,
): Promise<Result> {
  const session = await page.context().newCDPSession(page)
  try {
    return await look(session)
  } finally {
    await session.detach()
  }
}

async function objectId(session: CDPSession, expression: string): Promise<string> {
  const { result } = await session.send('Runtime.evaluate', { expression })
  return result.objectId!
}
