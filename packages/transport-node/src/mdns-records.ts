/**
 * The service of a peer in the words of DNS (rule DS9 of docs/specs/discovery.md; RFC 6762, RFC 6763):
 * its records, and what the records of others say.
 */

import type { Answer } from 'dns-packet'
import { isAppTag } from './app-tag.ts'
import type { LocalService } from './discovery-agent.ts'
import { isLinkLocalIpv6 } from './network-interfaces.ts'
import type { NetworkInterface } from './network-interfaces.ts'

/** The type of the service. */
export const serviceName = '_fieldmesh._udp.local'
/** Where the types of all services are listed (RFC 6763, section 9). */
export const typesName = '_services._dns-sd._udp.local'

/** Seconds for which records hold that change with the network (RFC 6762, section 10), and the others. */
export const hostTtlS = 120
export const sharedTtlS = 4500

/** Of what a TXT record says; later versions may say more. */
const txtVersion = 1
/** Texts read of one TXT record. */
const txtEntriesMax = 32

/** The name of a peer's service, and of the host that the library takes itself for. */
export function instanceNameOf(peer: string): string {
  return `fieldmesh-${peer}.${serviceName}`
}

/** All records of a service on an interface; none where it is not listened at. */
export function recordsOf(
  service: LocalService,
  networkInterface: NetworkInterface,
): readonly Answer[] {
  const hosts = service.hostsOn(networkInterface)
  if (hosts.length === 0) return []
  const instance = instanceNameOf(service.peer)
  // A name of its own: the system's mDNS answers for the machine's.
  const target = `fieldmesh-${service.peer}.local`
  const { salt, tag } = service.appTag
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
  const txt = [`v=${txtVersion}`, `p=${service.peer}`, `s=${hex(salt)}`, `t=${hex(tag)}`]
  return [
    { type: 'PTR', name: typesName, ttl: sharedTtlS, data: serviceName },
    { type: 'PTR', name: serviceName, ttl: sharedTtlS, data: instance },
    {
      type: 'SRV',
      name: instance,
      ttl: hostTtlS,
      flush: true,
      data: { priority: 0, weight: 0, port: service.port(), target },
    },
    { type: 'TXT', name: instance, ttl: hostTtlS, flush: true, data: txt },
    ...hosts.map((host): Answer => {
      const data = host.replace(/%.*$/, '')
      return {
        type: data.includes(':') ? 'AAAA' : 'A',
        name: target,
        ttl: hostTtlS,
        flush: true,
        data,
      }
    }),
  ]
}

/** The peer that a TXT record names; undefined if it is of another app, or malformed. */
export function peerOfTxt(app: string, data: unknown): string | undefined {
  if (!Array.isArray(data)) return undefined
  const values = new Map<string, string>()
  for (const entry of data.slice(0, txtEntriesMax) as readonly unknown[]) {
    const [, key, value] =
      /^([a-z]+)=(.*)$/i.exec(Buffer.isBuffer(entry) ? entry.toString('latin1') : '') ?? []
    if (key !== undefined && value !== undefined && !values.has(key))
      values.set(key.toLowerCase(), value)
  }
  const peer = values.get('p') ?? ''
  const salt = Buffer.from(values.get('s') ?? '', 'hex')
  const tag = Buffer.from(values.get('t') ?? '', 'hex')
  if (values.get('v') !== String(txtVersion) || !/^[0-9a-f]{16}$/.test(peer)) return undefined
  return isAppTag(app, { salt, tag }) ? peer : undefined
}

/** An address of a record as it is dialled from an interface: link-local ones get its zone. */
export function dialledHost(address: string, networkInterface: NetworkInterface): string {
  if (!isLinkLocalIpv6(address)) return address
  const scoped = networkInterface.addresses.find(({ host }) => host.includes('%'))?.host
  return `${address}%${scoped?.split('%')[1] ?? networkInterface.name}`
}
