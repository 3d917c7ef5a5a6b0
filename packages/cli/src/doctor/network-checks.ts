/** Checks of the network of this machine: its interfaces, and whether two peers find each other on them. */

import { randomBytes } from 'node:crypto'
import { openMesh, type Mesh } from '@fieldmesh/core'
import { udp, type DiscoveryKind, type UsedInterface } from '@fieldmesh/transport-node'
import type { Check } from './check.ts'

/** What passes on the way of each kind of discovery. */
const remediesByKind: Readonly<Record<DiscoveryKind, string>> = {
  mdns: 'Let UDP port 5353 pass the firewall, or give peers the addresses of others.',
  multicast:
    'Let multicast over IPv6 pass (ff02::/16), or use mDNS, or give peers the addresses of others.',
}

/** Which interfaces peers are looked for on, and of what kind they are. */
export function checkInterfaces(interfaces: readonly UsedInterface[]): Check {
  const name = 'interfaces'
  const used = interfaces.filter(({ kind }) => kind !== 'loopback')
  if (used.length === 0) {
    return {
      name,
      status: 'warning',
      message: 'There is no interface but the loopback.',
      remedy: 'Join a network; until then only peers on this machine are reached.',
    }
  }
  const list = used.map((one) => `${one.name} (${one.kind})`)
  return { name, status: 'ok', message: `${list.join(', ')}.` }
}

/** Two peers of an app of their own look for each other, over the interfaces of this machine. */
export async function checkDiscovery(kind: DiscoveryKind, patienceMs: number): Promise<Check> {
  const name = kind
  const app = `doctor-${randomBytes(8).toString('hex')}`
  const options = { app, secret: randomBytes(32).toString('hex') }
  const open = async (): Promise<Mesh> => {
    const transport = udp({ listen: { port: 0 }, discovery: { app, kinds: [kind] } })
    return openMesh({ ...options, transports: [transport] })
  }
  const beganAtMs = performance.now()
  const meshes = await Promise.all([open(), open()])
  try {
    const isMet = await linked(meshes[0], 1, patienceMs)
    const tookMs = Math.round(performance.now() - beganAtMs)
    if (isMet) return { name, status: 'ok', message: `Two peers met within ${tookMs} ms.` }
    const message = `Two peers on this machine did not meet within ${patienceMs} ms.`
    return { name, status: 'warning', message, remedy: remediesByKind[kind] }
  } finally {
    await Promise.all(meshes.map((mesh) => mesh.close()))
  }
}

/** True as soon as the mesh has links to so many peers; false when that takes longer. */
export async function linked(mesh: Mesh, count: number, patienceMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => settle(false), patienceMs)
    const observation = mesh.presence.observe(({ peers }) => {
      if (peers.filter(({ hopCount }) => hopCount === 1).length < count) return
      // The first call comes from inside of `observe`.
      queueMicrotask(() => settle(true))
    })
    const settle = (isLinked: boolean): void => {
      clearTimeout(timer)
      observation.stop()
      resolve(isLinked)
    }
  })
}
