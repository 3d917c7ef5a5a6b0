/**
 * Several sync engines over a replica and links in memory: virtual time, one seed, real semantics of
 * versions, chains and gaps; contents are opaque.
 */

import { sha256 } from '@noble/hashes/sha2.js'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FlightRecorder } from '../../recorder/recorder.ts'
import { registry } from '../../recorder/registry.ts'
import { encodeHex } from '../bytes/hex.ts'
import type { MessagePort, MessageSendResult } from '../connection/message-port.ts'
import type { Cryptography } from '../crypto/cryptography.ts'
import { SeededRandom } from '../crypto/random.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { Change, ChangePart, DocumentKey } from './change.ts'
import { addDigests, emptyDigest, partDigest, subtractDigests } from './digest.ts'
import { compareDocumentKeys, documentKeyText } from './document-key.ts'
import type {
  ChangesWanted,
  Delivery,
  DeliveryOutcome,
  ReplicaNotice,
  ReplicaPort,
  ReplicaRequestId,
} from './replica-port.ts'
import { decodeSyncMessage, encodeSyncMessage } from './sync-message-codec.ts'
import type { SyncMessage } from './sync-message.ts'
import { Sync } from './sync.ts'
import {
  compareWriters,
  entryOf,
  holds,
  mergeVersions,
  versionDigest,
  withEntry,
} from './version-operations.ts'
import type { Version, Writer } from './version.ts'
import { writeIdOf } from './write-id.ts'

// Only hashing is asked of it here.
const cryptography = { sha256 } as unknown as Cryptography

interface StoredDocument {
  readonly document: DocumentKey
  version: Version
  /** What the checkpoint swallowed; the changes are those beyond it. */
  checkpoint: Version
  changes: Change[]
}

/** A replica without contents: it keeps changes, versions and digests as the real one does. */
class TestReplica implements ReplicaPort {
  readonly #local: Writer
  readonly #later: (notice: ReplicaNotice) => void
  readonly #beginApplying: (apply: () => void) => void
  readonly documents = new Map<string, StoredDocument>()
  readonly outcomes = { applied: 0, known: 0 }
  /** What becomes of every delivery, whatever it is. */
  verdict: DeliveryOutcome | undefined
  #root = emptyDigest()
  #seq = 0

  constructor(
    local: Writer,
    later: (notice: ReplicaNotice) => void,
    beginApplying: (apply: () => void) => void,
  ) {
    this.#local = local
    this.#later = later
    this.#beginApplying = beginApplying
  }

  /** One local change to these documents. */
  commit(documents: readonly DocumentKey[], update: Uint8Array): Change {
    this.#seq += 1
    const parts = documents.map((document) => ({
      document,
      previous: entryOf(this.#stored(document).version, this.#local)?.seq ?? 0,
      incarnation: 1,
      content: { type: 'update' as const, updates: [update] },
    }))
    const change = { ...this.#local, seq: this.#seq, parts }
    for (const part of parts) this.#keep(change, part)
    this.#later({ type: 'committed', change })
    return change
  }

  /** Swallows every change into checkpoints. */
  checkpoint(): void {
    for (const stored of this.documents.values()) {
      stored.checkpoint = stored.version
      stored.changes = []
    }
  }

  rootDigest(): Uint8Array {
    return this.#root
  }

  listHeads(request: ReplicaRequestId, after: DocumentKey | undefined, limit: number): void {
    const following = [...this.documents.values()]
      .filter(({ document }) => after === undefined || compareDocumentKeys(document, after) > 0)
      .sort((left, right) => compareDocumentKeys(left.document, right.document))
    const heads = following
      .slice(0, limit)
      .map(({ document, version }) => ({ document, digest: versionDigest(version) }))
    this.#later({ type: 'heads-listed', request, heads, more: following.length > limit })
  }

  readHeads(request: ReplicaRequestId, documents: readonly DocumentKey[]): void {
    const heads = documents.flatMap((document) => {
      const stored = this.documents.get(documentKeyText(document))
      if (stored === undefined) return []
      const { version } = stored
      const head = { incarnation: 1, deleted: false, version, digest: versionDigest(version) }
      return [{ document, head }]
    })
    this.#later({ type: 'heads-read', request, heads })
  }

  readChanges(request: ReplicaRequestId, wanted: readonly ChangesWanted[], bytesMax: number): void {
    const deliveries: Delivery[] = []
    const given = new Set<string>()
    let bytes = 0
    let more = false
    for (const { document, version } of wanted) {
      const stored = this.documents.get(documentKeyText(document))
      for (const delivery of stored === undefined ? [] : missing(stored, version)) {
        const name =
          delivery.type === 'change' ? writeIdOf(delivery.change, delivery.change.seq) : ''
        if (name !== '' && given.has(name)) continue
        if (bytes >= bytesMax) {
          more = true
          break
        }
        given.add(name)
        bytes += 50 + (delivery.type === 'change' ? changeUpdateBytes(delivery.change) : 0)
        deliveries.push(delivery)
      }
    }
    this.#later({ type: 'changes-read', request, deliveries, more })
  }

  apply(request: ReplicaRequestId, _from: PeerId, deliveries: readonly Delivery[]): void {
    this.#beginApplying(() => {
      const outcomes = deliveries.map((delivery) => this.#apply(delivery))
      for (const outcome of outcomes) {
        if (outcome === 'applied') this.outcomes.applied += 1
        if (outcome === 'known') this.outcomes.known += 1
      }
      this.#later({ type: 'applied', request, outcomes })
    })
  }

  #apply(delivery: Delivery): DeliveryOutcome {
    if (this.verdict !== undefined) return this.verdict
    if (delivery.type === 'checkpoint') {
      const stored = this.#stored(delivery.document)
      const merged = mergeVersions(stored.version, delivery.head.version)
      if (merged === undefined) return 'refused'
      if (String(versionDigest(merged)) === String(versionDigest(stored.version))) return 'known'
      this.#setVersion(stored, merged)
      stored.checkpoint = merged
      stored.changes = []
      return 'applied'
    }
    const { change } = delivery
    const absent = change.parts.filter(
      ({ document }) => !holds(this.#stored(document).version, change, change.seq),
    )
    if (absent.length === 0) return 'known'
    const gap = absent.some(({ document, previous }) => {
      return !holds(this.#stored(document).version, change, previous)
    })
    if (gap) return 'gap'
    for (const part of absent) this.#keep(change, part)
    return 'applied'
  }

  #keep(change: Change, part: ChangePart): void {
    const stored = this.#stored(part.document)
    const before = entryOf(stored.version, change)?.digest ?? emptyDigest()
    const digest = addDigests(before, partDigest(cryptography, change, change.seq, part))
    const { peer, epoch, seq } = change
    this.#setVersion(stored, withEntry(stored.version, { peer, epoch, seq, digest }))
    stored.changes.push(change)
  }

  #setVersion(stored: StoredDocument, version: Version): void {
    this.#root = subtractDigests(this.#root, versionDigest(stored.version))
    stored.version = version
    this.#root = addDigests(this.#root, versionDigest(version))
    this.documents.set(documentKeyText(stored.document), stored)
  }

  #stored(document: DocumentKey): StoredDocument {
    const stored = this.documents.get(documentKeyText(document))
    return stored ?? { document, version: [], checkpoint: [], changes: [] }
  }
}

function missing(stored: StoredDocument, version: Version): Delivery[] {
  const { document, checkpoint } = stored
  const deliveries: Delivery[] = []
  let held = version
  if (checkpoint.some((entry) => !holds(version, entry, entry.seq))) {
    const digest = versionDigest(checkpoint)
    const head = { incarnation: 1, deleted: false, version: checkpoint, digest }
    deliveries.push({ type: 'checkpoint', document, head, updates: [] })
    held = checkpoint
  }
  const changes = stored.changes
    .filter((change) => !holds(held, change, change.seq))
    .sort((left, right) => compareWriters(left, right) || left.seq - right.seq)
  return [...deliveries, ...changes.map((change) => ({ type: 'change' as const, change }))]
}

function changeUpdateBytes(change: Change): number {
  return change.parts.reduce(
    (sum, { content }) => sum + (content.type === 'update' ? (content.updates[0]?.length ?? 0) : 0),
    0,
  )
}

interface WorldOptions {
  readonly peers: number
  readonly links: readonly (readonly [number, number])[]
  readonly seed?: number
  readonly latencyMsMax?: number
  /** Unsent bytes at which a stream is full. */
  readonly streamBytesMax?: number
  /** What peers believe of links; by default the truth. */
  readonly linked?: (left: PeerId, right: PeerId) => boolean
  /** How long deliveries wait before they are applied. */
  readonly applyMs?: number
  /** Messages that are taken but never arrive. */
  readonly loses?: (sent: Sent) => boolean
}

interface Wire {
  up: boolean
  generation: number
  /** No message overtakes another. */
  lastArrivalMs: number
  bytes: number
  full: boolean
}

interface Sent {
  readonly from: number
  readonly to: number
  readonly message: SyncMessage
  readonly bytes: number
}

/** A mesh in memory with a virtual clock. */
class World {
  readonly syncs: Sync[] = []
  readonly replicas: TestReplica[] = []
  readonly recorders: FlightRecorder[] = []
  readonly sent: Sent[] = []
  readonly events: { peer: number; output: NonNullable<ReturnType<Sync['poll']>> }[] = []
  readonly #wires = new Map<string, Wire>()
  readonly #options: WorldOptions
  readonly #random: SeededRandom
  #agenda: { atMs: number; order: number; run: () => void }[] = []
  #order = 0
  nowMs = 0

  constructor(options: WorldOptions) {
    this.#options = options
    this.#random = new SeededRandom(new Uint8Array(32).fill(options.seed ?? 1))
    for (let index = 0; index < options.peers; index += 1) this.#addPeer(index)
    for (const [left, right] of options.links) this.link(left, right)
  }

  peer(index: number): PeerId {
    return index.toString(16).padStart(16, '0') as PeerId
  }

  link(left: number, right: number): void {
    for (const [from, to] of [
      [left, right],
      [right, left],
    ] as const) {
      const generation = (this.#wires.get(`${from}>${to}`)?.generation ?? 0) + 1
      const wire = { up: true, generation, lastArrivalMs: 0, bytes: 0, full: false }
      this.#wires.set(`${from}>${to}`, wire)
    }
    this.syncs[left]?.neighbourUp(this.peer(right), this.nowMs)
    this.syncs[right]?.neighbourUp(this.peer(left), this.nowMs)
  }

  unlink(left: number, right: number): void {
    for (const name of [`${left}>${right}`, `${right}>${left}`]) {
      const wire = this.#wires.get(name)
      if (wire !== undefined) wire.up = false
    }
    this.syncs[left]?.neighbourDown(this.peer(right), this.nowMs)
    this.syncs[right]?.neighbourDown(this.peer(left), this.nowMs)
  }

  linked(left: number, right: number): boolean {
    return this.#wires.get(`${left}>${right}`)?.up ?? false
  }

  commit(index: number, id: string, bytes = 20): Change {
    const documents = id.split('+').map((id) => ({ collection: 'orders', id }))
    return this.replicas[index]!.commit(documents, new Uint8Array(bytes).fill(index))
  }

  /** Lets that much time pass, with everything that happens in it. */
  run(durationMs: number): void {
    const endMs = this.nowMs + durationMs
    while (this.#step(endMs)) this.#drain()
    this.nowMs = endMs
  }

  /** Lets time pass until every root is the same; false when that takes too long. */
  converge(limitMs: number): boolean {
    const endMs = this.nowMs + limitMs
    while (!this.converged()) if (!this.#step(endMs)) return this.converged()
    return true
  }

  converged(): boolean {
    const roots = this.replicas.map((replica) => encodeHex(replica.rootDigest()))
    return new Set(roots).size === 1
  }

  at(delayMs: number, run: () => void): void {
    this.#order += 1
    this.#agenda.push({ atMs: this.nowMs + delayMs, order: this.#order, run })
    this.#agenda.sort((left, right) => left.atMs - right.atMs || left.order - right.order)
  }

  count(type: SyncMessage['type']): number {
    return this.sent.filter(({ message }) => message.type === type).length
  }

  #step(endMs: number): boolean {
    const deadlineMs = Math.min(...this.syncs.map((sync) => sync.nextDeadlineMs()))
    const next = this.#agenda[0]
    const atMs = Math.max(this.nowMs, Math.min(deadlineMs, next?.atMs ?? Number.POSITIVE_INFINITY))
    if (atMs > endMs) return false
    this.nowMs = atMs
    if (next !== undefined && next.atMs <= atMs) {
      this.#agenda.shift()
      next.run()
      return true
    }
    for (const sync of this.syncs) {
      if (sync.nextDeadlineMs() > this.nowMs) continue
      sync.handleDeadline(this.nowMs)
      // A deadline that stands after it was handled would have the driver spin.
      expect(sync.nextDeadlineMs()).toBeGreaterThan(this.nowMs)
    }
    return true
  }

  #drain(): void {
    for (const [peer, sync] of this.syncs.entries()) {
      for (let output = sync.poll(); output !== undefined; output = sync.poll()) {
        this.events.push({ peer, output })
      }
    }
  }

  #addPeer(index: number): void {
    const local = { peer: this.peer(index), epoch: 1 }
    const { applyMs } = this.#options
    const replica = new TestReplica(
      local,
      (notice) => {
        this.at(this.#delayMs(3), () => this.syncs[index]!.replicaNotice(notice, this.nowMs))
      },
      (apply) => {
        if (applyMs === undefined) apply()
        else this.at(applyMs, apply)
      },
    )
    const recorder = new FlightRecorder(registry)
    const context = { random: this.#random, cryptography, recorder: recorder.recorder }
    const linked = (left: PeerId, right: PeerId): boolean =>
      this.#options.linked?.(left, right) ??
      this.linked(Number.parseInt(left, 16), Number.parseInt(right, 16))
    this.replicas.push(replica)
    this.recorders.push(recorder)
    this.syncs.push(new Sync(context, local, this.#messagesOf(index), replica, { linked }))
  }

  #messagesOf(from: number): MessagePort {
    return {
      send: (peer, _stream, message) => this.#send(from, Number.parseInt(peer, 16), message),
      sendDatagram: (peer, _key, payload) => {
        const to = Number.parseInt(peer, 16)
        this.at(this.#delayMs(this.#latencyMsMax()), () => {
          if (!this.linked(from, to)) return
          this.syncs[to]!.datagramReceived(this.peer(from), payload, this.nowMs)
        })
      },
    }
  }

  #send(from: number, to: number, bytes: Uint8Array): MessageSendResult {
    const wire = this.#wires.get(`${from}>${to}`)
    if (wire === undefined || !wire.up) return 'no-connection'
    if (wire.bytes > 0 && wire.bytes + bytes.length > (this.#options.streamBytesMax ?? 1e9)) {
      wire.full = true
      return 'full'
    }
    const ends = { from: this.peer(from), to: this.peer(to) }
    const message = decodeSyncMessage(bytes, ends)
    expect(message).toBeDefined()
    expect(encodeSyncMessage(message!, ends)).toEqual(bytes)
    const sent = { from, to, message: message!, bytes: bytes.length }
    this.sent.push(sent)
    if (this.#options.loses?.(sent)) return 'accepted'
    const { generation } = wire
    const arrivalMs = Math.max(wire.lastArrivalMs, this.nowMs + this.#delayMs(this.#latencyMsMax()))
    wire.lastArrivalMs = arrivalMs
    wire.bytes += bytes.length
    this.at(arrivalMs - this.nowMs, () => {
      const now = this.#wires.get(`${from}>${to}`)
      if (!wire.up || now?.generation !== generation) return
      wire.bytes -= bytes.length
      this.syncs[to]!.messageReceived(this.peer(from), bytes, this.nowMs)
      if (!wire.full || !wire.up) return
      wire.full = false
      this.syncs[from]!.streamWritable(this.peer(to), this.nowMs)
    })
    return 'accepted'
  }

  #latencyMsMax(): number {
    return this.#options.latencyMsMax ?? 20
  }

  #delayMs(max: number): number {
    return 1 + this.#random.fraction() * max
  }
}

function line(peers: number): [number, number][] {
  return Array.from({ length: peers - 1 }, (_, index) => [index, index + 1])
}

function ring(peers: number): [number, number][] {
  return [...line(peers), [peers - 1, 0]]
}

function fullMesh(peers: number): [number, number][] {
  return Array.from({ length: peers }, (_, right) =>
    Array.from({ length: right }, (_, left): [number, number] => [left, right]),
  ).flat()
}

describe('live fan-out', () => {
  test('[SY13] in a full mesh each change crosses only the edges of its writer', () => {
    const world = new World({ peers: 4, links: fullMesh(4) })
    world.run(5000)
    world.sent.length = 0
    for (let count = 0; count < 20; count += 1) {
      world.commit(count % 4, 'o-1')
      world.run(100)
    }
    world.run(2000)
    expect(world.converged()).toBe(true)
    const pushed = world.sent.flatMap(({ message }) =>
      message.type === 'changes' ? message.changes : [],
    )
    expect(pushed.length).toBe(20 * 3)
    expect(world.count('fetch')).toBe(0)
    expect(world.count('page')).toBe(0)
    // Acknowledgements and announcements of several changes share a message.
    expect(world.count('announcement')).toBeLessThanOrEqual(36)
    expect(world.count('acknowledgement')).toBeLessThanOrEqual(60)
  })

  test('[SY13] along a line each change crosses each edge once', () => {
    const world = new World({ peers: 5, links: line(5) })
    world.run(5000)
    world.sent.length = 0
    world.commit(2, 'o-1')
    world.run(2000)
    expect(world.converged()).toBe(true)
    expect(world.count('changes')).toBe(4)
    expect(world.count('announcement')).toBe(0)
  })

  test('[SY14] a stale view of the topology is made up for by announcements', () => {
    const world = new World({ peers: 3, links: line(3), linked: () => true })
    world.run(5000)
    world.commit(0, 'o-1')
    world.run(2000)
    expect(world.converged()).toBe(true)
    expect(world.count('announcement')).toBe(1)
    expect(world.count('fetch')).toBe(1)
  })

  test('[SY9] a keystroke costs little more than its update', () => {
    const world = new World({ peers: 2, links: line(2) })
    world.run(5000)
    world.sent.length = 0
    const document = { collection: '', id: 'notes/today' }
    // A character typed in Yjs takes about this much.
    const update = new Uint8Array(22)
    for (let count = 0; count < 200; count += 1) world.replicas[0]!.commit([document], update)
    world.run(2000)
    const sizes = world.sent.filter(({ message }) => message.type === 'changes')
    const last = sizes.at(-1)!
    expect(last.message.type === 'changes' && last.message.changes.length).toBe(1)
    expect(last.bytes).toBeLessThanOrEqual(22 + 24)
  })

  test('[SY15] a neighbour that is too slow loses its queue and is compared with', () => {
    const world = new World({
      peers: 2,
      links: line(2),
      streamBytesMax: 64 * 1024,
      latencyMsMax: 400,
    })
    world.run(5000)
    for (let count = 0; count < 40; count += 1) world.commit(0, `o-${count}`, 60_000)
    world.run(10)
    expect(world.converge(600_000)).toBe(true)
    const events = world.recorders[0]!.snapshot().counters
    expect(events['sync.comparisonsStarted']).toBeGreaterThan(0)
  })
})

describe('reconciliation', () => {
  test('[SY10] neighbours that are in step exchange two messages', () => {
    const world = new World({ peers: 2, links: line(2) })
    world.run(60_000)
    expect(world.sent.map(({ message }) => message.type)).toEqual(['root', 'root'])
  })

  test('[SY10] each side gets what it lacks, page by page', () => {
    for (const [ours, theirs] of [
      [1200, 0],
      [0, 1200],
      [700, 900],
    ] as const) {
      const world = new World({ peers: 2, links: line(2) })
      for (let index = 0; index < 400; index += 1) world.commit(0, `same-${index}`)
      world.run(60_000)
      world.unlink(0, 1)
      const before = counters(world)
      for (let index = 0; index < ours; index += 1) world.commit(0, `a-${index}`)
      for (let index = 0; index < theirs; index += 1) world.commit(1, `b-${index * 7}`)
      for (const peer of [0, 1]) for (const id of ['both-1', 'both-2']) world.commit(peer, id)
      world.run(100)
      world.link(0, 1)
      expect(world.converge(60_000)).toBe(true)
      world.run(10_000)
      const after = counters(world)
      const grown = (name: string) => after[name]! - before[name]!
      expect(grown('comparisonsStarted')).toBe(1)
      // One check before the comparison, one after it.
      expect(grown('rootChecks')).toBe(2)
      expect(grown('documentsDiffering')).toBe(ours + theirs + 4)
      expect(grown('deliveriesKnown')).toBe(0)
    }
  })

  test('[SY11] a newcomer with three neighbours gets each document once', () => {
    const world = new World({ peers: 4, links: fullMesh(3) })
    for (let index = 0; index < 600; index += 1) world.commit(index % 3, `o-${index}`)
    world.run(60_000)
    for (const neighbour of [0, 1, 2]) world.link(neighbour, 3)
    expect(world.converge(60_000)).toBe(true)
    world.run(5000)
    expect(world.replicas[3]!.outcomes.applied).toBe(600)
    expect(world.replicas[3]!.outcomes.known).toBe(0)
  })

  test('[SY11] of two neighbours that show the same, one that does not answer delays for 15 s', () => {
    const world = new World({
      peers: 3,
      links: [[0, 1]],
      loses: ({ message, from, to }) => message.type === 'answer' && from === 0 && to === 2,
    })
    for (let index = 0; index < 50; index += 1) world.commit(0, `o-${index}`)
    world.run(60_000)
    world.link(0, 2)
    world.run(200)
    world.link(1, 2)
    world.run(10_000)
    expect(world.converged()).toBe(false)
    expect(world.converge(10_000)).toBe(true)
  })

  test('[SY11] what came before, and is on its way into storage, is not asked for', () => {
    const world = new World({ peers: 2, links: line(2), latencyMsMax: 5, applyMs: 100 })
    world.run(1000)
    const { peer, epoch, seq, parts } = world.commit(0, 'o-1')
    world.run(20)
    const ends = { from: world.peer(0), to: world.peer(1) }
    const announced = { document: parts[0]!.document, changes: [{ peer, epoch, seq }] }
    const announcement = encodeSyncMessage({ type: 'announcement', documents: [announced] }, ends)
    world.syncs[1]!.messageReceived(ends.from, announcement, world.nowMs)
    expect(world.converge(1000)).toBe(true)
    world.run(5000)
    expect(world.count('fetch')).toBe(0)
    expect(world.replicas[1]!.outcomes).toEqual({ applied: 1, known: 0 })
  })

  test('[SY12] checkpoints take the place of changes that were swallowed', () => {
    const world = new World({ peers: 3, links: line(2) })
    for (let index = 0; index < 300; index += 1) world.commit(index % 2, `o-${index % 40}`)
    world.run(20_000)
    for (const replica of world.replicas) replica.checkpoint()
    world.commit(0, 'o-1')
    world.run(5000)
    world.link(1, 2)
    expect(world.converge(60_000)).toBe(true)
  })

  test('[SY10] what storage failed to keep is asked for again', () => {
    const world = new World({ peers: 2, links: line(2) })
    world.run(1000)
    world.replicas[1]!.verdict = 'failed'
    world.commit(0, 'o-1')
    world.run(900)
    expect(world.converged()).toBe(false)
    world.replicas[1]!.verdict = undefined
    expect(world.converge(10_000)).toBe(true)
  })

  test('[SY10] comparing goes on until the roots match', () => {
    const world = new World({ peers: 2, links: line(2) })
    world.run(1000)
    world.replicas[1]!.verdict = 'refused'
    world.commit(0, 'o-1')
    world.run(300_000)
    expect(world.converged()).toBe(false)
    world.replicas[1]!.verdict = undefined
    expect(world.converge(120_000)).toBe(true)
  })

  test('[SY11] a change whose predecessor was lost brings both', () => {
    let lost = 0
    const world = new World({
      peers: 2,
      links: line(2),
      loses: ({ message }) => message.type === 'changes' && (lost += 1) === 1,
    })
    world.run(1000)
    world.commit(0, 'o-1')
    world.run(100)
    world.commit(0, 'o-1')
    expect(world.converge(1000)).toBe(true)
    expect(world.count('page')).toBe(0)
  })

  test('[SY10] a lost change is missed within a minute, whoever lost it', () => {
    for (const [from, to] of [
      [0, 1],
      [1, 0],
      [1, 2],
      [2, 1],
    ] as const) {
      const world = new World({
        peers: 3,
        links: line(3),
        loses: (sent) => sent.message.type === 'changes' && sent.from === from && sent.to === to,
      })
      world.run(1000)
      world.commit(from === 1 ? 2 - to : from, 'o-1')
      world.run(1000)
      expect(world.converged()).toBe(false)
      expect(world.converge(60_000)).toBe(true)
    }
  })

  test('[SY10] a peer that can keep nothing is asked ever more rarely', () => {
    const world = new World({ peers: 2, links: line(2) })
    world.replicas[1]!.verdict = 'failed'
    world.commit(0, 'o-1')
    world.run(3_600_000)
    expect(world.sent.length).toBeLessThan(1000)
  })

  test('random topologies with flaps converge from commits everywhere', () => {
    const step = fc.oneof(
      fc.record({
        type: fc.constant('commit' as const),
        peer: fc.nat(),
        id: fc.constantFrom('a', 'b', 'c', 'd+e', 'a+d'),
      }),
      fc.record({ type: fc.constant('flap' as const), link: fc.nat() }),
      fc.record({ type: fc.constant('checkpoint' as const), peer: fc.nat() }),
      fc.record({ type: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 3000 }) }),
    )
    const topology = fc.oneof(
      fc.integer({ min: 2, max: 6 }).map((peers) => ({ peers, links: line(peers) })),
      fc.integer({ min: 3, max: 6 }).map((peers) => ({ peers, links: ring(peers) })),
      fc.integer({ min: 2, max: 5 }).map((peers) => ({ peers, links: fullMesh(peers) })),
    )
    fc.assert(
      fc.property(
        topology,
        fc.array(step, { maxLength: 60 }),
        fc.nat({ max: 255 }),
        fc.boolean(),
        ({ peers, links }, steps, seed, narrow) => {
          const world = new World({
            peers,
            links,
            seed,
            latencyMsMax: 200,
            ...(narrow ? { streamBytesMax: 100 } : {}),
          })
          for (const step of steps) {
            switch (step.type) {
              case 'commit':
                world.commit(step.peer % peers, step.id)
                break
              case 'checkpoint':
                world.replicas[step.peer % peers]!.checkpoint()
                break
              case 'wait':
                world.run(step.ms)
                break
              case 'flap': {
                const [left, right] = links[step.link % links.length]!
                if (world.linked(left, right)) world.unlink(left, right)
                else world.link(left, right)
                break
              }
            }
          }
          for (const [left, right] of links) if (!world.linked(left, right)) world.link(left, right)
          expect(world.converge(60_000)).toBe(true)
          // Then it is quiet: nothing but the last checks is said.
          world.run(400_000)
          const before = world.sent.length
          world.run(400_000)
          expect(world.sent.length).toBe(before)
          for (const [peer, replica] of world.replicas.entries()) {
            expect(counters(world, peer)['messagesMalformed']).toBe(0)
            expect(counters(world, peer)['messagesUnexpected']).toBe(0)
            expect(replica.documents.size).toBe(world.replicas[0]!.documents.size)
          }
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('write tracking', () => {
  test('[SY16] acknowledgements reach the writer over several hops', () => {
    const world = new World({ peers: 4, links: line(4) })
    world.run(1000)
    const change = world.commit(0, 'o-1')
    world.run(50)
    world.run(3000)
    expect(holdersOf(world, 0, change)).toEqual([0, 1, 2, 3])
  })

  test('[SY17] what a comparison brought is known to be held', () => {
    const world = new World({ peers: 3, links: [] })
    const change = world.commit(0, 'o-1')
    world.run(1000)
    expect(holdersOf(world, 0, change)).toEqual([0])
    world.link(0, 1)
    world.link(1, 2)
    world.run(10_000)
    expect(holdersOf(world, 0, change)).toEqual([0, 1, 2])
  })

  test('[SY17] what came as a checkpoint is known to be held', () => {
    const world = new World({ peers: 2, links: [] })
    const change = world.commit(0, 'o-1')
    world.run(1000)
    world.replicas[0]!.checkpoint()
    world.link(0, 1)
    world.run(10_000)
    expect(holdersOf(world, 0, change)).toEqual([0, 1])
  })

  test('[SY18] a claim to hold what was never written is ignored', () => {
    const world = new World({ peers: 2, links: line(2) })
    world.run(1000)
    const [local, liar] = [world.peer(0), world.peer(1)]
    const writer = { peer: local, epoch: 1 }
    const range = { writer, holder: liar, from: 1, to: 5 }
    const bytes = encodeSyncMessage(
      { type: 'acknowledgement', ranges: [range] },
      { from: liar, to: local },
    )
    world.syncs[0]!.messageReceived(liar, bytes, world.nowMs)
    expect(holdersOf(world, 0, { ...writer, seq: 3, parts: [] })).toEqual([])
  })
})

describe('hostile neighbours', () => {
  const peer = new World({ peers: 2, links: [] }).peer(1)
  const world = new World({ peers: 2, links: line(2) })
  world.run(1000)
  world.commit(0, 'a')
  world.commit(0, 'b')
  world.run(5000)
  const ends = { from: peer, to: world.peer(0) }
  const samples = [
    ...world.sent.filter(({ to }) => to === 0).map(({ message }) => message),
    ...(['continue'] as const).map((type) => ({ type })),
    { type: 'page', first: false, last: true, heads: [] } as const,
    { type: 'differences', done: false, heads: [] } as const,
    { type: 'fetch', request: 9, wanted: [] } as const,
    { type: 'answer', request: 1, more: true, deliveries: [] } as const,
  ].map((message) => encodeSyncMessage(message, ends))

  test('no bytes and no order of messages throws or is let pile up', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom(...samples),
      fc
        .tuple(fc.constantFrom(...samples), fc.nat(), fc.nat({ max: 255 }))
        .map(([sample, at, byte]) => {
          const changed = sample.slice()
          changed[at % changed.length] = byte
          return changed
        }),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(bytes, fc.nat({ max: 20 })), { maxLength: 50 }), (messages) => {
        const world = new World({ peers: 3, links: fullMesh(3) })
        world.commit(0, 'a')
        world.run(500)
        for (const [bytes, waitMs] of messages) {
          world.syncs[0]!.messageReceived(peer, bytes, world.nowMs)
          world.syncs[0]!.datagramReceived(peer, bytes, world.nowMs)
          world.run(waitMs)
        }
        const sent = world.sent.filter(({ from, to }) => from === 0 && to === 1).length
        expect(sent).toBeLessThan(30 + 3 * messages.length)
        // The honest ones go on undisturbed.
        world.commit(2, 'c')
        world.run(3000)
        const held = world.replicas[0]!.documents.get(
          documentKeyText({ collection: 'orders', id: 'c' }),
        )
        expect(held?.version).toHaveLength(1)
      }),
      { numRuns: 150 },
    )
  })

  test('requests that are sent without reading their answers are not served', () => {
    const world = new World({ peers: 2, links: [], streamBytesMax: 1 })
    world.commit(0, 'a', 1000)
    world.run(100)
    world.link(0, 1)
    for (let request = 1; request <= 1000; request += 1) {
      const fetch = { document: { collection: 'orders', id: 'a' }, version: [] }
      const bytes = encodeSyncMessage({ type: 'fetch', request, wanted: [fetch] }, ends)
      world.syncs[0]!.messageReceived(peer, bytes, world.nowMs)
    }
    world.run(3)
    expect(counters(world, 0)['changesServed']).toBeLessThanOrEqual(1)
    expect(counters(world, 0)['messagesUnexpected']).toBeGreaterThanOrEqual(998)
  })
})

/** The counters of the room, of one peer or of all together. */
function counters(world: World, peer?: number): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const recorder of peer === undefined ? world.recorders : [world.recorders[peer]!]) {
    for (const [name, value] of Object.entries(recorder.snapshot().counters)) {
      if (!name.startsWith('sync.')) continue
      const short = name.slice('sync.'.length)
      sums[short] = (sums[short] ?? 0) + value
    }
  }
  return sums
}

function holdersOf(world: World, peer: number, change: Change): number[] {
  const write = writeIdOf(change, change.seq)
  world.syncs[peer]!.handleCommand(1, { type: 'sync-status', write }, world.nowMs)
  const output = world.syncs[peer]!.poll()
  expect(output).toMatchObject({ type: 'command-answered', answer: { ok: true } })
  const answer = output as unknown as { answer: { value: { heldBy: PeerId[] } } }
  return answer.answer.value.heldBy.map((peer) => Number.parseInt(peer, 16))
}
