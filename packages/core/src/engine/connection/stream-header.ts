/** The first bytes of a stream that an application opened: what it is for (rule ST13). */

import { encodeUtf8, decodeUtf8 } from '../bytes/utf8.ts'
import { ByteWriter } from '../bytes/writer.ts'
import { priorities, type Priority } from '../link/link-port.ts'
import { streamProtocolBytesMax } from './stream-port.ts'

/** Rank of the priority, length of the name, and the name at its longest. */
export const streamHeaderBytesMax = 2 + streamProtocolBytesMax

/** What the opener says of its stream. */
export interface StreamHeader {
  readonly protocol: string
  readonly priority: Priority
}

/** Whether the name fits a header: 1 to `streamProtocolBytesMax` bytes of UTF-8. */
export function isStreamProtocol(protocol: string): boolean {
  if (protocol.length === 0 || protocol.length > streamProtocolBytesMax) return false
  return encodeUtf8(protocol).length <= streamProtocolBytesMax
}

/** Rank of the priority (1 byte), length of the name (1 byte), the name in UTF-8. */
export function encodeStreamHeader({ protocol, priority }: StreamHeader): Uint8Array {
  return new ByteWriter(streamHeaderBytesMax)
    .u8(priorities.indexOf(priority))
    .text(protocol)
    .finish()
}

/** Gathers a header that arrives in pieces. Holds `streamHeaderBytesMax` bytes at the most. */
export class StreamHeaderReader {
  readonly #bytes = new Uint8Array(streamHeaderBytesMax)
  #length = 0

  /** Takes from the front of `bytes` what belongs to the header; returns how many bytes those were. */
  take(bytes: Uint8Array): number {
    let taken = 0
    while (taken < bytes.length && !this.isComplete && !this.isMalformed) {
      this.#bytes[this.#length++] = bytes[taken++]!
    }
    return taken
  }

  get isComplete(): boolean {
    return this.#length >= 2 && this.#length === 2 + this.#bytes[1]!
  }

  /** No header begins like this. */
  get isMalformed(): boolean {
    if (this.#length > 0 && this.#bytes[0]! >= priorities.length) return true
    if (this.#length < 2) return false
    const nameBytes = this.#bytes[1]!
    return nameBytes === 0 || nameBytes > streamProtocolBytesMax
  }

  /** The header, once complete; `undefined` when its name is not UTF-8. */
  decode(): StreamHeader | undefined {
    const protocol = decodeUtf8(this.#bytes.subarray(2, this.#length))
    return protocol === undefined ? undefined : { protocol, priority: priorities[this.#bytes[0]!]! }
  }
}
