/** Engine access from a page: the engine is in the application's worker, the transports are here. */

import { releaseProxy, transfer, wrap, type Remote } from 'comlink'
import type { FailedDial } from '../driver/dial-log.ts'
import type { MeetingBroker } from '../driver/meeting-broker.ts'
import { MessageRecordPort } from '../driver/message-record-port.ts'
import type { PipeOrder, PipeReport } from '../driver/pipe-records.ts'
import type { RecordPort } from '../driver/record-port.ts'
import type { StreamOrder, StreamOrderPort, StreamReport } from '../driver/stream-orders.ts'
import { TransportBroker } from '../driver/transport-broker.ts'
import type { TransportOrder, TransportReport } from '../driver/transport-port.ts'
import type { Command, CommandAnswer } from '../engine/command.ts'
import type { PeerId } from '../engine/identity/peer-id.ts'
import type { WorkerApi, WorkerPorts } from '../worker/worker-api.ts'
import { abortable } from './abortable.ts'
import type { CheckedOptions } from './checked-options.ts'
import type { EngineAccess, EngineReport, ReportsTaken } from './engine-access.ts'
import { MeshError, meshErrorOf } from './mesh-error.ts'
import type { MeshWorker, MeshWorkerEvent } from './mesh-options.ts'
import { within } from './patience.ts'
import { TakenReports } from './taken-reports.ts'

/** How long a worker has to run its file up to `serveEngine()`: it may have to be fetched first. */
const helloMsMax = 20_000
/** How long a worker has to stop: a driver that still runs needs 8 s at the most. */
const stopMsMax = 10_000

/** See the file header. */
export class WorkerAccess implements EngineAccess {
  readonly peer: PeerId
  readonly reports: RecordPort<never, EngineReport>
  readonly streams: StreamOrderPort
  readonly #worker: MeshWorker
  readonly #api: Remote<WorkerApi>
  readonly #broker: TransportBroker
  readonly #watch: WorkerWatch

  private constructor(
    peer: PeerId,
    reports: RecordPort<never, EngineReport>,
    streams: StreamOrderPort,
    worker: MeshWorker,
    api: Remote<WorkerApi>,
    broker: TransportBroker,
    watch: WorkerWatch,
  ) {
    this.peer = peer
    this.reports = reports
    this.streams = streams
    this.#worker = worker
    this.#api = api
    this.#broker = broker
    this.#watch = watch
  }

  /**
   * Starts the engine in the worker. Rejects with `MeshError` or the signal's reason; the worker is
   * terminated then. `broken` is told when the worker fails later.
   */
  static async open(
    worker: MeshWorker,
    options: CheckedOptions & { readonly platform: string },
    signal: AbortSignal | undefined,
    broken: (error: MeshError) => void,
  ): Promise<WorkerAccess> {
    const api = wrap<WorkerApi>(worker)
    const watch = watchWorker(worker)
    let broker: TransportBroker | undefined
    try {
      const greeted = Promise.race([watch.failure, api.hello()])
      await within(abortable(greeted, signal), helloMsMax, unanswered)
      const [transports, pipes, reports, streams] = [
        new MessageChannel(),
        new MessageChannel(),
        new MessageChannel(),
        new MessageChannel(),
      ]
      const ports: WorkerPorts = {
        transports: transports.port2,
        pipes: pipes.port2,
        reports: reports.port2,
        streams: streams.port2,
      }
      const { app, secret, store, name, platform, metadata } = options
      const opened = api.open(
        { app, secret, store, name, platform, metadata },
        transfer(ports, Object.values<Transferable>(ports as never)),
      )
      const opening = await abortable(Promise.race([watch.failure, opened]), signal)
      if (!opening.ok) throw meshErrorOf(opening.problem)
      watch.failure.catch((error: unknown) => broken(error as MeshError))
      broker = new TransportBroker({
        transports: options.transports,
        localPeer: opening.peer,
        port: new MessageRecordPort<TransportReport, TransportOrder>(transports.port1, {
          bytes: 'move',
        }),
        pipes: new MessageRecordPort<PipeOrder, PipeReport>(pipes.port1, { bytes: 'move' }),
      })
      await abortable(Promise.race([watch.failure, broker.start()]), signal)
      const reportsPort = new TakenReports(
        new MessageRecordPort<ReportsTaken, EngineReport>(reports.port1, { bytes: 'move' }),
      )
      const streamsPort = new MessageRecordPort<StreamOrder, StreamReport>(streams.port1, {
        bytes: 'move',
      })
      return new WorkerAccess(opening.peer, reportsPort, streamsPort, worker, api, broker, watch)
    } catch (error) {
      watch.stop()
      api[releaseProxy]()
      worker.terminate()
      await broker?.stop()
      throw error
    }
  }

  get meetings(): MeetingBroker {
    return this.#broker
  }

  get failedDials(): readonly FailedDial[] {
    return this.#broker.dialLog.failed
  }

  async execute(command: Command): Promise<CommandAnswer> {
    if (command.type !== 'update-document') return this.#api.execute(command)
    const update = new Uint8Array(command.update)
    return this.#api.execute(transfer({ ...command, update }, [update.buffer]))
  }

  async stop(): Promise<void> {
    const stopped = Promise.race([this.#watch.failure, this.#api.stop()])
    await within(stopped, stopMsMax, () => {})
  }

  async release(): Promise<void> {
    await this.#broker.stop()
    this.reports.close()
    this.streams.close()
    this.#watch.stop()
    this.#api[releaseProxy]()
    this.#worker.terminate()
  }

  abandon(): void {
    this.#broker.abandon()
    // Its answer will find nobody; the worker finishes its writes if the browser lets it.
    this.#api.stop().catch(() => {})
  }
}

interface WorkerWatch {
  /** Rejects with `worker-failed` when the worker reports an error that nobody caught. */
  readonly failure: Promise<never>
  readonly stop: () => void
}

/** Most likely the worker's file does not call `serveEngine`. */
function unanswered(): never {
  const message = `the worker did not answer within ${helloMsMax} ms; does its file call serveEngine()?`
  throw new MeshError('worker-failed', message)
}

function watchWorker(worker: MeshWorker): WorkerWatch {
  let stop = () => {}
  const failure = new Promise<never>((_resolve, reject) => {
    const failed = (event: MeshWorkerEvent) => {
      const reason = event.message || 'its file could not be loaded or run'
      reject(new MeshError('worker-failed', `the worker failed: ${reason}`))
    }
    worker.addEventListener('error', failed)
    worker.addEventListener('messageerror', failed)
    stop = () => {
      worker.removeEventListener('error', failed)
      worker.removeEventListener('messageerror', failed)
    }
  })
  // Whoever races against it hears of it; at other times nobody needs to.
  failure.catch(() => {})
  return { failure, stop }
}
