/**
 * How one connection goes on with other keys: its name, its ticket, and what has been done with the
 * ticket at this end (rules CN27 to CN36).
 *
 * Invariant: at one end a ticket has one opening at the most, which never changes, and one answer at
 * the most; an end that has answered does not open. So one set of keys at the most comes of a
 * ticket, at whichever end, and no sequence of losses and repetitions leaves the ends with two.
 */

import type { PeerId } from '../identity/peer-id.ts'
import { equalBytes } from '../bytes/compare.ts'
import type { LocalParty, NewKeys } from './handshake.ts'
import type { Packet } from './packet.ts'
import { InitiatorResumption, ResponderResumption } from './resumption-handshake.ts'
import type { ConnectionName, Ticket } from './ticket.ts'

/**
 * An answer that is not confirmed in this time was lost with the other end's interest: this end
 * opens a handshake. Many round trips, and the time that an answered handshake has.
 */
export const confirmationMsMax = 10_000

/** What is to be done about an opening. */
export type OpeningVerdict =
  | { readonly type: 'answer'; readonly packet: Uint8Array }
  /** The opening that this end has made counts instead: it should be on its way. */
  | { readonly type: 'open' }
  /** Used before, or forged. */
  | { readonly type: 'drop' }
  /** No such ticket: the other end has to shake hands. */
  | { readonly type: 'refuse' }

/** See the file header. It lasts as long as the connection. */
export class Resumption {
  readonly name: ConnectionName
  readonly #party: LocalParty
  readonly #peer: PeerId
  #ticket: Ticket
  #formerTicket: Ticket | undefined
  #opening: InitiatorResumption | undefined
  #answer: ResponderResumption | undefined
  #answeredAtMs = 0
  #isRefused = false

  constructor(party: LocalParty, peer: PeerId, name: ConnectionName, ticket: Ticket) {
    this.#party = party
    this.#peer = peer
    this.name = name
    this.#ticket = ticket
  }

  /** The ticket can be used by this end, as far as is known. */
  get mayOpen(): boolean {
    return this.#answer === undefined && !this.#isRefused
  }

  /** Keys that the other end may have by now; they are in force when a packet under them opens. */
  get unconfirmed(): NewKeys | undefined {
    return this.#answer?.keys
  }

  /** Until when the other end is expected to go on; -Infinity when it is not. */
  get expectedUntilMs(): number {
    return this.#answer === undefined
      ? Number.NEGATIVE_INFINITY
      : this.#answeredAtMs + confirmationMsMax
  }

  /** The opening of the ticket. Only when it may be used. */
  open(): InitiatorResumption {
    this.#opening ??= new InitiatorResumption(this.#party, this.#peer, this.#ticket)
    return this.#opening
  }

  /** The other end says that it knows no such ticket. A lie costs a handshake. */
  refused(): void {
    this.#isRefused = true
  }

  /** Takes an opening of the other end. */
  openReceived(packet: Packet & { type: 'resumption-open' }, nowMs: number): OpeningVerdict {
    if (names(packet, this.#formerTicket)) return { type: 'drop' }
    // A ticket that comes of the answer proves that the answer arrived.
    const confirms = names(packet, this.#answer?.keys.ticket)
    if (!confirms && !names(packet, this.#ticket)) return { type: 'refuse' }
    if (!confirms && this.#answer !== undefined) return this.#repeated(packet, this.#answer, nowMs)
    const ticket = confirms ? this.#answer!.keys.ticket : this.#ticket
    const answer = ResponderResumption.answer(this.#party, this.#peer, ticket, packet)
    if (answer === undefined) return { type: 'drop' }
    if (confirms) this.next(ticket)
    if (this.#opening !== undefined && this.#party.identity.peer < this.#peer) {
      return { type: 'open' }
    }
    this.#answer = answer
    this.#answeredAtMs = nowMs
    return { type: 'answer', packet: answer.answerPacket }
  }

  /** Other keys are in force: the ticket that comes with them follows. */
  next(ticket: Ticket): void {
    this.#formerTicket = this.#ticket
    this.#ticket = ticket
    this.#opening = undefined
    this.#answer = undefined
    this.#isRefused = false
  }

  #repeated(
    packet: Packet & { type: 'resumption-open' },
    answer: ResponderResumption,
    nowMs: number,
  ): OpeningVerdict {
    if (!answer.isAnswerTo(packet)) return { type: 'drop' }
    this.#answeredAtMs = nowMs
    return { type: 'answer', packet: answer.answerPacket }
  }
}

function names(
  { ticket }: Packet & { type: 'resumption-open' },
  known: Ticket | undefined,
): boolean {
  return known !== undefined && equalBytes(ticket, known.id)
}
