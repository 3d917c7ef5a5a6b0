/**
 * Handing a pipe over: where the engine runs in another thread, the object that a channel's bytes
 * come from may move there, so that they bypass the thread of the transport.
 *
 * The transport keeps what cannot move (the peer connection under a data channel) and stays the
 * owner: it says when the channel is open, and it lets go of the rest once the pipe is gone.
 */

/** Names a pipe that was handed over; unique for one host. */
export type PipeId = number

/** What the transport keeps of a pipe that it has handed over. */
export interface HandedOverPipe {
  readonly id: PipeId
  /** Resolves once, when nothing of the pipe is left at the engine's side, whoever ended it. */
  readonly gone: Promise<void>
  /** Closes it after what was sent, with a farewell; `gone` follows within some seconds. */
  close(reason: 'local' | 'transport-stopped'): void
  /** The rest of it is lost: it ends without a word, and is gone. Idempotent. */
  destroy(): void
}

/**
 * Hands over a data channel (`RTCDataChannel`), in the task in which it was made; `opened` is called
 * once when it is open. Undefined when that is not possible here: then it stays as it was, and the
 * transport carries its bytes itself. `messageBytesMax` bounds what is received.
 */
export type HandOver = (
  dataChannel: object,
  messageBytesMax: number,
  opened: () => void,
) => HandedOverPipe | undefined
