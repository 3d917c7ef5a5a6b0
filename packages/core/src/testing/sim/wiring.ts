/** Who is connected with whom in a simulated world: dials, pipes, and what breaks them. */

import { decodeUtf8, encodeUtf8 } from '../../engine/bytes/utf8.ts'
import type { PeerId } from '../../engine/identity/peer-id.ts'
import type { DialId } from '../../engine/input.ts'
import type { ChannelTraits } from '../../transport/channel.ts'
import { Pipe } from './network.ts'
import type { SimulatedPeer } from './simulated-peer.ts'
import { directTransport, wireTransport } from './simulated-transports.ts'
import type { World } from './world.ts'

/** A dial to nowhere fails after that long. */
const dialFailureMs = 200
/** An offer that nobody has answered by then fails its dial. */
const offerTimeoutMs = 10_000

/** See the file header. */
export class Wiring {
  readonly #world: World
  readonly #pipes = new Set<Pipe>()
  readonly #partitions = new Set<string>()

  constructor(world: World) {
    this.#world = world
  }

  /** Pipes that are open. */
  get pipes(): readonly Pipe[] {
    for (const pipe of this.#pipes) if (!pipe.isOpen) this.#pipes.delete(pipe)
    return [...this.#pipes]
  }

  /** Open pipes between the two. */
  between(left: string, right: string): readonly Pipe[] {
    return this.pipes.filter((pipe) => pipe.joins(left, right))
  }

  /** From now on nothing passes between the two. */
  partition(left: string, right: string): void {
    this.#partitions.add(pairOf(left, right))
    for (const pipe of this.between(left, right)) pipe.vanish()
  }

  /** Ends every partition. */
  heal(): void {
    this.#partitions.clear()
  }

  isPartitioned(left: string, right: string): boolean {
    return this.#partitions.has(pairOf(left, right))
  }

  dial(dialer: SimulatedPeer, dial: DialId, transport: string, address: string): void {
    if (transport === directTransport.transport) {
      // The answer comes back the same way: see `receiveSignal`.
      this.#world.after(1, () => dialer.sendSignal(address as PeerId, encodeUtf8(`offer ${dial}`)))
      this.#world.after(offerTimeoutMs, () => dialer.failDial(dial, 'unreachable'))
      return
    }
    const target = this.#world.find(address)
    const { name, profile } = dialer.plan
    if (target?.isUp !== true || this.isPartitioned(name, address)) {
      this.#world.after(dialFailureMs, () => dialer.failDial(dial, 'unreachable'))
      return
    }
    this.#world.after(2 * profile.latencyMs, () => {
      if (!target.isUp || this.isPartitioned(name, address)) dialer.failDial(dial, 'unreachable')
      else this.#connect(dialer, dial, target, wireTransport.transport, profile.traits)
    })
  }

  /** A signal that the mesh has carried from `from` to `receiver`. */
  receiveSignal(receiver: SimulatedPeer, from: PeerId, signal: Uint8Array): void {
    const sender = this.#world.peers.find((peer) => peer.id === from)
    const [kind, id] = (decodeUtf8(signal) ?? '').split(' ')
    if (sender === undefined || kind === undefined) return
    if (kind === 'offer') {
      this.#world.after(1, () => receiver.sendSignal(from, encodeUtf8(`answer ${id}`)))
      return
    }
    if (!sender.isUp || this.isPartitioned(sender.plan.name, receiver.plan.name)) return
    const traits = { ...receiver.plan.profile.traits, encrypted: true, binding: encodeUtf8(kind) }
    this.#connect(receiver, Number(id), sender, directTransport.transport, traits)
  }

  #connect(
    dialer: SimulatedPeer,
    dial: DialId,
    listener: SimulatedPeer,
    transport: string,
    traits: ChannelTraits,
  ): void {
    if (!dialer.isUp || !dialer.takeDial(dial)) return
    const near = dialer.openEnd()
    const far = listener.openEnd()
    const pipe = new Pipe(this.#world, { ...dialer.plan.profile, traits }, near, far)
    this.#pipes.add(pipe)
    const opened = { type: 'channel-opened', transport, traits } as const
    listener.adopt(far.channel, pipe, { ...opened, channel: far.channel })
    dialer.adopt(near.channel, pipe, { ...opened, channel: near.channel, dial })
  }
}

function pairOf(left: string, right: string): string {
  return left < right ? `${left} ${right}` : `${right} ${left}`
}
