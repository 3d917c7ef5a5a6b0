/**
 * The transport broker: runs the transports where their host objects are (on the page, or in Node's
 * one thread) and speaks for them to the engine's driver through a port.
 *
 * It decides nothing. Every order is answered or without effect; every channel that was reported
 * open is reported closed exactly once, and nothing is reported after `transports-stopped`.
 */

import { unreachable } from '../engine/assert.ts'
import type { ChannelId, ChannelMeeting, DialId, MeetingId } from '../engine/input.ts'
import { parsePeerId, type PeerId } from '../engine/identity/peer-id.ts'
import type { Channel } from '../transport/channel.ts'
import type { HandOver } from '../transport/hand-over.ts'
import { DialFailure, type Transport, type TransportHost } from '../transport/transport.ts'
import { BrokeredChannel } from './brokered-channel.ts'
import { DialLog } from './dial-log.ts'
import { HandedOverPipes } from './handed-over-pipes.ts'
import type { JoinedMeetingPlace, MeetingBroker, OfferedMeetingPlace } from './meeting-broker.ts'
import type { PipeOrderPort } from './pipe-records.ts'
import {
  channelCountMax,
  signalBytesMax,
  unprocessedShareBytes,
  type BrokerPort,
  type TransportOrder,
  type TransportReport,
} from './transport-port.ts'

export interface TransportBrokerOptions {
  /** Names are unique. */
  readonly transports: readonly Transport[]
  readonly port: BrokerPort
  /** Where the engine is in another thread: how pipes are handed over to it. The broker closes it. */
  readonly pipes?: PipeOrderPort
  /** This peer's own id. */
  readonly localPeer: PeerId
  /** How far each of so many channels may get ahead of the engine; for tests. */
  readonly unprocessedShareBytes?: (channelCount: number) => number
}

/** See the file header. */
export class TransportBroker implements MeetingBroker {
  /** For whoever looks for the reason why a peer is not reached. */
  readonly dialLog = new DialLog()
  readonly #transportsByName: ReadonlyMap<string, Transport>
  /** Of the transports that have started. */
  readonly #running = new Set<Transport>()
  readonly #port: BrokerPort
  readonly #localPeer: PeerId
  readonly #unprocessedShareBytes: (channelCount: number) => number
  /** Those whose bytes pass here. */
  readonly #channels = new Map<ChannelId, BrokeredChannel>()
  readonly #pipes: HandedOverPipes | undefined
  readonly #dials = new Map<DialId, AbortController>()
  #channelCount = 0
  /** Channels whose drained bytes the engine has not been told yet. */
  readonly #drainedBytes = new Map<ChannelId, number>()
  #stopped: Promise<void> | undefined

  constructor(options: TransportBrokerOptions) {
    this.#transportsByName = new Map(options.transports.map((each) => [each.name, each]))
    this.#port = options.port
    this.#pipes = options.pipes && new HandedOverPipes(options.pipes)
    this.#localPeer = options.localPeer
    this.#unprocessedShareBytes = options.unprocessedShareBytes ?? unprocessedShareBytes
  }

  /**
   * Starts every transport; one that cannot start is reported and does without. Resolves when each
   * has started or failed; never rejects. Called once.
   */
  async start(): Promise<void> {
    this.#port.receive((orders) => {
      for (const order of orders) this.#carryOut(order)
      this.#reportDrained()
      const count = orders.filter(({ type }) => type === 'signal-received').length
      if (count > 0) this.#report({ type: 'signals-taken', count })
    })
    const transports = [...this.#transportsByName.values()]
    await Promise.all(transports.map((transport) => this.#startTransport(transport)))
  }

  async offerMeeting(id: MeetingId, signal: AbortSignal): Promise<OfferedMeetingPlace | undefined> {
    for (const transport of this.#transportsByName.values()) {
      const { name, meetings } = transport
      if (!meetings || !this.#running.has(transport)) continue
      const offered = await meetings.offer(signal)
      return {
        transport: name,
        description: offered.description,
        accept: async (answer) => {
          this.#opened(name, await offered.accept(answer), { meeting: { id } })
        },
      }
    }
    return undefined
  }

  async joinMeeting(
    { id, expectedPeer }: Required<ChannelMeeting>,
    offer: { readonly transport: string; readonly description: Uint8Array },
    signal: AbortSignal,
  ): Promise<JoinedMeetingPlace | undefined> {
    const transport = this.#transportsByName.get(offer.transport)
    if (!transport?.meetings || !this.#running.has(transport)) return undefined
    const { description, channel } = await transport.meetings.join(offer.description, signal)
    const opened = channel.then((each) => {
      this.#opened(transport.name, each, { meeting: { id, expectedPeer } })
    })
    return { description, opened }
  }

  /**
   * Stops transports, which close their channels. Resolves when they are gone; never rejects. Idempotent.
   */
  async stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  /**
   * Stops without waiting for the engine's side, which goes away as well: what carries pipes that were
   * handed over ends in this task, so that the other ends need not find out by themselves.
   */
  abandon(): void {
    void this.stop()
    this.#pipes?.close()
  }

  async #stop(): Promise<void> {
    for (const dial of this.#dials.values()) dial.abort()
    this.#running.clear()
    const transports = [...this.#transportsByName.values()]
    await Promise.allSettled(
      transports.map(async (transport) => {
        await transport.stop()
        this.#report({ type: 'transport-stopped', transport: transport.name })
      }),
    )
    this.#report({ type: 'transports-stopped' })
    this.#pipes?.close()
    this.#port.close()
  }

  #report(report: TransportReport): void {
    this.#port.post(report)
  }

  async #startTransport(transport: Transport): Promise<void> {
    // Told first: addresses and channels may come while `start` is under way.
    const { name, capabilities } = transport
    this.#report({ type: 'transport-started', transport: name, capabilities: { ...capabilities } })
    try {
      await transport.start(this.#hostOf(transport))
      if (!this.#stopped) this.#running.add(transport)
    } catch (error) {
      if (this.#stopped) return
      this.#report({ type: 'transport-stopped', transport: name })
      this.#report({ type: 'transport-failed', transport: name, message: messageOf(error) })
    }
  }

  #hostOf({ name }: Transport): TransportHost {
    const pipes = this.#pipes
    return {
      ...(pipes && {
        handOver: (...handedOver: Parameters<HandOver>) => pipes.handOver(...handedOver),
      }),
      localPeer: this.#localPeer,
      accepted: (channel) => this.#opened(name, channel, {}),
      addressFound: (address, discovery) => {
        const peer = discovery?.peer === undefined ? undefined : parsePeerId(discovery.peer)
        this.#report({
          type: 'address-found',
          transport: name,
          address,
          ...(discovery && { discovery: { ...(peer !== undefined && { peer }) } }),
        })
      },
      addressLost: (address) => this.#report({ type: 'address-lost', transport: name, address }),
      networkChanged: () => this.#report({ type: 'network-changed', transport: name }),
      sendSignal: (to, signal) => {
        const peer = parsePeerId(to)
        if (peer === undefined || signal.length > signalBytesMax) return
        this.#report({ type: 'signal-sent', transport: name, peer, signal })
      },
    }
  }

  #carryOut(order: TransportOrder): void {
    switch (order.type) {
      case 'dial':
        void this.#dial(order)
        return
      case 'cancel-dial':
        this.#dials.get(order.dial)?.abort()
        return
      case 'channel-send':
        this.#channels.get(order.channel)?.send(order.bytes)
        return
      case 'close-channel':
        this.#channels.get(order.channel)?.close()
        return
      case 'signal-received':
        this.#transportsByName.get(order.transport)?.receiveSignal?.(order.peer, order.signal)
        return
      case 'channel-processed':
        this.#channels.get(order.channel)?.processed(order.processedBytes)
        return
      case 'stop-transports':
        void this.stop()
        return
      default:
        unreachable(order)
    }
  }

  async #dial({ dial, transport: name, address }: Extract<TransportOrder, { type: 'dial' }>) {
    const cancel = new AbortController()
    this.#dials.set(dial, cancel)
    try {
      if (this.#stopped) throw new DialFailure('cancelled', 'the mesh is closing')
      const transport = this.#transportsByName.get(name)
      if (!transport) throw new DialFailure('unsupported', `there is no transport ${name}`)
      const channel = await transport.dial(address, cancel.signal)
      if (cancel.signal.aborted) {
        closeUnattached(channel)
        throw new DialFailure('cancelled', 'the dial was cancelled')
      }
      this.dialLog.succeeded(name, address)
      this.#opened(name, channel, { dial })
    } catch (error) {
      const reason =
        error instanceof DialFailure
          ? error.reason
          : cancel.signal.aborted
            ? 'cancelled'
            : 'unreachable'
      this.#report({ type: 'dial-failed', dial, reason, message: messageOf(error) })
      if (!this.#stopped) this.dialLog.failedWith(name, address, error)
    } finally {
      this.#dials.delete(dial)
    }
  }

  #opened(
    transport: string,
    channel: Channel,
    origin: { readonly dial?: DialId; readonly meeting?: ChannelMeeting },
  ): void {
    const channelCount = this.#channels.size + (this.#pipes?.count ?? 0)
    if (origin.dial === undefined && (this.#stopped || channelCount >= channelCountMax)) {
      closeUnattached(channel)
      if (!this.#stopped) this.#report({ type: 'channel-refused', transport })
      if (origin.meeting) throw new DialFailure('refused', `${channelCount} channels are open`)
      return
    }
    this.#channelCount += 1
    const id = this.#channelCount
    const traits = { ...channel.traits, cost: { ...channel.traits.cost } }
    const opened = {
      type: 'channel-opened',
      channel: id,
      transport,
      traits,
      ...origin,
    } as const
    const { handedOver } = channel
    if (handedOver !== undefined) {
      // All that happens to it from now on is known at the engine's side.
      this.#report({ ...opened, pipe: handedOver })
      return
    }
    const share = () => this.#unprocessedShareBytes(this.#channels.size)
    const brokered = new BrokeredChannel(channel, share, {
      received: (bytes) => this.#report({ type: 'channel-received', channel: id, bytes }),
      drained: (drainedBytes) => {
        if (this.#drainedBytes.size === 0) queueMicrotask(() => this.#reportDrained())
        this.#drainedBytes.set(id, drainedBytes)
      },
      overrun: (unprocessedBytes) =>
        this.#report({ type: 'channel-overrun', channel: id, unprocessedBytes }),
      closed: (reason) => {
        this.#channels.delete(id)
        this.#drainedBytes.delete(id)
        this.#report({ type: 'channel-closed', channel: id, reason })
      },
    })
    this.#channels.set(id, brokered)
    this.#report(opened)
    brokered.attach()
  }

  /** One report for each channel and task, however many messages it took. */
  #reportDrained(): void {
    for (const [channel, drainedBytes] of this.#drainedBytes) {
      this.#report({ type: 'channel-drained', channel, drainedBytes })
    }
    this.#drainedBytes.clear()
  }
}

/** A channel must be attached once; nobody wants to hear of this one. */
function closeUnattached(channel: Channel): void {
  channel.attach({ received: () => {}, drained: () => {}, closed: () => {} })
  channel.close()
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
