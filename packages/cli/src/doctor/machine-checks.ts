/** Checks of the machine alone: runtime, clock, disk. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openMesh } from '@fieldmesh/core'
import { sqliteStorage } from '@fieldmesh/core/storage/sqlite'
import type { Check } from './check.ts'

/** Least version of Node: it brings SQLite. */
const nodeVersionMin = [22, 13] as const

/** `version` as `process.versions.node` has it. */
export function checkNode(version: string): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [majorMin, minorMin] = nodeVersionMin
  const isNewEnough = major > majorMin || (major === majorMin && minor >= minorMin)
  if (isNewEnough) return { name: 'node', status: 'ok', message: `Node ${version}.` }
  return {
    name: 'node',
    status: 'failed',
    message: `Node ${version} is older than ${majorMin}.${minorMin}.`,
    remedy: 'Install a newer Node: stores need its SQLite.',
  }
}

/** No clock that is right shows less: the project is younger. */
const clockMsMin = Date.UTC(2026, 0, 1)

/** The wall clock, in milliseconds since 1970. */
export function checkClock(wallMs: number): Check {
  const message = `The clock says ${new Date(wallMs).toISOString()}.`
  if (wallMs >= clockMsMin) return { name: 'clock', status: 'ok', message }
  const remedy = 'Set the clock of the machine: certificates and invitations expire by it.'
  return { name: 'clock', status: 'failed', message, remedy, code: 'clock-wrong' }
}

/** Keeps a document on a disk, and finds it again. */
export async function checkStore(folder: string = tmpdir()): Promise<Check> {
  const name = 'store'
  let path: string | undefined
  try {
    path = mkdtempSync(join(folder, 'fieldmesh-doctor-'))
    const storage = () => sqliteStorage({ path: join(path ?? folder, 'doctor.sqlite') })
    const options = { app: 'doctor', secret: '00'.repeat(32), transports: [] }
    const first = await openMesh({ ...options, storage: storage() })
    await first.collection('checks').insert({ _id: 'kept' })
    await first.close()
    const second = await openMesh({ ...options, storage: storage() })
    const kept = await second.collection('checks').get('kept')
    await second.close()
    if (kept === undefined) throw new Error('what was written was not found again')
    return { name, status: 'ok', message: `Documents are kept on disk (tried in ${folder}).` }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const remedy = 'See that the folder may be written to and that its disk has room.'
    return { name, status: 'failed', message: `No store in ${folder}: ${reason}.`, remedy }
  } finally {
    if (path !== undefined) rmSync(path, { recursive: true, force: true })
  }
}
