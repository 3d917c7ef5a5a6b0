/** Reports from an engine in another thread, and how the page says that it has taken them. */

import type { RecordPort } from '../driver/record-port.ts'
import type { EngineReport, ReportsTaken } from './engine-access.ts'

/** Taken reports that are told of at once; fewer cost the engine nothing but room. */
const takenReportsMax = 32

/** See the file header. */
export class TakenReports implements RecordPort<never, EngineReport> {
  readonly #port: RecordPort<ReportsTaken, EngineReport>
  #takenCount = 0

  constructor(port: RecordPort<ReportsTaken, EngineReport>) {
    this.#port = port
  }

  post(): void {
    // A page has nothing to report.
  }

  receive(receiver: (reports: readonly EngineReport[]) => void): void {
    this.#port.receive((reports) => {
      // First, so that whatever the application's observers do does not hold the engine up for good.
      this.#taken(reports.length)
      receiver(reports)
    })
  }

  close(): void {
    this.#port.close()
  }

  #taken(count: number): void {
    this.#takenCount += count
    if (this.#takenCount < takenReportsMax) return
    this.#port.post({ type: 'reports-taken', count: this.#takenCount })
    this.#takenCount = 0
  }
}
