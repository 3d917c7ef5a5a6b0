/**
 * The driver: carries out what an engine decides, and reports back what became of it.
 *
 * Its law is the engine's: one input is handled, then outputs are polled until there are none, then
 * comes the next input. A slice of that work keeps the thread at most `sliceMsMax` (and one call of
 * the engine); what is left waits for a task of its own. An exception out of the engine is a broken
 * invariant: the driver ends with `engine-failed` and carries out nothing more.
 */

import { assert, unreachable } from '../engine/assert.ts'
import type { Command, CommandAnswer, CommandResults, MeshEvent } from '../engine/command.ts'
import type { ChannelId, Input } from '../engine/input.ts'
import type { Output } from '../engine/output.ts'
import type { Problem } from '../engine/problem.ts'
import type { Recorder } from '../recorder/recorder.ts'
import type { Storage } from '../storage/storage.ts'
import type { DriverHost } from './driver-host.ts'
import { PendingCommands } from './pending-commands.ts'
import { StorageRequests } from './storage-requests.ts'
import type { StreamOrder, StreamReportPort } from './stream-orders.ts'
import {
  messageOverheadBytes,
  untakenSignalsMax,
  type TransportPort,
  type TransportReport,
} from './transport-port.ts'

/** The engine as its driver sees it; `Engine` is one. */
export interface DrivenEngine {
  handle(input: Input, nowMs: number): void
  poll(): Output | undefined
  nextDeadlineMs(): number
}

export interface DriverOptions {
  readonly engine: DrivenEngine
  /** Open already; the driver closes it. */
  readonly storage: Storage
  readonly transports: TransportPort
  /** The application's streams; the driver closes it. */
  readonly streams: StreamReportPort
  readonly host: DriverHost
  readonly recorder: Recorder
  /** Told in order, from the driver's own tasks. Must not throw. */
  readonly event: (event: MeshEvent) => void
  /** Told once, when everything is closed: the problem, if it was not `stop`. */
  readonly ended: (problem: Problem | undefined) => void
}

/** Longest time that the engine keeps the thread at a stretch: half a frame of a 60 Hz screen. */
const sliceMsMax = 8
/** How long the engine may take to say farewell and have its last writes made. */
const farewellMsMax = 5_000
/** How long transports may take to stop; a page that has gone answers nothing. */
const transportsStopMsMax = 3_000
/** A deadline that stands after it was handled so many times in a row is a bug in a layer. */
const deadlineRepeatMax = 1_000

/**
 * Timers armed at once: a far one that stays while near ones come and go beside it, which they do with
 * each packet of a transfer. At the bound the farthest makes way.
 */
const armedTimersMax = 2

interface ArmedTimer {
  readonly atMs: number
  readonly cancel: () => void
}

/** See the file header. */
export class Driver {
  readonly #options: DriverOptions
  readonly #instruments: Recorder['driver']
  /** `stopping`: the engine says farewell. `ending`: it is asked nothing more. */
  #state: 'running' | 'stopping' | 'ending' | 'ended' = 'running'
  #inputs: Input[] = []
  #isPolling = false
  #isTaskPosted = false
  /** Nearest first. */
  #timers: ArmedTimer[] = []
  #standingDeadline = { atMs: Number.NEGATIVE_INFINITY, count: 0 }
  readonly #commands: PendingCommands
  readonly #storage: StorageRequests
  /** Signals that the transports' side has not taken yet. */
  #untakenSignalCount = 0
  /** Received bytes handled, by channel; the changed ones are reported after each slice. */
  readonly #processedBytes = new Map<ChannelId, number>()
  readonly #processedChannels = new Set<ChannelId>()
  #endProblem: Problem | undefined
  #cancelFarewell: (() => void) | undefined
  #transportsStopped: (() => void) | undefined
  readonly #ended: Promise<void>
  #resolveEnded!: () => void

  constructor(options: DriverOptions) {
    this.#options = options
    this.#instruments = options.recorder.driver
    this.#commands = new PendingCommands(this.#instruments)
    this.#storage = new StorageRequests({
      storage: options.storage,
      instruments: this.#instruments,
      nowMs: () => options.host.nowMs(),
      answered: (input) => this.#hand(input),
      fenced: (problem) => this.#end(problem),
    })
    this.#ended = new Promise((resolve) => {
      this.#resolveEnded = resolve
    })
  }

  /** Begins to listen to transports and to time. Called once. */
  start(): void {
    this.#options.transports.receive((reports) => this.#receive(reports))
    this.#options.streams.receive((orders) => this.#receiveStreamOrders(orders))
    this.#run()
  }

  /** The machine slept. Told by the clock, while it is being asked for the time. */
  slept(sleptMs: number): void {
    if (!this.#isActive()) return
    this.#inputs.push({ type: 'woke', sleptMs })
    this.#postRun()
  }

  /** Hands a command to the engine. Never rejects; after the end it is answered with a problem. */
  async execute(body: Command): Promise<CommandAnswer> {
    return new Promise((answer) => {
      const input = this.#commandInput(body, answer)
      if (input) this.#hand(input)
    })
  }

  /**
   * Lets the engine say farewell, then closes transports and storage. Resolves when they are closed;
   * never rejects. Idempotent.
   */
  async stop(): Promise<void> {
    if (this.#state === 'running') {
      this.#state = 'stopping'
      this.#cancelFarewell = this.#options.host.startTimer(() => this.#end(), farewellMsMax)
      this.#hand({ type: 'stop' })
    }
    return this.#ended
  }

  #receive(reports: readonly TransportReport[]): void {
    for (const report of reports) {
      switch (report.type) {
        case 'transport-failed': {
          const { transport, message } = report
          this.#instruments.transportFailed.record(transport, message)
          const text = `the transport ${transport} could not start: ${message}`
          this.#tell({ type: 'problem', problem: { code: 'transport-failed', message: text } })
          break
        }
        case 'channel-overrun':
          this.#instruments.channelOverrun.record(report.channel, report.unprocessedBytes)
          break
        case 'channel-refused':
          this.#instruments.channelsRefused.add()
          break
        case 'channel-adopted':
          this.#instruments.channelsAdopted.add()
          break
        case 'signals-taken':
          this.#untakenSignalCount -= report.count
          break
        case 'transports-stopped':
          this.#transportsStopped?.()
          break
        default:
          this.#inputs.push(report)
      }
    }
    this.#run()
  }

  #receiveStreamOrders(orders: readonly StreamOrder[]): void {
    if (!this.#isActive()) return
    const { streams } = this.#options
    for (const order of orders) {
      if (order.type !== 'open-stream') {
        this.#inputs.push(order)
        continue
      }
      const { opening, ...body } = order
      // From inside the carrying out of outputs: what happens to the stream is told afterwards.
      const input = this.#commandInput(body, (answer) => {
        const outcome = answer.ok
          ? ({ ok: true, stream: (answer.value as CommandResults['open-stream']).stream } as const)
          : answer
        streams.post({ type: 'open-answered', opening, outcome })
      })
      if (input) this.#inputs.push(input)
    }
    this.#run()
  }

  /** The input that asks for it; undefined when it was refused, and answered, at once. */
  #commandInput(body: Command, answer: (answer: CommandAnswer) => void): Input | undefined {
    if (this.#state === 'running') {
      return this.#commands.add(body, answer, this.#options.host.nowMs())
    }
    answer({ ok: false, problem: this.#whyNot() })
    return undefined
  }

  #hand(input: Input): void {
    this.#inputs.push(input)
    this.#run()
  }

  #isActive(): boolean {
    return this.#state === 'running' || this.#state === 'stopping'
  }

  /** One slice. Does nothing when a task for the next one is posted, or from inside a slice. */
  #run(): void {
    if (this.#isTaskPosted || this.#isPolling || !this.#isActive()) return
    const { host } = this.#options
    const startMs = host.nowMs()
    this.#isPolling = true
    let isDone = false
    try {
      isDone = this.#work(startMs + sliceMsMax)
    } catch (error) {
      this.#fail(error)
      return
    } finally {
      this.#isPolling = false
    }
    this.#instruments.sliceMs.observe(host.nowMs() - startMs)
    this.#reportProcessed()
    if (!this.#isActive()) return
    if (isDone) {
      this.#armTimer()
      return
    }
    this.#instruments.slicesCut.add()
    this.#postRun()
  }

  #postRun(): void {
    if (this.#isTaskPosted) return
    this.#isTaskPosted = true
    this.#options.host.postTask(() => {
      this.#isTaskPosted = false
      this.#run()
    })
  }

  /** Works until nothing is left (true) or the slice is over (false). */
  #work(sliceEndMs: number): boolean {
    const { engine, host } = this.#options
    let handledCount = 0
    try {
      for (;;) {
        for (let output = engine.poll(); output; output = engine.poll()) {
          this.#instruments.outputs.add()
          this.#carryOut(output)
          if (!this.#isActive()) return true
          if (host.nowMs() >= sliceEndMs) return false
        }
        const nowMs = host.nowMs()
        const deadlineMs = engine.nextDeadlineMs()
        if (deadlineMs <= nowMs) this.#handleDeadline(deadlineMs, nowMs)
        else {
          const input = this.#inputs[handledCount]
          if (!input) return true
          handledCount += 1
          this.#instruments.inputs.add()
          engine.handle(input, nowMs)
          if (input.type === 'channel-received') this.#countProcessed(input)
          if (input.type === 'channel-closed') this.#processedBytes.delete(input.channel)
        }
        // At least one step a slice, so that a slow host gets on as well.
        if (nowMs >= sliceEndMs) return false
      }
    } finally {
      this.#inputs.splice(0, handledCount)
    }
  }

  #handleDeadline(deadlineMs: number, nowMs: number): void {
    const standing = this.#standingDeadline
    const count = standing.atMs === deadlineMs ? standing.count + 1 : 1
    this.#standingDeadline = { atMs: deadlineMs, count }
    assert(count <= deadlineRepeatMax, `the deadline ${deadlineMs} ms stands after ${count} calls`)
    this.#instruments.inputs.add()
    if (deadlineMs > 0) this.#instruments.deadlineLatenessMs.observe(nowMs - deadlineMs)
    this.#options.engine.handle({ type: 'deadline' }, nowMs)
  }

  #armTimer(): void {
    const { engine, host } = this.#options
    const atMs = engine.nextDeadlineMs()
    if (atMs === Number.POSITIVE_INFINITY) return this.#disarm()
    // One that fires too early is left: with each packet deadlines move on, and a timer that fires for
    // nothing now and then costs less than another one each time.
    const [nearest] = this.#timers
    if (nearest && nearest.atMs <= atMs) return
    if (this.#timers.length === armedTimersMax) this.#timers.pop()?.cancel()
    const cancel = host.startTimer(() => {
      this.#timers = this.#timers.filter((armed) => armed !== timer)
      this.#run()
    }, atMs - host.nowMs())
    const timer: ArmedTimer = { atMs, cancel }
    this.#timers.unshift(timer)
  }

  #disarm(): void {
    for (const { cancel } of this.#timers) cancel()
    this.#timers = []
  }

  #countProcessed({ channel, bytes }: { channel: ChannelId; bytes: Uint8Array }): void {
    const before = this.#processedBytes.get(channel) ?? 0
    this.#processedBytes.set(channel, before + bytes.length + messageOverheadBytes)
    this.#processedChannels.add(channel)
  }

  #reportProcessed(): void {
    for (const channel of this.#processedChannels) {
      const processedBytes = this.#processedBytes.get(channel)
      if (processedBytes === undefined) continue
      this.#options.transports.post({ type: 'channel-processed', channel, processedBytes })
    }
    this.#processedChannels.clear()
  }

  #carryOut(output: Output): void {
    switch (output.type) {
      case 'dial':
      case 'cancel-dial':
      case 'channel-send':
      case 'close-channel':
        this.#options.transports.post(output)
        return
      case 'signal-received':
        this.#postSignal(output)
        return
      case 'storage-read':
        void this.#storage.read(output)
        return
      case 'storage-write':
        void this.#storage.write(output)
        return
      case 'command-answered':
        this.#commands.answer(output.command, output.answer, this.#options.host.nowMs())
        return
      case 'event':
        this.#tell(output.event)
        return
      case 'stream':
        this.#options.streams.post(output.event)
        return
      case 'stopped':
        this.#end()
        return
      default:
        unreachable(output)
    }
  }

  /** Transports that are busy lose signals, as they would on the way: a dial then ends by its time. */
  #postSignal(output: Extract<Output, { type: 'signal-received' }>): void {
    if (this.#untakenSignalCount >= untakenSignalsMax) {
      this.#instruments.signalsDropped.add()
      return
    }
    this.#untakenSignalCount += 1
    this.#options.transports.post(output)
  }

  #tell(event: MeshEvent): void {
    if (this.#isActive()) this.#options.event(event)
  }

  #fail(error: unknown): void {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#end({ code: 'engine-failed', message: `the engine stopped: ${stack}` })
  }

  #whyNot(): Problem {
    return this.#endProblem ?? { code: 'mesh-closed', message: 'the mesh is closed' }
  }

  /** The end: the engine is asked nothing more, and all that it held is let go. */
  #end(problem?: Problem): void {
    if (!this.#isActive()) return
    this.#state = 'ending'
    this.#endProblem = problem
    this.#instruments.ended.record(problem?.code ?? 'closed')
    this.#cancelFarewell?.()
    this.#disarm()
    this.#inputs = []
    this.#commands.end(this.#whyNot())
    this.#storage.end()
    void this.#closeAll()
  }

  async #closeAll(): Promise<void> {
    const { transports, streams, storage, host } = this.#options
    streams.close()
    await new Promise<void>((resolve) => {
      const cancel = host.startTimer(resolve, transportsStopMsMax)
      this.#transportsStopped = () => {
        cancel()
        resolve()
      }
      transports.post({ type: 'stop-transports' })
    })
    transports.close()
    try {
      await storage.close()
    } catch {
      // A store that cannot even close has been reported by whatever broke it.
    }
    host.close()
    this.#state = 'ended'
    this.#options.ended(this.#endProblem)
    this.#resolveEnded()
  }
}
