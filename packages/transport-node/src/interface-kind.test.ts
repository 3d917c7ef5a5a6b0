import { expect, test } from 'vitest'
import { costOfKind, interfaceKindOf, readInterfaceFacts, readMtu } from './interface-kind.ts'
import type { InterfaceFacts } from './interface-kind.ts'

const physical: InterfaceFacts = { deviceType: '', isPhysical: true }
const virtual: InterfaceFacts = { deviceType: '', isPhysical: false }

test.each([
  ['lo', true, virtual, 'loopback'],
  ['lo0', true, undefined, 'loopback'],
  ['awdl0', false, undefined, 'awdl'],
  // Whatever drives it: its name is what others know it by.
  ['awdl0', false, virtual, 'awdl'],
  ['aware_data0', false, physical, 'wifi-aware'],
  ['nan0', false, undefined, 'wifi-aware'],
  ['bnep0', false, virtual, 'bluetooth-pan'],
  ['enx0', false, { ...physical, deviceType: 'bluetooth' }, 'bluetooth-pan'],
  ['eth0', false, physical, 'ethernet'],
  ['enp3s0', false, undefined, 'ethernet'],
  ['Ethernet 2', false, undefined, 'ethernet'],
  ['en0', false, undefined, 'ethernet'],
  ['wlp2s0', false, { ...physical, deviceType: 'wlan' }, 'wifi'],
  ['uplink', false, { ...physical, deviceType: 'wlan' }, 'wifi'],
  ['wlan0', false, undefined, 'wifi'],
  ['Wi-Fi', false, undefined, 'wifi'],
  ['uplink', false, physical, 'ethernet'],
  ['uplink', false, undefined, 'unknown'],
  ['br0', false, { ...virtual, deviceType: 'bridge' }, 'ethernet'],
  ['docker0', false, { ...virtual, deviceType: 'bridge' }, 'virtual'],
  ['eth0', false, virtual, 'virtual'],
  ['utun3', false, undefined, 'virtual'],
  ['wg0', false, virtual, 'virtual'],
  ['wwan0', false, physical, 'cellular'],
  ['rmnet_data0', false, undefined, 'cellular'],
] as const)('%s (internal: %s, %j) is %s', (name, isInternal, facts, kind) => {
  expect(interfaceKindOf(name, isInternal, facts)).toBe(kind)
})

test('what a channel costs follows from the kind of its interface and how far its end is', () => {
  expect(costOfKind('ethernet', 'lan')).toEqual({ class: 'lan', metered: false })
  expect(costOfKind('wifi', 'wan')).toEqual({ class: 'wan', metered: false })
  expect(costOfKind('awdl', 'lan')).toEqual({ class: 'lan', metered: false })
  expect(costOfKind('bluetooth-pan', 'lan')).toEqual({ class: 'bluetooth', metered: false })
  expect(costOfKind('cellular', 'lan')).toEqual({ class: 'wan', metered: true })
})

test.each(['none such', '../../../etc', '..', '', 'eth0/../lo'])(
  'nothing is read of an interface that is none: %j',
  (name) => {
    expect(readMtu(name)).toBeUndefined()
    expect(readInterfaceFacts(name)).toBeUndefined()
  },
)
