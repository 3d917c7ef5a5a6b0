/**
 * Signalling: what transports say to each other before they have a channel, carried end to end
 * encrypted over virtual connections (docs/specs/mesh.md, rules SG1 to SG4).
 *
 * Control-stream message: type byte 1, transport name, signal. Signals may be lost; transports
 * time out and dial again.
 */

import { ByteReader } from '../bytes/reader.ts'
import { ByteWriter } from '../bytes/writer.ts'
import type { MessagePort } from '../connection/message-port.ts'
import type { EngineContext } from '../context.ts'
import type { PeerId } from '../identity/peer-id.ts'

/** Largest signal, in bytes: a session description with its candidates fits several times. */
export const signalBytesMax = 16 * 1024
/** Signals that wait for one peer's connection; beyond, the newest is dropped. */
export const waitingSignalsMax = 64
/** Peers for which signals wait; beyond, the newest is dropped. */
export const waitingPeersMax = 64
/** A signal that has waited that long is of no use: its transport has given up. */
export const waitingSignalAgeMsMax = 10_000

const signalMessage = 1
const transportNameBytesMax = 64

interface WaitingSignal {
  readonly message: Uint8Array
  readonly expiresAtMs: number
}

/** A signal for the transport of that name. */
export interface ReceivedSignal {
  readonly type: 'signal-received'
  readonly transport: string
  readonly peer: PeerId
  readonly signal: Uint8Array
}

/** Decodes a control message; `undefined` when it is malformed or of another type. */
export function decodeSignal(
  message: Uint8Array,
): { readonly transport: string; readonly signal: Uint8Array } | undefined {
  const reader = new ByteReader(message)
  if (reader.u8() !== signalMessage) return undefined
  const transport = reader.text(transportNameBytesMax)
  const signal = reader.bytes(signalBytesMax)
  return reader.finished ? { transport, signal } : undefined
}

/** The control message of a signal. */
export function encodeSignal(transport: string, signal: Uint8Array): Uint8Array {
  return new ByteWriter(signal.length + 32).u8(signalMessage).text(transport).bytes(signal).finish()
}

/** Sends signals when their peer is connected, and takes in those that arrive. */
export class Signalling {
  readonly #context: EngineContext
  readonly #messages: MessagePort
  readonly #waitingByPeer = new Map<PeerId, WaitingSignal[]>()
  readonly #received: ReceivedSignal[] = []

  constructor(context: EngineContext, messages: MessagePort) {
    this.#context = context
    this.#messages = messages
  }

  /** Sends now, or as soon as `connected` is called for the peer, or never. */
  send(peer: PeerId, transport: string, signal: Uint8Array, nowMs: number): void {
    const { signalsDropped } = this.#context.recorder.signalling
    if (signal.length > signalBytesMax) {
      signalsDropped.add()
      return
    }
    const message = encodeSignal(transport, signal)
    if (this.#messages.send(peer, 'control', message, nowMs) === 'accepted') {
      this.#context.recorder.signalling.signalsSent.add()
      return
    }
    this.#forgetExpired(nowMs)
    const waiting = this.#waitingByPeer.get(peer) ?? []
    const isNew = waiting.length === 0
    if (
      waiting.length >= waitingSignalsMax ||
      (isNew && this.#waitingByPeer.size >= waitingPeersMax)
    ) {
      signalsDropped.add()
      return
    }
    waiting.push({ message, expiresAtMs: nowMs + waitingSignalAgeMsMax })
    this.#waitingByPeer.set(peer, waiting)
  }

  /** The peer's connection takes messages: what waited for it leaves. */
  writable(peer: PeerId, nowMs: number): void {
    this.#forgetExpired(nowMs)
    const waiting = this.#waitingByPeer.get(peer)
    if (waiting === undefined) return
    while (waiting.length > 0) {
      const [first] = waiting
      if (this.#messages.send(peer, 'control', first!.message, nowMs) !== 'accepted') return
      this.#context.recorder.signalling.signalsSent.add()
      waiting.shift()
    }
    this.#waitingByPeer.delete(peer)
  }

  /** A control message of a connected peer. */
  messageReceived(peer: PeerId, message: Uint8Array): void {
    const decoded = decodeSignal(message)
    if (decoded === undefined) {
      this.#context.recorder.signalling.signalsRefused.add()
      return
    }
    this.#context.recorder.signalling.signalsReceived.add()
    // The message's buffer is shared; the transport keeps the signal, so it gets its own bytes.
    const signal = decoded.signal.slice()
    this.#received.push({ type: 'signal-received', transport: decoded.transport, peer, signal })
  }

  poll(): ReceivedSignal | undefined {
    return this.#received.shift()
  }

  #forgetExpired(nowMs: number): void {
    for (const [peer, waiting] of this.#waitingByPeer) {
      const fresh = waiting.filter((signal) => signal.expiresAtMs > nowMs)
      this.#context.recorder.signalling.signalsDropped.add(waiting.length - fresh.length)
      if (fresh.length === 0) this.#waitingByPeer.delete(peer)
      else this.#waitingByPeer.set(peer, fresh)
    }
  }
}
