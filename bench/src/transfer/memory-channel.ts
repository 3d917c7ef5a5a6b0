/** The raw channel of the memory transport: what the mesh above it stands on. */

import { MemoryNetwork, memoryTransport } from '@fieldmesh/core/testing'
import type { Channel, TransportHost } from '@fieldmesh/core/transport'
import type { RawChannel } from './raw-traffic.ts'

/** Two ends of one channel. */
export async function openMemoryChannels(): Promise<{
  readonly ends: readonly [RawChannel, RawChannel]
  readonly close: () => Promise<void>
}> {
  const network = new MemoryNetwork()
  const listener = memoryTransport({ network, address: 'listener' })
  const dialler = memoryTransport({ network })
  const accepted = new Promise<Channel>((resolve) => {
    void listener.start(hostOf(resolve))
  })
  await dialler.start(hostOf(() => {}))
  const dialled = await dialler.dial('listener', AbortSignal.timeout(10_000))
  return {
    ends: [rawChannel(dialled), rawChannel(await accepted)],
    async close() {
      await Promise.all([listener.stop(), dialler.stop()])
    },
  }
}

function hostOf(accepted: (channel: Channel) => void): TransportHost {
  const nothing = () => {}
  return {
    localPeer: '00'.repeat(8),
    accepted,
    addressFound: nothing,
    addressLost: nothing,
    networkChanged: nothing,
    sendSignal: nothing,
  }
}

function rawChannel(channel: Channel): RawChannel {
  let drained = () => {}
  const raw: RawChannel = {
    async send(message) {
      while (channel.send(message) === 'full') {
        await new Promise<void>((resolve) => {
          drained = resolve
        })
      }
    },
    onMessage: () => {},
  }
  channel.attach({
    received(bytes) {
      raw.onMessage(bytes)
    },
    drained() {
      drained()
    },
    closed() {},
  })
  return raw
}
