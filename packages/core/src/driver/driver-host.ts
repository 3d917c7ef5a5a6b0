/** What a driver has of its host: a clock, a timer, and tasks. Tests hand in virtual ones. */

import { SleepAwareClock, type ClockSources } from './sleep-aware-clock.ts'
import { createTaskQueue } from './task-queue.ts'

/** See the file header. */
export interface DriverHost {
  /** Monotonic, in milliseconds. */
  nowMs(): number
  /** Calls back once, after about `delayMs`; returns what cancels it. */
  startTimer(callback: () => void, delayMs: number): () => void
  /** Calls back in a later task, so that the host may do something else first. */
  postTask(callback: () => void): void
  /** Nothing calls back after this. Timers are the driver's to cancel. */
  close(): void
}

/** Longest delay that a timer of the platform takes: 2^31 - 1 ms, 25 days. */
const timerMsMax = 0x7f_ff_ff_ff

/** The clocks of the host. */
const hostClockSources: ClockSources = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
}

/** The real host. `leapt` is told when the machine has slept. */
export function createDriverHost(leapt?: (leapMs: number) => void): DriverHost {
  const clock = new SleepAwareClock(hostClockSources, leapt)
  const tasks = createTaskQueue()
  return {
    nowMs: () => clock.nowMs(),
    startTimer(callback, delayMs) {
      const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), timerMsMax))
      return () => clearTimeout(timer)
    },
    postTask: (callback) => tasks.post(callback),
    close: () => tasks.close(),
  }
}
