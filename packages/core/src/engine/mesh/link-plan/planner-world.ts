/** A planner under test, and the mesh that it sees. */

import { createFlightRecorder } from '../../../recorder/recorder.ts'
import type { ChannelCost } from '../../../transport/channel.ts'
import { nobleCryptography } from '../../crypto/noble.ts'
import { SeededRandom } from '../../crypto/random.ts'
import { encodePeerId, type PeerId } from '../../identity/peer-id.ts'
import type { DialReport } from '../../link/dialer.ts'
import type { LinkDescription } from '../../link/link-port.ts'
import {
  emptyPresenceContent,
  type PresenceRecord,
  type PresenceTransport,
} from '../presence-record.ts'
import type { LinkAccount } from './link-account.ts'
import { LinkPlanner, type LinkPlannerOutput } from './link-planner.ts'
import type { MeshView } from './mesh-view.ts'

export const webrtc: PresenceTransport = {
  name: 'webrtc',
  canDial: true,
  canListen: true,
  needsSignalling: true,
  needsUserGesture: false,
}
export const websocket: PresenceTransport = { ...webrtc, name: 'websocket', needsSignalling: false }

/** The peer of that number; the planner's own is 100. */
export function peerOf(number: number): PeerId {
  return encodePeerId(Uint8Array.of(0, 0, 0, 0, 0, 0, number >> 8, number & 0xff))
}

/** See the file header. Peers are numbers. */
export class PlannerWorld {
  readonly planner: LinkPlanner
  readonly links = new Map<PeerId, LinkDescription>()
  readonly records = new Map<PeerId, PresenceRecord>()
  readonly hops = new Map<PeerId, number>()
  transports: readonly PresenceTransport[] = [webrtc]
  nowMs = 0

  constructor(seed = 0) {
    this.planner = new LinkPlanner({
      random: new SeededRandom(new Uint8Array(32).fill(seed)),
      cryptography: nobleCryptography,
      recorder: createFlightRecorder().recorder,
    })
  }

  /** The peer is reachable, and tells of these transports and links. */
  seen(
    number: number,
    {
      transports = [webrtc],
      neighbours = [],
      hopCount = 2,
    }: {
      transports?: readonly PresenceTransport[]
      neighbours?: readonly number[]
      hopCount?: number
    } = {},
  ): void {
    const peer = peerOf(number)
    this.records.set(peer, {
      peer,
      epoch: 1,
      sequence: 1,
      farewell: false,
      publicKey: '',
      ...emptyPresenceContent,
      transports,
      neighbours: neighbours.map((neighbour) => ({
        peer: peerOf(neighbour),
        transport: 'webrtc',
        cost: { class: 'lan', metered: false },
        rttStep: 0,
        qualityStep: 0,
      })),
    })
    if (!this.links.has(peer)) this.hops.set(peer, hopCount)
    this.planner.reachabilityChanged()
  }

  gone(number: number): void {
    this.hops.delete(peerOf(number))
    this.records.delete(peerOf(number))
    this.planner.reachabilityChanged()
  }

  link(number: number, transport = 'webrtc', costClass: ChannelCost['class'] = 'lan'): void {
    const peer = peerOf(number)
    const cost = { class: costClass, metered: false }
    const isNew = !this.links.has(peer)
    this.links.set(peer, {
      peer,
      publicKey: new Uint8Array(32),
      transport,
      cost,
      rttMs: 1,
      isSuspect: false,
    })
    this.hops.set(peer, 1)
    if (isNew) this.planner.linkUp(peer, this.nowMs)
  }

  unlink(number: number, reason: Parameters<LinkPlanner['linkDown']>[1] = 'channel-lost'): void {
    this.links.delete(peerOf(number))
    this.hops.set(peerOf(number), 2)
    this.planner.linkDown(peerOf(number), reason, this.nowMs)
  }

  /** Layer 1 tells of a wanted peer, or of an address. */
  told(report: Partial<DialReport> & Pick<DialReport, 'address' | 'state'>): void {
    this.planner.targetChanged(
      {
        transport: 'webrtc',
        isWanted: false,
        isDiscovered: false,
        peer: undefined,
        reason: '',
        failures: 0,
        nextTryAtMs: Infinity,
        ...report,
      },
      this.nowMs,
    )
  }

  /** What is decided by then, one look after the other as deadlines have it. */
  decide(untilMs = this.nowMs): readonly string[] {
    const decided: string[] = []
    for (;;) {
      this.planner.reconsider(this.view(), this.nowMs)
      for (let next = this.planner.poll(); next !== undefined; next = this.planner.poll()) {
        decided.push(textOf(next))
      }
      const nextMs = Math.max(this.planner.nextDeadlineMs(), this.nowMs + 0.001)
      if (nextMs > untilMs) break
      this.nowMs = nextMs
    }
    this.nowMs = untilMs
    return decided
  }

  /** The account of a peer: its state and reason. */
  account(number: number): string | undefined {
    const found = this.accounts().find(({ peer }) => peer === peerOf(number))
    return found && `${found.state} ${found.reason}`
  }

  accounts(): readonly LinkAccount[] {
    return this.planner.accounts(this.view(), this.nowMs)
  }

  view(): MeshView {
    return {
      local: peerOf(100),
      transports: this.transports,
      links: this.links,
      reachable: () => [...this.hops.keys()],
      hopCount: (peer) => this.hops.get(peer),
      record: (peer) => this.records.get(peer),
      records: () => this.records.values(),
    }
  }
}

function textOf(output: LinkPlannerOutput): string {
  if (output.type === 'hold-address') {
    return `${output.isHeld ? 'hold' : 'release'} ${output.address}`
  }
  return `${output.type.split('-')[0]} ${Number.parseInt(output.peer, 16)}`
}
