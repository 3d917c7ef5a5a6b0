/**
 * What the two ends of a link say about its channels, in frames of kind `bundle-switch` (rule LK30 of
 * docs/specs/link.md). Each begins with a varint type.
 */

import { ByteReader } from '../bytes/reader.ts'
import { ByteWriter } from '../bytes/writer.ts'
import { priorityIndexes } from './frame.ts'

/** Greatest number that a frame may have: so far no counting comes to an end. */
export const frameNumberMax = 2 ** 48

/** For each priority, how many mesh frames: those received, or the number of the next one. */
export type FrameCounts = readonly number[]

/** None of any priority. */
export const noFrames: FrameCounts = priorityIndexes.map(() => 0)

/**
 * Why a link goes over to another channel. `better`: of a better cost class, or not metered.
 * `faster`: with a shorter round trip. `lost`: the active one is gone. `suspect`: it does not answer.
 * `asked`: the other end finds so. `duplicate`: it makes way for another of its transport. `founders`:
 * the ends began with different channels.
 */
export type SwitchReason = keyof typeof reasonCodes

const reasonCodes = {
  better: 0,
  faster: 1,
  lost: 2,
  suspect: 3,
  asked: 4,
  duplicate: 5,
  founders: 6,
} as const

const reasonsByCode = new Map<number, SwitchReason>(
  Object.entries(reasonCodes).map(([reason, code]) => [code, reason as SwitchReason]),
)

export type BundleFrame =
  /** First on every channel: of which link it becomes a part. */
  | {
      readonly type: 'join'
      /** Grows with each link of the sender, to whomever. */
      readonly serial: number
      /** The last switch that the sender made or followed. */
      readonly number: number
      /** The sender's link begins with this channel, and it sends mesh frames here. */
      readonly isFounder: boolean
      /** The numbers that the sender's frames of this link begin with. */
      readonly firsts: FrameCounts
      readonly received: FrameCounts
    }
  /** The deciding end makes the channel that this comes on the active one. */
  | {
      readonly type: 'switch'
      /** Counts the switches of the link, from 1 on. */
      readonly number: number
      readonly reason: SwitchReason | 'unknown'
      readonly received: FrameCounts
    }
  /** The other end follows. */
  | { readonly type: 'answer'; readonly number: number; readonly received: FrameCounts }
  /** The other end would rather have this channel; the number of the last switch that it followed. */
  | { readonly type: 'ask'; readonly number: number }
  /**
   * The next mesh frame of the priority that this has, on this channel, has that number. So many before
   * it are given up: whichever of them has not come will not.
   */
  | { readonly type: 'begin'; readonly first: number; readonly givenUp: number }
  /** Mesh frames that have come, over all channels. */
  | { readonly type: 'receipt'; readonly received: FrameCounts }

const typeCodes = { join: 0, switch: 1, answer: 2, ask: 3, begin: 4, receipt: 5 } as const
const founderFlag = 1
const unknownReasonCode = 255

export function encodeBundleFrame(frame: BundleFrame): Uint8Array {
  const writer = new ByteWriter(16).varint(typeCodes[frame.type])
  switch (frame.type) {
    case 'join':
      writer.u8(frame.isFounder ? founderFlag : 0)
      writer.varint(frame.serial).varint(frame.number)
      for (const first of frame.firsts) writer.varint(first)
      break
    case 'switch':
      writer.varint(frame.number)
      writer.u8(frame.reason === 'unknown' ? unknownReasonCode : reasonCodes[frame.reason])
      break
    case 'answer':
    case 'ask':
      writer.varint(frame.number)
      break
    case 'begin':
      writer.varint(frame.first)
      if (frame.givenUp > 0) writer.varint(frame.givenUp)
      break
    default:
  }
  if ('received' in frame) for (const count of frame.received) writer.varint(count)
  return writer.finish()
}

/**
 * The frame, `malformed`, or `unknown` for a type of later versions. Bytes after it are ignored.
 */
export function decodeBundleFrame(payload: Uint8Array): BundleFrame | 'malformed' | 'unknown' {
  const reader = new ByteReader(payload)
  const frame = readFrame(reader)
  return reader.failed ? 'malformed' : frame
}

function readFrame(reader: ByteReader): BundleFrame | 'unknown' {
  switch (reader.varint()) {
    case typeCodes.join: {
      const flags = reader.u8()
      return {
        type: 'join',
        isFounder: (flags & founderFlag) !== 0,
        serial: reader.varint(),
        number: reader.varint(),
        firsts: readCounts(reader),
        received: readCounts(reader),
      }
    }
    case typeCodes.switch:
      return {
        type: 'switch',
        number: reader.varint(),
        reason: reasonsByCode.get(reader.u8()) ?? 'unknown',
        received: readCounts(reader),
      }
    case typeCodes.answer:
      return { type: 'answer', number: reader.varint(), received: readCounts(reader) }
    case typeCodes.ask:
      return { type: 'ask', number: reader.varint() }
    case typeCodes.begin:
      return {
        type: 'begin',
        first: reader.varint(frameNumberMax),
        givenUp: reader.remaining > 0 ? reader.varint(frameNumberMax) : 0,
      }
    case typeCodes.receipt:
      return { type: 'receipt', received: readCounts(reader) }
    default:
      return 'unknown'
  }
}

function readCounts(reader: ByteReader): FrameCounts {
  return priorityIndexes.map(() => reader.varint(frameNumberMax))
}
