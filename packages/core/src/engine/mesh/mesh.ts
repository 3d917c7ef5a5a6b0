/**
 * The mesh layer (layer 2): packets to any reachable peer, who is there, and who should be linked.
 *
 * Composes router, forwarding, presence and the planner of links, and carries news from one to the other;
 * it decides nothing itself. Implements docs/specs/mesh.md.
 */

import type { TransportCapabilities } from '../../transport/transport.ts'
import { assert, unreachable } from '../assert.ts'
import type { EngineContext } from '../context.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { libraryVersion } from '../library-version.ts'
import type { LinkDownReason } from '../link/close-reason.ts'
import type { DialReport, GiveUpReason } from '../link/dialer.ts'
import { payloadBytesOf } from '../link/frame.ts'
import type {
  FramePayload,
  LinkDescription,
  LinkPort,
  MeshFrameKind,
  Priority,
} from '../link/link-port.ts'
import { Forwarding, type ForwardingOutput } from './forwarding.ts'
import type { LinkAccount } from './link-plan/link-account.ts'
import { LinkPlanner, type LinkPlannerOutput } from './link-plan/link-planner.ts'
import type { MeshView } from './link-plan/mesh-view.ts'
import { qualityStepOf, type QualityStep } from './link-quality.ts'
import { linkBytesPerSecond, linkMetric } from './metric.ts'
import { packetBytesMax, packetHeaderBytes } from './packet.ts'
import type { PacketPort, PacketSendResult } from './packet-port.ts'
import {
  boundedProfile,
  presenceContentOf,
  type LocalLink,
  type PresenceProfile,
} from './presence-content.ts'
import { presenceGraphOf, type PresenceGraph } from './presence-graph.ts'
import type { PresenceTransport, RecordSigner } from './presence-record.ts'
import { Presence } from './presence.ts'
import type { NeighbourQuality, RouteChange, Router } from './router.ts'
import { DistanceVectorRouter } from './routing/distance-vector-router.ts'
import { rttStepOf, type RttStep } from './rtt-step.ts'
import { linkSizeClass, packetBytesByClass } from './size-class.ts'

/** Links are reconsidered at most this often: changes come in groups. */
const reconsiderIntervalMs = 100

export interface MeshOptions {
  readonly identity: RecordSigner
  /** Boot of this peer; greater than at any earlier boot. */
  readonly epoch: number
  /** Shown to others; cut to 64 characters. */
  readonly name: string
  /** Shown to others: what this peer runs on, at most 32 bytes. */
  readonly platform: string
  /** Shown to others; the first 16 entries of at most 256 bytes each. */
  readonly metadata: Readonly<Record<string, string>>
  /** Another way to find routes than the distance vector protocol. */
  readonly router?: () => Router
}

/** What the mesh tells the layers above. */
export type MeshOutput =
  | ForwardingOutput
  | LinkPlannerOutput
  | { readonly type: 'peer-reachable'; readonly peer: PeerId; readonly hopCount: number }
  /**
   * Next hop, hop count or packet size changed: what was measured of the path holds no more.
   * `isFormerGone`: nor does the former path, and what was under way on it is lost.
   */
  | {
      readonly type: 'path-changed'
      readonly peer: PeerId
      readonly hopCount: number
      readonly isFormerGone: boolean
    }
  | { readonly type: 'peer-unreachable'; readonly peer: PeerId }
  /** `graph` has something new. */
  | { readonly type: 'presence-changed' }

interface MeshLink extends LocalLink {
  description: LinkDescription
  rttStep: RttStep
  qualityStep: QualityStep
}

/** Layer 2 of one peer. */
export class Mesh implements PacketPort {
  readonly #context: EngineContext
  readonly #local: PeerId
  readonly #publicKey: Uint8Array
  readonly #profile: PresenceProfile
  readonly #router: Router
  readonly #forwarding: Forwarding
  readonly #presence: Presence
  readonly #planner: LinkPlanner
  readonly #transports = new Map<string, PresenceTransport>()
  readonly #links = new Map<PeerId, MeshLink>()
  readonly #outputs: MeshOutput[] = []
  #reconsideredAtMs = -Infinity
  #reconsiderDeadlineMs = Infinity
  #stopped = false

  constructor(context: EngineContext, options: MeshOptions, links: LinkPort) {
    const { identity, epoch } = options
    this.#context = context
    this.#local = identity.peer
    this.#publicKey = identity.publicKey
    const { name, platform, metadata } = options
    this.#profile = boundedProfile({ name, platform, libraryVersion, metadata })
    this.#router =
      options.router?.() ?? new DistanceVectorRouter(context, this.#local, epoch, links)
    this.#forwarding = new Forwarding(context, this.#local, this.#router, links)
    const isRouted = (peer: PeerId): boolean => this.#router.route(peer) !== undefined
    this.#presence = new Presence(context, identity, epoch, links, isRouted)
    this.#planner = new LinkPlanner(context)
  }

  /** Others learn that this peer runs the transport. */
  transportStarted(name: string, capabilities: TransportCapabilities, nowMs: number): void {
    this.#transports.set(name, { name, ...capabilities })
    this.#localChanged(nowMs)
  }

  transportStopped(name: string, nowMs: number): void {
    if (this.#transports.delete(name)) this.#localChanged(nowMs)
  }

  /** A link to a neighbour is up. */
  linkUp(link: LinkDescription, nowMs: number): void {
    const { peer } = link
    assert(peer !== this.#local, 'a link leads to another peer')
    if (this.#links.has(peer)) this.linkDown(peer, nowMs)
    this.#links.set(peer, {
      description: link,
      rttStep: rttStepOf(link.rttMs, 0),
      qualityStep: qualityStepOf(link, 0),
    })
    this.#planner.linkUp(peer, nowMs)
    const quality = qualityOf(link)
    const { mesh } = this.#context.recorder
    mesh.neighbourUp.record(peer, link.transport, quality.metric)
    mesh.neighbours.set(this.#links.size)
    this.#router.neighbourUp(peer, quality, nowMs)
    this.#presence.neighbourUp(peer, quality.bytesPerSecond, nowMs)
    this.#localChanged(nowMs)
  }

  /**
   * Its active channel, cost or what is measured of it changed. `arePacketsGivenUp`: of the packets that it had taken some
   * will not come.
   */
  linkChanged(link: LinkDescription, arePacketsGivenUp: boolean, nowMs: number): void {
    const known = this.#links.get(link.peer)
    if (known === undefined) return
    const { description, rttStep, qualityStep } = known
    known.description = link
    known.rttStep = rttStepOf(link.rttMs, rttStep)
    known.qualityStep = qualityStepOf(link, qualityStep)
    const quality = qualityOf(link)
    this.#router.neighbourChanged(link.peer, quality, nowMs)
    this.#presence.neighbourChanged(link.peer, quality.bytesPerSecond)
    if (arePacketsGivenUp) this.#tellPathsGone(link.peer, nowMs)
    const isMeasureNews = known.rttStep !== rttStep || known.qualityStep !== qualityStep
    const isNews = isMeasureNews || !isSameChannel(description, link)
    if (isNews) this.#localChanged(nowMs)
    else this.#carryRouteChanges(nowMs)
  }

  /** The link is gone. */
  linkDown(peer: PeerId, nowMs: number, reason?: LinkDownReason): void {
    if (!this.#links.delete(peer)) return
    this.#planner.linkDown(peer, reason, nowMs)
    const { mesh } = this.#context.recorder
    mesh.neighbourDown.record(peer)
    mesh.neighbours.set(this.#links.size)
    this.#router.neighbourDown(peer, nowMs)
    // Routes first: what waited for this link then finds its new path, or parking open.
    this.#carryRouteChanges(nowMs)
    this.#forwarding.linkDown(peer, nowMs)
    this.#presence.neighbourDown(peer, nowMs)
    this.#localChanged(nowMs)
  }

  /** Layer 1 tells where something that it dials stands. */
  dialTargetChanged(report: DialReport, nowMs: number): void {
    this.#planner.targetChanged(report, nowMs)
    this.#reconsiderSoon(nowMs)
  }

  dialTargetGone(report: DialReport, nowMs: number): void {
    this.#planner.targetGone(report)
    this.#reconsiderSoon(nowMs)
  }

  /** Layer 1 dials that peer no more over that transport: no dial can succeed. */
  dialGivenUp(peer: PeerId, transport: string, reason: GiveUpReason, nowMs: number): void {
    this.#planner.givenUp(peer, transport, reason, nowMs)
    this.#reconsiderSoon(nowMs)
  }

  /** Where each peer and address stands that a link may lead to. Linear in their number. */
  linkAccounts(nowMs: number): readonly LinkAccount[] {
    return this.#planner.accounts(this.#view(), nowMs)
  }

  /** The link takes frames again after it answered `full`. */
  linkWritable(peer: PeerId, nowMs: number): void {
    if (!this.#links.has(peer)) return
    this.#router.neighbourWritable(peer, nowMs)
    this.#forwarding.linkWritable(peer, nowMs)
    this.#presence.neighbourWritable(peer, nowMs)
  }

  /** A frame of a neighbour. Its bytes are the mesh's from now on. */
  frameReceived(from: PeerId, kind: MeshFrameKind, payload: Uint8Array, nowMs: number): void {
    if (!this.#links.has(from) || this.#stopped) return
    switch (kind) {
      case 'packet':
        this.#forwarding.frameReceived(from, payload, nowMs)
        return
      case 'route':
        this.#router.frameReceived(from, payload, nowMs)
        this.#carryRouteChanges(nowMs)
        return
      case 'presence':
        this.#presence.frameReceived(from, payload, nowMs)
        this.#carryPresenceChange(nowMs)
        return
      default:
        unreachable(kind)
    }
  }

  /** Sends one payload of at most 64 KiB less the header to another peer. */
  send(to: PeerId, priority: Priority, payload: FramePayload, nowMs: number): PacketSendResult {
    assert(to !== this.#local, 'a packet goes to another peer')
    const bytes = payloadBytesOf(payload)
    const isBounded = bytes > 0 && packetHeaderBytes + bytes <= packetBytesMax
    assert(isBounded, 'a packet keeps to its bounds')
    return this.#forwarding.send(to, priority, payload, nowMs)
  }

  payloadBytesMax(to: PeerId): number {
    const route = this.#router.route(to)
    return route === undefined ? 0 : packetBytesByClass[route.sizeClass] - packetHeaderBytes
  }

  /** Whether these two are neighbours, by the word of either. A hint: others' words may be late. */
  linked(one: PeerId, other: PeerId): boolean {
    if (one === this.#local) return this.#links.has(other)
    if (other === this.#local) return this.#links.has(one)
    return this.#listsNeighbour(one, other) || this.#listsNeighbour(other, one)
  }

  /** Every peer that packets can be sent to. */
  reachable(): readonly PeerId[] {
    return this.#router.reachable()
  }

  /** 0 for this peer, 1 for a neighbour; undefined when unreachable. */
  hopCount(peer: PeerId): number | undefined {
    return peer === this.#local ? 0 : this.#router.route(peer)?.hopCount
  }

  /** Every peer and connection known of. Linear in their number, so not for each event. */
  graph(): PresenceGraph {
    return presenceGraphOf({
      local: this.#local,
      content: presenceContentOf(this.#profile, this.#transports.values(), []),
      publicKey: this.#publicKey,
      links: [...this.#links.values()],
      records: this.#presence.records(),
      reachable: this.#router.reachable(),
      isAttached: (peer) => this.#presence.isAttached(peer),
      hasLeft: (peer) => this.#presence.hasLeft(peer),
      hopCount: (peer) => this.hopCount(peer),
    })
  }

  /** Says farewell, so that the others need not find out. Links are to be closed after sending. */
  stop(nowMs: number): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#reconsiderDeadlineMs = Infinity
    this.#presence.stop(nowMs)
  }

  nextDeadlineMs(): number {
    return Math.min(
      this.#router.nextDeadlineMs(),
      this.#forwarding.nextDeadlineMs(),
      this.#presence.nextDeadlineMs(),
      this.#reconsiderDeadlineMs,
    )
  }

  handleDeadline(nowMs: number): void {
    this.#router.handleDeadline(nowMs)
    this.#carryRouteChanges(nowMs)
    this.#forwarding.handleDeadline(nowMs)
    this.#presence.handleDeadline(nowMs)
    this.#carryPresenceChange(nowMs)
    if (nowMs >= this.#reconsiderDeadlineMs) this.#reconsider(nowMs)
  }

  /** The next thing to tell the layers above. */
  poll(): MeshOutput | undefined {
    return this.#outputs.shift() ?? this.#forwarding.poll()
  }

  #localChanged(nowMs: number): void {
    if (!this.#stopped) {
      const links = this.#links.values()
      const transports = this.#transports.values()
      const content = presenceContentOf(this.#profile, transports, links)
      this.#presence.setContent(content, nowMs)
    }
    this.#carryRouteChanges(nowMs)
    this.#carryPresenceChange(nowMs)
  }

  #carryRouteChanges(nowMs: number): void {
    for (let change = this.#router.poll(); change !== undefined; change = this.#router.poll()) {
      this.#carryRouteChange(change, nowMs)
    }
    this.#carryPresenceChange(nowMs)
  }

  #carryRouteChange(change: RouteChange, nowMs: number): void {
    this.#forwarding.routeChanged(change, nowMs)
    this.#presence.reachabilityChanged(nowMs)
    const { previous, route } = change
    if (previous === undefined || route === undefined) this.#planner.reachabilityChanged()
    this.#outputs.push(outputOf(change))
  }

  /** Whatever was under way over that neighbour is to be sent again, whether its route changed or not. */
  #tellPathsGone(neighbour: PeerId, nowMs: number): void {
    const told = new Set<PeerId>()
    for (let change = this.#router.poll(); change !== undefined; change = this.#router.poll()) {
      const isOver = change.previous?.nextHop === neighbour
      this.#carryRouteChange(isOver ? { ...change, isFormerGone: true } : change, nowMs)
      told.add(change.destination)
    }
    for (const peer of this.#router.reachable()) {
      const route = this.#router.route(peer)
      if (route?.nextHop !== neighbour || told.has(peer)) continue
      const { hopCount } = route
      this.#outputs.push({ type: 'path-changed', peer, hopCount, isFormerGone: true })
    }
  }

  #carryPresenceChange(nowMs: number): void {
    if (!this.#presence.takeChanged()) return
    if (!this.#outputs.some((output) => output.type === 'presence-changed')) {
      this.#outputs.push({ type: 'presence-changed' })
    }
    this.#reconsiderSoon(nowMs)
  }

  #reconsiderSoon(nowMs: number): void {
    if (this.#stopped) return
    const atMs = Math.max(nowMs, this.#reconsideredAtMs + reconsiderIntervalMs)
    this.#reconsiderDeadlineMs = Math.min(this.#reconsiderDeadlineMs, atMs)
  }

  #reconsider(nowMs: number): void {
    this.#reconsideredAtMs = nowMs
    this.#planner.reconsider(this.#view(), nowMs)
    this.#reconsiderDeadlineMs = this.#planner.nextDeadlineMs()
    for (let output = this.#planner.poll(); output !== undefined; output = this.#planner.poll()) {
      this.#outputs.push(output)
    }
  }

  #view(): MeshView {
    const links = new Map<PeerId, LinkDescription>()
    for (const [peer, link] of this.#links) links.set(peer, link.description)
    return {
      local: this.#local,
      transports: [...this.#transports.values()],
      links,
      reachable: () => this.#router.reachable(),
      hopCount: (peer) => this.hopCount(peer),
      record: (peer) => this.#presence.get(peer),
      records: () => this.#presence.records(),
    }
  }

  #listsNeighbour(peer: PeerId, neighbour: PeerId): boolean {
    if (!this.#presence.isAttached(peer)) return false
    const record = this.#presence.get(peer)
    return record?.neighbours.some((listed) => listed.peer === neighbour) === true
  }
}

/** What others are told of the active channel has not changed. */
function isSameChannel(one: LinkDescription, other: LinkDescription): boolean {
  const { transport, cost } = one
  return (
    transport === other.transport &&
    cost.class === other.cost.class &&
    cost.metered === other.cost.metered
  )
}

function qualityOf(link: LinkDescription): NeighbourQuality {
  const sizeClass = linkSizeClass(link.cost)
  return { metric: linkMetric(link), sizeClass, bytesPerSecond: linkBytesPerSecond(link) }
}

function outputOf({ destination, previous, route, isFormerGone }: RouteChange): MeshOutput {
  if (route === undefined) return { type: 'peer-unreachable', peer: destination }
  const { hopCount } = route
  if (previous === undefined) return { type: 'peer-reachable', peer: destination, hopCount }
  return { type: 'path-changed', peer: destination, hopCount, isFormerGone }
}
