import { localEnd } from '@fieldmesh/core/testing'
import { expect, test } from 'vitest'
import { udp } from './index.ts'
import { chosenAddresses } from './interface-choice.ts'
import type { InterfaceKind } from './interface-kind.ts'

function address(interfaceName: string, kind: InterfaceKind) {
  const rest = { host: '10.0.0.1', family: 4, prefixBits: 24, isInternal: false } as const
  return { interfaceName, kind, ...rest }
}

const addresses = [
  address('lo', 'loopback'),
  address('awdl0', 'awdl'),
  address('docker0', 'virtual'),
  address('eth0', 'ethernet'),
  address('wlan0', 'wifi'),
]

test('[DS12] interfaces are avoided and preferred by name and by kind', () => {
  const choice = { prefer: ['wlan0', 'ethernet'], avoid: ['virtual', 'lo'] }
  const names = chosenAddresses(addresses, choice).map(({ interfaceName }) => interfaceName)
  expect(names).toEqual(['wlan0', 'eth0', 'awdl0'])
  expect(chosenAddresses(addresses, {})).toEqual(addresses)
})

test('[DS12] what is avoided is not listened at, and not shown', async () => {
  const transport = udp({ listen: { port: 0 }, interfaces: { avoid: ['loopback'] } })
  const end = localEnd(transport, '00000000000000aa')
  await end.start()
  expect(transport.listening.map(({ host }) => host)).not.toContain('127.0.0.1')
  expect(transport.interfaces.map(({ kind }) => kind)).not.toContain('loopback')
  await end.stop()
})

test('interfaces are shown with their kind', () => {
  const loopback = udp().interfaces.find(({ kind }) => kind === 'loopback')
  expect(loopback?.name).toMatch(/^lo/i)
})
