/**
 * A few routers and the links between them, for exhaustive exploration: frames of different links
 * overtake one another at will, timers are late at will, links break and come up.
 *
 * A link keeps order and loses what is under way when it breaks; its ends learn of that one after the
 * other, in any order with everything else. The search begins when all routes have settled.
 */

import type { EngineContext } from '../../context.ts'
import { encodePeerId, type PeerId } from '../../identity/peer-id.ts'
import { wholePayload } from '../../link/frame.ts'
import type { Explorable } from '../../../testing/explore/explorer.ts'
import { DistanceVectorRouter } from './distance-vector-router.ts'

/** A link between two of the routers, and its metric. */
export interface ExploredLink {
  readonly ends: readonly [number, number]
  readonly metric: number
}

export interface RouterExplorableOptions {
  readonly context: EngineContext
  readonly peerCount: number
  readonly links: readonly ExploredLink[]
  /** Links that break, at most. */
  readonly cuts: number
  /** Links that come up again, at most. */
  readonly joins: number
  /** Links whose metric doubles, at most. */
  readonly dearer: number
  /** Timers that fire, at most. */
  readonly wakes: number
}

/** Timers that fire later than this are of no interest to the search. */
const soonMs = 1_000
/** Longer than what is told lazily, and the checks after it. */
const settleMs = 25_000

interface Pipe {
  readonly from: number
  readonly to: number
  readonly frames: Uint8Array[]
}

/** How the two ends of a link see it. */
interface LinkState {
  readonly link: ExploredLink
  metric: number
  readonly isUpAt: [boolean, boolean]
  /** Whether frames pass. */
  isWhole: boolean
}

/** See the file header. */
export class RouterExplorable implements Explorable {
  readonly #ids: readonly PeerId[]
  readonly #routers: DistanceVectorRouter[] = []
  readonly #links: LinkState[]
  readonly #pipes = new Map<string, Pipe>()
  /** Hashes of all that each router was handed, in order. */
  readonly #histories: string[]
  readonly #left: { cuts: number; joins: number; dearer: number; wakes: number }
  #nowMs = 0

  constructor(options: RouterExplorableOptions) {
    const { context, peerCount, links, cuts, joins, dearer, wakes } = options
    this.#left = { cuts, joins, dearer, wakes }
    this.#ids = Array.from({ length: peerCount }, (_, index) =>
      encodePeerId(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, index + 1)),
    )
    this.#histories = this.#ids.map(() => '')
    for (const [index, id] of this.#ids.entries()) {
      this.#routers.push(
        new DistanceVectorRouter(context, id, 1, {
          send: (to, _kind, _priority, payload) => {
            const pipe = this.#pipes.get(pipeName(index, this.#ids.indexOf(to)))
            if (pipe === undefined) return 'no-link'
            pipe.frames.push(wholePayload(payload))
            return 'accepted'
          },
        }),
      )
    }
    this.#links = links.map((link) => ({
      link,
      metric: link.metric,
      isUpAt: [false, false],
      isWhole: false,
    }))
    for (const state of this.#links) this.#join(state)
    this.#runQuietly(soonMs)
    this.#histories.fill('')
  }

  choices(): readonly string[] {
    const choices: string[] = []
    for (const [name, { frames }] of this.#pipes)
      if (frames.length > 0) choices.push(`pass ${name}`)
    for (const [index, { isUpAt, isWhole }] of this.#links.entries()) {
      const isUp = isUpAt[0] && isUpAt[1]
      if (isUp && isWhole && this.#left.cuts > 0) choices.push(`cut ${index}`)
      if (isUp && isWhole && this.#left.dearer > 0) choices.push(`dearer ${index}`)
      if (!isUpAt[0] && !isUpAt[1] && this.#left.joins > 0) choices.push(`join ${index}`)
      for (const end of [0, 1] as const)
        if (isUpAt[end] && !isWhole) choices.push(`lose ${index} ${end}`)
    }
    if (this.#left.wakes > 0) {
      for (const [index, router] of this.#routers.entries()) {
        if (router.nextDeadlineMs() <= this.#nowMs + soonMs) choices.push(`wake ${index}`)
      }
    }
    return choices
  }

  choose(choice: string): void {
    const [verb, what, end] = choice.split(' ')
    if (verb === 'pass') this.#pass(this.#pipes.get(what!)!)
    else if (verb === 'wake') {
      this.#left.wakes -= 1
      this.#wake(Number(what))
    } else {
      const state = this.#links[Number(what)]!
      if (verb === 'lose') this.#loseAt(state, Number(end) as 0 | 1)
      else if (verb === 'cut') this.#cut(state)
      else if (verb === 'join') {
        this.#left.joins -= 1
        this.#join(state)
      } else this.#makeDearer(state)
    }
  }

  fingerprint(): string {
    const { cuts, joins, dearer, wakes } = this.#left
    const links = this.#links.map(({ isUpAt, isWhole }) => `${isUpAt.join()}${isWhole}`)
    return [this.#nowMs, cuts, joins, dearer, wakes, ...links, ...this.#histories].join(';')
  }

  violation(): string | undefined {
    for (const [target, destination] of this.#ids.entries()) {
      for (const start of this.#ids.keys()) {
        const path = this.#path(start, target)
        if (path.at(-1) !== target && path.length > this.#ids.length) {
          return `a circle towards ${destination}: ${path.join(' ')}`
        }
      }
    }
    return undefined
  }

  settle(): string | undefined {
    for (const state of this.#links) {
      for (const end of [0, 1] as const) {
        if (state.isUpAt[end] && !state.isWhole) this.#loseAt(state, end)
      }
    }
    this.#runQuietly(settleMs)
    for (const start of this.#ids.keys()) {
      const connected = this.#connected(start)
      for (const target of this.#ids.keys()) {
        const arrives = this.#path(start, target).at(-1) === target
        if (arrives !== connected.has(target)) {
          return `from ${start} to ${target}: ${arrives ? 'a route without links' : 'no route'}`
        }
      }
    }
    return undefined
  }

  /** Everything that is due happens, until nothing is due for long. */
  #runQuietly(forMs: number): void {
    const untilMs = this.#nowMs + forMs
    for (;;) {
      const pipe = [...this.#pipes.values()].find(({ frames }) => frames.length > 0)
      if (pipe !== undefined) {
        this.#pass(pipe)
        continue
      }
      const deadlines = this.#routers.map((router) => router.nextDeadlineMs())
      const nextMs = Math.min(...deadlines)
      if (nextMs > untilMs) break
      this.#wake(deadlines.indexOf(nextMs))
    }
  }

  #pass({ from, to, frames }: Pipe): void {
    const frame = frames.shift()!
    this.#noteFrame(to, from, frame)
    this.#routers[to]!.frameReceived(this.#ids[from]!, frame, this.#nowMs)
  }

  #wake(index: number): void {
    this.#nowMs = Math.max(this.#nowMs, this.#routers[index]!.nextDeadlineMs())
    this.#note(index, `wake ${this.#nowMs}`)
    this.#routers[index]!.handleDeadline(this.#nowMs)
  }

  #join(state: LinkState): void {
    const { ends } = state.link
    state.isWhole = true
    const [left, right] = ends
    for (const [from, to] of [ends, [right, left]] as const) {
      this.#pipes.set(pipeName(from, to), { from, to, frames: [] })
    }
    for (const end of [0, 1] as const) {
      state.isUpAt[end] = true
      this.#note(ends[end], `up ${ends[1 - end]} ${state.metric} ${this.#nowMs}`)
      this.#routers[ends[end]]!.neighbourUp(
        this.#ids[ends[1 - end]!]!,
        qualityOf(state.metric),
        this.#nowMs,
      )
    }
  }

  #cut(state: LinkState): void {
    this.#left.cuts -= 1
    state.isWhole = false
    const [left, right] = state.link.ends
    this.#pipes.delete(pipeName(left, right))
    this.#pipes.delete(pipeName(right, left))
  }

  #loseAt(state: LinkState, end: 0 | 1): void {
    const { ends } = state.link
    state.isUpAt[end] = false
    this.#note(ends[end], `down ${ends[1 - end]} ${this.#nowMs}`)
    this.#routers[ends[end]]!.neighbourDown(this.#ids[ends[1 - end]!]!, this.#nowMs)
  }

  #makeDearer(state: LinkState): void {
    this.#left.dearer -= 1
    state.metric *= 2
    const { ends } = state.link
    for (const end of [0, 1] as const) {
      const other = ends[1 - end]!
      this.#note(ends[end], `dearer ${other} ${this.#nowMs}`)
      const quality = qualityOf(state.metric)
      this.#routers[ends[end]]!.neighbourChanged(this.#ids[other]!, quality, this.#nowMs)
    }
  }

  /** Peers along the next hops, ended by the target, by one without a route, or when too long. */
  #path(start: number, target: number): number[] {
    const path = [start]
    while (path.at(-1) !== target && path.length <= this.#ids.length) {
      const nextHop = this.#routers[path.at(-1)!]!.nextHop(this.#ids[target]!)
      if (nextHop === undefined) break
      path.push(this.#ids.indexOf(nextHop))
    }
    return path
  }

  #connected(start: number): ReadonlySet<number> {
    const found = new Set([start])
    for (const index of found) {
      for (const { link, isWhole } of this.#links) {
        if (!isWhole) continue
        if (link.ends[0] === index) found.add(link.ends[1])
        if (link.ends[1] === index) found.add(link.ends[0])
      }
    }
    return found
  }

  #note(index: number, input: string): void {
    this.#histories[index] = `${this.#histories[index]}|${input}`
  }

  #noteFrame(index: number, from: number, frame: Uint8Array): void {
    this.#note(index, `${from} ${this.#nowMs} ${frame.join()}`)
  }
}

function qualityOf(metric: number): { metric: number; sizeClass: 2; bytesPerSecond: number } {
  return { metric, sizeClass: 2, bytesPerSecond: 1_000_000 }
}

function pipeName(from: number, to: number): string {
  return `${from}>${to}`
}
