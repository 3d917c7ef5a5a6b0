/**
 * The root check of one neighbour: when to compare root digests, and when to compare documents.
 * Rule SY10 of docs/specs/sync.md.
 *
 * Of two neighbours the one with the lower peer id drives: it asks for the other's root and starts
 * comparisons. The other one tells its root when it has reason to. While people type, roots differ
 * by what is on its way; so a check that nothing urgent asked for waits for a pause.
 */

/** How long after a change the driver checks that the neighbour has it too. */
export const rootCheckDelayMs = 30_000

/** The same for the other side; later, so that usually one of the two checks. */
export const rootTellDelayMs = 45_000

/** A pause: no change for that long. */
export const quietMs = 2000

/** How long a check waits for a pause at most. */
export const quietWaitMsMax = 300_000

/** The first and the longest delay before comparing again with a neighbour that still differs. */
export const comparisonRetryMsMin = 1000
export const comparisonRetryMsMax = 60_000

/** How long a comparison may go on without a word from the neighbour. */
export const comparisonSilenceMsMax = 300_000

export type RootState =
  /** Nothing is known yet. */
  | 'unchecked'
  /** The driver asked for the neighbour's root, and compares documents if it differs. */
  | 'checking'
  | 'comparing'
  /** The driver asked for the root after a comparison; if it differs the next one waits. */
  | 'confirming'
  | 'in-step'
  | 'apart'

export class RootCheck {
  readonly #drives: boolean
  #state: RootState = 'unchecked'
  #checkAtMs: number
  /** The check waits for a pause, until this at most. */
  #quietUntilMs = 0
  #retryMs = comparisonRetryMsMin
  #heardAtMs: number

  constructor(drives: boolean, nowMs: number) {
    this.#drives = drives
    this.#checkAtMs = drives ? nowMs : Number.POSITIVE_INFINITY
    this.#heardAtMs = nowMs
  }

  get state(): RootState {
    return this.#state
  }

  /** The local root changed: sooner or later, see that the neighbour's did too. */
  rootChanged(nowMs: number): void {
    if (this.#checkAtMs !== Number.POSITIVE_INFINITY || this.#isBusy()) return
    this.#checkAtMs = nowMs + (this.#drives ? rootCheckDelayMs : rootTellDelayMs)
    this.#quietUntilMs = this.#checkAtMs + quietWaitMsMax
  }

  /** Something was dropped on the way to or from the neighbour: check soon, quiet or not. */
  suspect(nowMs: number): void {
    if (this.#isBusy()) return
    this.#checkAtMs = Math.min(this.#checkAtMs, nowMs + this.#retryMs)
    this.#quietUntilMs = 0
  }

  /** The neighbour's root came. True when documents are to be compared now. */
  rootReceived(equal: boolean, nowMs: number): boolean {
    if (this.#state === 'comparing') return false
    if (equal) {
      this.#state = 'in-step'
      this.#checkAtMs = Number.POSITIVE_INFINITY
      this.#retryMs = comparisonRetryMsMin
      return false
    }
    if (this.#state === 'checking') {
      this.#state = 'comparing'
      this.#heardAtMs = nowMs
      return true
    }
    if (!this.#drives) {
      this.#state = 'apart'
    } else {
      this.#retry(nowMs)
    }
    return false
  }

  /** Any message of the neighbour: it is at work. */
  heard(nowMs: number): void {
    this.#heardAtMs = nowMs
  }

  /** The comparison is over and what it found is fetched: ask for the root again. */
  compared(): void {
    this.#state = 'confirming'
  }

  /** What is due: the driver asks for the neighbour's root, the other side tells its own. */
  due(nowMs: number, changedAtMs: number): 'ask' | 'tell' | 'give-up' | undefined {
    if (this.#state === 'comparing' && nowMs >= this.#heardAtMs + comparisonSilenceMsMax) {
      this.#retry(nowMs)
      return 'give-up'
    }
    if (nowMs < this.#checkAtMs) return undefined
    const quietAtMs = Math.min(changedAtMs + quietMs, this.#quietUntilMs)
    if (nowMs < quietAtMs) {
      this.#checkAtMs = quietAtMs
      return undefined
    }
    this.#checkAtMs = Number.POSITIVE_INFINITY
    if (!this.#drives) return 'tell'
    this.#state = 'checking'
    return 'ask'
  }

  nextDeadlineMs(): number {
    if (this.#state === 'comparing') return this.#heardAtMs + comparisonSilenceMsMax
    return this.#checkAtMs
  }

  #retry(nowMs: number): void {
    this.#state = 'apart'
    this.#checkAtMs = nowMs + this.#retryMs
    this.#quietUntilMs = this.#checkAtMs + quietWaitMsMax
    this.#retryMs = Math.min(this.#retryMs * 2, comparisonRetryMsMax)
  }

  #isBusy(): boolean {
    return this.#state === 'checking' || this.#state === 'comparing' || this.#state === 'confirming'
  }
}
