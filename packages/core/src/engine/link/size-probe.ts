/**
 * What travels to find out how long messages may be (rule LK26 of docs/specs/link.md): frames of kind
 * `link-control`. A probe is the whole of its message, in clear, with zeros up to the length that is
 * tried, so that it can be read however much of it arrives; its answer is a frame like others.
 */

import { ByteReader } from '../bytes/reader.ts'
import { ByteWriter } from '../bytes/writer.ts'
import { encodeFragmentHeader, frameKindCodes } from './frame.ts'

/** First varint of a `link-control` frame. */
const typeCodes = { probe: 1, answer: 2 } as const

/** First byte of a message that is a probe: the only frames of that kind and priority bulk. */
export const probeHeaderByte = encodeFragmentHeader({
  kindCode: frameKindCodes['link-control'],
  priority: 3,
  first: true,
  last: true,
})

/** Number and size; in an answer the length in which the probe arrived. */
export interface ProbeFields {
  /** Counts probes modulo 256, so that an answer is not taken for that of another. */
  readonly number: number
  /** In bytes: of the whole message that is, or was, the probe; at most 65,535. */
  readonly messageBytes: number
}

/** The bytes of a probe, as a message or the rest of one: `bytes` of them, at least 20. */
export function encodeSizeProbe({ number, messageBytes }: ProbeFields, bytes: number): Uint8Array {
  const writer = new ByteWriter(bytes)
  writer.u8(probeHeaderByte).u8(typeCodes.probe).u8(number).u16(messageBytes)
  const padded = new Uint8Array(bytes)
  padded.set(writer.view())
  return padded
}

/** The probe that these bytes begin with, however few of it have come; `undefined` when it is none. */
export function decodeSizeProbe(bytes: Uint8Array): ProbeFields | undefined {
  const reader = new ByteReader(bytes)
  const isProbe = reader.u8() === probeHeaderByte && reader.u8() === typeCodes.probe
  const fields = { number: reader.u8(), messageBytes: reader.u16() }
  return isProbe && !reader.failed ? fields : undefined
}

/** Payload of the answer. */
export function encodeProbeAnswer({ number, messageBytes }: ProbeFields): Uint8Array {
  return new ByteWriter(4).varint(typeCodes.answer).u8(number).u16(messageBytes).finish()
}

/** `undefined` for a frame of another type. Bytes after the answer are for later versions. */
export function decodeProbeAnswer(payload: Uint8Array): ProbeFields | undefined {
  const reader = new ByteReader(payload)
  const isAnswer = reader.varint() === typeCodes.answer
  const fields = { number: reader.u8(), messageBytes: reader.u16() }
  return isAnswer && !reader.failed ? fields : undefined
}
