/**
 * What applications do with streams: a transfer opens one, writes to it, and is answered. The books
 * of all flows are kept here, so that at the end each of them can be asked how it ended.
 */

import type { StreamHandle } from '../../../engine/connection/stream-port.ts'
import type { Priority } from '../../../engine/link/link-port.ts'
import type { ApplicationStreamEvent } from '../../../engine/output.ts'
import type { SimulatedPeer } from '../peers/simulated-peer.ts'
import type { World } from '../world/world.ts'
import { Flow, flowNumberBytes, unreadCode } from './flow.ts'
import { StreamEnd, type StreamManners, type StreamSetting } from './stream-end.ts'

/** Opens a stream from one peer to another. */
export interface TransferAction extends StreamManners {
  readonly type: 'transfer'
  readonly from: string
  readonly to: string
  readonly priority: Priority
  /** From the opener; more than the bytes that say which flow it is. */
  readonly bytes: number
  /** From the other end, as soon as it hears of the stream. */
  readonly answerBytes: number
  /** How long the opening may wait for a connection. */
  readonly patienceMs: number
}

/** Least bytes of a transfer. */
export const transferBytesMin = flowNumberBytes

const protocol = 'transfer'

interface Transfer {
  readonly action: TransferAction
  readonly there: Flow
  readonly back: Flow
  opener: StreamEnd | undefined
  accepter: StreamEnd | undefined
}

/** See the file header. */
export class Transfers {
  readonly #world: World
  readonly #endedCount: (peer: SimulatedPeer, other: SimulatedPeer) => number
  readonly #transfers: Transfer[] = []
  /** By peer, boot and handle. */
  readonly #ends = new Map<string, StreamEnd>()
  /** Streams that were opened by others, before the first bytes say which they are. */
  readonly #nameless = new Map<string, readonly ApplicationStreamEvent[]>()
  /** Streams that ended before that. */
  readonly #given = new Set<string>()

  /** `endedCount`: how many connections of a peer to another have ended so far. */
  constructor(
    world: World,
    peers: readonly SimulatedPeer[],
    endedCount: (peer: SimulatedPeer, other: SimulatedPeer) => number,
  ) {
    this.#world = world
    this.#endedCount = endedCount
    for (const peer of peers) {
      peer.onStream = (event) => this.#told(peer, event)
      peer.onBoot = () => peer.execute({ type: 'accept-streams', protocol })
      if (peer.isUp) peer.onBoot()
    }
  }

  /** Transfers whose opening was answered with a stream. */
  get openedCount(): number {
    return this.#transfers.filter(({ opener }) => opener !== undefined).length
  }

  /** Flows that came to their reader whole, and the bytes that readers got in all. */
  get wholeCount(): number {
    return this.#flows().filter(({ reader }) => reader === 'whole').length
  }

  get receivedBytes(): number {
    return this.#flows().reduce((total, { receivedBytes }) => total + receivedBytes, 0)
  }

  /** What flows that go on have to bring yet. */
  get outstandingBytes(): number {
    const flows = this.#unfinished().flatMap(({ there, back }) => [there, back])
    return flows.reduce((sum, flow) => sum + flow.plannedBytes - flow.receivedBytes, 0)
  }

  perform(action: TransferAction): void {
    const { from, to, priority, patienceMs } = action
    const peer = this.#world.peer(from)
    if (!peer.isUp) return
    const number = 2 * this.#transfers.length
    const violated: ConstructorParameters<typeof Flow>[2] = (invariant, sentence) => {
      this.#world.violated(invariant, `${from} to ${to}: ${sentence}`)
    }
    const transfer: Transfer = {
      action,
      there: new Flow(number, action.bytes, violated),
      back: new Flow(number + 1, action.answerBytes, violated),
      opener: undefined,
      accepter: undefined,
    }
    this.#transfers.push(transfer)
    const other = this.#world.peer(to)
    const opening = {
      type: 'open-stream',
      peer: other.id,
      protocol,
      priority,
      patienceMs,
    } as const
    peer.execute(opening, (answer) => {
      if (!answer.ok) return
      const { stream } = answer.value as { readonly stream: StreamHandle }
      const isOtherPrompt = () => transfer.accepter?.isPrompt === true
      const manners = { ...action, stopsAfterBytes: undefined }
      const { there, back } = transfer
      const end = this.#addEnd(
        {
          world: this.#world,
          peer,
          stream,
          manners,
          isOtherPrompt,
          endedCount: () => this.#endedCount(peer, other),
        },
        there,
        back,
      )
      transfer.opener = end
      end.write()
    })
  }

  /** Every end that goes on has come to an end. */
  areOver(): boolean {
    return this.#unfinished().length === 0
  }

  /** Which have not, for a sentence. */
  describe(): string {
    return this.#unfinished()
      .map(({ action: { from, to }, there, back }) => {
        const counts = [there, back].map(
          (flow) => `${flow.writer} ${flow.receivedBytes}/${flow.plannedBytes} ${flow.reader}`,
        )
        return `${from} to ${to} (${counts.join('; ')})`
      })
      .join(', ')
  }

  #unfinished(): readonly Transfer[] {
    return this.#transfers.filter(({ opener, accepter }) =>
      [opener, accepter].some((end) => end?.isUp === true && !end.isOver),
    )
  }

  #flows(): readonly Flow[] {
    return this.#transfers.flatMap(({ there, back }) => [there, back])
  }

  #told(peer: SimulatedPeer, event: ApplicationStreamEvent): void {
    const key = keyOf(peer, event.stream)
    const end = this.#ends.get(key)
    if (end !== undefined) return end.take(event)
    if (event.type === 'stream-opened') this.#nameless.set(key, [])
    else if (this.#nameless.has(key)) this.#name(peer, event)
    else if (!this.#given.has(key)) {
      this.#world.violated('stream-end', `${peer.plan.name}: ${event.type} of no stream`)
    }
  }

  /** Finds out which transfer a stream is of, and hands it what has happened so far. */
  #name(peer: SimulatedPeer, event: ApplicationStreamEvent): void {
    const { stream } = event
    const key = keyOf(peer, stream)
    const told = [...(this.#nameless.get(key) ?? []), event]
    const first = told.flatMap((past) => (past.type === 'stream-data' ? [...past.bytes] : []))
    if (first.length < flowNumberBytes) {
      this.#nameless.set(key, told)
      if (event.type !== 'stream-data') this.#giveUp(peer, stream)
      return
    }
    this.#nameless.delete(key)
    const number = first.slice(0, flowNumberBytes).reduceRight((high, low) => high * 256 + low, 0)
    const transfer = this.#transfers.find(({ there }) => there.number === number)
    if (transfer === undefined || transfer.accepter !== undefined) {
      this.#world.violated('stream-bytes', `${peer.plan.name}: a stream begins with ${number}`)
      return
    }
    const { action } = transfer
    const isOtherPrompt = () => transfer.opener?.isPrompt === true
    const manners = {
      ...action,
      writeMs: 0,
      resetsAfterBytes: undefined,
    }
    const setting = {
      world: this.#world,
      peer,
      stream,
      manners,
      isOtherPrompt,
      endedCount: () => this.#endedCount(peer, this.#world.peer(action.from)),
    }
    const end = this.#addEnd(setting, transfer.back, transfer.there)
    transfer.accepter = end
    for (const past of told) end.take(past)
    end.write()
  }

  /** It ended before anybody could tell which it was. */
  #giveUp(peer: SimulatedPeer, stream: StreamHandle): void {
    this.#nameless.delete(keyOf(peer, stream))
    this.#given.add(keyOf(peer, stream))
    peer.tellStream({ type: 'stream-reset', stream, code: unreadCode })
    peer.tellStream({ type: 'stream-stopped', stream, code: unreadCode })
  }

  #addEnd(setting: StreamSetting, writing: Flow, reading: Flow): StreamEnd {
    const end = new StreamEnd(setting, writing, reading)
    this.#ends.set(keyOf(setting.peer, setting.stream), end)
    return end
  }
}

/** Handles are unique in a boot. */
function keyOf(peer: SimulatedPeer, stream: StreamHandle): string {
  return `${peer.plan.name} ${peer.epoch} ${stream}`
}
