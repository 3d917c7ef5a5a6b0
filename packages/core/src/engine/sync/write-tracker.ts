/**
 * The write tracker: which peers are known to hold which changes durably, and the acknowledgements
 * that say so, on their way to the writers. Rules SY16 to SY18 of docs/specs/sync.md.
 *
 * An acknowledgement goes to the neighbour that the writer's changes came from, and from there on,
 * neighbour by neighbour. What adds nothing to a table is not passed on: that ends every loop.
 */

import type { PeerId } from '../identity/peer-id.ts'
import { HeldSeqs } from './seq-ranges.ts'
import type { SeqRange } from './seq-ranges.ts'
import { rangesPerMessageMax } from './sync-message-codec.ts'
import type { ChangeName, HeldRange } from './sync-message.ts'
import { compareWriters, writerText } from './version-operations.ts'
import type { Writer } from './version.ts'

/** How long acknowledgements gather: a keystroke each 50 ms makes four messages a second, not twenty. */
export const acknowledgementDelayMs = 250

/** Peers whose holdings are remembered; the one unheard of for longest is forgotten for another. */
export const holdersMax = 256

/** Writers whose direction is remembered; the one unheard of for longest is forgotten for another. */
const routesMax = 1024

/** Acknowledgements gathered for one neighbour. */
interface Gathered {
  readonly dueAtMs: number
  readonly rangesByName: Map<string, HeldRange>
}

export class WriteTracker {
  readonly #local: Writer
  readonly #heldHere = new HeldSeqs()
  readonly #heldByPeer = new Map<PeerId, HeldSeqs>()
  readonly #routesByWriter = new Map<string, PeerId>()
  readonly #gatheredByNeighbour = new Map<PeerId, Gathered>()
  readonly #neighbours = new Set<PeerId>()
  #lastSeq = 0

  constructor(local: Writer) {
    this.#local = local
  }

  /** A local change has become durable. */
  committed(seq: number): void {
    this.#lastSeq = Math.max(this.#lastSeq, seq)
    this.#heldHere.add(this.#local, { from: seq, to: seq })
  }

  /** A neighbour sent a change, so it holds it, and acknowledgements of its writer go there. */
  received(change: ChangeName, from: PeerId, nowMs: number): void {
    if (this.#isFuture(change, change.seq)) return
    this.#remember(this.#routesByWriter, writerText(change), from, routesMax)
    this.#add(change, from, { from: change.seq, to: change.seq }, nowMs)
  }

  /** A change of somebody else is durable here. */
  holdsNow(change: ChangeName, nowMs: number): void {
    const range = this.#heldHere.add(change, { from: change.seq, to: change.seq })
    if (range !== undefined) this.#gather(change, this.#local.peer, range, nowMs)
  }

  /** The neighbour's root digest equals ours: it holds all that is held here. */
  inStep(neighbour: PeerId, nowMs: number): void {
    for (const { writer, range } of this.#heldHere.ranges()) {
      if (writer.peer !== neighbour) this.#add(writer, neighbour, range, nowMs)
    }
  }

  /**
   * Takes in a neighbour's acknowledgement. False, and nothing happens, when it claims a local
   * write that does not exist.
   */
  acknowledged(range: HeldRange, from: PeerId, nowMs: number): boolean {
    const { writer, holder } = range
    if (this.#isFuture(writer, range.to)) return false
    if (holder !== this.#local.peer) this.#add(writer, holder, range, nowMs, from)
    return true
  }

  neighbourUp(peer: PeerId, nowMs: number): void {
    this.#neighbours.add(peer)
    const holdings: readonly (readonly [PeerId, HeldSeqs])[] = [
      [this.#local.peer, this.#heldHere],
      ...this.#heldByPeer,
    ]
    for (const [holder, held] of holdings) {
      if (holder === peer) continue
      for (const { writer, range } of held.ranges()) {
        if (this.#routeTo(writer) === peer) this.#gather(writer, holder, range, nowMs)
      }
    }
  }

  neighbourDown(peer: PeerId): void {
    this.#neighbours.delete(peer)
    this.#gatheredByNeighbour.delete(peer)
  }

  /** The peers known to hold that change, sorted; this peer among them when it does. */
  holders(writer: Writer, seq: number): readonly PeerId[] {
    const holders = new Set<PeerId>()
    if (this.#heldHere.has(writer, seq)) holders.add(this.#local.peer)
    for (const [peer, held] of this.#heldByPeer) if (held.has(writer, seq)) holders.add(peer)
    // A change leaves its writer only when it is durable there.
    if (holders.size > 0) holders.add(writer.peer)
    return [...holders].sort()
  }

  /** When the acknowledgements for that neighbour are to be sent; `Infinity` without any. */
  dueAtMs(neighbour: PeerId): number {
    return this.#gatheredByNeighbour.get(neighbour)?.dueAtMs ?? Number.POSITIVE_INFINITY
  }

  /** The acknowledgements for that neighbour, which are forgotten by this. */
  take(neighbour: PeerId): readonly HeldRange[] {
    const gathered = this.#gatheredByNeighbour.get(neighbour)
    this.#gatheredByNeighbour.delete(neighbour)
    return gathered === undefined ? [] : [...gathered.rangesByName.values()]
  }

  /** A local write that does not exist: whoever claims to hold it errs or lies. */
  #isFuture(writer: Writer, seq: number): boolean {
    return compareWriters(writer, this.#local) === 0 && seq > this.#lastSeq
  }

  #add(writer: Writer, holder: PeerId, range: SeqRange, nowMs: number, from?: PeerId): void {
    const held = this.#heldByPeer.get(holder) ?? new HeldSeqs()
    this.#remember(this.#heldByPeer, holder, held, holdersMax)
    const joined = held.add(writer, range)
    if (joined !== undefined && this.#routeTo(writer) !== from) {
      this.#gather(writer, holder, joined, nowMs)
    }
  }

  #gather(writer: Writer, holder: PeerId, range: SeqRange, nowMs: number): void {
    const neighbour = this.#routeTo(writer)
    if (neighbour === undefined || neighbour === holder || holder === writer.peer) return
    let gathered = this.#gatheredByNeighbour.get(neighbour)
    if (gathered === undefined) {
      gathered = { dueAtMs: nowMs + acknowledgementDelayMs, rangesByName: new Map() }
      this.#gatheredByNeighbour.set(neighbour, gathered)
    }
    const name = `${holder}/${writerText(writer)}/${range.from}`
    // At the bound it is left out; it is gathered again when the neighbour comes up again.
    if (gathered.rangesByName.size >= rangesPerMessageMax && !gathered.rangesByName.has(name))
      return
    gathered.rangesByName.set(name, {
      writer: { peer: writer.peer, epoch: writer.epoch },
      holder,
      from: range.from,
      to: range.to,
    })
  }

  /** The neighbour in whose direction the writer is; none when the writer is this peer. */
  #routeTo(writer: Writer): PeerId | undefined {
    if (writer.peer === this.#local.peer) return undefined
    if (this.#neighbours.has(writer.peer)) return writer.peer
    const route = this.#routesByWriter.get(writerText(writer))
    return route !== undefined && this.#neighbours.has(route) ? route : undefined
  }

  /** Sets an entry as the youngest of a map that forgets its oldest beyond `sizeMax`. */
  #remember<Key, Value>(map: Map<Key, Value>, key: Key, value: Value, sizeMax: number): void {
    map.delete(key)
    map.set(key, value)
    if (map.size <= sizeMax) return
    const [oldest] = map.keys()
    if (oldest !== undefined) map.delete(oldest)
  }
}
