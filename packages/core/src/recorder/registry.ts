/** The one registry of instruments: every counter, gauge, histogram and event of the library. */

import { connectionInstruments } from './registry/connection.ts'
import { documentsInstruments } from './registry/documents.ts'
import { driverInstruments } from './registry/driver.ts'
import { lifecycleInstruments } from './registry/lifecycle.ts'
import { linkInstruments } from './registry/link.ts'
import { meshInstruments } from './registry/mesh.ts'
import { recorderInstruments } from './registry/recorder.ts'
import { signallingInstruments } from './registry/signalling.ts'
import { syncInstruments } from './registry/sync.ts'

export const registry = {
  link: linkInstruments,
  mesh: meshInstruments,
  signalling: signallingInstruments,
  connection: connectionInstruments,
  sync: syncInstruments,
  documents: documentsInstruments,
  driver: driverInstruments,
  lifecycle: lifecycleInstruments,
  recorder: recorderInstruments,
} as const

export type Registry = typeof registry
