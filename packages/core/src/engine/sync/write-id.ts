/** Write ids: how a change is named to the application, `<peer>-<epoch>-<seq>`. */

import type { WriteId } from '../command.ts'
import { parsePeerId } from '../identity/peer-id.ts'
import type { Writer } from './version.ts'

/** Names change `seq` of that writer. */
export function writeIdOf(writer: Writer, seq: number): WriteId {
  return `${writer.peer}-${writer.epoch}-${seq}`
}

/** The writer and sequence number that an id names, or `undefined` when it is not one. */
export function parseWriteId(
  write: WriteId,
): { readonly writer: Writer; readonly seq: number } | undefined {
  const match = /^([0-9a-f]{16})-(0|[1-9]\d{0,14})-([1-9]\d{0,14})$/.exec(write)
  const peer = parsePeerId(match?.[1] ?? '')
  if (peer === undefined) return undefined
  return { writer: { peer, epoch: Number(match?.[2]) }, seq: Number(match?.[3]) }
}
