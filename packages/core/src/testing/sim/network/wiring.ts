/** Who is connected with whom in a simulated world: dials, signals, and the pipes they open. */

import { decodeUtf8, encodeUtf8 } from '../../../engine/bytes/utf8.ts'
import type { PeerId } from '../../../engine/identity/peer-id.ts'
import type { DialId } from '../../../engine/input.ts'
import type { SimulatedPeer } from '../peers/simulated-peer.ts'
import type { World } from '../world/world.ts'
import { Paths } from './paths.ts'
import { Pipe } from './pipe.ts'
import type { LinkProfile } from './profiles.ts'
import { directTransport } from './transports.ts'

/** A dial to nowhere fails after that long. */
const dialFailureMs = 200
/** An offer that nobody has answered by then fails its dial. */
const offerTimeoutMs = 10_000
/** A partition that lasts until everything is mended. */
const forever = Number.POSITIVE_INFINITY

interface Dial {
  readonly dial: DialId
  readonly transport: string
  readonly profile: LinkProfile
}

/** See the file header. */
export class Wiring {
  readonly paths = new Paths()
  readonly #world: World
  readonly #pipes = new Set<Pipe>()
  readonly #pipeCounts = new Map<string, number>()

  constructor(world: World) {
    this.#world = world
  }

  /** Pipes that are open. */
  get pipes(): readonly Pipe[] {
    for (const pipe of this.#pipes) if (!pipe.isOpen) this.#pipes.delete(pipe)
    return [...this.#pipes]
  }

  /** Open pipes between the two, of that transport or any. */
  between(left: string, right: string, transport?: string): readonly Pipe[] {
    return this.pipes.filter(
      (pipe) =>
        pipe.joins(left, right) && (transport === undefined || pipe.transport === transport),
    )
  }

  /** Everybody reaches everybody, over pipes as they should be; those that are gone stay so. */
  heal(): void {
    this.paths.heal()
    for (const pipe of this.pipes) pipe.calm()
  }

  /** Nothing passes between the two. */
  partition(left: string, right: string, untilMs = forever): void {
    this.sever(left, right, untilMs)
    this.sever(right, left, untilMs)
  }

  /** Nothing passes from the one to the other. */
  sever(from: string, to: string, untilMs: number): void {
    this.paths.sever(from, to, untilMs)
  }

  dial(dialer: SimulatedPeer, dial: DialId, transport: string, address: string): void {
    if (transport === directTransport.transport) {
      // The answer comes back the same way: see `receiveSignal`.
      this.#world.after(1, () => dialer.sendSignal(address as PeerId, encodeUtf8(`offer ${dial}`)))
      this.#world.after(offerTimeoutMs, () => dialer.failDial(dial, 'unreachable'))
      return
    }
    const { name } = dialer.plan
    const profile = dialer.plan.dials.find(
      (planned) => planned.transport === transport && planned.to === address,
    )?.profile
    const target = this.#world.find(address)
    const failure = () =>
      target?.isUp === true
        ? this.paths.dialFailure(name, address, transport, this.#world.nowMs)
        : 'unreachable'
    const reason = failure()
    if (reason !== undefined || target === undefined || profile === undefined) {
      this.#world.after(dialFailureMs, () => dialer.failDial(dial, reason ?? 'bad-address'))
      return
    }
    this.#world.after(2 * profile.latencyMs, () => {
      const laterReason = failure()
      if (laterReason !== undefined) dialer.failDial(dial, laterReason)
      else this.#connect(dialer, target, { dial, transport, profile })
    })
  }

  /** A signal that the mesh has carried from `from` to `receiver`. */
  receiveSignal(receiver: SimulatedPeer, from: PeerId, signal: Uint8Array): void {
    const { nowMs } = this.#world
    const sender = this.#world.peers.find((peer) => peer.id === from)
    const [kind, id] = (decodeUtf8(signal) ?? '').split(' ')
    const { name, direct } = receiver.plan
    if (sender === undefined || kind === undefined || direct === undefined) return
    if (kind === 'offer') {
      this.#world.after(1, () => receiver.sendSignal(from, encodeUtf8(`answer ${id}`)))
      return
    }
    const { transport } = directTransport
    if (!sender.isUp || this.paths.dialFailure(name, sender.plan.name, transport, nowMs)) return
    const traits = { ...direct.traits, encrypted: true, binding: encodeUtf8(kind) }
    this.#connect(receiver, sender, {
      dial: Number(id),
      transport,
      profile: { ...direct, traits },
    })
  }

  #connect(dialer: SimulatedPeer, listener: SimulatedPeer, dial: Dial): void {
    if (!dialer.isUp || !dialer.takeDial(dial.dial)) return
    const near = dialer.openEnd()
    const far = listener.openEnd()
    const way = `${dial.transport} ${near.peer} ${far.peer}`
    const count = (this.#pipeCounts.get(way) ?? 0) + 1
    this.#pipeCounts.set(way, count)
    const dice = this.#world.dice(`pipe ${way} ${count}`)
    const pipe = new Pipe(this.#world, dice, dial, near, far)
    this.#pipes.add(pipe)
    const { transport } = dial
    const { traits } = dial.profile
    const opened = { type: 'channel-opened', transport, traits } as const
    listener.adopt(far.channel, pipe, { ...opened, channel: far.channel })
    dialer.adopt(near.channel, pipe, { ...opened, channel: near.channel, dial: dial.dial })
  }
}
