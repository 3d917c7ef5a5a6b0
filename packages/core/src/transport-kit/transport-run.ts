/**
 * One transport between `start` and `stop`: its host, its dials under way, its open channels.
 *
 * Invariant: after `end` has resolved there is no dial and no channel left, and none can begin.
 */

import type { Channel } from '../transport/channel.ts'
import { DialFailure } from '../transport/transport.ts'
import type { TransportHost } from '../transport/transport.ts'

/** A channel as its transport ends it. */
export interface StoppableChannel extends Channel {
  /** Closes with the reason `transport-stopped`; resolves when nothing of the pipe is left. */
  stop(): Promise<void>
}

/** How the opening of a channel reports its outcome. The first report counts. */
export interface DialOutcome {
  succeed(channel: Channel): void
  fail(failure: DialFailure): void
}

export class TransportRun {
  readonly #name: string
  readonly #channelsMax: number
  #host: TransportHost | undefined
  readonly #cancels = new Set<(reason: unknown) => void>()
  readonly #channels = new Set<StoppableChannel>()

  /** `name` is for messages; `channelsMax` bounds what other ends can make this one hold. */
  constructor(name: string, channelsMax: number) {
    this.#name = name
    this.#channelsMax = channelsMax
  }

  /** The host, while the transport runs. */
  get host(): TransportHost | undefined {
    return this.#host
  }

  /** Whether one more accepted channel is to be refused. */
  get full(): boolean {
    return this.#channels.size >= this.#channelsMax
  }

  begin(host: TransportHost): void {
    if (this.#host) throw new Error(`The transport ${this.#name} is started already`)
    this.#host = host
  }

  /**
   * Runs one dial. `open` begins it and returns what gives it up without a trace; that is called
   * when the signal aborts or the transport stops first, and may say what stood in the way.
   */
  async dial(
    signal: AbortSignal,
    open: (outcome: DialOutcome) => () => DialFailure | void,
  ): Promise<Channel> {
    signal.throwIfAborted()
    if (!this.#host) {
      throw new DialFailure('cancelled', `The transport ${this.#name} is not running`)
    }
    return new Promise((resolve, reject) => {
      let settled = false
      const settle = (): boolean => {
        if (settled) return false
        settled = true
        signal.removeEventListener('abort', onAbort)
        this.#cancels.delete(cancel)
        return true
      }
      const cancel = (reason: unknown) => {
        if (!settle()) return
        const failure = giveUp()
        // A signal's reason passes through, whatever it is.
        // oxlint-disable-next-line typescript/prefer-promise-reject-errors
        reject(failure ?? reason)
      }
      const onAbort = () => {
        cancel(signal.reason)
      }
      signal.addEventListener('abort', onAbort)
      this.#cancels.add(cancel)
      const giveUp = open({
        succeed: (channel) => {
          if (settle()) resolve(channel)
        },
        fail: (failure) => {
          if (settle()) reject(failure)
        },
      })
    })
  }

  /** Remembers an open channel until `remove`. */
  add(channel: StoppableChannel): void {
    this.#channels.add(channel)
  }

  /** Forgets a channel of which nothing is left. */
  remove(channel: StoppableChannel): void {
    this.#channels.delete(channel)
  }

  /** Fails every dial, closes every channel, and waits until they are gone. Idempotent. */
  async end(): Promise<void> {
    this.#host = undefined
    for (const cancel of this.#cancels) {
      cancel(new DialFailure('cancelled', `The transport ${this.#name} was stopped`))
    }
    await Promise.all([...this.#channels].map((channel) => channel.stop()))
  }
}
