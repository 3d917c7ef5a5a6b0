/** A page with y-websocket. */

import { WebsocketProvider } from 'y-websocket'
import { Doc } from 'yjs'
import { useDocument } from './typist.ts'
import type { ServerMeeting } from './y-webrtc.ts'

export { expectText, textArrived, textLength, typeText } from './typist.ts'
export { sentBytes } from './wire-count.ts'

/** Joins the room; resolves when the server's state is here. */
export async function join({ url }: ServerMeeting): Promise<void> {
  const doc = new Doc()
  useDocument(doc)
  const provider = new WebsocketProvider(url, 'paper', doc, { disableBc: true })
  await new Promise<void>((resolve) => {
    provider.on('sync', (isSynced) => {
      if (isSynced) resolve()
    })
  })
}
