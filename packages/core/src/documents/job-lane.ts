/** A queue of jobs that run in order. */

import type { Job } from './job.ts'

/** Jobs at the head of a lane whose documents are loaded ahead. */
export const jobsAheadMax = 64

/** See the file header. */
export class JobLane {
  #jobs: Job[] = []
  #taken = 0

  get size(): number {
    return this.#jobs.length - this.#taken
  }

  get first(): Job | undefined {
    return this.#jobs[this.#taken]
  }

  add(job: Job): void {
    this.#jobs.push(job)
  }

  /** Puts jobs back before all others, in their order. */
  putBack(jobs: readonly Job[]): void {
    this.#jobs = [...jobs, ...this.#jobs.slice(this.#taken)]
    this.#taken = 0
  }

  /** Takes the first job away. */
  shift(): void {
    this.#taken += 1
    if (this.#taken < 1024 && this.size > 0) return
    this.#jobs = this.#jobs.slice(this.#taken)
    this.#taken = 0
  }

  /** The jobs whose documents are loaded ahead. */
  ahead(): readonly Job[] {
    return this.#jobs.slice(this.#taken, this.#taken + jobsAheadMax)
  }

  /** Takes all jobs away. */
  clear(): readonly Job[] {
    const jobs = this.#jobs.slice(this.#taken)
    this.#jobs = []
    this.#taken = 0
    return jobs
  }
}
