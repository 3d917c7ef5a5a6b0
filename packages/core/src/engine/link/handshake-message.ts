/** What surrounds Noise in the messages of a link's handshake (rules HS2 and HS13 of docs/specs/link.md). */

import { ByteReader } from '../bytes/reader.ts'
import { ByteWriter } from '../bytes/writer.ts'
import { signatureBytes } from '../identity/identity.ts'
import { appTagBytes } from '../identity/join-keys.ts'
import type { ReturnClaim } from './known-peers.ts'

export const saltBytes = 16
const publicKeyBytes = 32
const boundFlag = 1
const returnFlag = 2

/** What an offer begins with. */
export interface OfferHead {
  readonly versionMin: number
  readonly versionMax: number
  /** The channel has a binding at this end. */
  readonly isBound: boolean
  readonly salt: Uint8Array
  readonly appTag: Uint8Array
}

/** An offer, taken apart. */
export interface Offer extends OfferHead {
  /** The head as it came, for the prologue of the return. */
  readonly headBytes: Uint8Array
  /** All but the first message of first contact, for the prologue of that. */
  readonly beginning: Uint8Array
  /** The first message of `IKpsk2`, where a return is offered. */
  readonly returnMessage: Uint8Array | undefined
  /** The first message of `XXpsk0`. */
  readonly contactMessage: Uint8Array
}

/** Who a peer is, sealed in the handshake. */
export interface Proof {
  readonly publicKey: Uint8Array
  readonly certificate: Uint8Array
  readonly epoch: number
}

export function encodeOfferHead(head: OfferHead, hasReturn: boolean): Uint8Array {
  const flags = (head.isBound ? boundFlag : 0) | (hasReturn ? returnFlag : 0)
  return new ByteWriter()
    .u8(head.versionMin)
    .u8(head.versionMax)
    .u8(flags)
    .raw(head.salt)
    .raw(head.appTag)
    .finish()
}

/**
 * The versions that an offer names, which stand in the same place in every version; undefined when it
 * is malformed.
 */
export function readVersions(
  message: Uint8Array,
): Pick<OfferHead, 'versionMin' | 'versionMax'> | undefined {
  const reader = new ByteReader(message)
  const [versionMin, versionMax] = [reader.u8(), reader.u8()]
  return reader.failed ? undefined : { versionMin, versionMax }
}

/** An offer of version 1; undefined when it is malformed. */
export function decodeOffer(message: Uint8Array): Offer | undefined {
  const reader = new ByteReader(message)
  const [versionMin, versionMax, flags] = [reader.u8(), reader.u8(), reader.u8()]
  const salt = reader.raw(saltBytes)
  const appTag = reader.raw(appTagBytes)
  const headBytes = message.subarray(0, message.length - reader.remaining)
  const hasReturn = (flags & returnFlag) !== 0
  const returnMessage = hasReturn ? reader.bytes(Number.MAX_SAFE_INTEGER) : undefined
  const beginning = message.subarray(0, message.length - reader.remaining)
  const contactMessage = reader.rest()
  if (reader.failed) return undefined
  const isBound = (flags & boundFlag) !== 0
  const head = { versionMin, versionMax, isBound, salt, appTag }
  return { ...head, headBytes, beginning, returnMessage, contactMessage }
}

export function encodeProof(proof: Proof): Uint8Array {
  return writeProof(new ByteWriter(128), proof).finish()
}

/** What an initiator that returns says: its proof, and the claim. */
export function encodeReturn(proof: Proof, claim: ReturnClaim): Uint8Array {
  return writeProof(new ByteWriter(128), proof).varint(claim.epochMet).varint(claim.count).finish()
}

/** A proof; undefined when it is malformed. Bytes after it are for later versions. */
export function readProof(reader: ByteReader): Proof | undefined {
  const publicKey = reader.raw(publicKeyBytes).slice()
  const certificate = reader.raw(signatureBytes)
  const epoch = reader.varint()
  return reader.failed ? undefined : { publicKey, certificate, epoch }
}

/** The claim behind a proof; undefined when it is malformed. */
export function readClaim(reader: ByteReader): ReturnClaim | undefined {
  const [epochMet, count] = [reader.varint(), reader.varint()]
  return reader.failed ? undefined : { epochMet, count }
}

function writeProof(writer: ByteWriter, { publicKey, certificate, epoch }: Proof): ByteWriter {
  return writer.raw(publicKey).raw(certificate).varint(epoch)
}
