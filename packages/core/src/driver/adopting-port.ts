/**
 * The adopting port: a transport port at the engine's side, which carries the bytes of those
 * channels itself whose pipes were handed over.
 *
 * To the driver all channels look the same. What the transports' side says of an adopted channel is
 * that it has opened (`channel-opened` with its pipe); everything else happens here, in one thread
 * with the engine.
 */

import { unreachable } from '../engine/assert.ts'
import type { ChannelId } from '../engine/input.ts'
import { DataChannelPipe } from '../transport-kit/data-channel-pipe.ts'
import { PipeChannel } from '../transport-kit/pipe-channel.ts'
import type { PipeId } from '../transport/hand-over.ts'
import { BrokeredChannel } from './brokered-channel.ts'
import type { PipeOrder, PipeReportPort } from './pipe-records.ts'
import {
  unprocessedShareBytes,
  type ChannelOpened,
  type TransportOrder,
  type TransportPort,
  type TransportReport,
} from './transport-port.ts'

interface AdoptedPipe {
  readonly pipe: DataChannelPipe
  readonly channel: PipeChannel
}

/** See the file header. */
export class AdoptingPort implements TransportPort {
  readonly #port: TransportPort
  readonly #pipePort: PipeReportPort
  readonly #pipes = new Map<PipeId, AdoptedPipe>()
  readonly #channels = new Map<ChannelId, BrokeredChannel>()
  #receiver: ((reports: readonly TransportReport[]) => void) | undefined
  #reports: TransportReport[] = []
  /** Channels whose drained bytes have not been reported yet. */
  readonly #drainedBytes = new Map<ChannelId, number>()

  constructor(port: TransportPort, pipePort: PipeReportPort) {
    this.#port = port
    this.#pipePort = pipePort
    // At once: a data channel that is not taken in the task in which it arrives may say something.
    pipePort.receive((orders) => {
      for (const order of orders) this.#carryOut(order)
    })
  }

  post(order: TransportOrder): void {
    if ('channel' in order) {
      const channel = this.#channels.get(order.channel)
      if (channel) {
        orderChannel(channel, order)
        return
      }
    }
    this.#port.post(order)
  }

  receive(receiver: (reports: readonly TransportReport[]) => void): void {
    this.#receiver = receiver
    this.#port.receive((reports) => {
      for (const report of reports) {
        if (report.type === 'channel-opened' && report.pipe !== undefined) this.#opened(report)
        else this.#report(report)
      }
      this.#deliver()
    })
  }

  close(): void {
    for (const { pipe } of this.#pipes.values()) pipe.destroy()
    this.#receiver = undefined
    this.#reports = []
    this.#pipePort.close()
    this.#port.close()
  }

  #carryOut(order: PipeOrder): void {
    const adopted = this.#pipes.get(order.pipe)
    switch (order.type) {
      case 'pipe-handed-over':
        this.#adopt(order)
        return
      case 'pipe-close':
        if (order.reason === 'local') adopted?.channel.close()
        else void adopted?.channel.stop()
        return
      case 'pipe-destroy':
        adopted?.pipe.lose()
        return
      default:
        unreachable(order)
    }
  }

  #adopt({
    pipe: id,
    dataChannel,
    messageBytesMax,
  }: PipeOrder & { type: 'pipe-handed-over' }): void {
    const pipe: DataChannelPipe = new DataChannelPipe(dataChannel as RTCDataChannel, {
      opened: () => this.#pipePort.post({ type: 'pipe-opened', pipe: id }),
      // Its channel says when it is gone.
      over: () => {},
    })
    const channel = new PipeChannel({
      pipe,
      // Only the bound counts here. What the engine goes by comes with `channel-opened`.
      traits: {
        messageBytesMax,
        reliable: true,
        ordered: true,
        encrypted: true,
        cost: { class: 'lan', metered: false },
      },
      gone: () => {
        this.#pipes.delete(id)
        this.#pipePort.post({ type: 'pipe-gone', pipe: id })
      },
    })
    this.#pipes.set(id, { pipe, channel })
    this.#pipePort.post({ type: 'pipe-adopted', pipe: id })
  }

  #opened({ pipe, ...opened }: ChannelOpened): void {
    const { channel: id } = opened
    this.#report(opened)
    const adopted = pipe === undefined ? undefined : this.#pipes.get(pipe)
    if (!adopted) {
      // It has ended on the way.
      this.#report({ type: 'channel-closed', channel: id, reason: 'lost' })
      return
    }
    this.#report({ type: 'channel-adopted', channel: id })
    const share = () => unprocessedShareBytes(this.#channels.size)
    const channel = new BrokeredChannel(adopted.channel, share, {
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
    this.#channels.set(id, channel)
    channel.attach()
  }

  /** Reports of one task are delivered together, and never from inside `post`. */
  #report(report: TransportReport): void {
    this.#reports.push(report)
    if (this.#reports.length === 1) queueMicrotask(() => this.#deliver())
  }

  #deliver(): void {
    if (this.#reports.length === 0) return
    const reports = this.#reports
    this.#reports = []
    this.#receiver?.(reports)
  }

  #reportDrained(): void {
    for (const [channel, drainedBytes] of this.#drainedBytes) {
      this.#report({ type: 'channel-drained', channel, drainedBytes })
    }
    this.#drainedBytes.clear()
  }
}

function orderChannel(
  channel: BrokeredChannel,
  order: Extract<TransportOrder, { readonly channel: ChannelId }>,
): void {
  switch (order.type) {
    case 'channel-send':
      channel.send(order.bytes)
      return
    case 'close-channel':
      channel.close()
      return
    case 'channel-processed':
      channel.processed(order.processedBytes)
      return
    default:
      unreachable(order)
  }
}
