/** What turns bytes of another peer into values in an engine, in one list for the fuzzer. */

import * as Y from 'yjs'

import { parseUpdate } from '../../documents/yjs-update.ts'
import { ByteReader } from '../../engine/bytes/reader.ts'
import { decodeUtf8, encodeUtf8 } from '../../engine/bytes/utf8.ts'
import { ByteWriter } from '../../engine/bytes/writer.ts'
import { decodeFrames, encodeFrame } from '../../engine/connection/frame.ts'
import {
  decodeHandshakePayload,
  encodeHandshakePayload,
} from '../../engine/connection/handshake-payload.ts'
import { MessageAssembler } from '../../engine/connection/message-assembler.ts'
import {
  decodePacket as decodeConnectionPacket,
  encodePacket as encodeConnectionPacket,
} from '../../engine/connection/packet.ts'
import { encodeStreamHeader, StreamHeaderReader } from '../../engine/connection/stream-header.ts'
import type { StreamHeader } from '../../engine/connection/stream-header.ts'
import type { Cryptography } from '../../engine/crypto/cryptography.ts'
import type { PeerId } from '../../engine/identity/peer-id.ts'
import { decodeBundleFrame, encodeBundleFrame } from '../../engine/link/bundle-frame.ts'
import type { BundleFrame } from '../../engine/link/bundle-frame.ts'
import { decodeCloseReason } from '../../engine/link/close-reason.ts'
import { frameBodyBytesMax } from '../../engine/link/frame-cipher.ts'
import { FrameReassembler } from '../../engine/link/frame-reassembler.ts'
import {
  decodeOffer,
  encodeReturn,
  readClaim,
  readProof,
} from '../../engine/link/handshake-message.ts'
import type { Proof } from '../../engine/link/handshake-message.ts'
import { decodeHello, encodeHello } from '../../engine/link/hello.ts'
import type { ReturnClaim } from '../../engine/link/known-peers.ts'
import {
  decodeSequencedMessage,
  encodeSequencedMessage,
} from '../../engine/link/sequence-header.ts'
import type { SequencedMessage } from '../../engine/link/sequence-header.ts'
import {
  decodeProbeAnswer,
  decodeSizeProbe,
  encodeProbeAnswer,
  encodeSizeProbe,
} from '../../engine/link/size-probe.ts'
import { decodePacket, encodePacket } from '../../engine/mesh/packet.ts'
import { decodePresenceFrame, encodePresenceFrame } from '../../engine/mesh/presence-outbox.ts'
import { decodePresenceRecord, peekPresenceRecord } from '../../engine/mesh/presence-record.ts'
import { decodeRoutingFrame, encodeRoutingFrame } from '../../engine/mesh/routing/routing-frame.ts'
import { decodeSignal, encodeSignal } from '../../engine/signalling/signalling.ts'
import { decodeAwareness, encodeAwareness } from '../../engine/sync/awareness-codec.ts'
import { decodeSyncMessage, encodeSyncMessage } from '../../engine/sync/sync-message-codec.ts'
import { crc32 } from '../../invitation/crc-32.ts'
import { decodeNote, encodeNote } from '../../invitation/note.ts'
import type { Note } from '../../invitation/note.ts'

/** A decoder, and the way back where there is one. */
export interface FuzzedDecoder {
  readonly name: string
  /** The value, or `undefined` for bytes that it refuses. */
  readonly decode: (bytes: Uint8Array) => unknown
  /** Bytes of the value, which decode to an equal one. */
  readonly encode?: ((value: unknown) => Uint8Array) | undefined
  /** What accepted bytes are handed to. */
  readonly use?: (bytes: Uint8Array) => void
  /** Accepted bytes, beside those of the golden vectors. */
  readonly examples?: readonly Uint8Array[]
}

/** The ends between which the sync messages of the golden vectors travel. */
const ends = { from: '00000000000000aa' as PeerId, to: '00000000000000bb' as PeerId }

/** Name, decoder and encoder agree in their type here, and nobody else needs to know it. */
function decoder<Value>(
  name: string,
  decode: (bytes: Uint8Array) => Value | undefined,
  encode?: (value: Value) => Uint8Array,
): FuzzedDecoder {
  return { name, decode, encode: encode && ((value) => encode(value as Value)) }
}

/** All decoders of bytes from other peers; `pnpm fuzz` adds those of transports. */
export function fuzzedDecoders(cryptography: Cryptography): readonly FuzzedDecoder[] {
  return [
    decoder('utf-8', decodeUtf8, encodeUtf8),
    decoder('link message', decodeLinkMessage),
    decoder('sequenced message', readSequencedMessage, encodeSequencedMessage),
    decoder('size probe', decodeSizeProbe, (fields) => encodeSizeProbe(fields, probeBytesMin)),
    decoder('probe answer', decodeProbeAnswer, encodeProbeAnswer),
    decoder('hello', decodeHello, encodeHello),
    decoder('close reason', decodeCloseReason),
    decoder('bundle frame', readBundleFrame, encodeBundleFrame),
    decoder('handshake offer', decodeOffer),
    {
      ...decoder('handshake proof', readReturn, ({ proof, claim }) => encodeReturn(proof, claim)),
      examples: [encodeReturn(exampleProof, { epochMet: 3, count: 1 })],
    },
    decoder(
      'mesh packet',
      (bytes) => decodePacket(bytes, ends),
      (packet) => encodePacket(packet, ends),
    ),
    decoder('route frame', decodeRoutingFrame, encodeRoutingFrame),
    decoder('presence frame', decodePresenceFrame, encodePresenceFrame),
    decoder('presence record', (bytes) => decodePresenceRecord(bytes, cryptography)),
    decoder('presence record, at a glance', (bytes) => peekPresenceRecord(bytes, cryptography)),
    {
      ...decoder('signal', decodeSignal, ({ transport, signal }) =>
        encodeSignal(transport, signal),
      ),
      examples: [encodeSignal('webrtc', Uint8Array.of(1, 2, 3))],
    },
    decoder('connection packet', decodeConnectionPacket, encodeUnprotected),
    {
      ...decoder('connection handshake', decodeHandshakePayload, encodeHandshakePayload),
      examples: [exampleHandshakePayload],
    },
    {
      ...decoder('stream header', readStreamHeader, encodeStreamHeader),
      examples: [encodeStreamHeader({ protocol: 'menu', priority: 'bulk' })],
    },
    { ...decoder('stream messages', readMessages), examples: [Uint8Array.of(2, 7, 7, 0x81, 1, 7)] },
    decoder('connection frames', decodeFrames, (frames) => {
      const writer = new ByteWriter()
      for (const frame of frames) encodeFrame(frame, writer)
      return writer.finish()
    }),
    decoder(
      'sync message',
      (bytes) => decodeSyncMessage(bytes, ends),
      (message) => encodeSyncMessage(message, ends),
    ),
    decoder('awareness', decodeAwareness, encodeAwareness),
    {
      ...decoder('note', readNote, (note) => encodeNote(note).slice(0, -checksumBytes)),
      examples: [exampleNote.slice(0, -checksumBytes)],
    },
    {
      ...decoder('yjs update', parseUpdate),
      use: (bytes) => Y.applyUpdate(new Y.Doc(), bytes),
      examples: yjsUpdates(),
    },
    decoder('fields', decodeFields),
  ]
}

/** Least length of a size probe. */
const probeBytesMin = 20

const exampleProof: Proof = {
  publicKey: new Uint8Array(32).fill(1),
  certificate: new Uint8Array(64).fill(2),
  epoch: 300,
}

const exampleHandshakePayload = encodeHandshakePayload({
  connection: 0xa1a2a3a4,
  ...exampleProof,
  credit: { connectionBytes: 524_288, streamBytes: 262_144, streamCount: 128 },
  name: '0011223344556677',
})

const checksumBytes = 4

const exampleNote = encodeNote({
  type: 'invitation',
  nonce: new Uint8Array(8).fill(1),
  appTag: new Uint8Array(8).fill(2),
  peer: ends.from,
  expiresAtSeconds: 3,
  transport: 'webrtc',
  description: Uint8Array.of(4, 5, 6),
})

/** A note without its checksum, which would keep the fuzzer out. */
function readNote(content: Uint8Array): Note | undefined {
  const note = decodeNote(new ByteWriter().raw(content).u32(crc32(content)).finish())
  return typeof note === 'string' ? undefined : note
}

function readSequencedMessage(bytes: Uint8Array): SequencedMessage | undefined {
  const message = decodeSequencedMessage(bytes)
  return typeof message === 'string' ? undefined : message
}

/** What an initiator that returns seals in its offer. */
function readReturn(bytes: Uint8Array): { proof: Proof; claim: ReturnClaim } | undefined {
  const reader = new ByteReader(bytes)
  const [proof, claim] = [readProof(reader), readClaim(reader)]
  return proof && claim && { proof, claim }
}

/** The header at the beginning of a stream, come in two pieces. */
function readStreamHeader(bytes: Uint8Array): StreamHeader | undefined {
  const reader = new StreamHeaderReader()
  for (const piece of [bytes.subarray(0, 1), bytes.subarray(1)]) reader.take(piece)
  return reader.isComplete && !reader.isMalformed ? reader.decode() : undefined
}

/** Messages of a well-known stream; the last one may not be complete. */
function readMessages(bytes: Uint8Array): readonly Uint8Array[] | undefined {
  const messages: Uint8Array[] = []
  return new MessageAssembler().push(bytes, messages) ? messages : undefined
}

function readBundleFrame(bytes: Uint8Array): BundleFrame | undefined {
  const frame = decodeBundleFrame(bytes)
  return typeof frame === 'string' ? undefined : frame
}

/** A channel message after the handshake; the state of one message ends with it. */
function decodeLinkMessage(bytes: Uint8Array): unknown {
  const reassembler = new FrameReassembler(frameBodyBytesMax)
  reassembler.load(bytes)
  const frames = []
  for (let frame = reassembler.next(); frame; frame = reassembler.next()) frames.push(frame)
  return reassembler.fault === undefined ? frames : undefined
}

/** A protected packet is made by its sender's keys, not by an encoder: its bytes are returned as they are. */
function encodeUnprotected(
  packet: NonNullable<ReturnType<typeof decodeConnectionPacket>>,
): Uint8Array {
  if (packet.type !== 'protected') return encodeConnectionPacket(packet)
  return new ByteWriter().raw(packet.header).raw(packet.ciphertext).finish()
}

/** One field of each kind. */
function decodeFields(bytes: Uint8Array): unknown {
  const reader = new ByteReader(bytes)
  const fields = [reader.varint(), reader.u8(), reader.u16(), reader.u32(), reader.text(64)]
  return reader.failed ? undefined : [...fields, reader.bytes(1024)]
}

/** Updates with each kind of content, deletions and two writers. */
function yjsUpdates(): Uint8Array[] {
  const left = new Y.Doc()
  left.clientID = 1
  const updates: Uint8Array[] = []
  left.on('update', (update: Uint8Array) => updates.push(update))
  const map = left.getMap<unknown>('map')
  map.set('json', { list: [1, 'two', null, true, 2.5] })
  map.set('bytes', Uint8Array.of(1, 2))
  map.set('nested', new Y.Map([['field', new Y.Array()]]))
  map.set('text', new Y.XmlText('formatted'))
  map.delete('json')
  const text = left.getText('text')
  text.insert(0, 'hello')
  text.format(1, 2, { bold: true })
  text.insertEmbed(3, { image: 'x' })
  text.delete(0, 2)
  left.getArray('array').insert(0, [1, 'two', null, new Y.Doc({ guid: 'inner' })])
  left.getXmlFragment('xml').insert(0, [new Y.XmlElement('p')])
  const right = new Y.Doc()
  right.clientID = 2
  Y.applyUpdate(right, Y.encodeStateAsUpdate(left))
  right.getText('text').insert(1, 'there')
  return [...updates, Y.encodeStateAsUpdate(left), Y.encodeStateAsUpdate(right)]
}
