/** The hello frame: a sign of life that measures the round trip (rules LK3 and LK4 of docs/specs/link.md). */

import { ByteReader } from '../bytes/reader.ts'
import { ByteWriter } from '../bytes/writer.ts'

/** Shortest and longest interval that is believed, in milliseconds; others are taken as the nearest. */
export const helloIntervalMsMin = 1_000
export const helloIntervalMsMax = 60_000

/** What one hello says. Times are in microseconds of the named clock, modulo 2^32. */
export interface Hello {
  /** The other end shall answer with a hello at once. */
  readonly probe: boolean
  /** Counts the hellos of one end on the channel, modulo 256. */
  readonly number: number
  /** When the next comes at the latest, in milliseconds. */
  readonly intervalMs: number
  /** The sender's clock when it sent this one. */
  readonly sentAtMicros: number
  /** The latest hello that the sender had received, when there was one. */
  readonly echo?: {
    /** Its `sentAtMicros`: the receiver's own clock. */
    readonly sentAtMicros: number
    /** How long ago it had come. */
    readonly heldMicros: number
  }
}

const probeFlag = 1
const echoFlag = 2

/** A clock's milliseconds as they travel in a hello. */
export function wireMicros(ms: number): number {
  return Math.floor(ms * 1000) % 0x1_0000_0000
}

/** Microseconds from one wire time to a later one. */
export function microsBetween(earlier: number, later: number): number {
  return (later - earlier + 0x1_0000_0000) % 0x1_0000_0000
}

export function encodeHello(hello: Hello): Uint8Array {
  const writer = new ByteWriter(16)
  writer.u8((hello.probe ? probeFlag : 0) | (hello.echo ? echoFlag : 0))
  writer.u8(hello.number).varint(hello.intervalMs).u32(hello.sentAtMicros)
  if (hello.echo) writer.u32(hello.echo.sentAtMicros).u32(hello.echo.heldMicros)
  return writer.finish()
}

/** The hello, or `undefined` when it is malformed. Bytes after it are for later versions. */
export function decodeHello(payload: Uint8Array): Hello | undefined {
  const reader = new ByteReader(payload)
  const flags = reader.u8()
  const number = reader.u8()
  const announcedMs = reader.varint()
  const sentAtMicros = reader.u32()
  const hasEcho = (flags & echoFlag) !== 0
  const echo = hasEcho && { sentAtMicros: reader.u32(), heldMicros: reader.u32() }
  if (reader.failed) return undefined
  return {
    probe: (flags & probeFlag) !== 0,
    number,
    intervalMs: Math.min(helloIntervalMsMax, Math.max(helloIntervalMsMin, announcedMs)),
    sentAtMicros,
    ...(echo && { echo }),
  }
}
