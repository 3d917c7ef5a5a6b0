/** Versions as bytes: rule SY6 of docs/specs/sync.md. One version has one encoding. */

import type { ByteReader } from '../bytes/reader.ts'
import type { ByteWriter } from '../bytes/writer.ts'
import { readWriter, writeWriter } from './change-codec.ts'
import { digestBytes } from './digest.ts'
import { compareWriters, versionEntriesMax } from './version-operations.ts'
import type { Version, VersionEntry } from './version.ts'

export function writeVersion(writer: ByteWriter, version: Version): void {
  writer.varint(version.length)
  for (const entry of version) {
    writeWriter(writer, entry)
    writer.varint(entry.seq).raw(entry.digest)
  }
}

/** The version, or `undefined` (and a failed reader) when malformed, unsorted or over its bound. */
export function readVersion(reader: ByteReader): Version | undefined {
  const count = reader.varint(versionEntriesMax)
  const version: VersionEntry[] = []
  for (let index = 0; index < count && !reader.failed; index += 1) {
    const { peer, epoch } = readWriter(reader)
    const seq = reader.varint()
    const digest = reader.raw(digestBytes).slice()
    const entry = { peer, epoch, seq, digest }
    const before = version.at(-1)
    if (seq === 0 || (before !== undefined && compareWriters(before, entry) >= 0)) reader.fail()
    if (!reader.failed) version.push(entry)
  }
  return reader.failed ? undefined : version
}
