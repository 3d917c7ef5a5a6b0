/**
 * The virtual connections of one engine: at most one to each peer (docs/specs/connection.md). Calls go
 * down, events come up through `poll`.
 *
 * `PeerTable` holds what goes on with each peer, `Openings` and `Answers` the two sides of
 * handshakes and resumptions; `IncomingPackets` brings packets to them, and `Upkeep` makes the
 * connections and takes leave of them.
 */

import { assert } from '../assert.ts'
import type { EngineContext } from '../context.ts'
import { CertificateVerifier, type Identity } from '../identity/identity.ts'
import { deriveJoinKeys } from '../identity/join-keys.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { priorities, type Priority } from '../link/link-port.ts'
import type { PacketPort } from '../mesh/packet-port.ts'
import { Answers } from './answers.ts'
import type { CloseReason, ConnectionOutput, ConnectionOutputs } from './connection-output.ts'
import type { ConnectionMeasure } from './connection.ts'
import { Farewells } from './farewells.ts'
import { HandshakeReports } from './handshake-reports.ts'
import { IncomingPackets } from './incoming-packets.ts'
import type { KeyLimits } from './key-phases.ts'
import { messageBytesMax, type MessagePort, type MessageSendResult } from './message-port.ts'
import { Offences } from './offences.ts'
import { Openings } from './openings.ts'
import { isForgotten, loseRoute } from './peer-entry.ts'
import { connectionsMax, PeerTable } from './peer-table.ts'
import type { Arrival } from './received-packets.ts'
import { StreamCalls } from './stream-calls.ts'
import { StreamDirectory } from './stream-directory.ts'
import type { StreamPort } from './stream-port.ts'
import { Upkeep } from './upkeep.ts'

/** Largest datagram taken, in bytes. */
export const datagramBytesMax = 64 * 1024

export interface ConnectionsOptions {
  readonly identity: Identity
  readonly app: string
  /** 32 bytes. */
  readonly secret: Uint8Array
  readonly epoch: number
  /** How much one key seals; smaller limits are for tests. */
  readonly keyLimits?: KeyLimits
}

/** See the file header. Every method is to be followed by draining `poll`. */
export class Connections implements MessagePort {
  readonly #context: EngineContext
  readonly #peers: PeerTable
  readonly #openings: Openings
  readonly #answers: Answers
  readonly #reports: HandshakeReports
  readonly #incoming: IncomingPackets
  readonly #upkeep: Upkeep
  readonly #farewells = new Farewells()
  readonly #offences = new Offences()
  readonly #directory: StreamDirectory
  /** Of applications. Every call is to be followed by draining `poll`. */
  readonly streams: StreamPort
  readonly #outputs: ConnectionOutputs = []
  #outputHead = 0

  constructor(context: EngineContext, options: ConnectionsOptions, packets: PacketPort) {
    this.#context = context
    const { identity, app, secret, epoch, keyLimits: limits } = options
    const party = {
      context,
      identity,
      epoch,
      presharedKey: deriveJoinKeys(app, secret, context.cryptography).presharedKey,
      verifier: new CertificateVerifier(context.cryptography),
    }
    const offences = this.#offences
    const peers = new PeerTable(packets, offences)
    const reports = new HandshakeReports(context, this.#outputs)
    const openings = new Openings(party, packets, reports)
    const answers = new Answers(party, packets, peers, reports, offences)
    const farewells = this.#farewells
    const parts = { party, packets, peers, openings, answers, farewells }
    const directory = new StreamDirectory(context)
    this.#directory = directory
    this.#upkeep = new Upkeep({ ...parts, outputs: this.#outputs, offences, directory, limits })
    this.#incoming = new IncomingPackets({ ...parts, upkeep: this.#upkeep })
    this.#peers = peers
    this.#openings = openings
    this.#answers = answers
    this.#reports = reports
    this.streams = new StreamCalls(peers, directory, (entry, nowMs) =>
      this.#upkeep.settle(entry, nowMs),
    )
  }

  /** Begins a handshake unless there is a connection or one is under way; waits for a route. */
  open(peer: PeerId, nowMs: number): void {
    const known = this.#peers.get(peer)
    if (known === undefined && !this.#peers.hasRoom) {
      this.#reports.noRoom(peer, connectionsMax)
      return
    }
    const entry = known ?? this.#peers.add(peer, nowMs)
    entry.wanted = true
    this.#upkeep.settle(entry, nowMs)
  }

  /** Nobody waits for the peer any more: forgets one that has neither a route nor a connection. */
  giveUp(peer: PeerId): void {
    const entry = this.#peers.get(peer)
    if (entry === undefined || entry.unreachableSinceMs === undefined) return
    if (entry.connection !== undefined) return
    entry.wanted = false
    this.#peers.changed(entry)
  }

  /** Ends what there is with the peer, and tells it. */
  close(peer: PeerId, reason: CloseReason, nowMs: number): void {
    const entry = this.#peers.get(peer)
    if (entry === undefined) return
    entry.wanted = false
    entry.opening = undefined
    this.#answers.stop(entry)
    entry.connection?.close(reason, nowMs)
    this.#upkeep.settle(entry, nowMs)
  }

  /** Ends all connections: this peer is stopping. */
  closeAll(nowMs: number): void {
    for (const { peer } of this.#peers) this.close(peer, 'stopping', nowMs)
  }

  /** A packet came in; `from` is what the packet says, unproven. The payload is only read. */
  packetReceived(from: PeerId, payload: Uint8Array, arrival: Arrival, nowMs: number): void {
    this.#incoming.received(from, payload, arrival, nowMs)
  }

  /** The mesh takes packets again. */
  packetsWritable(nowMs: number): void {
    for (const entry of this.#peers.takeBlocked()) {
      this.#openings.packetsWritable(entry, nowMs)
      entry.connection?.packetsWritable(nowMs)
      this.#upkeep.settle(entry, nowMs)
    }
  }

  /** There is a route to the peer. */
  peerReachable(peer: PeerId, nowMs: number): void {
    const entry = this.#peers.get(peer)
    if (entry === undefined) return
    entry.unreachableSinceMs = undefined
    entry.connection?.peerReachable(nowMs)
    this.#upkeep.settle(entry, nowMs)
  }

  /** The route to the peer is gone. */
  peerUnreachable(peer: PeerId, nowMs: number): void {
    const entry = this.#peers.get(peer)
    if (entry === undefined) return
    loseRoute(entry, nowMs)
    this.#upkeep.settle(entry, nowMs)
  }

  /** The route to the peer is another one now; `isFormerGone`: the former one was lost. */
  pathChanged(peer: PeerId, isFormerGone: boolean, nowMs: number): void {
    const entry = this.#peers.get(peer)
    if (entry === undefined) return
    entry.unreachableSinceMs = undefined
    this.#openings.heard(entry, nowMs)
    entry.connection?.pathChanged(isFormerGone, nowMs)
    this.#upkeep.settle(entry, nowMs)
  }

  send(peer: PeerId, stream: Priority, message: Uint8Array, nowMs: number): MessageSendResult {
    assert(
      message.length > 0 && message.length <= messageBytesMax,
      `a message has 1 to ${messageBytesMax} bytes, not ${message.length}`,
    )
    const entry = this.#peers.get(peer)
    if (entry?.connection === undefined) return 'no-connection'
    const result = entry.connection.send(priorities.indexOf(stream), message, nowMs)
    this.#upkeep.settle(entry, nowMs)
    return result
  }

  sendDatagram(peer: PeerId, key: string, payload: Uint8Array, nowMs: number): void {
    const { connection: instruments } = this.#context.recorder
    const entry = this.#peers.get(peer)
    if (entry?.connection === undefined) return instruments.datagramsDropped.add()
    if (payload.length > datagramBytesMax) return instruments.datagramsTooLarge.add()
    entry.connection.sendDatagram(key, payload, nowMs)
    this.#upkeep.settle(entry, nowMs)
  }

  /** When `handleDeadline` has to be called; `Infinity` for never. */
  nextDeadlineMs(): number {
    return this.#peers.nextDeadlineMs
  }

  handleDeadline(nowMs: number): void {
    for (const entry of this.#peers.takeDue(nowMs)) {
      this.#answers.handleDeadline(entry, nowMs)
      this.#openings.handleDeadline(entry, nowMs)
      entry.connection?.handleDeadline(nowMs)
      if (isForgotten(entry, nowMs)) entry.wanted = false
      this.#upkeep.settle(entry, nowMs)
    }
  }

  /** The next thing to tell the layer above, in order; `undefined` when there is nothing more. */
  poll(): ConnectionOutput | undefined {
    const output = this.#outputs[this.#outputHead]
    if (output === undefined) {
      this.#outputs.length = 0
      this.#outputHead = 0
      return undefined
    }
    this.#outputHead += 1
    return output
  }

  /** Sizes of what each connection holds. */
  measureAll(): readonly ConnectionMeasure[] {
    return [...this.#peers].flatMap(({ connection }) => connection?.measure() ?? [])
  }

  /** Sizes of what the connection to a peer holds; `undefined` without one. */
  measure(peer: PeerId): ConnectionMeasure | undefined {
    return this.#peers.get(peer)?.connection?.measure()
  }

  /** How much is held for all peers together, for the tests of bounds. */
  census(): {
    readonly peers: number
    readonly resting: number
    readonly restingBytes: number
    readonly answering: number
    readonly farewells: number
    readonly offenders: number
    readonly streams: number
  } {
    const { resting } = this.#peers
    return {
      peers: this.#peers.size,
      resting: resting.size,
      restingBytes: resting.bytes,
      answering: this.#answers.count,
      farewells: this.#farewells.size,
      offenders: this.#offences.size,
      streams: this.#directory.size,
    }
  }
}
