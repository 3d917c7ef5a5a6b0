/** What local writes need of the replica. */

import type { EngineContext } from '../engine/context.ts'
import type { Writer } from '../engine/sync/version.ts'
import type { ReplicaOutputs } from './replica-outputs.ts'

export interface LocalSetting {
  readonly context: EngineContext
  readonly outputs: ReplicaOutputs
  /** The writer that this boot is. */
  readonly self: Writer
  /** The next sequence number of this boot. Numbers are not used twice, whatever fails. */
  nextSeq(): number
  /** The next place in the order of arrival. */
  nextOrdinal(): number
}
