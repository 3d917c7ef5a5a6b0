/**
 * The task queue: runs a callback in a task of its own, soon, after what the host has waiting.
 *
 * Timers would do, but nested ones are held back 4 ms each, and once a second in a hidden tab.
 */

/** See the file header. */
export interface TaskQueue {
  /** Calls back in a later task, in order of calls. */
  post(callback: () => void): void
  /** Forgets what is waiting. Idempotent. */
  close(): void
}

/** A queue on `setImmediate` where there is one (Node), else on a message channel to itself. */
export function createTaskQueue(): TaskQueue {
  return typeof hostSetImmediate() === 'function' ? new ImmediateQueue() : new MessageQueue()
}

type SetImmediate = (callback: () => void) => unknown

function hostSetImmediate(): SetImmediate | undefined {
  return (globalThis as { setImmediate?: SetImmediate }).setImmediate
}

/** In Node, where an idle message port would keep the process alive. */
class ImmediateQueue implements TaskQueue {
  #closed = false

  post(callback: () => void): void {
    hostSetImmediate()?.(() => {
      if (!this.#closed) callback()
    })
  }

  close(): void {
    this.#closed = true
  }
}

/** In pages and workers. */
class MessageQueue implements TaskQueue {
  readonly #channel = new MessageChannel()
  #callbacks: (() => void)[] = []

  constructor() {
    this.#channel.port1.onmessage = () => this.#callbacks.shift()?.()
  }

  post(callback: () => void): void {
    this.#callbacks.push(callback)
    this.#channel.port2.postMessage(null)
  }

  close(): void {
    this.#callbacks = []
    this.#channel.port1.close()
  }
}
