/** The contender y-websocket: through its own server. */

import { createRequire } from 'node:module'
import { startServer } from './server-process.ts'
import type { Technology } from './typing-contest.ts'
import type { ServerMeeting } from './y-webrtc.ts'

const require = createRequire(import.meta.url)

export const yWebsocket: Technology = {
  name: 'y-websocket',
  page: new URL('y-websocket.page.ts', import.meta.url),
  async openMeeting() {
    const server = await startServer(require.resolve('@y/websocket-server/server'))
    const meeting: ServerMeeting = { url: server.url }
    return { meeting, arrived: async () => {}, close: () => server.close() }
  },
}
