/**
 * Which share of messages is lost, and whether that is more than chance (rules LK22 and LK23 of
 * docs/specs/link.md).
 *
 * Some loss is chance, and sending less does not help: Wi-Fi at the edge of its range loses 10 %.
 * Where more is lost, the window shrinks as a test. If as much is lost then, it is chance after all.
 */

/** Share of lost messages that is never taken for more than chance. */
const toleratedRatio = 0.15

/** Heavier than chance is so many times what chance takes. */
const excess = 1.5

/** Share of the window kept at each heavy judgement, and at least in all. */
const heavyFactor = 0.8
const shareMin = 0.5

/** No more than that is ever taken for chance. */
const greatestChance = 0.5

/** Growth of the share at each light judgement. */
const recoveryFactor = 1.1

/** Heavy judgements at the smallest share after which the loss counts as chance. */
const provingJudgements = 2

/** Messages that a judgement needs. */
const judgedMessagesMin = 64

/** Weight of a judgement in the smoothed share, and in what counts as chance when it is lower. */
const weight = 1 / 4

/** See the file header. */
export class LossLevel {
  #messages = 0
  #losses = 0
  #smoothed: number | undefined
  #chance = 0
  #share = 1
  #heavyAtLeast = 0

  /** Smoothed share of messages that were lost, 0 to 1; undefined until enough were sent. */
  get smoothed(): number | undefined {
    return this.#smoothed
  }

  /** What of the window may be used; more than 1 where chance takes a part of what is under way. */
  get windowShare(): number {
    return this.#share / (1 - this.#chance)
  }

  /** The window is smaller for the losses there were. */
  get isHeldDown(): boolean {
    return this.#share < 1
  }

  arrived(messages: number): void {
    this.#messages += messages
  }

  lost(): void {
    this.#messages += 1
    this.#losses += 1
  }

  /** Messages that counted as lost had arrived. */
  lostInVain(messages: number): void {
    this.#losses = Math.max(0, this.#losses - messages)
    this.#messages = Math.max(this.#losses, this.#messages - messages)
  }

  /** A round trip has passed. */
  judge(): void {
    if (this.#messages < judgedMessagesMin) return
    const ratio = this.#losses / this.#messages
    this.#messages = 0
    this.#losses = 0
    this.#smoothed = this.#smoothed === undefined ? ratio : mix(this.#smoothed, ratio)
    if (ratio > Math.max(toleratedRatio, this.#chance * excess)) this.#judgeHeavy(ratio)
    else this.#judgeLight(ratio)
  }

  #judgeHeavy(ratio: number): void {
    if (this.#share > shareMin) {
      this.#share = Math.max(shareMin, this.#share * heavyFactor)
      return
    }
    this.#heavyAtLeast += 1
    if (this.#heavyAtLeast < provingJudgements) return
    this.#heavyAtLeast = 0
    this.#chance = Math.min(ratio, greatestChance)
  }

  #judgeLight(ratio: number): void {
    this.#share = Math.min(1, this.#share * recoveryFactor)
    if (this.#share === 1) this.#heavyAtLeast = 0
    this.#chance = this.#share < 1 ? Math.min(this.#chance, ratio) : mix(this.#chance, ratio)
  }
}

function mix(smoothed: number, value: number): number {
  return smoothed + (value - smoothed) * weight
}
