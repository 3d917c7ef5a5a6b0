import type { Channel, Transport, TransportHost } from '@fieldmesh/core/transport'
import { afterEach, expect, test } from 'vitest'
import { webrtc } from '../node.ts'

const started: Transport[] = []

afterEach(async () => {
  await Promise.all(started.splice(0).map(async (transport) => transport.stop()))
})

async function start(localPeer: string): Promise<Required<Transport>> {
  const transport = webrtc()
  const host: TransportHost = {
    localPeer,
    accepted: () => undefined,
    addressFound: () => undefined,
    addressLost: () => undefined,
    networkChanged: () => undefined,
    sendSignal: () => undefined,
  }
  await transport.start(host)
  started.push(transport)
  return transport as Required<Transport>
}

/** The next message; the channel is attached. */
async function received(channel: Channel): Promise<string> {
  return new Promise((resolve) => {
    channel.attach({
      received: (bytes) => resolve(new TextDecoder().decode(bytes)),
      drained: () => undefined,
      closed: () => undefined,
    })
  })
}

const live = () => new AbortController().signal

test('[IV9] [IV10] two notes make a channel, over which both ends know the same binding', async () => {
  const [one, two] = [await start('00000000000000aa'), await start('00000000000000bb')]
  const offered = await one.meetings.offer(live())
  const joined = await two.meetings.join(offered.description, live())
  const [near, far] = await Promise.all([offered.accept(joined.description), joined.channel])
  expect(near.traits).toMatchObject({ reliable: true, ordered: true, encrypted: true })
  expect(near.traits.binding).toHaveLength(64)
  expect(far.traits.binding).toEqual(near.traits.binding)
  const [atOne, atTwo] = [received(near), received(far)]
  near.send(new TextEncoder().encode('from one'))
  far.send(new TextEncoder().encode('from two'))
  expect(await Promise.all([atOne, atTwo])).toEqual(['from two', 'from one'])
})
