/**
 * The presence record: what one peer says of itself, versioned and signed (rules PR1 to PR5, PR15
 * and PR16).
 *
 * The wire form is canonical: lists are sorted and free of doubles, so that a record has one
 * encoding. The signature covers all of it, after a text that no other signature begins with.
 */

import type { ChannelCost } from '../../transport/channel.ts'
import type { TransportCapabilities } from '../../transport/transport.ts'
import { concatBytes } from '../bytes/compare.ts'
import { encodeHex } from '../bytes/hex.ts'
import { ByteReader } from '../bytes/reader.ts'
import { decodeUtf8, encodeUtf8 } from '../bytes/utf8.ts'
import { ByteWriter } from '../bytes/writer.ts'
import type { Cryptography } from '../crypto/cryptography.ts'
import {
  decodePeerId,
  encodePeerId,
  peerIdBytes,
  peerIdOf,
  type PeerId,
} from '../identity/peer-id.ts'
import { linkQualities, type QualityStep } from './link-quality.ts'
import { rttStepsMs, type RttStep } from './rtt-step.ts'

export const presenceRecordVersion = 2
/** A name fits a line of a list. */
export const nameCharactersMax = 64
/** Four bytes a character at most (UTF-8). */
export const nameBytesMax = 4 * nameCharactersMax
/** Platforms are single words, such as `chromium`. */
export const platformBytesMax = 32
/** A version as npm has them, with room for a pre-release. */
export const libraryVersionBytesMax = 32
export const metadataEntriesMax = 16
/** Key and value together, in UTF-8: a label, not a document. */
export const metadataEntryBytesMax = 256
/** More than anybody runs. */
export const transportsMax = 8
export const transportNameBytesMax = 32
/** The best links of a peer; a hub with more does not list the others. */
export const recordNeighboursMax = 64
/** With every list at its bound a record is 7.7 kB. */
export const presenceRecordBytesMax = 8 * 1024

const signatureBytes = 64
const publicKeyBytes = 32
/** Begins the signed message; nothing else that this key signs begins so. */
const domain = encodeUtf8('fieldmesh presence record 1\n')

const costClasses = ['lan', 'wan', 'relay', 'bluetooth'] as const
const meteredFlag = 0x10
const farewellFlag = 0x01

/** A transport that the peer runs. */
export interface PresenceTransport extends TransportCapabilities {
  readonly name: string
}

/** One end's view of a link. */
export interface PresenceNeighbour {
  readonly peer: PeerId
  /** Of the active channel. */
  readonly transport: string
  readonly cost: ChannelCost
  readonly rttStep: RttStep
  readonly qualityStep: QualityStep
}

/** What a peer says of itself. */
export interface PresenceContent {
  /** At most 64 characters. */
  readonly name: string
  /** What it runs on, such as `chromium` or `node`; at most 32 bytes. */
  readonly platform: string
  /** The version of this library that it runs; at most 32 bytes. */
  readonly libraryVersion: string
  readonly metadata: Readonly<Record<string, string>>
  /** Sorted by name. */
  readonly transports: readonly PresenceTransport[]
  /** Sorted by peer id. */
  readonly neighbours: readonly PresenceNeighbour[]
}

/** Says nothing. */
export const emptyPresenceContent: PresenceContent = {
  name: '',
  platform: '',
  libraryVersion: '',
  metadata: {},
  transports: [],
  neighbours: [],
}

/** Which of two records of a peer is newer: the greater epoch, then the greater sequence. */
export interface PresenceVersion {
  /** Boot of the peer. */
  readonly epoch: number
  /** Counts its records from 1. */
  readonly sequence: number
}

export interface PresenceRecord extends PresenceVersion, PresenceContent {
  readonly peer: PeerId
  /** Ed25519, in hexadecimal digits; the peer id is its hash. */
  readonly publicKey: string
  /** The peer's last words: it is leaving, whatever else the record lists. */
  readonly farewell: boolean
}

/** The key that records are signed with. */
export interface RecordSigner {
  readonly peer: PeerId
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array
  sign(message: Uint8Array): Uint8Array
}

/** What tells whether a record is worth verifying. */
export interface PresenceHeader extends PresenceVersion {
  readonly peer: PeerId
}

/** Negative when `left` is older than `right`. */
export function comparePresenceVersions(left: PresenceVersion, right: PresenceVersion): number {
  return left.epoch - right.epoch || left.sequence - right.sequence
}

/** Signs a record. The content keeps to the bounds; `boundedContent` sees to that. */
export function encodePresenceRecord(
  content: PresenceContent,
  version: PresenceVersion,
  farewell: boolean,
  signer: RecordSigner,
): Uint8Array {
  const writer = new ByteWriter(512)
    .u8(presenceRecordVersion)
    .raw(signer.publicKey)
    .varint(version.epoch)
    .varint(version.sequence)
    .u8(farewell ? farewellFlag : 0)
  writeContent(writer, content)
  const body = writer.finish()
  return concatBytes(body, signer.sign(concatBytes(domain, body)))
}

/** The unsigned, unversioned bytes of a content: equal for equal contents. */
export function encodePresenceContent(content: PresenceContent): Uint8Array {
  const writer = new ByteWriter(512)
  writeContent(writer, content)
  return writer.finish()
}

/**
 * Whether it is of a version that came after this one, which may be as it should be: what it says
 * cannot be known.
 */
export function isOfLaterVersion(bytes: Uint8Array): boolean {
  return (bytes[0] ?? 0) > presenceRecordVersion
}

/** Reads who and which version, at the price of one hash; nothing is verified. */
export function peekPresenceRecord(
  bytes: Uint8Array,
  cryptography: Cryptography,
): PresenceHeader | undefined {
  const reader = new ByteReader(bytes)
  const version = reader.u8()
  const publicKey = reader.raw(publicKeyBytes)
  const epoch = reader.varint()
  const sequence = reader.varint()
  if (reader.failed || version !== presenceRecordVersion || sequence === 0) return undefined
  return { peer: peerIdOf(publicKey, cryptography), epoch, sequence }
}

/** The record, not verified yet; `undefined` when it breaks a rule of the format. */
export function decodePresenceRecord(
  bytes: Uint8Array,
  cryptography: Cryptography,
): PresenceRecord | undefined {
  const header = peekPresenceRecord(bytes, cryptography)
  if (header === undefined || bytes.length > presenceRecordBytesMax) return undefined
  const reader = new ByteReader(bytes.subarray(0, bytes.length - signatureBytes))
  reader.u8()
  const publicKey = encodeHex(reader.raw(publicKeyBytes))
  reader.varint()
  reader.varint()
  const flags = reader.u8()
  const content = readContent(reader)
  // What follows the fields that are known here is of later makers of this version.
  if (reader.failed || flags > farewellFlag) return undefined
  return { ...header, ...content, publicKey, farewell: flags === farewellFlag }
}

/** Whether the key in the record signed it. */
export function verifyPresenceRecord(bytes: Uint8Array, cryptography: Cryptography): boolean {
  const bodyLength = bytes.length - signatureBytes
  if (bodyLength < 1 + publicKeyBytes) return false
  const publicKey = bytes.subarray(1, 1 + publicKeyBytes)
  const message = concatBytes(domain, bytes.subarray(0, bodyLength))
  return cryptography.ed25519Verify(bytes.subarray(bodyLength), message, publicKey)
}

function writeContent(writer: ByteWriter, content: PresenceContent): void {
  writer.text(content.name).text(content.platform).text(content.libraryVersion)
  const keys = Object.keys(content.metadata).sort()
  writer.u8(keys.length)
  for (const key of keys) writer.text(key).text(content.metadata[key] ?? '')
  writer.u8(content.transports.length)
  for (const transport of content.transports) {
    writer.text(transport.name).u8(encodeCapabilities(transport))
  }
  writer.u8(content.neighbours.length)
  for (const { peer, transport, cost, rttStep, qualityStep } of content.neighbours) {
    writer.raw(decodePeerId(peer)).text(transport)
    writer.u8(costClasses.indexOf(cost.class) | (cost.metered ? meteredFlag : 0))
    writer.u8(rttStep).u8(qualityStep)
  }
}

function readContent(reader: ByteReader): PresenceContent {
  const name = reader.text(nameBytesMax)
  if (characterCount(name) > nameCharactersMax) reader.fail()
  const platform = reader.text(platformBytesMax)
  const libraryVersion = reader.text(libraryVersionBytesMax)
  const metadata = readMetadata(reader)
  const transports: PresenceTransport[] = []
  for (const count = readCount(reader, transportsMax); transports.length < count;) {
    const name = reader.text(transportNameBytesMax)
    const capabilities = decodeCapabilities(reader.u8())
    const ascends = (transports.at(-1)?.name ?? '') < name
    if (reader.failed || capabilities === undefined || !ascends) return failed(reader)
    transports.push({ name, ...capabilities })
  }
  const neighbours: PresenceNeighbour[] = []
  for (const count = readCount(reader, recordNeighboursMax); neighbours.length < count;) {
    const peer = encodePeerId(reader.raw(peerIdBytes))
    const transport = reader.text(transportNameBytesMax)
    const cost = decodeCost(reader.u8())
    const rttStep = reader.u8()
    const qualityStep = reader.u8()
    const ascends = (neighbours.at(-1)?.peer ?? '') < peer
    if (reader.failed || cost === undefined || !ascends) return failed(reader)
    if (rttStep > rttStepsMs.length || qualityStep > linkQualities.length) return failed(reader)
    neighbours.push({ peer, transport, cost, rttStep, qualityStep })
  }
  return { name, platform, libraryVersion, metadata, transports, neighbours }
}

function readMetadata(reader: ByteReader): Record<string, string> {
  const entries: [key: string, value: string][] = []
  for (const count = readCount(reader, metadataEntriesMax); entries.length < count;) {
    const key = reader.bytes(metadataEntryBytesMax)
    const value = reader.bytes(metadataEntryBytesMax - key.length)
    const [keyText, valueText] = [decodeUtf8(key), decodeUtf8(value)]
    const ascends = entries.length === 0 || entries.at(-1)![0] < (keyText ?? '')
    if (reader.failed || keyText === undefined || valueText === undefined || !ascends) {
      reader.fail()
      return {}
    }
    entries.push([keyText, valueText])
  }
  // From entries, so that a key like `__proto__` is an own property and nothing else.
  return Object.fromEntries(entries)
}

function readCount(reader: ByteReader, max: number): number {
  const count = reader.u8()
  if (count > max) reader.fail()
  return reader.failed ? 0 : count
}

function failed(reader: ByteReader): PresenceContent {
  reader.fail()
  return emptyPresenceContent
}

function encodeCapabilities(capabilities: TransportCapabilities): number {
  return (
    (capabilities.canDial ? 1 : 0) |
    (capabilities.canListen ? 2 : 0) |
    (capabilities.needsSignalling ? 4 : 0) |
    (capabilities.needsUserGesture ? 8 : 0)
  )
}

function decodeCapabilities(byte: number): TransportCapabilities | undefined {
  if (byte > 15) return undefined
  return {
    canDial: (byte & 1) !== 0,
    canListen: (byte & 2) !== 0,
    needsSignalling: (byte & 4) !== 0,
    needsUserGesture: (byte & 8) !== 0,
  }
}

function decodeCost(byte: number): ChannelCost | undefined {
  const costClass = costClasses[byte & ~meteredFlag]
  return costClass && { class: costClass, metered: (byte & meteredFlag) !== 0 }
}

/** Code points, as people count them nearly. */
function characterCount(text: string): number {
  let count = 0
  for (const _ of text) count += 1
  return count
}
