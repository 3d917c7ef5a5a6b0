/**
 * Messages that both ends of a test can make from a seed, and prints by which they are compared:
 * so that a test about megabytes need not carry them from one runtime to the other.
 */

/** `count` messages of `bytes` bytes each; the seed tells them from others. */
export interface MessagePattern {
  readonly count: number
  readonly bytes: number
  readonly seed: number
}

/** The message at a position of a pattern. */
export function patternMessage(pattern: MessagePattern, position: number): Uint8Array {
  const message = new Uint8Array(pattern.bytes)
  // xorshift32; its state must not be zero.
  let state = (Math.imul(pattern.seed + 1, 0x9e3779b1) ^ Math.imul(position + 1, 0x85ebca6b)) | 1
  for (let at = 0; at < message.length; at++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    message[at] = state
  }
  return message
}

/** Length and FNV-1a hash of a message, as text: equal for equal messages. */
export function printOf(message: Uint8Array): string {
  let hash = 0x811c9dc5
  for (const byte of message) hash = Math.imul(hash ^ byte, 0x01000193)
  return `${message.length}:${(hash >>> 0).toString(16)}`
}

/** The prints of all messages of a pattern, in order. */
export function printsOf(pattern: MessagePattern): string[] {
  return Array.from({ length: pattern.count }, (_, position) =>
    printOf(patternMessage(pattern, position)),
  )
}
