/** What a network interface is, told by its name and by what Linux says of it. */

import { existsSync, readFileSync } from 'node:fs'
import type { ChannelCost } from '@fieldmesh/core/transport'

/**
 * `awdl` (Apple Wireless Direct Link) and `wifi-aware` join devices without a network;
 * `bluetooth-pan` is IP over Bluetooth; `virtual` leads to containers, virtual machines and tunnels;
 * `unknown` is an interface whose name says nothing, where the system says nothing either.
 */
export type InterfaceKind =
  | 'ethernet'
  | 'wifi'
  | 'awdl'
  | 'wifi-aware'
  | 'bluetooth-pan'
  | 'cellular'
  | 'virtual'
  | 'loopback'
  | 'unknown'

/** What Linux says of an interface. */
export interface InterfaceFacts {
  /** `wlan`, `bluetooth`, `wwan`, `bridge`; empty for most. */
  readonly deviceType: string
  /** It has a device of its own, and not only a driver's word. */
  readonly isPhysical: boolean
}

/** Names of interfaces whose names are theirs alone, on whatever system. */
const kindsByName: readonly [RegExp, InterfaceKind][] = [
  [/^awdl\d+$/, 'awdl'],
  [/^(?:aware_data|aware_nmi|nan)\d+$/, 'wifi-aware'],
  [/^(?:bnep|bt-pan|pan)\d+$/, 'bluetooth-pan'],
  [/^(?:wwan|rmnet|rmnet_data|ccmni|pdp_ip)\d+$/, 'cellular'],
  [
    /^(?:docker|veth|virbr|vmnet|vboxnet|vnet|br-|utun|tun|tap|wg|tailscale|zt|ppp|ifb|dummy)/,
    'virtual',
  ],
]

/** Names by which systems call what is most common, where they say nothing better. */
const usualNames: readonly [RegExp, InterfaceKind][] = [
  [/^(?:wl|ath|ra)\w*\d|^Wi-?Fi/i, 'wifi'],
  // macOS calls Wi-Fi so as well.
  [/^(?:eth|en|em)\w*\d|^Ethernet/i, 'ethernet'],
]

/** The kind of an interface; `facts` where the system tells them. */
export function interfaceKindOf(
  name: string,
  isInternal: boolean,
  facts: InterfaceFacts | undefined,
): InterfaceKind {
  if (isInternal) return 'loopback'
  const named = kindNamed(name, kindsByName)
  if (named) return named
  switch (facts?.deviceType) {
    case 'wlan':
      return 'wifi'
    case 'bluetooth':
      return 'bluetooth-pan'
    case 'wwan':
      return 'cellular'
    case 'bridge':
    case 'vlan':
    case 'bond':
      // They stand for the devices in them.
      return 'ethernet'
    default: {
      const usual = kindNamed(name, usualNames) ?? 'unknown'
      if (!facts) return usual
      if (facts.isPhysical) return usual === 'unknown' ? 'ethernet' : usual
      return 'virtual'
    }
  }
}

/** What Linux says of an interface; undefined elsewhere. */
export function readInterfaceFacts(name: string): InterfaceFacts | undefined {
  const folder = interfaceFolder(name)
  if (folder === undefined) return undefined
  try {
    const events = readFileSync(`${folder}/uevent`, 'latin1')
    const deviceType = /^DEVTYPE=(\w+)$/m.exec(events)?.[1] ?? ''
    return { deviceType, isPhysical: existsSync(`${folder}/device`) }
  } catch {
    return undefined
  }
}

/** The MTU of an interface, in bytes; undefined where the system does not tell (only Linux does). */
export function readMtu(name: string): number | undefined {
  const folder = interfaceFolder(name)
  if (folder === undefined) return undefined
  try {
    const mtuBytes = Number(readFileSync(`${folder}/mtu`, 'latin1'))
    return mtuBytes > 0 ? mtuBytes : undefined
  } catch {
    return undefined
  }
}

/** What a channel costs by an interface of that kind, to a host as far away as that. */
export function costOfKind(kind: InterfaceKind, distance: 'lan' | 'wan'): ChannelCost {
  switch (kind) {
    case 'bluetooth-pan':
      return { class: 'bluetooth', metered: false }
    case 'cellular':
      return { class: 'wan', metered: true }
    default:
      return { class: distance, metered: false }
  }
}

/** Where Linux tells of an interface; undefined for a name that cannot be part of a path. */
function interfaceFolder(name: string): string | undefined {
  return /^\w[\w.@:-]*$/.test(name) ? `/sys/class/net/${name}` : undefined
}

function kindNamed(
  name: string,
  kinds: readonly [RegExp, InterfaceKind][],
): InterfaceKind | undefined {
  return kinds.find(([pattern]) => pattern.test(name))?.[1]
}
