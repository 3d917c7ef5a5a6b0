/** What one look at the machine came to. */

export interface Check {
  /** What was looked at, in a word or two. */
  readonly name: string
  /** `warning`: some things will not work. `failed`: nothing, or nothing that was asked for, will. */
  readonly status: 'ok' | 'warning' | 'failed'
  /** What was seen, in a sentence. */
  readonly message: string
  /** What to do about it; with every status but `ok`. */
  readonly remedy?: string
  /** Of docs/diagnosis.md, where it is one of those causes. */
  readonly code?: string
}
