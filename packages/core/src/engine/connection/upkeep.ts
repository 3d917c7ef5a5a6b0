/**
 * What follows from a change at a peer: its connection begins, goes on with other keys, ends or rests,
 * and whatever is due next is opened (rules CN22, CN23, CN28, CN41 and CN44).
 *
 * `settle` is called after everything that may have changed an entry.
 */

import type { PacketPort } from '../mesh/packet-port.ts'
import type { Answers } from './answers.ts'
import type { ConnectionOutputs } from './connection-output.ts'
import { Connection } from './connection.ts'
import type { Farewells } from './farewells.ts'
import type { Established, LocalParty, NewKeys } from './handshake.ts'
import type { KeyLimits } from './key-phases.ts'
import type { Offences } from './offences.ts'
import type { Openings } from './openings.ts'
import type { PeerEntry } from './peer-entry.ts'
import type { PeerTable } from './peer-table.ts'
import { Resumption } from './resumption.ts'
import type { StreamDirectory } from './stream-directory.ts'
import { StreamSet } from './stream-set.ts'

export interface UpkeepParts {
  readonly party: LocalParty
  readonly packets: PacketPort
  readonly outputs: ConnectionOutputs
  readonly peers: PeerTable
  readonly openings: Openings
  readonly answers: Answers
  readonly farewells: Farewells
  readonly offences: Offences
  readonly directory: StreamDirectory
  readonly limits: KeyLimits | undefined
}

/** See the file header. */
export class Upkeep {
  readonly #parts: UpkeepParts

  constructor(parts: UpkeepParts) {
    this.#parts = parts
  }

  /**
   * A handshake is complete. False when it was to continue a connection that this end has not any
   * more: then nothing has come of it.
   */
  established(
    entry: PeerEntry,
    established: Established,
    role: 'initiator' | 'responder',
    nowMs: number,
  ): boolean {
    const { answers } = this.#parts
    const { continued } = established
    if (continued !== undefined && entry.resumption?.name !== continued) return false
    entry.opening = undefined
    entry.handshake = undefined
    answers.stop(entry)
    entry.wanted = true
    entry.unreachableSinceMs = undefined
    if (continued === undefined) this.#connect(entry, established, role, nowMs)
    else this.#goOn(entry, established, nowMs)
    this.settle(entry, nowMs)
    return true
  }

  /** A ticket has given both ends of the entry's connection other keys. */
  resumed(entry: PeerEntry, keys: NewKeys, nowMs: number): void {
    this.#parts.party.context.recorder.connection.ticketsUsed.add()
    entry.opening = undefined
    entry.unreachableSinceMs = undefined
    this.#goOn(entry, keys, nowMs)
    this.settle(entry, nowMs)
  }

  /** Tidies up, opens what is due, and keeps within the bounds. */
  settle(entry: PeerEntry, nowMs: number): void {
    const { openings, peers } = this.#parts
    this.#clear(entry, nowMs)
    openings.startIfDue(entry, nowMs)
    peers.changed(entry)
    for (;;) {
      const { resting } = peers
      const excess = peers.excessCount > 0 ? resting.oldest() : resting.excess()
      if (excess === undefined) return
      excess.connection?.abandon('expired')
      this.#clear(excess, nowMs)
      peers.changed(excess)
    }
  }

  #connect(
    entry: PeerEntry,
    established: Established,
    role: 'initiator' | 'responder',
    nowMs: number,
  ): void {
    const { party, packets, outputs, directory, limits } = this.#parts
    const { context, identity } = party
    const { peer } = entry
    const { epoch, credit, name, ticket } = established
    const former = entry.connection
    former?.abandon(former.epoch === epoch ? 'replaced' : 'restarted')
    const opensEven = identity.peer < peer
    const streams = new StreamSet(context, outputs, directory, { peer, opensEven, credit })
    const connection = new Connection(context, packets, outputs, {
      peer,
      ...established,
      streams,
      limits,
    })
    entry.connection = connection
    entry.resumption = new Resumption(party, peer, name, ticket)
    context.recorder.connection.connected.record(peer, epoch, role)
    outputs.push({ type: 'connected', peer, epoch })
    connection.start(nowMs)
  }

  #goOn(entry: PeerEntry, keys: NewKeys, nowMs: number): void {
    entry.resumption?.next(keys.ticket)
    entry.connection?.resume(keys, nowMs)
  }

  /** Takes leave of a connection that has ended. */
  #clear(entry: PeerEntry, nowMs: number): void {
    const { party, farewells, offences } = this.#parts
    const { peer, connection } = entry
    if (connection?.ended === undefined) return
    const { closePacket, ended } = connection
    if (closePacket !== undefined) farewells.keep(connection.localId, peer, closePacket, nowMs)
    if (ended.reason === 'expired') party.context.recorder.connection.ticketsExpired.add()
    if (ended.reason === 'protocol') {
      offences.committed(peer, nowMs)
      entry.pausedUntilMs = offences.pausedUntilMs(peer)
    }
    entry.connection = undefined
    entry.resumption = undefined
    entry.opening = undefined
    entry.wanted = false
  }
}
