/**
 * A peer of a simulated world: a machine, a disk, and at most one boot at a time.
 *
 * It can crash (what its disk had not answered is lost or kept, by the seed), stop in good order,
 * boot again, sleep and wake.
 */

import { unreachable } from '../../../engine/assert.ts'
import type { Command, CommandAnswer, MeshEvent, SubscriberId } from '../../../engine/command.ts'
import type { Cryptography } from '../../../engine/crypto/cryptography.ts'
import type { PeerId } from '../../../engine/identity/peer-id.ts'
import type { ChannelId, DialId, Input } from '../../../engine/input.ts'
import type { ApplicationStreamEvent, Output } from '../../../engine/output.ts'
import {
  createFlightRecorder,
  type FlightRecorder,
  type Recorder,
} from '../../../recorder/recorder.ts'
import type { DialFailureReason } from '../../../transport/transport.ts'
import type { PipeEnd } from '../network/pipe-direction.ts'
import type { Pipe } from '../network/pipe.ts'
import type { LinkProfile } from '../network/profiles.ts'
import { directTransport, startedTransports, type AddressTransport } from '../network/transports.ts'
import type { World } from '../world/world.ts'
import { Boot, type BootOwner, type SimulatedEngine } from './boot.ts'
import { DiskAccess } from './disk-access.ts'
import { Machine } from './machine.ts'
import { SimulatedDisk } from './simulated-disk.ts'

/** Whom a peer dials, and what the pipe is like. */
export interface PlannedDial {
  readonly transport: AddressTransport
  /** The name of the other. */
  readonly to: string
  readonly profile: LinkProfile
  /** The address was found by a discovery, which says who is there. */
  readonly isDiscovered?: boolean
}

/** What a peer is, over all its boots. */
export interface PeerPlan {
  /** Its name, its address, and the key of its random stream. */
  readonly name: string
  readonly dials: readonly PlannedDial[]
  /** It runs the `direct` transport, whose signals travel through the mesh; what its pipes are like. */
  readonly direct?: LinkProfile
  /** Its monotonic clock stands still while it sleeps. */
  readonly clockStandsStill?: boolean
  /** Another than the world's for a stranger. */
  readonly app?: string
  readonly secret?: Uint8Array
  /** For looking over its shoulder; the world's otherwise. */
  readonly cryptography?: Cryptography
}

/** What a stream of the application asks of the engine. */
export type StreamInput = Extract<Input, { readonly type: `stream-${string}` }>

const eventBytesMax = 16_384

/** See the file header. */
export class SimulatedPeer implements BootOwner {
  readonly plan: PeerPlan
  readonly id: PeerId
  readonly disk = new SimulatedDisk()
  readonly machine: Machine
  readonly #world: World
  readonly #makeEngine: (epoch: number, recorder: Recorder) => SimulatedEngine
  #boot: Boot | undefined
  #nextId = 1
  #whenStopped = (): void => {}
  /** Told of all that its engines learn and decide; set by tests. */
  onInput: ((input: Input) => void) | undefined
  onOutput: ((output: Output) => void) | undefined
  onEvent: ((event: MeshEvent) => void) | undefined
  /** Told when it has booted. */
  onBoot: (() => void) | undefined
  /** Told of the application's streams. */
  onStream: ((event: ApplicationStreamEvent) => void) | undefined

  constructor(
    world: World,
    plan: PeerPlan,
    id: PeerId,
    makeEngine: (epoch: number, recorder: Recorder) => SimulatedEngine,
  ) {
    this.#world = world
    this.plan = plan
    this.id = id
    this.machine = new Machine(world, plan.clockStandsStill ?? false)
    this.#makeEngine = makeEngine
  }

  get isUp(): boolean {
    return this.#boot !== undefined
  }

  /** The running engine, for looking at. */
  get engine(): SimulatedEngine | undefined {
    return this.#boot?.engine
  }

  /** Tells this boot from every other; 0 while down. */
  get epoch(): number {
    return this.#boot?.epoch ?? 0
  }

  /** Boots so far. */
  get bootCount(): number {
    return this.disk.epoch
  }

  /** What the running engine has recorded. */
  get flight(): FlightRecorder | undefined {
    return this.#boot?.flight
  }

  /** Its disk has not answered every batch. */
  get isWriting(): boolean {
    return this.#boot?.disk.isWriting ?? false
  }

  /** Every command is answered, but for openings of streams: they may wait for another peer. */
  get hasAnswered(): boolean {
    const unanswered = this.#boot?.unanswered.values() ?? []
    return [...unanswered].every(({ type }) => type === 'open-stream')
  }

  /** Pipes that this boot has not seen closed. */
  get pipes(): readonly Pipe[] {
    return [...(this.#boot?.pipes.values() ?? [])]
  }

  boot(): void {
    if (this.#boot !== undefined) return
    const epoch = this.disk.open()
    const { name, direct, dials } = this.plan
    const world = this.#world
    world.trace.add(`${world.nowMs} ${name} boots ${epoch}`)
    const flight = createFlightRecorder({ eventBytesMax })
    const dice = world.dice(`boot ${name} ${epoch}`)
    const recorder = world.watch.tap(this, epoch, flight.recorder)
    const boot = new Boot(world, this, {
      name,
      epoch,
      engine: this.#makeEngine(epoch, recorder),
      flight,
      disk: new DiskAccess(world, dice.fork('disk'), this.disk),
      machine: this.machine,
      clock: this.machine.clock(dice.integer(0, 1_000_000)),
    })
    this.#boot = boot
    for (const started of [...startedTransports, ...(direct ? [directTransport] : [])]) {
      this.#take({ type: 'transport-started', ...started })
    }
    for (const { transport, to, isDiscovered } of dials) {
      const peer = isDiscovered === true ? world.find(to)?.id : undefined
      this.#take({
        type: 'address-found',
        transport,
        address: to,
        ...(isDiscovered === true && { discovery: { ...(peer !== undefined && { peer }) } }),
      })
    }
    if (this.machine.isHidden) this.#tellVisibility(true)
    this.onBoot?.()
  }

  /** Ends without a word: pipes break for the others, commands are never answered. */
  crash(): void {
    if (this.#boot === undefined) return
    this.#world.trace.add(`${this.#world.nowMs} ${this.plan.name} crashes`)
    for (const [, pipe] of this.#end(this.#boot)) pipe.break()
  }

  /** Calls back once, when the running boot writes next, before anything of it is on the disk. */
  whenWriting(told: () => void): void {
    this.#boot?.disk.whenWriting(told)
  }

  /** Has those who watch look at what the running boot has recorded so far. */
  look(): void {
    if (this.#boot !== undefined) this.#world.watch.ends(this, this.#boot)
  }

  /** Asks the engine to finish; `stopped` is called once all is said and written, and it is down. */
  stop(stopped: () => void = () => {}): void {
    if (this.#boot === undefined) return
    this.#world.watch.stops(this)
    this.#whenStopped = stopped
    this.#take({ type: 'stop' })
  }

  /** Nothing runs until it wakes: no timer, no message. */
  sleep(): boolean {
    return this.machine.sleep()
  }

  wake(): void {
    const laterMs = this.machine.wake()
    if (laterMs === undefined) return
    this.#boot?.rearm(laterMs)
    for (const pipe of this.pipes) pipe.resume(this.plan.name)
    this.#boot?.pump()
  }

  /** Timers come once a minute while it is hidden, and the page says so. */
  hide(isHidden: boolean): void {
    this.machine.hide(isHidden)
    this.#tellVisibility(isHidden)
    this.#boot?.rearm()
  }

  #tellVisibility(isHidden: boolean): void {
    const transition = isHidden ? 'hidden' : 'visible'
    this.execute({ type: 'tell-lifecycle', transition, reason: 'visibilitychange' })
  }

  /** Asks the engine; `answered` is called unless the peer crashes first. */
  execute(body: Command, answered: (answer: CommandAnswer) => void = () => {}): void {
    const boot = this.#boot
    if (boot === undefined) return
    const command = this.#nextId++
    boot.unanswered.set(command, { type: body.type, answered })
    this.#take({ type: 'command', command, body })
  }

  /** The application does something with a stream. */
  tellStream(input: StreamInput): void {
    this.#take(input)
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
      isAwake: () => this.machine.isAwake,
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

  failDial(dial: DialId, reason: DialFailureReason): void {
    if (!this.takeDial(dial)) return
    this.#take({ type: 'dial-failed', dial, reason, message: `simulated: ${reason}` })
  }

  carryOut(boot: Boot, output: Output): void {
    this.onOutput?.(output)
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
        const answered = (answer: (Input & { type: 'storage-answered' })['answer']) => {
          if (this.#boot === boot) boot.take({ type: 'storage-answered', request, answer })
        }
        if (output.type === 'storage-read') boot.disk.read(output.reads, answered)
        else boot.disk.write(output.writes, answered)
        return
      }
      case 'command-answered': {
        const unanswered = boot.unanswered.get(output.command)
        boot.unanswered.delete(output.command)
        unanswered?.answered(output.answer)
        return
      }
      case 'event':
        this.#tell(boot, output.event)
        return
      case 'stream':
        this.onStream?.(output.event)
        return
      case 'stopped':
        this.#stopped(boot)
        return
      default:
        unreachable(output)
    }
  }

  stepped(boot: Boot, input: Input): void {
    this.onInput?.(input)
    this.#world.watch.stepped(this, boot, input)
  }

  failed(_boot: Boot, invariant: 'engine-failed' | 'no-progress', why: string): void {
    this.#world.violated(invariant, `${this.plan.name}: ${why}`)
    this.crash()
  }

  #take(input: Input): void {
    this.#boot?.take(input)
  }

  #tell(boot: Boot, event: MeshEvent): void {
    this.onEvent?.(event)
    if ('subscriber' in event) boot.subscribers.get(event.subscriber)?.(event)
  }

  #stopped(boot: Boot): void {
    const { name } = this.plan
    this.#world.trace.add(`${this.#world.nowMs} ${name} stops`)
    // Those that came after its last word, the engine has never seen.
    const unanswered = boot.unanswered.size - boot.commandsWaiting
    if (unanswered > 0) {
      this.#world.violated('unanswered', `${name} stopped with ${unanswered} commands unanswered`)
    }
    for (const [channel, pipe] of this.#end(boot)) pipe.close(name, channel)
    this.#whenStopped()
  }

  #end(boot: Boot): readonly (readonly [ChannelId, Pipe])[] {
    this.#world.watch.ends(this, boot)
    this.#boot = undefined
    boot.end()
    return [...boot.pipes]
  }
}
