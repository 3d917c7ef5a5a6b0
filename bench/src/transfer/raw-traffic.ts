/** Traffic over one raw channel of messages: no mesh, no encryption of ours. */

import { messageBytes, requestBytes, type Traffic } from './traffic.ts'

/** A channel of messages, as raw as its technology has it. */
export interface RawChannel {
  /** Resolves when there is room for more. */
  readonly send: (message: Uint8Array) => Promise<void> | undefined
  /** Called with each message. */
  onMessage: (message: Uint8Array) => void
}

/** What the first byte of a message says it is. */
const kinds = { part: 0, lastPart: 1, confirmation: 2, request: 3, answer: 4 } as const

/** Confirms each last part and answers each request. */
export function serveRaw(channel: RawChannel): void {
  channel.onMessage = (message) => {
    if (message[0] === kinds.lastPart) void channel.send(Uint8Array.of(kinds.confirmation))
    if (message[0] === kinds.request) void channel.send(filled(requestBytes, kinds.answer))
  }
}

/** A way to a peer that serves the other end of the channel. */
export function rawTraffic(channel: RawChannel): Traffic {
  let arrived = () => {}
  channel.onMessage = () => {
    arrived()
  }
  const next = async () =>
    new Promise<void>((resolve) => {
      arrived = resolve
    })
  const part = filled(messageBytes, kinds.part)
  return {
    async send(bytes) {
      const confirmed = next()
      for (let left = bytes; left > messageBytes; left -= messageBytes) await channel.send(part)
      await channel.send(filled(messageBytes, kinds.lastPart))
      await confirmed
    },
    async ask() {
      const answered = next()
      await channel.send(filled(requestBytes, kinds.request))
      await answered
    },
  }
}

function filled(bytes: number, kind: number): Uint8Array {
  const message = new Uint8Array(bytes)
  message[0] = kind
  return message
}
