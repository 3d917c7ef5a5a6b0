/**
 * A peer of a simulated world: an engine, its disk, and a driver made of scheduled events.
 *
 * It can crash (what its disk had not answered is lost or kept, by the seed) and boot again.
 */

import { unreachable } from '../../engine/assert.ts'
import type { Command, CommandAnswer, MeshEvent } from '../../engine/command.ts'
import type { Engine } from '../../engine/engine.ts'
import type { ChannelId, CommandId, DialId, Input } from '../../engine/input.ts'
import type { Output } from '../../engine/output.ts'
import type { StorageFailureReason } from '../../storage/storage.ts'
import type { LinkProfile } from './link-profile.ts'
import type { Pipe, PipeEnd } from './network.ts'
import { SimulatedDisk } from './simulated-disk.ts'
import { directTransport, wireTransport } from './simulated-transports.ts'
import type { World } from './world.ts'

/** What a peer is, over all its boots. */
export interface PeerPlan {
  /** Its name, its address on the `wire` transport, and the key of its random stream. */
  readonly name: string
  /** Addresses it is configured with, on the `wire` transport. */
  readonly addresses: readonly string[]
  /** It runs the `direct` transport, whose signals travel through the mesh. */
  readonly hasDirect: boolean
  /** What the pipes it dials are like. */
  readonly profile: LinkProfile
  readonly app?: string
  readonly secret?: Uint8Array
}

/** A boot: everything that a crash ends. */
interface Boot {
  readonly engine: Engine
  readonly epoch: number
  readonly pipes: Map<ChannelId, Pipe>
  readonly dials: Set<DialId>
  readonly answers: Map<CommandId, (answer: CommandAnswer) => void>
  /** Difference between the peer's clock and the world's: each boot starts at another time. */
  readonly clockOffsetMs: number
  armedDeadlineMs: number
  isPumping: boolean
  readonly waiting: Input[]
}

export class SimulatedPeer {
  readonly plan: PeerPlan
  readonly disk = new SimulatedDisk()
  readonly #world: World
  readonly #makeEngine: (epoch: number) => Engine
  #boot: Boot | undefined
  #nextId = 1
  /** Told of each event of the engine; set by tests. */
  onEvent: ((event: MeshEvent) => void) | undefined

  constructor(world: World, plan: PeerPlan, makeEngine: (epoch: number) => Engine) {
    this.#world = world
    this.plan = plan
    this.#makeEngine = makeEngine
  }

  get isUp(): boolean {
    return this.#boot !== undefined
  }

  /** The running engine, for looking at. */
  get engine(): Engine | undefined {
    return this.#boot?.engine
  }

  boot(): void {
    if (this.#boot !== undefined) return
    const epoch = this.disk.open()
    this.#world.trace.add(`${this.#world.nowMs} ${this.plan.name} boots ${epoch}`)
    this.#boot = {
      engine: this.#makeEngine(epoch),
      epoch,
      pipes: new Map(),
      dials: new Set(),
      answers: new Map(),
      clockOffsetMs: Math.floor(this.#world.fraction() * 1e6),
      armedDeadlineMs: Number.POSITIVE_INFINITY,
      isPumping: false,
      waiting: [],
    }
    for (const transport of [wireTransport, ...(this.plan.hasDirect ? [directTransport] : [])]) {
      this.#take({ type: 'transport-started', ...transport })
    }
    for (const address of this.plan.addresses) {
      this.#take({ type: 'address-found', transport: wireTransport.transport, address })
    }
  }

  /** Stops without a word: pipes break for the others, commands are never answered. */
  crash(): void {
    const boot = this.#boot
    if (boot === undefined) return
    this.#world.trace.add(`${this.#world.nowMs} ${this.plan.name} crashes`)
    this.#boot = undefined
    for (const pipe of boot.pipes.values()) pipe.break()
  }

  /** Asks the engine; `answered` is called unless the peer crashes first. */
  execute(body: Command, answered: (answer: CommandAnswer) => void = () => {}): void {
    const boot = this.#boot
    if (boot === undefined) return
    const command = this.#nextId++
    boot.answers.set(command, answered)
    this.#take({ type: 'command', command, body })
  }

  /** A new end of a pipe at this peer, bound to its present boot. */
  openEnd(channel: ChannelId): PipeEnd {
    const boot = this.#boot
    return {
      peer: this.plan.name,
      channel,
      deliver: (input) => {
        if (this.#boot !== boot || boot === undefined) return
        if (input.type === 'channel-closed') boot.pipes.delete(channel)
        this.#take(input)
      },
    }
  }

  /** Takes over a pipe that has been opened, and tells the engine. */
  adopt(channel: ChannelId, pipe: Pipe, opened: Input): void {
    this.#boot?.pipes.set(channel, pipe)
    this.#take(opened)
  }

  newChannelId(): ChannelId {
    return this.#nextId++
  }

  /** A signal for this peer's `direct` transport arrives at its engine's far side. */
  sendSignal(peer: string, signal: Uint8Array): void {
    const peerId = this.#world.peerIdOf(peer)
    this.#take({ type: 'signal-sent', transport: directTransport.transport, peer: peerId, signal })
  }

  /** Whether a dial is still wanted; taking it ends it. */
  takeDial(dial: DialId): boolean {
    return this.#boot?.dials.delete(dial) ?? false
  }

  failDial(dial: DialId, reason: 'unreachable' | 'cancelled'): void {
    if (!this.takeDial(dial)) return
    this.#take({ type: 'dial-failed', dial, reason, message: `simulated: ${reason}` })
  }

  #take(input: Input): void {
    const boot = this.#boot
    if (boot === undefined) return
    boot.waiting.push(input)
    if (boot.isPumping) return
    boot.isPumping = true
    for (let next = boot.waiting.shift(); next !== undefined; next = boot.waiting.shift()) {
      const nowMs = this.#world.nowMs + boot.clockOffsetMs
      const bytes = next.type === 'channel-received' ? next.bytes : undefined
      this.#world.trace.add(`${this.#world.nowMs} ${this.plan.name} < ${next.type}`, bytes)
      boot.engine.handle(next, nowMs)
      for (
        let output = boot.engine.poll();
        output !== undefined && this.#boot === boot;
        output = boot.engine.poll()
      ) {
        const sent = output.type === 'channel-send' ? output.bytes : undefined
        this.#world.trace.add(`${this.#world.nowMs} ${this.plan.name} > ${output.type}`, sent)
        this.#carryOut(boot, output)
      }
      if (this.#boot !== boot) return
    }
    boot.isPumping = false
    this.#arm(boot)
  }

  #arm(boot: Boot): void {
    const deadlineMs = boot.engine.nextDeadlineMs() - boot.clockOffsetMs
    if (deadlineMs === Number.POSITIVE_INFINITY || deadlineMs >= boot.armedDeadlineMs) return
    boot.armedDeadlineMs = deadlineMs
    this.#world.after(Math.max(0, deadlineMs - this.#world.nowMs), () => {
      if (this.#boot !== boot || boot.armedDeadlineMs !== deadlineMs) return
      boot.armedDeadlineMs = Number.POSITIVE_INFINITY
      this.#take({ type: 'deadline' })
    })
  }

  #carryOut(boot: Boot, output: Output): void {
    switch (output.type) {
      case 'dial':
        boot.dials.add(output.dial)
        this.#world.dial(this, output.dial, output.transport, output.address)
        return
      case 'cancel-dial':
        this.#world.after(0, () => this.failDial(output.dial, 'cancelled'))
        return
      case 'channel-send':
        boot.pipes.get(output.channel)?.send(this.plan.name, output.channel, output.bytes)
        return
      case 'close-channel':
        boot.pipes.get(output.channel)?.close(this.plan.name)
        return
      case 'signal-received':
        this.#world.receiveSignal(this, output.peer, output.signal)
        return
      case 'storage-read':
        this.#world.after(this.#diskDelayMs(), () => {
          if (this.#boot !== boot) return
          const { failure } = this.disk
          this.#take({
            type: 'storage-answered',
            request: output.request,
            answer:
              failure === undefined
                ? { type: 'read', results: this.disk.read(output.reads) }
                : failed(failure),
          })
        })
        return
      case 'storage-write':
        this.#write(boot, output)
        return
      case 'command-answered': {
        const answered = boot.answers.get(output.command)
        boot.answers.delete(output.command)
        answered?.(output.answer)
        return
      }
      case 'event':
        this.onEvent?.(output.event)
        return
      case 'stopped':
        this.crash()
        return
      default:
        unreachable(output)
    }
  }

  /** The batch reaches the medium somewhere between being asked for and being answered. */
  #write(boot: Boot, output: Output & { readonly type: 'storage-write' }): void {
    const delayMs = this.#diskDelayMs()
    const reachesMediumMs = delayMs * this.#world.fraction()
    const { failure } = this.disk
    if (failure === undefined) {
      this.#world.after(reachesMediumMs, () => {
        // A crash before this moment loses the batch; a crash after it keeps what nobody heard of.
        if (this.#boot === boot) this.disk.write(output.writes)
      })
    }
    this.#world.after(delayMs, () => {
      if (this.#boot !== boot) return
      this.#take({
        type: 'storage-answered',
        request: output.request,
        answer: failure === undefined ? { type: 'written' } : failed(failure),
      })
    })
  }

  #diskDelayMs(): number {
    return 0.2 + this.#world.fraction() * this.#world.diskDelayMsMax
  }
}

function failed(reason: StorageFailureReason): {
  type: 'failed'
  reason: StorageFailureReason
  message: string
} {
  return { type: 'failed', reason, message: `simulated: ${reason}` }
}
