/**
 * Document heads as bytes: rule SY7 of docs/specs/sync.md. The digest is not written: it follows
 * from the version, and what is derived cannot disagree.
 */

import type { DocumentHead } from '../../documents/head.ts'
import type { ByteReader } from '../bytes/reader.ts'
import type { ByteWriter } from '../bytes/writer.ts'
import { readVersion, writeVersion } from './version-codec.ts'
import { versionDigest } from './version-operations.ts'

export function writeHead(writer: ByteWriter, head: DocumentHead): void {
  writer.varint(head.incarnation).u8(head.deleted ? 1 : 0)
  writeVersion(writer, head.version)
}

/** The head, or `undefined` (and a failed reader) when malformed or over a bound. */
export function readHead(reader: ByteReader): DocumentHead | undefined {
  const incarnation = reader.varint()
  const deleted = reader.u8()
  if (deleted > 1) reader.fail()
  const version = readVersion(reader)
  if (version === undefined) return undefined
  return { incarnation, deleted: deleted === 1, version, digest: versionDigest(version) }
}
