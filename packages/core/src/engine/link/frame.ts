/**
 * Frames: what a link sends, and their header byte (rules FR2 and FR3 of docs/specs/link.md).
 *
 * A frame travels as one or more fragments. Each fragment begins with the header byte: kind in the
 * upper four bits, then two bits of priority, then whether it is the first and the last fragment.
 */

import { concatBytes } from '../bytes/compare.ts'
import { priorities } from './link-port.ts'
import type { FramePayload, Priority } from './link-port.ts'

/** Kinds with their codes on the wire; 0 and 12 to 15 are unassigned. */
export const frameKindCodes = {
  hello: 1,
  route: 2,
  'route-request': 3,
  presence: 4,
  packet: 5,
  'link-control': 6,
  auth: 7,
  close: 8,
  'bundle-switch': 9,
  extension: 10,
  rekey: 11,
} as const

export type FrameKind = keyof typeof frameKindCodes

/** Largest payload of a frame, in bytes: a mesh packet of the largest size class. */
export const framePayloadBytesMax = 65_536

/** Index of a priority, 0 to 3; lower goes first. */
export type PriorityIndex = 0 | 1 | 2 | 3

/** All of them, in sending order. */
export const priorityIndexes = [0, 1, 2, 3] as const

/** A frame on its way out. */
export interface OutgoingFrame {
  readonly kind: FrameKind
  /** At most `framePayloadBytesMax` bytes. */
  readonly payload: FramePayload
}

/** Bytes of a payload, whole or in parts. */
export function payloadBytesOf(payload: FramePayload): number {
  if (payload instanceof Uint8Array) return payload.length
  let bytes = 0
  for (const part of payload) bytes += part.length
  return bytes
}

/** The payload in one piece. */
export function wholePayload(payload: FramePayload): Uint8Array {
  return payload instanceof Uint8Array ? payload : concatBytes(...payload)
}

/** A whole frame that came in, still sealed where the link seals. */
export interface IncomingFrame {
  readonly kindCode: number
  readonly priority: PriorityIndex
  readonly body: Uint8Array
}

/** The header byte of one fragment. */
export interface FragmentHeader {
  readonly kindCode: number
  readonly priority: PriorityIndex
  readonly first: boolean
  readonly last: boolean
}

const kindsByCode = new Map<number, FrameKind>(
  Object.entries(frameKindCodes).map(([kind, code]) => [code, kind as FrameKind]),
)

/** The kind of a code, or `undefined` when this version knows none. */
export function frameKindOf(code: number): FrameKind | undefined {
  return kindsByCode.get(code)
}

export function encodeFragmentHeader(header: FragmentHeader): number {
  const flags = (header.first ? 2 : 0) | (header.last ? 1 : 0)
  return (header.kindCode << 4) | (header.priority << 2) | flags
}

/** Every byte is a header. */
export function decodeFragmentHeader(byte: number): FragmentHeader {
  return {
    kindCode: byte >>> 4,
    priority: ((byte >>> 2) & 3) as PriorityIndex,
    first: (byte & 2) !== 0,
    last: (byte & 1) !== 0,
  }
}

/** Place of a priority in the sending order. */
export function priorityIndexOf(priority: Priority): PriorityIndex {
  return priorities.indexOf(priority) as PriorityIndex
}
