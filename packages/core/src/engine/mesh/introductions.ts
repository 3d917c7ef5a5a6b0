/**
 * Introductions: which reachable peers a direct link over a signalling transport is wanted to
 * (rules IN1 to IN8).
 *
 * Each peer decides for itself, from what both ends can see alike, so that of two peers one dials:
 * the one with the smaller id at once, the other one only when nothing came. Once introduced, a
 * peer stays so while it is reachable: a link that breaks is dialled again by whoever dials links.
 */

import type { EngineContext } from '../context.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { LinkDescription } from '../link/link-port.ts'
import type { PresenceRecord, PresenceTransport } from './presence-record.ts'

/** Links that a peer strives for: enough that losing a few does not part the mesh. */
export const degreeTarget = 6
/** Links beyond which nobody is introduced: each costs hellos, memory and battery. */
export const degreeMax = 12
/** How long the peer with the greater id waits for the other one to dial. */
export const otherSideMs = 5_000

/** What is to be done about a direct link. */
export interface IntroductionOutput {
  readonly type: 'introduce' | 'withdraw'
  readonly peer: PeerId
  readonly transport: string
}

/** What is seen of the mesh at one moment. */
export interface IntroductionView {
  readonly local: PeerId
  /** Transports that run here. */
  readonly transports: readonly PresenceTransport[]
  readonly links: ReadonlyMap<PeerId, LinkDescription>
  /** Peers with a route, neighbours among them. */
  readonly reachable: readonly PeerId[]
  record(peer: PeerId): PresenceRecord | undefined
}

type IntroduceReason = 'relayed' | 'worse-link' | 'other-side-silent'
type WithdrawReason = 'unreachable' | 'transport-gone' | 'linked-otherwise' | 'degree'

type Intent =
  /** The other side is to dial first. */
  | { readonly state: 'waiting'; readonly transport: string; readonly dialAtMs: number }
  | { readonly state: 'introduced'; readonly transport: string }

/** A peer worth linking to, and why. */
interface Candidate {
  readonly peer: PeerId
  readonly transport: string
  readonly reason: 'relayed' | 'worse-link'
}

/** Decides introductions. */
export class Introductions {
  readonly #context: EngineContext
  /** Of peers not linked yet never more than `degreeTarget`. */
  readonly #intents = new Map<PeerId, Intent>()
  readonly #outputs: IntroductionOutput[] = []

  constructor(context: EngineContext) {
    this.#context = context
  }

  /** Looks at the mesh anew. Sorts the candidates: n log n in the number of reachable peers. */
  reconsider(view: IntroductionView, nowMs: number): void {
    this.#withdrawStale(view)
    for (const candidate of this.#candidates(view)) {
      const { peer, transport, reason } = candidate
      // A better channel to a neighbour adds no link, but it is not free either.
      const planned = reason === 'relayed' ? this.#plannedDegree(view) : this.#intents.size
      if (planned >= degreeTarget) continue
      if (view.local < peer) this.#introduce(peer, transport, reason)
      else this.#intents.set(peer, { state: 'waiting', transport, dialAtMs: nowMs + otherSideMs })
    }
    for (const [peer, intent] of this.#intents) {
      if (intent.state !== 'waiting' || nowMs < intent.dialAtMs) continue
      this.#introduce(peer, intent.transport, 'other-side-silent')
    }
  }

  poll(): IntroductionOutput | undefined {
    return this.#outputs.shift()
  }

  /** When `reconsider` is due even if nothing changes. */
  nextDeadlineMs(): number {
    let deadlineMs = Infinity
    for (const intent of this.#intents.values()) {
      if (intent.state === 'waiting') deadlineMs = Math.min(deadlineMs, intent.dialAtMs)
    }
    return deadlineMs
  }

  #withdrawStale(view: IntroductionView): void {
    const reachable = new Set(view.reachable)
    for (const [peer, intent] of this.#intents) {
      const reason = staleReason(view, reachable, peer, intent)
      if (reason !== undefined) this.#withdraw(peer, intent, reason)
      // Linked by the other side's dialling: if the link breaks, the waiting starts over.
      else if (intent.state === 'waiting' && isLinkedBy(view, peer, intent.transport)) {
        this.#intents.delete(peer)
      }
    }
  }

  /** Peers worth linking to that nothing is planned for, in an order that both ends agree on. */
  #candidates(view: IntroductionView): readonly Candidate[] {
    const candidates: (Candidate & { readonly rank: number })[] = []
    if (dialable(view).length === 0) return candidates
    for (const peer of view.reachable) {
      if (this.#intents.has(peer)) continue
      const transport = sharedTransport(view, peer)
      if (transport === undefined || isLinkedBy(view, peer, transport)) continue
      const link = view.links.get(peer)
      if (link !== undefined && !isWorse(link)) continue
      if ((view.record(peer)?.neighbours.length ?? 0) >= degreeMax) continue
      const reason = link === undefined ? 'relayed' : 'worse-link'
      candidates.push({ peer, transport, reason, rank: pairRank(view.local, peer) })
    }
    return candidates.sort((left, right) => left.rank - right.rank)
  }

  /** Links there are, and those that are planned. */
  #plannedDegree(view: IntroductionView): number {
    let degree = view.links.size
    for (const peer of this.#intents.keys()) if (!view.links.has(peer)) degree += 1
    return degree
  }

  #introduce(peer: PeerId, transport: string, reason: IntroduceReason): void {
    this.#intents.set(peer, { state: 'introduced', transport })
    this.#context.recorder.mesh.introduced.record(peer, transport, reason)
    this.#outputs.push({ type: 'introduce', peer, transport })
  }

  #withdraw(peer: PeerId, intent: Intent, reason: WithdrawReason): void {
    this.#intents.delete(peer)
    if (intent.state === 'waiting') return
    const { transport } = intent
    this.#context.recorder.mesh.introductionWithdrawn.record(peer, transport, reason)
    this.#outputs.push({ type: 'withdraw', peer, transport })
  }
}

function staleReason(
  view: IntroductionView,
  reachable: ReadonlySet<PeerId>,
  peer: PeerId,
  intent: Intent,
): WithdrawReason | undefined {
  if (!reachable.has(peer)) return 'unreachable'
  if (isLinkedBy(view, peer, intent.transport)) return undefined
  if (sharedTransport(view, peer) !== intent.transport) return 'transport-gone'
  const link = view.links.get(peer)
  if (link !== undefined && !isWorse(link)) return 'linked-otherwise'
  return view.links.size >= degreeMax ? 'degree' : undefined
}

/** The signalling transport that both run and that this end can dial; of several the first by name. */
function sharedTransport(view: IntroductionView, peer: PeerId): string | undefined {
  const record = view.record(peer)
  if (record === undefined) return undefined
  const theirs = new Set(
    record.transports.filter(isIntroducible).map((transport) => transport.name),
  )
  return dialable(view).find((name) => theirs.has(name))
}

/** The signalling transports that this end can dial, by name. */
function dialable({ transports }: IntroductionView): readonly string[] {
  return transports
    .filter((transport) => isIntroducible(transport) && transport.canDial)
    .map((transport) => transport.name)
    .sort()
}

function isIntroducible(transport: PresenceTransport): boolean {
  return transport.needsSignalling && !transport.needsUserGesture
}

function isLinkedBy(view: IntroductionView, peer: PeerId, transport: string): boolean {
  return view.links.get(peer)?.transport === transport
}

/** A direct link over a signalling transport would be better: the LAN's own sockets are not. */
function isWorse(link: LinkDescription): boolean {
  return link.cost.class !== 'lan'
}

/** The same number at both ends, spread evenly, so that peers pair up instead of all choosing one. */
function pairRank(one: PeerId, other: PeerId): number {
  const text = one < other ? one + other : other + one
  // FNV-1a, 32 bits: cheap and even; nothing here has to withstand an adversary.
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  return hash >>> 0
}
