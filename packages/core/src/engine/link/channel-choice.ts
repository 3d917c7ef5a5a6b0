/**
 * Which channel of a link should be the active one, as the deciding end sees it (rule LK33 of
 * docs/specs/link.md): one that lives before one that does not answer, then the cheaper one at once,
 * then, of equals, the faster one after a while.
 *
 * A channel that was left for its silence rests, and is not preferred again before a round trip has
 * shown that it works in both directions: else one that works in one would be chosen for ever.
 */

import type { ChannelCost } from '../../transport/channel.ts'
import type { SwitchReason } from './bundle-frame.ts'

/** A channel has to be so much faster than the active one, as a part of its round trip… */
export const fasterShare = 0.2

/** …and by so many milliseconds at least: less is noise… */
export const fasterMsMin = 2

/** …and for so long, in milliseconds. */
export const fasterForMs = 4_000

/** A channel that was left because it did not answer is not preferred for so long, in milliseconds. */
export const restMs = 10_000

/** What is judged of a channel. */
export interface JudgedChannel {
  readonly cost: ChannelCost
  /**
   * `doubted`: data has been unanswered for a while, `suspect`: for long. `over`: nothing is sent on
   * it any more.
   */
  readonly health: 'up' | 'doubted' | 'suspect' | 'over'
  readonly rttMs: number | undefined
  /** When the latest thing was sent on it that the other end is known to have received. */
  readonly answeredAtMs: number
  /** Asks for a sign of life. */
  probe(): void
}

/** Less is better. */
const costClassRank = { lan: 0, wan: 1, bluetooth: 2, relay: 3 } as const
const healthRank = { up: 0, doubted: 1, suspect: 2, over: 3 } as const

/** When a channel was left for its silence, and when it is to be probed again. */
interface Rest {
  readonly leftAtMs: number
  probeAtMs: number
}

/** What the deciding end remembers of the channels of one link. */
export class ChannelChoice<Channel extends JudgedChannel> {
  readonly #rests = new Map<Channel, Rest>()
  #challenger: { readonly channel: Channel; readonly sinceMs: number } | undefined
  #deadlineMs = Number.POSITIVE_INFINITY

  /** When the choice may be another one though nothing has happened since. */
  get deadlineMs(): number {
    return this.#deadlineMs
  }

  /** The channel is gone. */
  forget(channel: Channel): void {
    this.#rests.delete(channel)
    if (this.#challenger?.channel === channel) this.#challenger = undefined
  }

  /** The channel is left because it did not answer one of the ends. */
  rest(channel: Channel, nowMs: number): void {
    this.#rests.set(channel, { leftAtMs: nowMs, probeAtMs: nowMs + restMs })
    channel.probe()
  }

  /** What decides the choices to come, as data: times are told from now on. For tests and reports. */
  inspect(nameOf: (channel: Channel) => string, nowMs: number): unknown {
    const rests = Array.from(this.#rests, ([channel, { leftAtMs, probeAtMs }]) => [
      nameOf(channel),
      Math.max(0, leftAtMs + restMs - nowMs),
      probeAtMs - nowMs,
      channel.answeredAtMs > leftAtMs,
    ])
    const challenger = this.#challenger
    const challengedForMs = challenger && nowMs - challenger.sinceMs
    return [rests, challenger && nameOf(challenger.channel), challengedForMs]
  }

  /**
   * The channel to go over to from the active one, and why; undefined to stay. `isMember`: the active
   * channel is still part of the link; `others` are those that could take over.
   */
  choose(
    active: Channel,
    isMember: boolean,
    others: readonly Channel[],
    nowMs: number,
  ): readonly [Channel, SwitchReason] | undefined {
    this.#deadlineMs = Number.POSITIVE_INFINITY
    if (!isMember || active.health === 'over') {
      return withReason(this.preferred(others, nowMs), 'lost')
    }
    if (active.health === 'suspect') {
      const healthier = others.filter(({ health }) => health !== 'suspect')
      return withReason(this.preferred(healthier, nowMs), 'suspect')
    }
    const best = this.preferred(this.#trusted(others, nowMs), nowMs)
    if (!best) return undefined
    if (costRank(best.cost) < costRank(active.cost)) return [best, 'better']
    return this.#isFasterForLong(best, active, nowMs) ? [best, 'faster'] : undefined
  }

  /** The first by health, by whether it rests, by cost and by round trip; of equals the first. */
  preferred(channels: readonly Channel[], nowMs: number): Channel | undefined {
    let best: Channel | undefined
    for (const channel of channels) {
      const difference = best ? this.#rank(channel, nowMs) - this.#rank(best, nowMs) : -1
      const isFaster = difference === 0 && isNotablyFaster(channel, best!)
      if (difference < 0 || isFaster) best = channel
    }
    return best
  }

  #rank(channel: Channel, nowMs: number): number {
    const isResting = this.#isResting(channel, nowMs) ? 1 : 0
    return (healthRank[channel.health] * 2 + isResting) * 16 + costRank(channel.cost)
  }

  #trusted(channels: readonly Channel[], nowMs: number): readonly Channel[] {
    return channels.filter((channel) => channel.health === 'up' && !this.#isResting(channel, nowMs))
  }

  #isResting(channel: Channel, nowMs: number): boolean {
    const rest = this.#rests.get(channel)
    if (!rest) return false
    const hasRested = nowMs >= rest.leftAtMs + restMs
    if (hasRested && channel.answeredAtMs > rest.leftAtMs) {
      this.#rests.delete(channel)
      return false
    }
    if (nowMs >= rest.probeAtMs) {
      channel.probe()
      rest.probeAtMs = nowMs + restMs
    }
    this.#deadlineMs = Math.min(this.#deadlineMs, rest.probeAtMs)
    return true
  }

  #isFasterForLong(channel: Channel, active: Channel, nowMs: number): boolean {
    const isAlike = costRank(channel.cost) === costRank(active.cost)
    if (!isAlike || !isNotablyFaster(channel, active)) {
      this.#challenger = undefined
      return false
    }
    if (this.#challenger?.channel !== channel) {
      this.#challenger = { channel, sinceMs: nowMs }
      channel.probe()
      active.probe()
    }
    const dueMs = this.#challenger.sinceMs + fasterForMs
    if (nowMs < dueMs) this.#deadlineMs = Math.min(this.#deadlineMs, dueMs)
    return nowMs >= dueMs
  }
}

/** Cost class first, then metered or not. Less is better. */
export function costRank(cost: ChannelCost): number {
  return costClassRank[cost.class] * 2 + (cost.metered ? 1 : 0)
}

/** Not while a round trip is unknown. */
function isNotablyFaster(channel: JudgedChannel, other: JudgedChannel): boolean {
  const { rttMs } = channel
  const otherMs = other.rttMs
  if (rttMs === undefined || otherMs === undefined) return false
  return rttMs <= otherMs * (1 - fasterShare) && rttMs <= otherMs - fasterMsMin
}

function withReason<Channel>(
  channel: Channel | undefined,
  reason: SwitchReason,
): readonly [Channel, SwitchReason] | undefined {
  return channel && [channel, reason]
}
