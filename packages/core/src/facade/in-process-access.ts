/** Engine access in one thread: engine, transports and application share it. */

import { boot, type BootOptions } from '../driver/boot.ts'
import type { Driver } from '../driver/driver.ts'
import type { FailedDial } from '../driver/dial-log.ts'
import type { MeetingBroker } from '../driver/meeting-broker.ts'
import { createRecordPortPair, type RecordPort } from '../driver/record-port.ts'
import type { StreamOrder, StreamOrderPort, StreamReport } from '../driver/stream-orders.ts'
import { TransportBroker } from '../driver/transport-broker.ts'
import type { TransportOrder, TransportReport } from '../driver/transport-port.ts'
import type { Command, CommandAnswer } from '../engine/command.ts'
import type { PeerId } from '../engine/identity/peer-id.ts'
import type { Transport } from '../transport/transport.ts'
import type { EngineAccess, EngineReport } from './engine-access.ts'
import { meshErrorOf } from './mesh-error.ts'

export interface InProcessOptions extends Omit<
  BootOptions,
  'transports' | 'streams' | 'event' | 'ended'
> {
  readonly transports: readonly Transport[]
}

/** See the file header. */
export class InProcessAccess implements EngineAccess {
  readonly peer: PeerId
  readonly reports: RecordPort<never, EngineReport>
  readonly streams: StreamOrderPort
  readonly #driver: Driver
  readonly #broker: TransportBroker

  private constructor(
    peer: PeerId,
    reports: RecordPort<never, EngineReport>,
    streams: StreamOrderPort,
    driver: Driver,
    broker: TransportBroker,
  ) {
    this.peer = peer
    this.reports = reports
    this.streams = streams
    this.#driver = driver
    this.#broker = broker
  }

  /** Opens the store and starts engine and transports. Rejects with `MeshError`. */
  static async open({ transports, ...options }: InProcessOptions): Promise<InProcessAccess> {
    const [port, brokerPort] = createRecordPortPair<TransportOrder, TransportReport>()
    const [reports, sender] = createRecordPortPair<never, EngineReport>()
    const [streams, streamReports] = createRecordPortPair<StreamOrder, StreamReport>()
    const result = await boot({
      ...options,
      transports: port,
      streams: streamReports,
      event: (event) => sender.post(event),
      ended: (problem) => sender.post(problem ? { type: 'ended', problem } : { type: 'ended' }),
    })
    if (!result.ok) throw meshErrorOf(result.problem)
    const broker = new TransportBroker({ transports, port: brokerPort, localPeer: result.peer })
    await broker.start()
    return new InProcessAccess(result.peer, reports, streams, result.driver, broker)
  }

  get meetings(): MeetingBroker {
    return this.#broker
  }

  get failedDials(): readonly FailedDial[] {
    return this.#broker.dialLog.failed
  }

  async execute(command: Command): Promise<CommandAnswer> {
    return this.#driver.execute(command)
  }

  async stop(): Promise<void> {
    await this.#driver.stop()
  }

  async release(): Promise<void> {
    await this.#broker.stop()
    this.reports.close()
    this.streams.close()
  }

  abandon(): void {
    void this.#broker.stop()
    void this.#driver.stop()
  }
}
