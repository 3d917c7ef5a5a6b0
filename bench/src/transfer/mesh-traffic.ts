/** Traffic over streams of a mesh, end to end encrypted. */

import type { Mesh, MeshStream } from '@fieldmesh/core'
import { messageBytes, requestBytes, type Traffic } from './traffic.ts'

const transferProtocol = 'bench/transfer'
const askProtocol = 'bench/ask'

/** Counts what arrives and answers what is asked, until the mesh closes. */
export function serveTraffic(mesh: Mesh): void {
  mesh.acceptStreams(transferProtocol, (stream) => void ended(confirmEach(stream)))
  mesh.acceptStreams(askProtocol, (stream) => void ended(echo(stream)))
}

/** A way to the peer: a stream in bulk, and one for requests. */
export async function meshTraffic(mesh: Mesh, peer: string): Promise<Traffic> {
  const asking = await mesh.openStream(peer, { protocol: askProtocol, priority: 'interactive' })
  const answers = asking.readable.getReader()
  const requests = asking.writable.getWriter()
  const request = new Uint8Array(requestBytes).fill(1)
  const message = new Uint8Array(messageBytes).fill(2)
  return {
    async send(bytes) {
      const stream = await mesh.openStream(peer, { protocol: transferProtocol, priority: 'bulk' })
      const writer = stream.writable.getWriter()
      for (let left = bytes; left > 0; left -= messageBytes) {
        await writer.ready
        writer.write(message.subarray(0, Math.min(left, messageBytes))).catch(() => {})
      }
      const closed = writer.close()
      await readToEnd(stream)
      await closed
    },
    async ask() {
      await requests.write(request)
      for (let received = 0; received < requestBytes;) {
        const { value } = await answers.read()
        if (value === undefined) throw new Error('the stream of answers ended')
        received += value.length
      }
    },
  }
}

/** Ends its own direction when the other end's has come to its end. */
async function confirmEach(stream: MeshStream): Promise<void> {
  await readToEnd(stream)
  await stream.writable.close()
}

async function readToEnd({ readable }: MeshStream): Promise<void> {
  const reader = readable.getReader()
  while (!(await reader.read()).done);
}

async function echo({ readable, writable }: MeshStream): Promise<void> {
  const writer = writable.getWriter()
  const reader = readable.getReader()
  for (;;) {
    const { value, done } = await reader.read()
    if (done) return
    await writer.write(value)
  }
}

/** A stream that breaks when its mesh closes is no news here. */
async function ended(serving: Promise<void>): Promise<void> {
  await serving.catch(() => {})
}
