/** A raw channel over a socket: each message after its length in four bytes. */

import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { RawChannel } from './raw-traffic.ts'

const lengthBytes = 4

export function socketChannel(socket: Socket): RawChannel {
  const channel: RawChannel = {
    send(message) {
      const length = Buffer.allocUnsafe(lengthBytes)
      length.writeUInt32BE(message.length)
      socket.cork()
      socket.write(length)
      const hasRoom = socket.write(message)
      socket.uncork()
      return hasRoom ? undefined : once(socket, 'drain').then(() => {})
    },
    onMessage: () => {},
  }
  const chunks: Buffer[] = []
  let heldBytes = 0
  let wantedBytes = lengthBytes
  let isLength = true
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    heldBytes += chunk.length
    while (heldBytes >= wantedBytes) {
      const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
      const part = bytes.subarray(0, wantedBytes)
      chunks.splice(0, chunks.length, bytes.subarray(wantedBytes))
      heldBytes -= wantedBytes
      if (!isLength) channel.onMessage(part)
      wantedBytes = isLength ? part.readUInt32BE() : lengthBytes
      isLength = !isLength
    }
  })
  return channel
}
