/**
 * Awareness: who is where in a document, told by datagrams that may be lost. Rules AW1 to AW7 of
 * docs/specs/sync.md.
 *
 * Each client's states are numbered by a clock. A state with a higher clock replaces the one before
 * and goes on to the other neighbours; anything else is dropped, which ends every loop. States are
 * said again every 15 s and forgotten 45 s after the last news.
 */

import { encodeUtf8 } from '../bytes/utf8.ts'
import type { AwarenessChange, MeshEvent, SubscriberId } from '../command.ts'
import type { MessagePort } from '../connection/message-port.ts'
import type { EngineContext } from '../context.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { Problem } from '../problem.ts'
import { awarenessBytesMax, decodeAwareness, encodeAwareness, isJson } from './awareness-codec.ts'
import type { AwarenessState } from './awareness-codec.ts'
import type { DocumentKey } from './change.ts'
import { documentKeyText } from './document-key.ts'
import type { Topology } from './fan-out.ts'

/** How often a state is said again: two may be lost before it expires. */
export const awarenessRenewalMs = 15_000

/** How long a state lives after the last news of it. */
export const awarenessExpiryMs = 45_000

/** States of one document; a further client is not shown. */
export const statesPerDocumentMax = 64

/** States in all; a further one is dropped. */
export const statesMax = 1024

interface KnownState extends AwarenessState {
  readonly heardAtMs: number
}

interface OpenedDocument {
  readonly document: DocumentKey
  readonly clientId: number
}

export class Awareness {
  readonly #context: EngineContext
  readonly #local: PeerId
  readonly #messages: MessagePort
  readonly #topology: Topology
  readonly #neighbours = new Set<PeerId>()
  readonly #opened = new Map<SubscriberId, OpenedDocument>()
  readonly #statesByDocument = new Map<string, Map<string, KnownState>>()
  readonly #events: MeshEvent[] = []
  #stateCount = 0
  /** No state is to be renewed or to expire before. */
  #deadlineMs = Number.POSITIVE_INFINITY

  constructor(context: EngineContext, local: PeerId, messages: MessagePort, topology: Topology) {
    this.#context = context
    this.#local = local
    this.#messages = messages
    this.#topology = topology
  }

  /** Tells a new neighbour everything; own states as something new, whatever it heard before. */
  neighbourUp(peer: PeerId, nowMs: number): void {
    this.#neighbours.add(peer)
    for (const known of this.#states()) {
      if (known.peer === this.#local) this.#send(this.#renewed(known, nowMs), [peer], nowMs)
      else if (known.state !== null && known.peer !== peer) this.#send(known, [peer], nowMs)
    }
  }

  neighbourDown(peer: PeerId): void {
    this.#neighbours.delete(peer)
  }

  /** A subscriber opened a document: tells it all that is known of the others in it. */
  documentOpened(subscriber: SubscriberId, document: DocumentKey, clientId: number): void {
    this.#opened.set(subscriber, { document, clientId })
    const states = this.#statesByDocument.get(documentKeyText(document))?.values() ?? []
    const present = [...states].filter(
      (known) =>
        known.state !== null && !(known.peer === this.#local && known.clientId === clientId),
    )
    if (present.length > 0) this.#tell(subscriber, present.map(changeOf))
  }

  documentClosed(subscriber: SubscriberId, nowMs: number): void {
    this.setState(subscriber, null, nowMs)
    this.#opened.delete(subscriber)
  }

  /** The application's own state; a problem when there is no such subscriber or it is too large. */
  setState(subscriber: SubscriberId, state: string | null, nowMs: number): Problem | undefined {
    const opened = this.#opened.get(subscriber)
    if (opened === undefined) {
      return { code: 'value-invalid', message: `subscriber ${subscriber} has no document open` }
    }
    const bytes = state === null ? 0 : encodeUtf8(state).length
    if (bytes > awarenessBytesMax) {
      const message = `awareness state is ${bytes} bytes, at most ${awarenessBytesMax} are allowed`
      return { code: 'limit-reached', message }
    }
    if (state !== null && !isJson(state)) {
      return { code: 'value-invalid', message: 'awareness state is not JSON' }
    }
    const { document, clientId } = opened
    const before = this.#find(document, this.#local, clientId)
    if (state === null && (before === undefined || before.state === null)) return undefined
    const clock = (before?.clock ?? 0) + 1
    const said = { document, peer: this.#local, clientId, clock, state }
    if (!this.#keep(said, nowMs)) {
      return {
        code: 'limit-reached',
        message: `${statesPerDocumentMax} awareness states are known`,
      }
    }
    this.#send(said, this.#neighbours, nowMs)
    this.#tellAll(said)
    return undefined
  }

  datagramReceived(from: PeerId, payload: Uint8Array, nowMs: number): void {
    const { sync } = this.#context.recorder
    sync.awarenessReceived.add()
    const said = decodeAwareness(payload)
    if (said === undefined) {
      sync.awarenessRefused.add()
      return
    }
    const before = this.#find(said.document, said.peer, said.clientId)
    if (said.peer === this.#local || (before !== undefined && before.clock >= said.clock)) {
      sync.awarenessStale.add()
      return
    }
    if (!this.#keep(said, nowMs)) {
      sync.awarenessRefused.add()
      return
    }
    const renewal = before !== undefined && before.state === said.state
    const others = [...this.#neighbours].filter(
      (peer) =>
        peer !== from &&
        peer !== said.peer &&
        // Those beside the sender have the news from there; a renewal makes up for a wrong guess.
        (renewal || !this.#topology.linked(from, peer)),
    )
    this.#send(said, others, nowMs)
    this.#tellAll(said)
  }

  /** A peer cannot be reached any more: its states end. */
  peerUnreachable(peer: PeerId, nowMs: number): void {
    for (const known of this.#states()) {
      if (known.peer === peer && known.state !== null) this.#end(known, nowMs)
    }
  }

  /** Says own states again and lets others' expire. */
  handleDeadline(nowMs: number): void {
    if (nowMs < this.#deadlineMs) return
    this.#deadlineMs = Number.POSITIVE_INFINITY
    for (const known of this.#states()) {
      const dueAtMs = dueAtMsOf(known, this.#local)
      if (dueAtMs > nowMs) {
        this.#deadlineMs = Math.min(this.#deadlineMs, dueAtMs)
      } else if (known.state === null) {
        this.#forget(known)
      } else if (known.peer === this.#local) {
        this.#send(this.#renewed(known, nowMs), this.#neighbours, nowMs)
      } else {
        this.#context.recorder.sync.awarenessExpired.add()
        this.#end(known, nowMs)
      }
    }
  }

  nextDeadlineMs(): number {
    return this.#deadlineMs
  }

  /** Says farewell for every local client. */
  stop(nowMs: number): void {
    for (const subscriber of this.#opened.keys()) this.documentClosed(subscriber, nowMs)
  }

  poll(): MeshEvent | undefined {
    return this.#events.shift()
  }

  /** A copy, as what is done to one state may remove another. */
  #states(): readonly KnownState[] {
    return [...this.#statesByDocument.values()].flatMap((states) => [...states.values()])
  }

  #find(document: DocumentKey, peer: PeerId, clientId: number): KnownState | undefined {
    return this.#statesByDocument.get(documentKeyText(document))?.get(`${peer}/${clientId}`)
  }

  /** Keeps a state with the time it was heard. False when there is no room for it. */
  #keep(said: AwarenessState, nowMs: number): boolean {
    const text = documentKeyText(said.document)
    const name = `${said.peer}/${said.clientId}`
    const states = this.#statesByDocument.get(text) ?? new Map<string, KnownState>()
    if (!states.has(name)) {
      if (states.size >= statesPerDocumentMax || this.#stateCount >= statesMax) return false
      this.#stateCount += 1
    }
    const known = { ...said, heardAtMs: nowMs }
    states.set(name, known)
    this.#statesByDocument.set(text, states)
    this.#deadlineMs = Math.min(this.#deadlineMs, dueAtMsOf(known, this.#local))
    this.#context.recorder.sync.awarenessStates.set(this.#stateCount)
    return true
  }

  #renewed(known: KnownState, nowMs: number): AwarenessState {
    const { document, peer, clientId, clock, state } = known
    const said = { document, peer, clientId, clock: clock + 1, state }
    this.#keep(said, nowMs)
    return said
  }

  /** Ends a state; its clock is remembered until it expires, so that no old copy revives it. */
  #end(known: KnownState, nowMs: number): void {
    const { document, peer, clientId, clock } = known
    const ended = { document, peer, clientId, clock, state: null }
    this.#keep(ended, nowMs)
    this.#tellAll(ended)
  }

  #forget(known: KnownState): void {
    const text = documentKeyText(known.document)
    const states = this.#statesByDocument.get(text)
    if (states?.delete(`${known.peer}/${known.clientId}`)) this.#stateCount -= 1
    if (states?.size === 0) this.#statesByDocument.delete(text)
    this.#context.recorder.sync.awarenessStates.set(this.#stateCount)
  }

  #send(said: AwarenessState, peers: Iterable<PeerId>, nowMs: number): void {
    const key = `${said.peer}/${said.clientId}/${documentKeyText(said.document)}`
    const payload = encodeAwareness(said)
    for (const peer of peers) {
      this.#context.recorder.sync.awarenessSent.add()
      this.#messages.sendDatagram(peer, key, payload, nowMs)
    }
  }

  #tellAll(said: AwarenessState): void {
    const text = documentKeyText(said.document)
    for (const [subscriber, { document, clientId }] of this.#opened) {
      const own = said.peer === this.#local && said.clientId === clientId
      if (!own && documentKeyText(document) === text) this.#tell(subscriber, [changeOf(said)])
    }
  }

  #tell(subscriber: SubscriberId, changes: readonly AwarenessChange[]): void {
    this.#events.push({ type: 'awareness-changed', subscriber, changes })
  }
}

function changeOf({ clientId, peer, clock, state }: AwarenessState): AwarenessChange {
  return { clientId, peer, clock, state }
}

function dueAtMsOf(known: KnownState, local: PeerId): number {
  const lives = known.peer === local && known.state !== null
  return known.heardAtMs + (lives ? awarenessRenewalMs : awarenessExpiryMs)
}
