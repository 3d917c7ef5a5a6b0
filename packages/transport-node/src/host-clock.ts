/** Time as transports of this package use it, so that tests can hand in their own. */

export interface HostClock {
  /** Milliseconds since some moment; never goes back. */
  nowMs(): number
  /** Calls once after that time; the result calls it off. */
  after(delayMs: number, run: () => void): () => void
}

/** The clock of the host. */
export const systemClock: HostClock = {
  nowMs: () => performance.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs)
    return () => {
      clearTimeout(timer)
    }
  },
}
