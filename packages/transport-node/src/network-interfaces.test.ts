import { expect, test } from 'vitest'
import { InterfaceWatch, isOnLink } from './network-interfaces.ts'
import type { InterfaceAddress, NetworkInterface } from './network-interfaces.ts'

const own = { interfaceName: 'eth0', kind: 'ethernet', isInternal: false } as const
const networkInterface: NetworkInterface = {
  name: 'eth0',
  addresses: [
    { ...own, host: '10.0.0.1', family: 4, prefixBits: 24 },
    { ...own, host: '2001:db8::1', family: 6, prefixBits: 64 },
    { ...own, host: 'fe80::1%eth0', family: 6, prefixBits: 64 },
  ],
}

test.each([
  ['10.0.0.200', true],
  ['10.0.1.1', false],
  ['8.8.8.8', false],
  ['2001:db8::77', true],
  ['2001:db8:1::77', false],
  ['fe80::77%eth0', true],
  // Heard by this socket, but on another link.
  ['fe80::77%eth1', false],
  ['fe80::77', false],
  ['::ffff:10.0.0.200', false],
  ['hub.local', false],
  ['', false],
])('[DS10] whether %s is on the link of an interface: %s', (host, isThere) => {
  expect(isOnLink(host, networkInterface)).toBe(isThere)
})

test('[LK42] a change is told when interfaces or their addresses are others than before, and not else', () => {
  let look: () => void = () => undefined
  let addresses: readonly InterfaceAddress[] = networkInterface.addresses
  const told: string[] = []
  const watch = new InterfaceWatch({
    clock: {
      nowMs: () => 0,
      after: (_delayMs, run) => {
        look = run
        return () => undefined
      },
    },
    read: () => addresses,
    seen: (seen) => told.push(`seen ${seen.length}`),
    changed: () => told.push('changed'),
  })
  look()
  addresses = addresses.slice(1)
  look()
  look()
  addresses = [{ ...own, interfaceName: 'wlan0', host: '10.0.0.1', family: 4, prefixBits: 24 }]
  look()
  watch.stop()
  expect(told).toEqual(['seen 3', 'seen 3', 'changed', 'seen 2', 'seen 2', 'changed', 'seen 1'])
})
