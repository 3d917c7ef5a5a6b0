/** Peers in a row, each joined with the next by a channel, and a connection between the two ends. */

import type { Cryptography } from '../../../engine/crypto/cryptography.ts'
import { linkSizeClass, smallerSizeClass } from '../../../engine/mesh/size-class.ts'
import type { PathPeer } from './path-peer.ts'
import type { PathProfile } from './path-profile.ts'
import { PathWorld, type PathJoint } from './path-world.ts'

export interface Chain {
  readonly world: PathWorld
  readonly peers: readonly PathPeer[]
  readonly joints: readonly PathJoint[]
  readonly first: PathPeer
  readonly last: PathPeer
}

/** Time for links, routes and size probes. */
const settleMs = 5_000

/** How long connecting may take, in virtual time. */
const connectMsMax = 60_000

/** Joins as many peers as the hops ask for, and connects the ends. */
export function connectedChain(
  cryptography: Cryptography,
  seed: number,
  hops: readonly PathProfile[],
): Chain {
  const hasStaticRoutes = hops.length > 2
  const world = new PathWorld({ cryptography, seed, hasStaticRoutes })
  const peers = Array.from({ length: hops.length + 1 }, (_, index) =>
    world.addPeer(`peer ${index}`),
  )
  const joints = hops.map((profile, index) => world.join(peers[index]!, peers[index + 1]!, profile))
  if (hasStaticRoutes) {
    const classes = hops.map(({ traits }) => linkSizeClass(traits.cost))
    world.lay(peers, classes.reduce(smallerSizeClass))
  }
  world.run(settleMs)
  const [first, last] = [peers[0]!, peers.at(-1)!]
  connect(world, first, last)
  return { world, peers, joints, first, last }
}

/** Opens a connection between two peers, and waits until both ends have it. */
export function connect(world: PathWorld, from: PathPeer, to: PathPeer): void {
  let connected = 0
  for (const [peer, other] of [
    [from, to],
    [to, from],
  ] as const) {
    peer.listeners.push((output) => {
      if (output.type === 'connected' && output.peer === other.id) connected += 1
    })
  }
  from.do((nowMs) => from.connections.open(to.id, nowMs))
  world.run(world.nowMs + connectMsMax, () => connected === 2)
  if (connected < 2) throw new Error(`${from.name} and ${to.name} did not connect`)
}
