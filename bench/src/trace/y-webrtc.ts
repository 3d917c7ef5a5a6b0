/** The contender y-webrtc: browser to browser, brought together by its own signalling server. */

import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { startServer } from './server-process.ts'
import type { Technology } from './typing-contest.ts'

/** What pages of y-webrtc and y-websocket need to meet. */
export interface ServerMeeting {
  readonly url: string
}

const require = createRequire(import.meta.url)

export const yWebrtc: Technology = {
  name: 'y-webrtc',
  page: new URL('y-webrtc.page.ts', import.meta.url),
  async openMeeting() {
    // No export leads to it.
    const server = await startServer(join(dirname(require.resolve('y-webrtc')), '../bin/server.js'))
    const meeting: ServerMeeting = { url: server.url }
    return { meeting, arrived: async () => {}, close: () => server.close() }
  },
}
