/**
 * Messages on a TCP stream: four bytes of length, big-endian, then the message.
 *
 * A length of zero is the farewell: TCP alone does not tell a peer that closed from one whose
 * process was killed, since the system says goodbye for both.
 */

/** Largest message, in bytes: what fits into one frame of a link. A longer one ends the channel. */
export const messageBytesMax = 64 * 1024

/** Bytes that each message costs besides its own. */
export const headerBytes = 4

/** The header of a message of that many bytes. */
export function encodeHeader(messageBytes: number): Buffer {
  const header = Buffer.allocUnsafe(headerBytes)
  header.writeUInt32BE(messageBytes)
  return header
}

/** The header that says goodbye. */
export const farewell: Uint8Array = new Uint8Array(headerBytes)

/** What a piece of the stream completed. `broken`: a message beyond the bound; the rest is void. */
export type TcpFrame =
  | { readonly type: 'message'; readonly bytes: Uint8Array }
  | { readonly type: 'farewell' }
  | { readonly type: 'broken' }

/** Cuts a stream into messages. Holds at most one message that is not complete. */
export class TcpFrameReader {
  readonly #header = new Uint8Array(headerBytes)
  #headerFilled = 0
  #message: Uint8Array | undefined
  #messageFilled = 0
  #finished = false

  /** Whether the stream stands between two messages. */
  get atBoundary(): boolean {
    return this.#headerFilled === 0 && !this.#message
  }

  /** Yields what the piece completes, in order. Bytes of messages are the caller's. */
  *read(piece: Uint8Array): Generator<TcpFrame> {
    let at = 0
    while (at < piece.length && !this.#finished) {
      if (this.#message) {
        const part = piece.subarray(at, at + this.#message.length - this.#messageFilled)
        this.#message.set(part, this.#messageFilled)
        this.#messageFilled += part.length
        at += part.length
        if (this.#messageFilled < this.#message.length) return
        const bytes = this.#message
        this.#message = undefined
        yield { type: 'message', bytes }
        continue
      }
      this.#header[this.#headerFilled++] = piece[at++] as number
      if (this.#headerFilled < headerBytes) continue
      this.#headerFilled = 0
      const length = new DataView(this.#header.buffer).getUint32(0)
      if (length === 0 || length > messageBytesMax) {
        this.#finished = true
        yield { type: length === 0 ? 'farewell' : 'broken' }
        return
      }
      this.#message = new Uint8Array(length)
      this.#messageFilled = 0
    }
  }
}
