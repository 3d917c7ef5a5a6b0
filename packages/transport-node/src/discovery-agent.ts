/** What runs discovery of one kind on one interface, and what it is told and tells. */

import type { SaltedAppTag } from './app-tag.ts'
import type { HostClock } from './host-clock.ts'
import type { NetworkInterface } from './network-interfaces.ts'
import type { Sighting } from './discovered-addresses.ts'
import type { OpenMulticastPort } from './multicast-port.ts'

/** The service that is announced: this peer. */
export interface LocalService {
  readonly app: string
  /** Hex id. */
  readonly peer: string
  readonly appTag: SaltedAppTag
  /** The hosts of an interface that are listened at now; none when this peer only looks. */
  hostsOn(networkInterface: NetworkInterface): readonly string[]
  /** One for all hosts. */
  port(): number
}

export interface DiscoveryAgentOptions {
  readonly networkInterface: NetworkInterface
  readonly service: LocalService
  readonly clock: HostClock
  /** A random number from 0 to below 1, by which answers of several peers come apart. */
  readonly random: () => number
  readonly openPort: OpenMulticastPort
  readonly seen: (sighting: Omit<Sighting, 'interfaceName' | 'preference'>) => void
  /** Something came that is no datagram of that kind. */
  readonly malformed: () => void
  /** What an agent of that kind told of a peer holds no longer. */
  readonly lost: (kind: string, peer: string) => void
}

/** Runs from when it is made until `stop`. */
export interface DiscoveryAgent {
  /** What is listened at has changed: tells it. */
  announce(): void
  /** Says goodbye and ends. Resolves when its sockets are gone. */
  stop(): Promise<void>
}
