/**
 * Turns of those who share a link, each with a queue of its own: deficit round robin, in which one
 * who had nothing waiting goes before those who had (rule MP8; after RFC 8290, section 4).
 *
 * At each turn a member may send so many bytes more, and keeps what it does not use, so the size of
 * packets gives nobody an advantage. Newcomers and the others alternate: whoever makes up members for
 * ever gets half of the turns at the most.
 *
 * Invariant: every member is in one of the two rounds, or it is its turn. One that has run empty stays
 * until its next turn, so that it is no newcomer when it comes back at once.
 */

import { Fifo } from '../fifo.ts'

/** A queue that takes turns. Whatever `head` gave is what `take` gives, as long as nothing is dropped. */
export interface TurnQueue<Item> {
  head(): Item | undefined
  take(): Item | undefined
}

/** Bytes of one turn: the smallest size class of packets. For larger ones a member saves up. */
export const turnBytes = 1_200

/** Members that have run empty are forgotten at once when so many are known. */
export const membersMax = 1_024

interface Member<Key, Queue> {
  readonly key: Key
  readonly queue: Queue
  /** May be sent at this turn, or is saved up for the next one. */
  allowedBytes: number
  isNewcomer: boolean
  /** It sent something at this turn. */
  hasSent: boolean
}

/** See the file header. Its user bounds what waits. */
export class FairTurns<
  Key,
  Item extends { readonly length: number },
  Queue extends TurnQueue<Item>,
> implements TurnQueue<Item> {
  readonly #members = new Map<Key, Member<Key, Queue>>()
  readonly #newcomers = new Fifo<Member<Key, Queue>>()
  readonly #round = new Fifo<Member<Key, Queue>>()
  /** Whose turn it is. */
  #current: Member<Key, Queue> | undefined
  #isNewcomersTurn = true

  /** How many are known, with or without something waiting. */
  get size(): number {
    return this.#members.size
  }

  /** The queue of that member, if it is known. */
  get(key: Key): Queue | undefined {
    return this.#members.get(key)?.queue
  }

  /** All that are known. */
  *queues(): Iterable<Queue> {
    for (const { queue } of this.#members.values()) yield queue
  }

  /** A further member, whose queue is about to be filled. */
  add(key: Key, queue: Queue): void {
    if (this.#members.size >= membersMax) this.#forgetEmpty()
    const member = { key, queue, allowedBytes: turnBytes, isNewcomer: true, hasSent: false }
    this.#members.set(key, member)
    this.#newcomers.push(member)
  }

  head(): Item | undefined {
    // Each round but the last ends a turn: what a member saves up comes to its packet, and one that is
    // empty leaves.
    for (;;) {
      this.#current ??= this.#next()
      const member = this.#current
      if (member === undefined) return undefined
      const item = member.queue.head()
      if (item !== undefined && item.length <= member.allowedBytes) return item
      this.#current = undefined
      this.#endTurn(member, item === undefined)
    }
  }

  take(): Item | undefined {
    if (this.head() === undefined) return undefined
    const member = this.#current!
    const item = member.queue.take()!
    member.allowedBytes -= item.length
    member.hasSent = true
    return item
  }

  #next(): Member<Key, Queue> | undefined {
    const [first, second] = this.#isNewcomersTurn
      ? [this.#newcomers, this.#round]
      : [this.#round, this.#newcomers]
    const member = first.shift() ?? second.shift()
    this.#isNewcomersTurn = member?.isNewcomer !== true
    return member
  }

  #endTurn(member: Member<Key, Queue>, isEmpty: boolean): void {
    if (isEmpty && !member.hasSent) {
      this.#members.delete(member.key)
      return
    }
    // Who has nothing to send saves no more than one turn.
    const savedBytes = isEmpty ? Math.min(member.allowedBytes, turnBytes) : member.allowedBytes
    member.allowedBytes = savedBytes + turnBytes
    member.isNewcomer = false
    member.hasSent = false
    this.#round.push(member)
  }

  #forgetEmpty(): void {
    for (const round of [this.#newcomers, this.#round]) {
      for (let count = round.length; count > 0; count -= 1) {
        const member = round.shift()!
        if (member.queue.head() === undefined) this.#members.delete(member.key)
        else round.push(member)
      }
    }
  }
}
