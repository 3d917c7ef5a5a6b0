/** Takes in the frames of authentic packets, and tells when the peer breaks a rule with one. */

import { unreachable } from '../assert.ts'
import { priorities } from '../link/link-port.ts'
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
        return this.#streamReceived(frame.stream, frame.offset, frame.data)
      case 'connection-credit':
        streams.raiseLimit(frame.limit)
        return undefined
      case 'stream-credit':
        return streams.raiseStreamLimit(frame.stream, frame.limit) ? undefined : 'stream'
      case 'reset-stream':
      case 'stop-sending':
        // The well-known streams live as long as the connection, in both directions (ST10).
        return 'stream'
      case 'datagram':
        context.recorder.connection.datagramsReceived.add()
        outputs.push({ type: 'datagram', peer, payload: frame.payload.slice() })
        return undefined
      default:
        return unreachable(frame)
    }
  }

  #streamReceived(id: number, offset: number, data: Uint8Array): CloseCode | undefined {
    const { context, peer, outputs, streams } = this.#parts
    const { connection } = context.recorder
    const messages: Uint8Array[] = []
    const violation = streams.received(id, offset, data, messages)
    for (const message of messages) {
      connection.messagesReceived.add()
      connection.messageBytesReceived.add(message.length)
      outputs.push({ type: 'message', peer, stream: priorities[id]!, message })
    }
    return violation
  }
}
