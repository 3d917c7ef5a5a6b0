import { describe, expect, test } from 'vitest'
import { localEnd, MemoryNetwork, memoryTransport, transportSuite } from './index.ts'

describe('memory transport', () => {
  transportSuite({
    test,
    capabilities: {
      canListen: true,
      canDial: true,
      needsUserGesture: false,
      needsSignalling: false,
    },
    traits: { encrypted: false, costClass: 'lan' },
    factory: async () => {
      const network = new MemoryNetwork()
      return {
        dialler: localEnd(memoryTransport({ network }), '00000000000000aa'),
        listener: localEnd(memoryTransport({ network, address: 'hub' }), '00000000000000bb'),
        address: () => 'hub',
        nowhere: { address: 'nobody', reason: 'refused' },
      }
    },
  })
})

test('a severed memory channel is lost at both ends', async () => {
  const network = new MemoryNetwork()
  const dialler = localEnd(memoryTransport({ network, dial: ['hub'] }), '00000000000000aa')
  const listener = localEnd(memoryTransport({ network, address: 'hub' }), '00000000000000bb')
  await Promise.all([dialler.start(), listener.start()])
  expect(await dialler.addressesFound()).toEqual(['hub'])
  expect(await dialler.dial('hub')).toEqual({ type: 'open', channel: 0 })
  await listener.attach(await listener.accepted())
  await dialler.attach(0)
  network.sever('hub')
  expect(await dialler.closed(0)).toBe('lost')
  expect(await listener.closed(0)).toBe('lost')
  await Promise.all([dialler.stop(), listener.stop()])
})
