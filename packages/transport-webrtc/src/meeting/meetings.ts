/** Meetings over WebRTC: channels between two ends that only notes go between. */

import { DialFailure } from '@fieldmesh/core/transport'
import type {
  Channel,
  JoinedMeeting,
  OfferedMeeting,
  TransportMeetings,
} from '@fieldmesh/core/transport'
import type { TransportRun } from '@fieldmesh/core/transport-kit'
import type { ConnectionFacts, Connector, IceServer } from '../connection.ts'
import { decodeDescription } from './description.ts'
import type { Description } from './description.ts'
import { Meeting } from './meeting.ts'

/** Meetings that are no channels yet; further ones are refused. Each holds a peer connection. */
const meetingsMax = 16

export interface MeetingsOptions {
  readonly run: TransportRun
  readonly iceServers: readonly IceServer[]
  readonly handsOver: boolean
  /** What makes peer connections, while the transport runs. */
  readonly connector: () => Connector | undefined
  readonly open: (facts: ConnectionFacts) => Channel
}

/** See `TransportMeetings`. */
export class Meetings implements TransportMeetings {
  readonly #options: MeetingsOptions
  readonly #meetings = new Set<Meeting>()

  constructor(options: MeetingsOptions) {
    this.#options = options
  }

  async offer(signal: AbortSignal): Promise<OfferedMeeting> {
    const { meeting, channel } = await this.#begin(undefined, signal)
    const description = await Promise.race([meeting.description, channel.then(never)])
    return {
      description,
      accept: async (answer) => {
        const remote = decodeDescription(answer)
        if (!remote) throw new DialFailure('bad-address', 'The answer is no description')
        meeting.accept(remote)
        return channel
      },
    }
  }

  async join(offer: Uint8Array, signal: AbortSignal): Promise<JoinedMeeting> {
    signal.throwIfAborted()
    const remote = decodeDescription(offer)
    if (!remote) throw new DialFailure('bad-address', 'The invitation is no description')
    const { meeting, channel } = await this.#begin(remote, signal)
    const description = await Promise.race([meeting.description, channel.then(never)])
    return { description, channel }
  }

  /** Begins a meeting, of which `channel` is the outcome. */
  async #begin(
    remote: Description | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly meeting: Meeting; readonly channel: Promise<Channel> }> {
    const { run, iceServers, handsOver, connector, open } = this.#options
    let begun: Meeting | undefined
    const channel = run.dial(signal, (outcome) => {
      const connect = connector()
      if (!connect || run.full || this.#meetings.size >= meetingsMax) {
        outcome.fail(new DialFailure('refused', `There are ${meetingsMax} meetings already`))
        return () => undefined
      }
      const meeting = new Meeting({
        remote,
        connect,
        iceServers,
        handOver: handsOver ? run.host?.handOver : undefined,
        opened: (facts) => outcome.succeed(open(facts)),
        failed: (failure) => outcome.fail(failure),
        over: () => this.#meetings.delete(meeting),
      })
      this.#meetings.add(meeting)
      begun = meeting
      return () => meeting.end()
    })
    // Whoever waits for a description hears of it, and whoever waits for the channel.
    channel.catch(() => undefined)
    if (!begun) {
      await channel
      return never()
    }
    return { meeting: begun, channel }
  }
}

/** A channel does not open before its end was described. */
function never(): never {
  throw new DialFailure('unreachable', 'The meeting was over before it began')
}
