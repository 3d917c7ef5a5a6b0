/** The observation: what every observing call returns. */

/** Something that calls back until it is stopped. */
export interface Observation {
  /** Ends the callbacks at once. Idempotent. */
  stop(): void
}
