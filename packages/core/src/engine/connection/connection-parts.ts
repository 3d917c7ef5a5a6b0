/** What one connection is made of: the parts that its packets in and out have in common. */

import type { EngineContext } from '../context.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { PacketPort } from '../mesh/packet-port.ts'
import type { CongestionController } from './congestion.ts'
import type { ConnectionOutputs } from './connection-output.ts'
import type { DatagramQueue } from './datagram-queue.ts'
import type { LossRecovery } from './loss-recovery.ts'
import type { PacketProtection } from './packet-protection.ts'
import type { Parking } from './parking.ts'
import type { ReceivedPackets } from './received-packets.ts'
import type { StreamSet } from './stream-set.ts'

/** What lasts as long as the connection, whatever keys it has. */
export interface LastingParts {
  readonly context: EngineContext
  readonly peer: PeerId
  readonly packets: PacketPort
  readonly outputs: ConnectionOutputs
  readonly streams: StreamSet
  readonly datagrams: DatagramQueue
  readonly parking: Parking
}

/** Made once for each set of keys; whoever takes some of it names them. */
export interface ConnectionParts extends LastingParts {
  readonly protection: PacketProtection
  /** Numbers of the packets that came in. */
  readonly received: ReceivedPackets
  /** Packets that went out. */
  readonly recovery: LossRecovery
  /** By flow. */
  readonly congestion: readonly CongestionController[]
}
