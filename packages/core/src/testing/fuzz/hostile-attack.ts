/**
 * What a hostile member says, layer by layer: some of it malformed, some well-formed and absurd.
 *
 * An attack whose bytes no decoder takes names the counters of refusals: one of them has to grow.
 * Nothing is said in the name of honest writers: a shared secret lets every member do that, and only
 * signed changes will prevent it.
 */

import * as Y from 'yjs'
import { ByteWriter } from '../../engine/bytes/writer.ts'
import { decodeFrames, encodeFrame, type Frame } from '../../engine/connection/frame.ts'
import type { Cryptography } from '../../engine/crypto/cryptography.ts'
import { Identity } from '../../engine/identity/identity.ts'
import { encodePeerId, type PeerId } from '../../engine/identity/peer-id.ts'
import { priorities } from '../../engine/link/link-port.ts'
import { decodePacket, encodePacket } from '../../engine/mesh/packet.ts'
import { decodePresenceFrame, encodePresenceFrame } from '../../engine/mesh/presence-outbox.ts'
import {
  encodePresenceRecord,
  type PresenceContent,
  type RecordSigner,
} from '../../engine/mesh/presence-record.ts'
import {
  decodeRoutingFrame,
  encodeRoutingFrame,
  type RoutingFrame,
} from '../../engine/mesh/routing/routing-frame.ts'
import { decodeSignal, encodeSignal } from '../../engine/signalling/signalling.ts'
import { decodeAwareness, encodeAwareness } from '../../engine/sync/awareness-codec.ts'
import type { Change, ChangeContent, DocumentKey } from '../../engine/sync/change.ts'
import { compareDocumentKeys } from '../../engine/sync/document-key.ts'
import type { Delivery, ListedHead } from '../../engine/sync/replica-port.ts'
import { decodeSyncMessage, encodeSyncMessage } from '../../engine/sync/sync-message-codec.ts'
import type { SyncMessage } from '../../engine/sync/sync-message.ts'
import type { Version } from '../../engine/sync/version.ts'
import type { HostileBytes } from './hostile-bytes.ts'
import type { HostileMember } from './hostile-member.ts'
import { HostileStreams } from './hostile-streams.ts'

/** One thing said to the target. */
export interface Attack {
  readonly name: string
  readonly send: (member: HostileMember, nowMs: number) => void
  /** Set when no decoder takes it: counters of the target, of which at least one grows. */
  readonly refusals?: readonly string[]
  /** It may leave holes in the streams of the connection, so that later messages do not arrive. */
  readonly tearsStreams?: boolean
  /** It travels on a stream. */
  readonly needsStreams?: boolean
}

const collections = ['orders', '', 'hostile']

/** Invents attacks of one member on one target. */
export class Attacker {
  readonly #bytes: HostileBytes
  readonly #cryptography: Cryptography
  readonly #member: Identity
  readonly #target: PeerId
  readonly #signers: RecordSigner[]
  readonly #streams: HostileStreams
  /** Peers that do not exist, but whose names recur. */
  readonly #strangers: readonly PeerId[]

  constructor(bytes: HostileBytes, cryptography: Cryptography, member: Identity, target: PeerId) {
    this.#bytes = bytes
    this.#cryptography = cryptography
    this.#member = member
    this.#target = target
    this.#signers = [member]
    this.#streams = new HostileStreams(bytes, member.peer < target)
    this.#strangers = Array.from({ length: 8 }, () => encodePeerId(bytes.exactly(8)))
  }

  /** The connection is another one. */
  restart(): void {
    this.#streams.restart()
  }

  next(): Attack {
    const die = this.#bytes.integer(0, 99)
    if (die < 3) return this.#hello()
    if (die < 13) return this.#route()
    if (die < 23) return this.#presence()
    if (die < 33) return this.#meshPacket()
    if (die < 40) return this.#frames(this.#anyFrames())
    if (die < 50) return this.#applicationStreams()
    if (die < 55) return this.#signal()
    if (die < 64) return this.#awareness()
    return this.#sync()
  }

  /** Half of them bent. */
  #perhapsBent(bytes: Uint8Array): Uint8Array {
    if (this.#bytes.chance(0.5)) return bytes
    return this.#bytes.chance(0.8) ? this.#bytes.bend(bytes) : this.#bytes.bytes(4096)
  }

  #hello(): Attack {
    const payload = this.#bytes.bytes(32)
    return {
      name: 'hello',
      // The next one that the timer sends says this: seconds from now.
      send: (member) => member.swapHello(payload),
    }
  }

  #route(): Attack {
    const payload = this.#perhapsBent(encodeRoutingFrame(this.#routingFrame()))
    return {
      name: 'route',
      send: (member, nowMs) => member.sendFrame(this.#target, 'route', payload, nowMs),
      ...(decodeRoutingFrame(payload) === undefined && { refusals: ['mesh.routeFramesMalformed'] }),
    }
  }

  #routingFrame(): RoutingFrame {
    const dice = this.#bytes
    if (dice.chance(0.1)) return { type: 'table-request' }
    if (dice.chance(0.2)) {
      const requests = Array.from({ length: dice.integer(0, 8) }, () => ({
        peer: this.#somePeer(),
        epoch: dice.count(),
        sequence: dice.integer(1, 9),
        hopLimit: dice.integer(1, 32),
      }))
      return { type: 'sequence-requests', requests }
    }
    const entries = Array.from({ length: dice.chance(0.05) ? 1024 : dice.integer(0, 8) }, () => {
      const peer = dice.chance(0.5) ? this.#somePeer() : encodePeerId(dice.exactly(8))
      const hopCount = dice.integer(0, 32)
      const sizeClass = dice.pick([0, 1, 2, 3] as const)
      const metric = hopCount * dice.integer(16, 32_767)
      return {
        number: dice.chance(0.9) ? dice.integer(0, 200) : dice.integer(0, 8_191),
        introduced: dice.chance(0.7) ? { peer, epoch: dice.count() } : undefined,
        path: dice.chance(0.9)
          ? { sequence: dice.integer(1, 9), metric, hopCount, sizeClass }
          : undefined,
      }
    })
    return { type: dice.chance(0.3) ? 'table' : 'update', digest: dice.count(), entries }
  }

  #presence(): Attack {
    const dice = this.#bytes
    const records = Array.from({ length: dice.integer(1, 3) }, () => {
      const version = { epoch: dice.count(), sequence: dice.count() + 1 }
      const record = encodePresenceRecord(
        this.#presenceContent(),
        version,
        dice.chance(0.1),
        this.#signer(),
      )
      return dice.chance(0.7) ? record : dice.bend(record)
    })
    const payload = this.#perhapsBent(
      encodePresenceFrame(records.filter((record) => record.length < 4096)),
    )
    return {
      name: 'presence',
      send: (member, nowMs) => member.sendFrame(this.#target, 'presence', payload, nowMs),
      ...(decodePresenceFrame(payload) === undefined && {
        refusals: ['mesh.presenceFramesMalformed', 'mesh.presenceRecordsMuted'],
      }),
    }
  }

  #meshPacket(): Attack {
    const dice = this.#bytes
    const ends = { from: this.#member.peer, to: this.#target }
    // Written as if for another link, every address is there, whether it need be or not.
    const writtenFor = dice.chance(0.5) ? ends : { from: this.#target, to: this.#member.peer }
    const packet = {
      priority: dice.pick(priorities),
      hopLimit: dice.integer(1, 255),
      congestionMarked: dice.chance(0.5),
      source: dice.chance(0.5) ? this.#member.peer : this.#somePeer(),
      destination: dice.chance(0.6) ? this.#target : this.#somePeer(),
      payload: dice.chance(0.95)
        ? new ByteWriter().u8(dice.integer(0, 8)).raw(dice.bytes(300)).finish()
        : dice.exactly(60_000),
    }
    const payload = this.#perhapsBent(encodePacket(packet, writtenFor)).subarray(0, 65_536)
    return {
      name: 'packet',
      send: (member, nowMs) => member.sendFrame(this.#target, 'packet', payload, nowMs),
      ...(decodePacket(payload, ends) === undefined && {
        refusals: ['mesh.packetsDroppedMalformed'],
      }),
    }
  }

  #anyFrames(): Frame[] {
    return Array.from({ length: this.#bytes.integer(1, 6) }, () => this.#frame())
  }

  #frames(frames: readonly Frame[]): Attack {
    const dice = this.#bytes
    const writer = new ByteWriter()
    for (const frame of frames) encodeFrame(frame, writer)
    let plaintext = writer.finish()
    if (dice.chance(0.2)) plaintext = dice.bend(plaintext)
    // What fits a packet of the path; the seal is the genuine one of a small packet.
    plaintext = plaintext.subarray(0, 16_000)
    if (plaintext.length === 0) plaintext = Uint8Array.of(dice.count() & 0xff)
    return {
      name: 'frames',
      tearsStreams: true,
      send: (member, nowMs) => member.sendPacket(this.#target, plaintext, nowMs),
      ...(decodeFrames(plaintext) === undefined && { refusals: ['connection.violations'] }),
    }
  }

  #applicationStreams(): Attack {
    const opening = this.#streams.toOpen()
    const attack = this.#frames(this.#streams.frames())
    return {
      ...attack,
      send: (member, nowMs) => {
        if (opening !== undefined) {
          member.openStream(this.#target, opening.protocol, opening.priority, nowMs)
        }
        attack.send(member, nowMs)
      },
    }
  }

  #frame(): Frame {
    const dice = this.#bytes
    const stream = dice.chance(0.8) ? dice.integer(0, 3) : dice.integer(0, 2 ** 50)
    const offset = Math.min(2 ** 50, dice.count())
    switch (dice.integer(0, 9)) {
      case 0:
        return { type: 'ping' }
      case 1: {
        const end = Math.min(2 ** 48, dice.count() + 1)
        const marks = { foreground: Math.min(2 ** 48, dice.count()), bulk: 0 }
        return {
          type: 'acknowledgement',
          delayMs: dice.count(),
          ranges: [{ start: 0, end }],
          marks,
        }
      }
      case 2:
      case 3:
      case 4:
        return { type: 'stream', stream, offset, data: dice.bytes(2_000), fin: dice.chance(0.2) }
      case 5:
        return { type: 'connection-credit', limit: dice.count() }
      case 6:
        return { type: 'stream-credit', stream, limit: dice.count() }
      case 7:
        return dice.chance(0.5)
          ? { type: 'reset-stream', stream, code: dice.count(), finalSize: offset }
          : { type: 'stop-sending', stream, code: dice.count() }
      case 8:
        return { type: 'datagram', payload: dice.bytes(1_000) }
      default:
        return dice.chance(0.2)
          ? { type: 'close', code: dice.count() }
          : {
              type: 'extension',
              extension: dice.pick([0x40, 0x5a, 0x7f]),
              payload: dice.bytes(200),
            }
    }
  }

  #signal(): Attack {
    const transport = this.#bytes.pick(['wire', 'webrtc', '', 'x'.repeat(64)])
    const message = this.#perhapsBent(encodeSignal(transport, this.#bytes.bytes(16_384)))
    return this.#message('signal', 'control', message, decodeSignal(message) === undefined, [
      'signalling.signalsRefused',
    ])
  }

  #awareness(): Attack {
    const dice = this.#bytes
    const payload = this.#perhapsBent(
      encodeAwareness({
        document: this.#document(),
        peer: dice.chance(0.7) ? this.#member.peer : this.#somePeer(),
        clientId: dice.chance(0.5) ? dice.integer(0, 200) : dice.integer(0, 2 ** 50),
        clock: dice.count() + 1,
        state: dice.pick([
          null,
          '{}',
          '{',
          JSON.stringify({ name: 'x'.repeat(dice.integer(0, 5_000)) }),
        ]),
      }),
    )
    const datagram = payload.length === 0 ? dice.bytes(10) : payload
    return {
      name: 'awareness',
      send: (member, nowMs) => member.sendDatagram(this.#target, datagram, nowMs),
      ...(decodeAwareness(datagram) === undefined && { refusals: ['sync.awarenessRefused'] }),
    }
  }

  #sync(): Attack {
    const ends = { from: this.#member.peer, to: this.#target }
    const message = this.#perhapsBent(encodeSyncMessage(this.#syncMessage(), ends))
    const isMalformed = decodeSyncMessage(message, ends) === undefined
    return this.#message('sync', 'sync', message, isMalformed, ['sync.messagesMalformed'])
  }

  #message(
    name: string,
    stream: 'control' | 'sync',
    message: Uint8Array,
    isMalformed: boolean,
    refusals: readonly string[],
  ): Attack {
    const sent = message.length === 0 ? Uint8Array.of(0xff) : message
    return {
      name,
      needsStreams: true,
      send: (member, nowMs) => member.sendMessage(this.#target, stream, sent, nowMs),
      ...((isMalformed || message.length === 0) && { refusals }),
    }
  }

  #syncMessage(): SyncMessage {
    const dice = this.#bytes
    const digest = dice.exactly(16)
    switch (dice.integer(0, 10)) {
      case 0:
        return { type: 'root', digest, asks: dice.chance(0.5) }
      case 1: {
        const heads = this.#heads()
        return { type: 'page', first: dice.chance(0.5), last: heads.length === 0, heads }
      }
      case 2:
        return { type: 'differences', done: dice.chance(0.5), heads: this.#heads() }
      case 3:
        return { type: 'continue' }
      case 4: {
        const wanted = Array.from({ length: dice.integer(0, 64) }, () => ({
          document: this.#document(),
          version: this.#version(),
        }))
        return { type: 'fetch', request: dice.count(), wanted }
      }
      case 5:
        return {
          type: 'answer',
          request: dice.integer(0, 4),
          more: dice.chance(0.3),
          deliveries: Array.from({ length: dice.integer(0, 4) }, () => this.#delivery()),
        }
      case 6: {
        const documents = Array.from({ length: dice.integer(0, 20) }, () => ({
          document: this.#document(),
          changes: Array.from({ length: dice.integer(0, 5) }, () => ({
            ...this.#writer(),
            seq: dice.count(),
          })),
        }))
        return { type: 'announcement', documents }
      }
      case 7: {
        const ranges = Array.from({ length: dice.integer(0, 20) }, () => {
          const to = dice.count() + 1
          const from = Math.max(1, to - dice.count())
          return { writer: this.#writer(), holder: this.#somePeer(), from, to }
        })
        return { type: 'acknowledgement', ranges }
      }
      default:
        return {
          type: 'changes',
          changes: Array.from({ length: dice.integer(1, 4) }, () => this.#change()),
        }
    }
  }

  #change(): Change {
    const dice = this.#bytes
    const seq = dice.chance(0.9) ? dice.integer(1, 500) : dice.count() + 1
    return {
      ...this.#writer(),
      seq,
      parts: Array.from({ length: dice.integer(1, 3) }, () => ({
        document: this.#document(),
        previous: dice.chance(0.7) ? 0 : Math.min(seq - 1, dice.count()),
        incarnation: dice.chance(0.9) ? dice.integer(0, 3) : Math.min(2 ** 32 - 1, dice.count()),
        content: this.#changeContent(),
      })),
    }
  }

  #changeContent(): ChangeContent {
    if (this.#bytes.chance(0.1)) return { type: 'delete' }
    const updates = Array.from({ length: this.#bytes.integer(1, 3) }, () => this.#update())
    return { type: 'update', updates }
  }

  #delivery(): Delivery {
    if (this.#bytes.chance(0.6)) return { type: 'change', change: this.#change() }
    const head = {
      incarnation: this.#bytes.integer(0, 3),
      deleted: this.#bytes.chance(0.2),
      version: this.#version(),
      digest: this.#bytes.exactly(16),
    }
    const updates = head.deleted ? [] : [this.#update()]
    return { type: 'checkpoint', document: this.#document(), head, updates }
  }

  /** A Yjs update: genuine, bent, garbage, or as large as may be. */
  #update(): Uint8Array {
    const dice = this.#bytes
    const die = dice.integer(0, 9)
    if (die === 0) return dice.bytes(2_000)
    if (die === 1) return dice.exactly(64 * 1024)
    const doc = new Y.Doc()
    doc.clientID = dice.integer(0, 2 ** 50)
    const text = doc.getText('t')
    text.insert(0, dice.chance(0.02) ? 'x'.repeat(60_000) : dice.text(40))
    const map = doc.getMap('')
    map.set(dice.text(5), dice.integer(0, 9))
    if (dice.chance(0.3)) {
      const nested = new Y.Map<unknown>()
      map.set('nested', nested)
      nested.set('list', Y.Array.from([1, 'two', null, { three: 4 }]))
    }
    if (text.length > 2 && dice.chance(0.5)) text.delete(0, dice.integer(1, text.length - 1))
    const update = Y.encodeStateAsUpdate(doc)
    doc.destroy()
    return dice.chance(0.5) ? update : dice.bend(update).subarray(0, 64 * 1024)
  }

  #heads(): ListedHead[] {
    const heads = Array.from({ length: this.#bytes.integer(0, 30) }, () => ({
      document: this.#document(),
      digest: this.#bytes.exactly(16),
    }))
    heads.sort((left, right) => compareDocumentKeys(left.document, right.document))
    return heads.filter(
      ({ document }, index) =>
        index === 0 || compareDocumentKeys(heads[index - 1]!.document, document) < 0,
    )
  }

  #version(): Version {
    const entries = new Map(
      Array.from({ length: this.#bytes.integer(0, 4) }, () => {
        const writer = this.#writer()
        const seq = this.#bytes.count() + 1
        return [
          `${writer.peer} ${writer.epoch}`,
          { ...writer, seq, digest: this.#bytes.exactly(16) },
        ]
      }),
    )
    return [...entries.values()].sort((left, right) =>
      left.peer === right.peer ? left.epoch - right.epoch : left.peer < right.peer ? -1 : 1,
    )
  }

  #document(): DocumentKey {
    const dice = this.#bytes
    const id = dice.chance(0.9) ? `x-${dice.integer(0, 20)}` : dice.text(30)
    return { collection: dice.pick(collections), id }
  }

  #writer(): { readonly peer: PeerId; readonly epoch: number } {
    const dice = this.#bytes
    const peer = dice.chance(0.5) ? this.#member.peer : dice.pick(this.#strangers)
    return { peer, epoch: dice.chance(0.8) ? dice.integer(1, 3) : dice.count() }
  }

  #somePeer(): PeerId {
    return this.#bytes.pick([...this.#strangers, this.#member.peer, this.#target])
  }

  #signer(): RecordSigner {
    if (this.#signers.length < 32 || this.#bytes.chance(0.02)) {
      const identity = new Identity(this.#bytes.exactly(32), this.#cryptography)
      this.#signers.push(identity)
      if (this.#signers.length > 64) this.#signers.splice(1, 1)
    }
    return this.#bytes.pick(this.#signers)
  }

  #presenceContent(): PresenceContent {
    const dice = this.#bytes
    const peers = new Set(Array.from({ length: dice.integer(0, 6) }, () => this.#somePeer()))
    return {
      name: dice.text(dice.chance(0.9) ? 20 : 64),
      platform: dice.text(10),
      libraryVersion: dice.text(10),
      metadata: dice.chance(0.3) ? { role: dice.text(40) } : {},
      transports: [],
      neighbours: [...peers].sort().map((peer) => ({
        peer,
        transport: 'wire',
        cost: { class: dice.pick(['lan', 'wan', 'relay', 'bluetooth'] as const), metered: false },
        rttStep: dice.pick([0, 1, 2, 3] as const),
        qualityStep: dice.pick([0, 1, 4] as const),
      })),
    }
  }
}
