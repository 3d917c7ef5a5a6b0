/** How soon after it begins to load a page has a direct channel to another one. */

import { openTestPage, type TestPage } from '@fieldmesh/testing-browser'
import { openMesh } from '@fieldmesh/core'
import { websocket } from '@fieldmesh/transport-websocket'
import type { Contest, Measurement } from '../harness.ts'
import type { TransferMeeting } from '../transfer/mesh.page.ts'
import { meshOptions } from '../transfer/receiver.ts'
import type { TransferSize } from '../transfer/transfer-figures.ts'
import { withProfiles, type Stage } from '../transfer/webrtc-contests.ts'

const figure = 'load to channel'

/**
 * A page that meets another, which is there already, through a hub; beside it two pages with nothing
 * but a peer connection, whose descriptions the test hands over.
 */
export function firstChannelContest(stage: Stage, { rounds }: TransferSize): Contest {
  return {
    name: 'first channel',
    figures: [{ name: figure, unit: 'ms', better: 'lower' }],
    rounds,
    warmupRounds: 1,
    ours: { name: 'fieldmesh', run: async () => throughHub(stage) },
    baselines: [{ name: 'raw', run: async () => betweenRawPages(stage) }],
  }
}

async function throughHub(stage: Stage): Promise<Measurement> {
  const listener = websocket({ listen: { host: '127.0.0.1', port: 0 } })
  const options = meshOptions()
  const hub = await openMesh({ ...options, transports: [listener] })
  const meeting: TransferMeeting = {
    secret: options.secret,
    hubUrl: `ws://127.0.0.1:${listener.listening?.port}`,
  }
  try {
    return await withProfiles(stage, 2, async ([there, coming]) => {
      const waiting = await openTestPage(there!, stage.meshPages)
      const peer = await waiting.call<string>('join', meeting)
      return timed(async () => {
        const page = await openTestPage(coming!, stage.meshPages)
        await page.call('join', meeting)
        await page.call('meet', peer)
        return page
      })
    })
  } finally {
    await hub.close()
  }
}

async function betweenRawPages(stage: Stage): Promise<Measurement> {
  return withProfiles(stage, 2, async ([there, coming]) => {
    const waiting = await openTestPage(there!, stage.rawPages)
    return timed(async () => {
      const page = await openTestPage(coming!, stage.rawPages)
      const offer = await page.call<string>('offer')
      await page.call('accept', await waiting.call<string>('answer', offer))
      await Promise.all([waiting.call('open', true), page.call('open', false)])
      return page
    })
  })
}

async function timed(open: () => Promise<TestPage>): Promise<Measurement> {
  const beganAtMs = performance.now()
  await open()
  return { [figure]: performance.now() - beganAtMs }
}
