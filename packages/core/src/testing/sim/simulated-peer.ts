/**
 * A peer of a simulated world: an engine, its disk, and a driver made of scheduled events.
 *
 * It can crash (what its disk had not answered is lost or kept, by the seed), stop in good order,
 * and boot again.
 */

import { unreachable } from '../../engine/assert.ts'
import type { Command, CommandAnswer, MeshEvent, SubscriberId } from '../../engine/command.ts'
import type { Cryptography } from '../../engine/crypto/cryptography.ts'
import type { Engine } from '../../engine/engine.ts'
import type { PeerId } from '../../engine/identity/peer-id.ts'
import type { ChannelId, CommandId, DialId, Input } from '../../engine/input.ts'
import type { Output } from '../../engine/output.ts'
import {
  createFlightRecorder,
  type FlightRecorder,
  type Recorder,
} from '../../recorder/recorder.ts'
import { DiskAccess } from './disk-access.ts'
import type { LinkProfile } from './link-profile.ts'
import type { Pipe, PipeEnd } from './network.ts'
import { checkRecording } from './recording-check.ts'
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
  /** When it boots first; at once by default. */
  readonly bootsAtMs?: number
  /** Another than the world's for a stranger. */
  readonly app?: string
  readonly secret?: Uint8Array
  /** For looking over its shoulder; the world's otherwise. */
  readonly cryptography?: Cryptography
}

/** A boot: everything that a crash ends. */
interface Boot {
  readonly engine: Engine
  readonly epoch: number
  readonly flight: FlightRecorder
  readonly disk: DiskAccess
  readonly pipes: Map<ChannelId, Pipe>
  readonly dials: Set<DialId>
  readonly answers: Map<CommandId, (answer: CommandAnswer) => void>
  readonly subscribers: Map<SubscriberId, (event: MeshEvent) => void>
  /** Difference between the peer's clock and the world's: each boot starts at another time. */
  readonly clockOffsetMs: number
  armedDeadlineMs: number
  isPumping: boolean
  readonly waiting: Input[]
}

export class SimulatedPeer {
  readonly plan: PeerPlan
  readonly id: PeerId
  readonly disk = new SimulatedDisk()
  readonly #world: World
  readonly #makeEngine: (epoch: number, recorder: Recorder) => Engine
  #boot: Boot | undefined
  #nextId = 1
  #whenStopped = (): void => {}
  /** Told of all that its engines learn and decide; set by tests. */
  onInput: ((input: Input) => void) | undefined
  onOutput: ((output: Output) => void) | undefined
  onEvent: ((event: MeshEvent) => void) | undefined

  constructor(
    world: World,
    plan: PeerPlan,
    id: PeerId,
    makeEngine: (epoch: number, recorder: Recorder) => Engine,
  ) {
    this.#world = world
    this.plan = plan
    this.id = id
    this.#makeEngine = makeEngine
  }

  get isUp(): boolean {
    return this.#boot !== undefined
  }

  /** The running engine, for looking at. */
  get engine(): Engine | undefined {
    return this.#boot?.engine
  }

  /** Tells this boot from every other; 0 while down. */
  get epoch(): number {
    return this.#boot?.epoch ?? 0
  }

  /** What the running engine has recorded. */
  get flight(): FlightRecorder | undefined {
    return this.#boot?.flight
  }

  /** Its disk has not answered every batch. */
  get isWriting(): boolean {
    return this.#boot?.disk.isWriting ?? false
  }

  boot(): void {
    if (this.#boot !== undefined) return
    const epoch = this.disk.open()
    this.#world.trace.add(`${this.#world.nowMs} ${this.plan.name} boots ${epoch}`)
    const flight = createFlightRecorder({ eventBytesMax: 16_384 })
    this.#boot = {
      engine: this.#makeEngine(epoch, flight.recorder),
      epoch,
      flight,
      disk: new DiskAccess(this.#world, this.disk),
      pipes: new Map(),
      dials: new Set(),
      answers: new Map(),
      subscribers: new Map(),
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

  /** Ends without a word: pipes break for the others, commands are never answered. */
  crash(): void {
    if (this.#boot === undefined) return
    this.#world.trace.add(`${this.#world.nowMs} ${this.plan.name} crashes`)
    for (const [, pipe] of this.#end(this.#boot)) pipe.break()
  }

  /** Asks the engine to finish; `stopped` is called once all is said and written, and it is down. */
  stop(stopped: () => void = () => {}): void {
    this.#whenStopped = stopped
    this.#take({ type: 'stop' })
  }

  /** Asks the engine; `answered` is called unless the peer crashes first. */
  execute(body: Command, answered: (answer: CommandAnswer) => void = () => {}): void {
    const boot = this.#boot
    if (boot === undefined) return
    const command = this.#nextId++
    boot.answers.set(command, answered)
    this.#take({ type: 'command', command, body })
  }

  /** A subscriber of the present boot, which is told its events. */
  subscribe(told: (event: MeshEvent) => void): SubscriberId {
    const subscriber = this.#nextId++
    this.#boot?.subscribers.set(subscriber, told)
    return subscriber
  }

  /** A new end of a pipe at this peer, bound to its present boot. */
  openEnd(): PipeEnd {
    const boot = this.#boot
    const channel = this.#nextId++
    return {
      peer: this.plan.name,
      channel,
      deliver: (input) => {
        if (this.#boot !== boot || boot?.pipes.has(channel) !== true) return
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

  /** This peer's `direct` transport has a signal for that of another peer. */
  sendSignal(peer: PeerId, signal: Uint8Array): void {
    this.#take({ type: 'signal-sent', transport: directTransport.transport, peer, signal })
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
      this.#handle(boot, next)
      if (this.#boot !== boot) return
    }
    boot.isPumping = false
    this.#arm(boot)
  }

  #handle(boot: Boot, input: Input): void {
    const { nowMs, trace } = this.#world
    const { name } = this.plan
    const received = input.type === 'channel-received' ? input.bytes : undefined
    trace.add(`${nowMs} ${name} < ${input.type}`, received)
    this.onInput?.(input)
    boot.engine.handle(input, nowMs + boot.clockOffsetMs)
    while (this.#boot === boot) {
      const output = boot.engine.poll()
      if (output === undefined) return
      const sent = output.type === 'channel-send' ? output.bytes : undefined
      trace.add(`${nowMs} ${name} > ${output.type}`, sent)
      this.onOutput?.(output)
      this.#carryOut(boot, output)
    }
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
    const { wiring } = this.#world
    switch (output.type) {
      case 'dial':
        boot.dials.add(output.dial)
        wiring.dial(this, output.dial, output.transport, output.address)
        return
      case 'cancel-dial':
        this.#world.after(0, () => this.failDial(output.dial, 'cancelled'))
        return
      case 'channel-send':
        boot.pipes.get(output.channel)?.send(this.plan.name, output.channel, output.bytes)
        return
      case 'close-channel':
        boot.pipes.get(output.channel)?.close(this.plan.name, output.channel)
        return
      case 'signal-received':
        wiring.receiveSignal(this, output.peer, output.signal)
        return
      case 'storage-read':
      case 'storage-write': {
        const { request } = output
        const answered = (answer: (Input & { type: 'storage-answered' })['answer']) =>
          this.#take({ type: 'storage-answered', request, answer })
        if (output.type === 'storage-read') boot.disk.read(output.reads, answered)
        else boot.disk.write(output.writes, answered)
        return
      }
      case 'command-answered': {
        const answered = boot.answers.get(output.command)
        boot.answers.delete(output.command)
        answered?.(output.answer)
        return
      }
      case 'event':
        this.#tell(boot, output.event)
        return
      case 'stream':
        return
      case 'stopped':
        this.#stopped(boot)
        return
      default:
        unreachable(output)
    }
  }

  #tell(boot: Boot, event: MeshEvent): void {
    this.onEvent?.(event)
    if ('subscriber' in event) boot.subscribers.get(event.subscriber)?.(event)
  }

  #stopped(boot: Boot): void {
    const { name } = this.plan
    this.#world.trace.add(`${this.#world.nowMs} ${name} stops`)
    // Those that came after its last word, the engine has never seen.
    const unseen = boot.waiting.filter((input) => input.type === 'command').length
    const unanswered = boot.answers.size - unseen
    if (unanswered > 0) {
      this.#world.violated(`${name} stopped with ${unanswered} commands unanswered`)
    }
    for (const [channel, pipe] of this.#end(boot)) pipe.close(name, channel)
    this.#whenStopped()
  }

  #end(boot: Boot): readonly (readonly [ChannelId, Pipe])[] {
    checkRecording(this.#world, this)
    this.#boot = undefined
    boot.disk.cut()
    return [...boot.pipes]
  }
}
