/** The raw channel of WebRTC in a page: kept between 64 and 256 KiB full, which is its best. */

import type { RawChannel } from './raw-traffic.ts'

const highMarkBytes = 256 * 1024
const lowMarkBytes = 64 * 1024

/** Resolves when the channel is open. */
export async function openDataChannel(channel: RTCDataChannel): Promise<RawChannel> {
  channel.binaryType = 'arraybuffer'
  channel.bufferedAmountLowThreshold = lowMarkBytes
  if (channel.readyState !== 'open') await event(channel, 'open')
  const raw: RawChannel = {
    send(message) {
      channel.send(message as Uint8Array<ArrayBuffer>)
      return channel.bufferedAmount < highMarkBytes
        ? undefined
        : event(channel, 'bufferedamountlow')
    },
    onMessage: () => {},
  }
  channel.onmessage = ({ data }) => {
    raw.onMessage(new Uint8Array(data as ArrayBuffer))
  }
  return raw
}

async function event(target: EventTarget, name: string): Promise<void> {
  return new Promise((resolve) => {
    target.addEventListener(name, () => resolve(), { once: true })
  })
}
