/** Raw data channels of werift, answering a page's offer. */

import type { RTCDataChannel as WeriftDataChannel } from 'werift'
import type { RawChannel } from './raw-traffic.ts'

/** Messages on their way, from which on werift gets slower with each further one. */
const waitingBytesMax = 256 * 1024

/** Answers the offer of `raw.page.ts`; its channels have the ids 1 and 3. */
export async function answerInNode(offer: string): Promise<{
  readonly answer: string
  readonly channels: Promise<readonly RawChannel[]>
  readonly close: () => Promise<void>
}> {
  const { RTCPeerConnection } = await import('werift')
  const connection = new RTCPeerConnection({
    iceUseIpv6: false,
    iceAdditionalHostAddresses: ['127.0.0.1'],
  })
  const channels = [1, 3].map((id) => connection.createDataChannel('', { negotiated: true, id }))
  await connection.setRemoteDescription({ type: 'offer', sdp: offer })
  await connection.setLocalDescription(await connection.createAnswer())
  return {
    answer: connection.localDescription?.sdp ?? '',
    channels: Promise.all(channels.map(openWerift)),
    close: async () => connection.close(),
  }
}

async function openWerift(channel: WeriftDataChannel): Promise<RawChannel> {
  channel.bufferedAmountLowThreshold = waitingBytesMax / 4
  if (channel.readyState !== 'open') await channel.stateChanged.watch((state) => state === 'open')
  const raw: RawChannel = {
    send(message) {
      channel.send(Buffer.from(message.buffer, message.byteOffset, message.length))
      if (channel.bufferedAmount < waitingBytesMax) return undefined
      return channel.bufferedAmountLow.asPromise().then(() => {})
    },
    onMessage: () => {},
  }
  channel.onMessage.subscribe((data) => {
    if (typeof data !== 'string') raw.onMessage(data)
  })
  return raw
}
