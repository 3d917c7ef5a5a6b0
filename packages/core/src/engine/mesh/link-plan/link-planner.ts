/**
 * The planner of links: which peers this one is linked with, of all that it could (docs/specs/links.md).
 *
 * Each peer decides for itself, from what it knows of the mesh; nobody is asked. So it has to suit all when
 * everybody decides like this: links are sought one after the other, since what the others have sought
 * meanwhile counts, and are dropped only where both ends have more than they need.
 */

import type { EngineContext } from '../../context.ts'
import type { PeerId } from '../../identity/peer-id.ts'
import type { LinkDownReason } from '../../link/close-reason.ts'
import type { DialReport, GiveUpReason } from '../../link/dialer.ts'
import { AddressPlanner, type AddressOutput } from './address-planner.ts'
import { degreeMax, degreeTarget } from './degree.ts'
import { DialBook, isEstablished } from './dial-book.ts'
import type { LinkAccount, WantReason } from './link-account.ts'
import { accountsOf } from './link-accounts.ts'
import { LinkPauses, type PauseReason } from './link-pauses.ts'
import { LinkShuffle } from './link-shuffle.ts'
import { isWorse, sharedTransport, toldDegree, type MeshView } from './mesh-view.ts'
import { recordDecision, type PlannedLink } from './planned-link.ts'

/** Links sought at once: those that others seek meanwhile count as well. */
export const soughtMax = 3
/** How long the peer with the greater id waits for the other one to dial, where both want the link. */
export const otherSideMs = 3_000
/** Dials to a peer that fail before another one is tried. */
export const triesMax = 3

/** What is to be done about a link. */
export type LinkPlannerOutput =
  | {
      readonly type: 'want-link' | 'unwant-link'
      readonly peer: PeerId
      readonly transport: string
    }
  | { readonly type: 'drop-link'; readonly peer: PeerId }
  | AddressOutput

/** See the file header. */
export class LinkPlanner {
  readonly #context: EngineContext
  readonly #plans = new Map<PeerId, PlannedLink>()
  readonly #pauses: LinkPauses
  readonly #book = new DialBook()
  readonly #addresses: AddressPlanner
  readonly #shuffle: LinkShuffle
  readonly #linkedSinceMs = new Map<PeerId, number>()
  readonly #outputs: LinkPlannerOutput[] = []
  #pickCount = 0
  #retryAtMs = Infinity

  constructor(context: EngineContext) {
    this.#context = context
    this.#pauses = new LinkPauses(context.random)
    this.#addresses = new AddressPlanner(context, this.#book)
    this.#shuffle = new LinkShuffle(context, this.#book, this.#plans, this.#linkedSinceMs)
  }

  /** Layer 1 tells where a dial target stands. */
  targetChanged(report: DialReport, nowMs: number): void {
    this.#book.changed(report, nowMs)
  }

  targetGone(report: DialReport): void {
    this.#book.gone(report)
  }

  /** No dial to the peer can succeed over that transport. */
  givenUp(peer: PeerId, transport: string, reason: GiveUpReason, nowMs: number): void {
    const plan = this.#plans.get(peer)
    if (plan?.transport !== transport) return
    this.#plans.delete(peer)
    // The targets of a transport that stops are gone, and may be wanted when it runs again.
    if (reason !== 'transport-stopped') this.#pause(plan, 'impossible', nowMs)
  }

  linkUp(peer: PeerId, nowMs: number): void {
    this.#linkedSinceMs.set(peer, nowMs)
    this.#shuffle.linksChanged()
  }

  linkDown(peer: PeerId, reason: LinkDownReason | undefined, nowMs: number): void {
    this.#linkedSinceMs.delete(peer)
    this.#shuffle.linksChanged()
    if (reason === 'surplus') this.#pauses.begin(peer, 'surplus', nowMs)
    const plan = this.#plans.get(peer)
    if (plan !== undefined && reason === 'surplus') this.#withdraw(plan, 'surplus')
  }

  /** Peers became reachable, or unreachable. */
  reachabilityChanged(): void {
    this.#shuffle.reachabilityChanged()
  }

  /** Looks at the mesh anew. Linear in the number of reachable peers while links are sought. */
  reconsider(view: MeshView, nowMs: number): void {
    this.#noticeLinks(view, nowMs)
    this.#withdrawStale(view, nowMs)
    this.#addresses.reconsider(view, this.#lacking(view), nowMs)
    if (this.#addresses.takeExplored()) this.#shuffle.expectSurplus()
    this.#fill(view, nowMs)
    this.#better(view, nowMs)
    this.#shuffle.reconsider(view, this.#lacking(view), nowMs)
    for (let wish = this.#shuffle.poll(); wish !== undefined; wish = this.#shuffle.poll()) {
      if (wish.type === 'drop') this.#drop(wish.peer, view)
      else this.#seek(view, wish.reason, wish.among, nowMs)
    }
    for (const plan of this.#plans.values()) {
      if (plan.state === 'waiting' && nowMs >= plan.dialAtMs) this.#want(plan)
    }
  }

  poll(): LinkPlannerOutput | undefined {
    return this.#outputs.shift() ?? this.#addresses.poll()
  }

  /** When `reconsider` is due even if nothing changes. */
  nextDeadlineMs(): number {
    let deadlineMs = this.#retryAtMs
    for (const { state, dialAtMs } of this.#plans.values()) {
      if (state === 'waiting') deadlineMs = Math.min(deadlineMs, dialAtMs)
    }
    return Math.min(deadlineMs, this.#addresses.nextDeadlineMs(), this.#shuffle.nextDeadlineMs())
  }

  /** Where each peer stands that is linked, sought or reachable, and each address. */
  accounts(view: MeshView, nowMs: number): readonly LinkAccount[] {
    return accountsOf(
      {
        view,
        plans: this.#plans,
        pauses: this.#pauses,
        book: this.#book,
        linkedSinceMs: this.#linkedSinceMs,
        lacking: this.#lacking(view),
      },
      nowMs,
    )
  }

  /** Links that are wanted and not sought yet. */
  #lacking(view: MeshView): number {
    return degreeTarget - view.links.size - this.#soughtCount(view) - this.#addresses.soughtCount
  }

  /** New links that are being opened, or waited for. */
  #soughtCount(view: MeshView): number {
    let count = 0
    for (const peer of this.#plans.keys()) if (!view.links.has(peer)) count += 1
    return count
  }

  #noticeLinks(view: MeshView, nowMs: number): void {
    for (const [peer, plan] of this.#plans) {
      if (plan.wasLinked || !this.#isOpen(view, plan)) continue
      // Opened by the other end: if the link breaks, the waiting starts over.
      if (plan.state === 'waiting') this.#plans.delete(peer)
      plan.wasLinked = true
      this.#pauses.end(peer)
      recordDecision(this.#context, peer, plan.transport, 'linked', plan.reason)
    }
    if (this.#retryAtMs <= nowMs) this.#retryAtMs = Infinity
  }

  #withdrawStale(view: MeshView, nowMs: number): void {
    for (const plan of this.#plans.values()) {
      const { peer, transport, reason } = plan
      const link = view.links.get(peer)
      if (this.#isOpen(view, plan)) continue
      if (view.hopCount(peer) === undefined) this.#withdraw(plan, 'not-reachable')
      else if (sharedTransport(view, peer) !== transport) {
        this.#withdraw(plan, 'no-shared-transport')
      } else if (link !== undefined && !isWorse(link)) this.#withdraw(plan, 'linked')
      else if (view.links.size >= degreeMax) this.#withdraw(plan, 'enough-links')
      else if (reason === 'lacking-links' && !link && view.links.size >= degreeTarget) {
        this.#withdraw(plan, 'enough-links')
      } else if (this.#hasFailed(plan)) {
        this.#withdraw(plan, 'pausing')
        this.#pause(plan, 'pausing', nowMs)
      }
    }
  }

  /** The link is there, over the transport that it was wanted over. */
  #isOpen(view: MeshView, { peer, transport }: PlannedLink): boolean {
    if (view.links.get(peer)?.transport === transport) return true
    const dial = this.#book.wanted(peer, transport)
    return view.links.has(peer) && dial !== undefined && isEstablished(dial)
  }

  #hasFailed({ peer, transport, state }: PlannedLink): boolean {
    const report = this.#book.wanted(peer, transport)?.report
    if (state !== 'wanted' || report?.state !== 'backoff') return false
    return report.failures >= triesMax || report.reason === 'timeout'
  }

  /** Seeks links while there are too few. */
  #fill(view: MeshView, nowMs: number): void {
    for (;;) {
      const room = soughtMax - this.#soughtCount(view)
      if (room <= 0 || this.#lacking(view) <= 0) return
      if (this.#seek(view, 'lacking-links', undefined, nowMs)) continue
      this.#retryAtMs = this.#pauses.nextEndMs(nowMs)
      return
    }
  }

  /** Seeks better channels to neighbours. */
  #better(view: MeshView, nowMs: number): void {
    let count = 0
    for (const { reason } of this.#plans.values()) if (reason === 'better-channel') count += 1
    for (const [peer, link] of view.links) {
      if (count >= degreeTarget) return
      if (!isWorse(link) || this.#unfit(view, peer, nowMs)) continue
      const transport = sharedTransport(view, peer)
      if (transport === undefined || transport === link.transport) continue
      this.#plan(view, peer, 'better-channel', true, nowMs)
      count += 1
    }
  }

  /** Plans a link to one of those, or to anybody; false when there is nobody. */
  #seek(
    view: MeshView,
    reason: WantReason,
    among: ((peer: PeerId) => boolean) | undefined,
    nowMs: number,
  ): boolean {
    let fit = view
      .reachable()
      .filter((peer) => !view.links.has(peer) && !this.#unfit(view, peer, nowMs))
    if (among !== undefined) fit = fit.filter(among)
    const isSmall = fit.length + view.links.size <= degreeTarget
    if (reason === 'distant') {
      const farthest = Math.max(...fit.map((peer) => view.hopCount(peer) ?? 0))
      fit = fit.filter((peer) => view.hopCount(peer) === farthest)
    } else if (reason === 'lacking-links') {
      this.#pickCount += 1
      const needy = fit.filter((peer) => toldDegree(view, peer) < degreeTarget)
      // Whoever says that it has no links would have one of everybody's: so it gets half of the choices.
      if (needy.length > 0 && this.#pickCount % 2 === 1) fit = needy
    }
    const picked = fit[Math.floor(this.#context.random.fraction() * fit.length)]
    if (picked !== undefined) this.#plan(view, picked, reason, isSmall, nowMs)
    return picked !== undefined
  }

  /** Whether no link is to be sought to the peer; linked or not. */
  #unfit(view: MeshView, peer: PeerId, nowMs: number): boolean {
    return (
      this.#plans.has(peer) ||
      this.#pauses.get(peer, nowMs) !== undefined ||
      toldDegree(view, peer) >= degreeMax ||
      sharedTransport(view, peer) === undefined
    )
  }

  /** `isMutual`: the other end wants it, too. */
  #plan(view: MeshView, peer: PeerId, reason: WantReason, isMutual: boolean, nowMs: number): void {
    const transport = sharedTransport(view, peer)!
    const waits = isMutual && view.local > peer
    const dialAtMs = waits ? nowMs + otherSideMs : nowMs
    const base = { peer, transport, reason, sinceMs: nowMs, dialAtMs, wasLinked: false }
    const plan: PlannedLink = { ...base, state: 'waiting' }
    this.#plans.set(peer, plan)
    if (waits) recordDecision(this.#context, peer, transport, 'waiting', 'other-side-dials')
    else this.#want(plan)
  }

  #want(plan: PlannedLink): void {
    plan.state = 'wanted'
    const { peer, transport, reason } = plan
    recordDecision(this.#context, peer, transport, 'dialling', reason)
    this.#outputs.push({ type: 'want-link', peer, transport })
  }

  #withdraw(plan: PlannedLink, reason: Parameters<typeof recordDecision>[4]): void {
    const { peer, transport, state } = plan
    this.#plans.delete(peer)
    recordDecision(this.#context, peer, transport, 'not-wanted', reason)
    if (state === 'wanted') this.#outputs.push({ type: 'unwant-link', peer, transport })
  }

  #pause({ peer, transport }: PlannedLink, reason: PauseReason, nowMs: number): void {
    if (reason === 'pausing') this.#pauses.failed(peer, nowMs)
    else this.#pauses.begin(peer, reason, nowMs)
    recordDecision(this.#context, peer, transport, 'waiting', reason)
  }

  #drop(peer: PeerId, view: MeshView): void {
    const { transport } = view.links.get(peer)!
    const plan = this.#plans.get(peer)
    if (plan !== undefined) this.#withdraw(plan, 'surplus')
    else recordDecision(this.#context, peer, transport, 'not-wanted', 'surplus')
    this.#outputs.push({ type: 'drop-link', peer })
  }
}
