/** Counting what a page hands to the network: the same for each contender, from before its code. */

declare global {
  var sentByteCount: number | undefined
}

/**
 * Wraps `send` of data channels and WebSockets, to add up their payloads in `sentByteCount`. To be
 * run in a page before its own scripts; its source is what crosses, so it refers to nothing outside.
 */
export function countSentBytes(): void {
  globalThis.sentByteCount = 0
  const encoder = new TextEncoder()
  const sizeOf = (data: unknown): number => {
    if (typeof data === 'string') return encoder.encode(data).length
    if (data instanceof Blob) return data.size
    return (data as ArrayBuffer | ArrayBufferView).byteLength
  }
  for (const { prototype } of [RTCDataChannel, WebSocket]) {
    const send = prototype.send as (this: unknown, data: unknown) => void
    prototype.send = function (data: unknown) {
      globalThis.sentByteCount = (globalThis.sentByteCount ?? 0) + sizeOf(data)
      send.call(this, data)
    }
  }
}

/** What the page has sent until now. */
export function sentBytes(): number {
  if (globalThis.sentByteCount === undefined) throw new Error('the page was not prepared to count')
  return globalThis.sentByteCount
}
