/** The engine server: one engine in a worker, for the page that owns the worker. */

import { AdoptingPort } from '../driver/adopting-port.ts'
import { boot } from '../driver/boot.ts'
import type { Driver } from '../driver/driver.ts'
import { MessageRecordPort } from '../driver/message-record-port.ts'
import type { PipeOrder, PipeReport } from '../driver/pipe-records.ts'
import { withSodiumCipher } from '../driver/sodium-cipher.ts'
import type { StreamOrder, StreamReport } from '../driver/stream-orders.ts'
import type { TransportOrder, TransportReport } from '../driver/transport-port.ts'
import type { Command, CommandAnswer } from '../engine/command.ts'
import { nobleCryptography } from '../engine/crypto/noble.ts'
import type { EngineReport, ReportsTaken } from '../facade/engine-access.ts'
import type { Storage } from '../storage/storage.ts'
import { PacedReports } from './paced-reports.ts'
import { claimStore, type StoreClaim } from './store-claim.ts'
import type { WorkerApi, WorkerOpening, WorkerOpenOptions, WorkerPorts } from './worker-api.ts'

/** See the file header. */
export class EngineServer implements WorkerApi {
  readonly #createStorage: (name: string) => Storage
  #isOpened = false
  #driver: Driver | undefined

  constructor(createStorage: (name: string) => Storage) {
    this.#createStorage = createStorage
  }

  hello(): true {
    return true
  }

  async open(options: WorkerOpenOptions, ports: WorkerPorts): Promise<WorkerOpening> {
    const { app, store } = options
    if (this.#isOpened) {
      const message = 'this worker runs an engine already; each mesh needs a worker of its own'
      return { ok: false, problem: { code: 'worker-failed', message } }
    }
    this.#isOpened = true
    const storeName = `fieldmesh:${app}:${store}`
    const claim = await claimStore(storeName)
    if (!claim) {
      const message = `the store ${store} of ${app} is open in another tab of this browser`
      return { ok: false, problem: { code: 'store-in-use', message } }
    }
    try {
      return await this.#start(options, this.#createStorage(storeName), claim, ports)
    } catch (error) {
      claim.release()
      const message = error instanceof Error ? error.message : String(error)
      return { ok: false, problem: { code: 'worker-failed', message } }
    }
  }

  async #start(
    { app, secret, name, platform, metadata }: WorkerOpenOptions,
    storage: Storage,
    claim: StoreClaim,
    ports: WorkerPorts,
  ): Promise<WorkerOpening> {
    // The engine may keep for itself what it sends: frames to send again, updates in its cache.
    const reports = new PacedReports(
      new MessageRecordPort<EngineReport, ReportsTaken>(ports.reports, { bytes: 'copy' }),
    )
    const result = await boot({
      app,
      secret,
      name,
      platform,
      metadata,
      storage,
      cryptography: withSodiumCipher(nobleCryptography),
      transports: new AdoptingPort(
        new MessageRecordPort<TransportOrder, TransportReport>(ports.transports, { bytes: 'copy' }),
        new MessageRecordPort<PipeReport, PipeOrder>(ports.pipes, { bytes: 'copy' }),
      ),
      // Received bytes are the application's.
      streams: new MessageRecordPort<StreamReport, StreamOrder>(ports.streams, { bytes: 'give' }),
      event: (event) => reports.post(event),
      ended: (problem) => {
        claim.release()
        reports.post(problem ? { type: 'ended', problem } : { type: 'ended' })
        reports.close()
      },
    })
    if (!result.ok) {
      claim.release()
      return result
    }
    this.#driver = result.driver
    return { ok: true, peer: result.peer }
  }

  async execute(command: Command): Promise<CommandAnswer> {
    if (this.#driver) return this.#driver.execute(command)
    return { ok: false, problem: { code: 'mesh-closed', message: 'the mesh is not open' } }
  }

  async stop(): Promise<void> {
    await this.#driver?.stop()
  }
}
