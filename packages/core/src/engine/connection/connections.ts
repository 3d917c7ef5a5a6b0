/**
 * The virtual connections of one engine: at most one to each peer, opened, answered, replaced and
 * parked here (docs/specs/connection.md). Calls go down, events come up through `poll`.
 */

import { assert, unreachable } from '../assert.ts'
import { equalBytes } from '../bytes/compare.ts'
import type { EngineContext } from '../context.ts'
import { CertificateVerifier, type Identity } from '../identity/identity.ts'
import { deriveJoinKeys } from '../identity/join-keys.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { priorities, type Priority } from '../link/link-port.ts'
import type { PacketPort } from '../mesh/packet-port.ts'
import type { Problem, ProblemCode } from '../problem.ts'
import { Connection } from './connection.ts'
import type { CloseReason, ConnectionOutput, ConnectionOutputs } from './connection-output.ts'
import { Farewells } from './farewells.ts'
import {
  InitiatorHandshake,
  ResponderHandshake,
  type Established,
  type HandshakeFailureReason,
  type LocalParty,
} from './handshake.ts'
import { messageBytesMax, type MessagePort, type MessageSendResult } from './message-port.ts'
import {
  decodePacket,
  encodePacket,
  protocolVersion,
  type ConnectionId,
  type Packet,
} from './packet.ts'

import { entryDeadlineMs, isForgotten, type Opening, type PeerEntry } from './peer-entry.ts'

/** Peers with a connection or on the way to one. Beyond it `open` is refused, openings are dropped. */
export const connectionsMax = 1024

/** Handshakes answered and not finished. Beyond it openings are dropped until some finish or expire. */
export const answeredHandshakesMax = 64

/** An answered handshake that is not finished in this time is forgotten. */
export const answeredHandshakeMsMax = 10_000

/** First repetition of an opening, doubling up to the longest pause. */
const openRepeatMs = 500
const openRepeatMsMax = 8000

/** An opening unanswered for this long is reported, once; it goes on while there is a route. */
export const handshakeReportMs = 30_000

/** A peer whose handshakes fail is reported once in this time. */
const peerReportMs = 60_000

/** Reported peers that are remembered; beyond it all are forgotten and may be reported again. */
const reportedPeersMax = 256

/** Largest datagram taken, in bytes. */
export const datagramBytesMax = 64 * 1024

export interface ConnectionsOptions {
  readonly identity: Identity
  readonly app: string
  /** 32 bytes. */
  readonly secret: Uint8Array
  readonly epoch: number
}

/** See the file header. Every method is to be followed by draining `poll`. */
export class Connections implements MessagePort {
  readonly #context: EngineContext
  readonly #packets: PacketPort
  readonly #party: LocalParty
  readonly #peers = new Map<PeerId, PeerEntry>()
  readonly #outputs: ConnectionOutputs = []
  #outputHead = 0
  readonly #farewells = new Farewells()
  readonly #reportedAtMs = new Map<PeerId, number>()
  #answeringCount = 0

  constructor(context: EngineContext, options: ConnectionsOptions, packets: PacketPort) {
    this.#context = context
    this.#packets = packets
    const { identity, app, secret, epoch } = options
    this.#party = {
      context,
      identity,
      epoch,
      presharedKey: deriveJoinKeys(app, secret, context.cryptography).presharedKey,
      verifier: new CertificateVerifier(context.cryptography),
    }
  }

  /** Begins a handshake unless there is a connection or one is under way; waits for a route. */
  open(peer: PeerId, nowMs: number): void {
    const known = this.#peers.get(peer)
    if (known === undefined && this.#peers.size >= connectionsMax) {
      this.#report(
        'limit-reached',
        `no connection to ${peer}: ${connectionsMax} peers already`,
        peer,
      )
      return
    }
    const entry = known ?? this.#add(peer, nowMs)
    entry.wanted = true
    this.#openIfDue(entry, nowMs)
  }

  /** Ends what there is with the peer, and tells it. */
  close(peer: PeerId, reason: CloseReason, nowMs: number): void {
    const entry = this.#peers.get(peer)
    if (entry === undefined) return
    entry.wanted = false
    entry.opening = undefined
    this.#stopAnswering(entry)
    entry.connection?.close(reason, nowMs)
    this.#settle(entry, nowMs)
  }

  /** Ends all connections: this peer is stopping. */
  closeAll(nowMs: number): void {
    for (const peer of this.#peers.keys()) this.close(peer, 'stopping', nowMs)
  }

  /** A packet came in; `from` is what the packet says, unproven. The payload is only read. */
  packetReceived(from: PeerId, payload: Uint8Array, nowMs: number): void {
    const packet = decodePacket(payload)
    if (packet === undefined) {
      this.#context.recorder.connection.packetsMalformed.add()
      return
    }
    switch (packet.type) {
      case 'protected':
        return this.#protectedReceived(from, packet, nowMs)
      case 'handshake-open':
        return this.#openReceived(from, packet, nowMs)
      case 'handshake-answer':
        return this.#answerReceived(from, packet, nowMs)
      case 'handshake-finish':
        return this.#finishReceived(from, packet, nowMs)
      case 'refusal':
        return this.#refusalReceived(from, packet)
      case 'unknown-connection':
        return this.#unknownReceived(from, packet, nowMs)
      default:
        unreachable(packet)
    }
  }

  /** The mesh takes packets again. */
  packetsWritable(nowMs: number): void {
    const waiting = [...this.#peers.values()].filter(
      ({ opening, connection }) => opening?.unsent === true || connection?.isBlocked === true,
    )
    for (const entry of waiting) {
      // Who goes first now goes last next time.
      this.#peers.delete(entry.peer)
      this.#peers.set(entry.peer, entry)
      if (entry.opening?.unsent === true) this.#sendOpening(entry, entry.opening, nowMs)
      entry.connection?.packetsWritable(nowMs)
      this.#settle(entry, nowMs)
    }
  }

  /** There is a route to the peer. */
  peerReachable(peer: PeerId, nowMs: number): void {
    const entry = this.#peers.get(peer)
    if (entry === undefined) return
    entry.unreachableSinceMs = undefined
    entry.connection?.peerReachable(nowMs)
    this.#openIfDue(entry, nowMs)
    this.#settle(entry, nowMs)
  }

  /** The route to the peer is gone. */
  peerUnreachable(peer: PeerId, nowMs: number): void {
    const entry = this.#peers.get(peer)
    if (entry !== undefined) this.#lostRoute(entry, nowMs)
  }

  /** The route to the peer is another one now. */
  pathChanged(peer: PeerId, nowMs: number): void {
    const entry = this.#peers.get(peer)
    if (entry?.connection === undefined) return
    entry.connection.pathChanged(nowMs)
    this.#settle(entry, nowMs)
  }

  send(peer: PeerId, stream: Priority, message: Uint8Array, nowMs: number): MessageSendResult {
    assert(
      message.length > 0 && message.length <= messageBytesMax,
      `a message has 1 to ${messageBytesMax} bytes, not ${message.length}`,
    )
    const entry = this.#peers.get(peer)
    if (entry?.connection === undefined) return 'no-connection'
    return entry.connection.send(priorities.indexOf(stream), message, nowMs)
  }

  sendDatagram(peer: PeerId, key: string, payload: Uint8Array, nowMs: number): void {
    const { connection: instruments } = this.#context.recorder
    const connection = this.#peers.get(peer)?.connection
    if (connection === undefined) instruments.datagramsDropped.add()
    else if (payload.length > datagramBytesMax) instruments.datagramsTooLarge.add()
    else connection.sendDatagram(key, payload, nowMs)
  }

  /** When `handleDeadline` has to be called; `Infinity` for never. Linear in the number of peers. */
  nextDeadlineMs(): number {
    let deadlineMs = Number.POSITIVE_INFINITY
    for (const entry of this.#peers.values())
      deadlineMs = Math.min(deadlineMs, entryDeadlineMs(entry))
    return deadlineMs
  }

  handleDeadline(nowMs: number): void {
    for (const entry of this.#peers.values()) {
      if (entryDeadlineMs(entry) > nowMs) continue
      if (entry.answering !== undefined && entry.answering.expiresAtMs <= nowMs) {
        this.#failed(entry.peer, 'expired')
        this.#stopAnswering(entry)
        this.#openIfDue(entry, nowMs)
      }
      if (entry.opening !== undefined && entry.opening.deadlineMs <= nowMs) {
        this.#repeatOpening(entry, entry.opening, nowMs)
      }
      entry.connection?.handleDeadline(nowMs)
      if (isForgotten(entry, nowMs)) entry.wanted = false
      this.#settle(entry, nowMs)
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

  /** Sizes of what the connection to a peer holds; `undefined` without one. */
  measure(peer: PeerId): ReturnType<Connection['measure']> | undefined {
    return this.#peers.get(peer)?.connection?.measure()
  }

  // Packets

  #protectedReceived(from: PeerId, packet: Packet & { type: 'protected' }, nowMs: number): void {
    const entry = this.#peers.get(from)
    if (entry?.connection?.localId === packet.connection) {
      entry.connection.packetReceived(packet, nowMs)
      this.#settle(entry, nowMs)
      return
    }
    this.#context.recorder.connection.packetsUnknown.add()
    const farewell = this.#farewells.find(packet.connection, from, nowMs)
    if (farewell !== undefined) {
      this.#packets.send(from, 'control', farewell, nowMs)
      return
    }
    this.#sendUnknown(from, packet.connection, nowMs)
  }

  #openReceived(from: PeerId, packet: Packet & { type: 'handshake-open' }, nowMs: number): void {
    const { recorder } = this.#context
    if (from === this.#party.identity.peer) return
    if (packet.version !== protocolVersion) {
      this.#refuse(from, packet.connection, 'version', nowMs)
      return
    }
    const known = this.#peers.get(from)
    const answering = known?.answering
    if (answering !== undefined && equalBytes(answering.openMessage, packet.message)) {
      this.#packets.send(from, 'control', answering.handshake.answerPacket, nowMs)
      return
    }
    // Both opened at once: the opening of the lower peer id counts, and the other end answers it.
    if (known?.opening !== undefined && this.#party.identity.peer < from) return
    const isFull =
      (known === undefined && this.#peers.size >= connectionsMax) ||
      (answering === undefined && this.#answeringCount >= answeredHandshakesMax)
    if (isFull) {
      recorder.connection.handshakesDropped.add()
      return
    }
    const handshake = ResponderHandshake.answer(
      this.#party,
      from,
      packet.connection,
      packet.message,
    )
    if (typeof handshake === 'string') {
      this.#refuse(from, packet.connection, 'secret', nowMs)
      return
    }
    const entry = known ?? this.#add(from, nowMs)
    this.#stopAnswering(entry)
    entry.opening = undefined
    entry.answering = {
      handshake,
      openMessage: packet.message.slice(),
      expiresAtMs: nowMs + answeredHandshakeMsMax,
    }
    this.#answeringCount += 1
    this.#packets.send(from, 'control', handshake.answerPacket, nowMs)
  }

  #answerReceived(
    from: PeerId,
    packet: Packet & { type: 'handshake-answer' },
    nowMs: number,
  ): void {
    const entry = this.#peers.get(from)
    const opening = entry?.opening
    if (entry === undefined || opening === undefined) return
    if (opening.spoilt || opening.handshake.connection !== packet.connection) return
    const result = opening.handshake.answerReceived(packet.message)
    if (result.type === 'failed') {
      opening.spoilt = true
      this.#handshakeFailed(from, result.reason, nowMs)
      return
    }
    this.#context.recorder.connection.handshakeMs.observe(nowMs - opening.sinceMs)
    this.#established(entry, result.established, 'initiator', nowMs)
  }

  #finishReceived(
    from: PeerId,
    packet: Packet & { type: 'handshake-finish' },
    nowMs: number,
  ): void {
    const entry = this.#peers.get(from)
    // A repetition: the connection is up, and its first packet on the way.
    if (entry?.connection?.localId === packet.connection) return
    const answering = entry?.answering
    if (entry === undefined || answering?.handshake.connection !== packet.connection) {
      this.#context.recorder.connection.packetsUnknown.add()
      this.#sendUnknown(from, packet.connection, nowMs)
      return
    }
    const result = answering.handshake.finishReceived(packet.message)
    if (result.type === 'failed') {
      this.#stopAnswering(entry)
      this.#handshakeFailed(from, result.reason, nowMs)
      this.#openIfDue(entry, nowMs)
      this.#settle(entry, nowMs)
      return
    }
    this.#established(entry, result.established, 'responder', nowMs)
  }

  /** Unproven, so it is told and changes nothing: the opening goes on. */
  #refusalReceived(from: PeerId, packet: Packet & { type: 'refusal' }): void {
    const opening = this.#peers.get(from)?.opening
    if (opening === undefined || opening.handshake.connection !== packet.connection) return
    if (opening.reported) return
    opening.reported = true
    this.#failed(from, packet.reason)
    if (packet.reason === 'secret') {
      this.#report('secret-mismatch', `peer ${from} refused: its secret is another one`, from)
    } else {
      const message = `peer ${from} does not speak version ${protocolVersion} of connections`
      this.#report('protocol-version-mismatch', message, from)
    }
  }

  /** Unproven, so it counts only when the connection is silent; and then it costs one handshake. */
  #unknownReceived(
    from: PeerId,
    packet: Packet & { type: 'unknown-connection' },
    nowMs: number,
  ): void {
    const entry = this.#peers.get(from)
    const connection = entry?.connection
    if (entry === undefined || connection?.remoteId !== packet.connection) return
    if (!connection.isSilent || entry.answering !== undefined) return
    this.#startOpening(entry, nowMs)
  }

  #refuse(to: PeerId, connection: ConnectionId, reason: 'version' | 'secret', nowMs: number): void {
    this.#context.recorder.connection.handshakesRefused.add()
    this.#packets.send(to, 'control', encodePacket({ type: 'refusal', connection, reason }), nowMs)
    if (!this.#mayReport(to, nowMs)) return
    this.#failed(to, reason)
    if (reason === 'secret') {
      this.#report('secret-mismatch', `peer ${to} opened with another secret`, to)
    } else {
      const message = `peer ${to} opened in another version than ${protocolVersion} of connections`
      this.#report('protocol-version-mismatch', message, to)
    }
  }

  #sendUnknown(to: PeerId, connection: ConnectionId, nowMs: number): void {
    const packet = encodePacket({ type: 'unknown-connection', connection })
    this.#packets.send(to, 'control', packet, nowMs)
  }

  // Handshakes

  #openIfDue(entry: PeerEntry, nowMs: number): void {
    const underWay = entry.connection ?? entry.opening ?? entry.answering
    if (!entry.wanted || underWay !== undefined || entry.unreachableSinceMs !== undefined) return
    this.#startOpening(entry, nowMs)
  }

  #startOpening(entry: PeerEntry, nowMs: number): void {
    if (entry.opening !== undefined) return
    this.#context.recorder.connection.handshakeStarted.record(entry.peer)
    entry.opening = {
      handshake: new InitiatorHandshake(this.#party, entry.peer),
      sinceMs: nowMs,
      repeatMs: openRepeatMs,
      deadlineMs: nowMs,
      spoilt: false,
      reported: false,
      unsent: false,
    }
    this.#sendOpening(entry, entry.opening, nowMs)
  }

  #repeatOpening(entry: PeerEntry, opening: Opening, nowMs: number): void {
    if (nowMs - opening.sinceMs >= handshakeReportMs && !opening.reported) {
      opening.reported = true
      this.#failed(entry.peer, 'unanswered')
      const message = `peer ${entry.peer} has a route but has not answered for ${handshakeReportMs} ms`
      this.#report('handshake-failed', message, entry.peer)
    }
    if (opening.spoilt) {
      opening.handshake = new InitiatorHandshake(this.#party, entry.peer)
      opening.spoilt = false
    }
    this.#sendOpening(entry, opening, nowMs)
  }

  #sendOpening(entry: PeerEntry, opening: Opening, nowMs: number): void {
    const { openPacket } = opening.handshake
    const result = this.#packets.send(entry.peer, 'control', openPacket, nowMs)
    opening.unsent = result === 'full'
    if (result === 'no-route') return this.#lostRoute(entry, nowMs)
    opening.deadlineMs = nowMs + opening.repeatMs
    if (result === 'accepted') opening.repeatMs = Math.min(opening.repeatMs * 2, openRepeatMsMax)
  }

  #established(
    entry: PeerEntry,
    established: Established,
    role: 'initiator' | 'responder',
    nowMs: number,
  ): void {
    const { peer } = entry
    const former = entry.connection
    former?.abandon(former.epoch === established.epoch ? 'replaced' : 'restarted')
    entry.opening = undefined
    this.#stopAnswering(entry)
    entry.wanted = true
    entry.unreachableSinceMs = undefined
    const connection = new Connection(this.#context, this.#packets, this.#outputs, {
      peer,
      ...established,
    })
    entry.connection = connection
    this.#context.recorder.connection.connected.record(peer, established.epoch, role)
    this.#outputs.push({ type: 'connected', peer, epoch: established.epoch })
    connection.start(nowMs)
    this.#settle(entry, nowMs)
  }

  #handshakeFailed(peer: PeerId, reason: HandshakeFailureReason, nowMs: number): void {
    this.#context.recorder.connection.handshakesRefused.add()
    this.#failed(peer, reason)
    if (reason !== 'identity' || !this.#mayReport(peer, nowMs)) return
    const message = `who speaks for peer ${peer} has keys of another identity`
    this.#report('identity-mismatch', message, peer)
  }

  /** Anybody can make a peer look wrong, as often as they like: once a minute is told. */
  #mayReport(peer: PeerId, nowMs: number): boolean {
    const reportedAtMs = this.#reportedAtMs.get(peer)
    if (reportedAtMs !== undefined && nowMs - reportedAtMs < peerReportMs) return false
    if (this.#reportedAtMs.size >= reportedPeersMax) this.#reportedAtMs.clear()
    this.#reportedAtMs.set(peer, nowMs)
    return true
  }

  #stopAnswering(entry: PeerEntry): void {
    if (entry.answering === undefined) return
    entry.answering = undefined
    this.#answeringCount -= 1
  }

  // Peers

  #add(peer: PeerId, nowMs: number): PeerEntry {
    const hasRoute = this.#packets.payloadBytesMax(peer) > 0
    const entry: PeerEntry = {
      peer,
      connection: undefined,
      opening: undefined,
      answering: undefined,
      wanted: false,
      unreachableSinceMs: hasRoute ? undefined : nowMs,
    }
    this.#peers.set(peer, entry)
    return entry
  }

  #lostRoute(entry: PeerEntry, nowMs: number): void {
    entry.unreachableSinceMs ??= nowMs
    entry.opening = undefined
    entry.connection?.peerUnreachable(nowMs)
  }

  /** Tidies up after anything that may have ended a connection. */
  #settle(entry: PeerEntry, nowMs: number): void {
    const { connection } = entry
    if (connection?.ended !== undefined) {
      const { closePacket } = connection
      if (closePacket !== undefined) {
        this.#farewells.keep(connection.localId, entry.peer, closePacket, nowMs)
      }
      entry.connection = undefined
      entry.opening = undefined
      entry.wanted = false
    }
    const rest = entry.connection ?? entry.opening ?? entry.answering
    if (rest === undefined && !entry.wanted) this.#peers.delete(entry.peer)
  }

  #failed(peer: PeerId, reason: string): void {
    this.#context.recorder.connection.handshakeFailed.record(peer, reason)
  }

  #report(code: ProblemCode, message: string, peer: PeerId): void {
    const problem: Problem = { code, message }
    this.#outputs.push({ type: 'problem', problem, peer })
  }
}
