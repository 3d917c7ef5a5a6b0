/** A page with y-webrtc. */

import { WebrtcProvider } from 'y-webrtc'
import { Doc } from 'yjs'
import { useDocument } from './typist.ts'
import type { ServerMeeting } from './y-webrtc.ts'

export { expectText, textArrived, textLength, typeText } from './typist.ts'
export { sentBytes } from './wire-count.ts'

/** Joins the room; resolves when the other page is connected, over WebRTC and in no other way. */
export async function join({ url }: ServerMeeting): Promise<void> {
  const doc = new Doc()
  useDocument(doc)
  const provider = new WebrtcProvider('paper', doc, {
    signaling: [url],
    // Its default names servers on the internet.
    peerOpts: { config: { iceServers: [] } },
  })
  await new Promise<void>((resolve) => {
    provider.on('synced', ({ synced }) => {
      if (synced) resolve()
    })
  })
  const { room } = provider
  if (room?.webrtcConns.size !== 1 || room.bcConns.size !== 0) {
    throw new Error('the pages are not connected by WebRTC alone')
  }
}
