/** Takes in the frames of authentic packets, and tells when the peer breaks a rule with one. */

import { unreachable } from '../assert.ts'
import type { CloseCode } from './connection-output.ts'
import type { ConnectionParts } from './connection-parts.ts'
import type { Delivery } from './delivery.ts'
import type { Frame } from './frame.ts'

type FrameIntakeParts = Pick<ConnectionParts, 'context' | 'peer' | 'outputs' | 'streams'>

/** Each frame to the part of the connection that it is for. */
export class FrameIntake {
  readonly #parts: FrameIntakeParts
  readonly #delivery: Delivery

  constructor(parts: FrameIntakeParts, delivery: Delivery) {
    this.#parts = parts
    this.#delivery = delivery
  }

  /** Takes one frame; the code to end the connection with when the peer broke a rule. */
  frameReceived(
    frame: Exclude<Frame, { readonly type: 'close' }>,
    nowMs: number,
  ): CloseCode | undefined {
    const { context, peer, outputs, streams } = this.#parts
    switch (frame.type) {
      case 'ping':
      case 'extension':
        return undefined
      case 'acknowledgement':
        return this.#delivery.acknowledgementReceived(frame, nowMs) ? undefined : 'protocol'
      case 'stream':
      case 'connection-credit':
      case 'stream-credit':
      case 'stream-allowance':
      case 'reset-stream':
      case 'stop-sending':
        return streams.received(frame)
      case 'datagram':
        context.recorder.connection.datagramsReceived.add()
        outputs.push({ type: 'datagram', peer, payload: frame.payload.slice() })
        return undefined
      default:
        return unreachable(frame)
    }
  }
}
