/** The demo's settings: made on the first start, kept in `.fieldmesh/` beside the demo. */

import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface DemoSettings {
  readonly app: string
  /** 64 hexadecimal digits. */
  readonly secret: string
  /** Folder of settings and the hub's store. */
  readonly folder: string
  readonly pagePort: number
  readonly hubPort: number
}

/**
 * Reads or makes the settings. `FIELDMESH_DEMO_FOLDER`, `PORT` and `HUB_PORT` override the folder and
 * the ports (5173 and 8787).
 */
export function demoSettings(): DemoSettings {
  const folder = process.env['FIELDMESH_DEMO_FOLDER'] ?? join(import.meta.dirname, '../.fieldmesh')
  const file = join(folder, 'secret')
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true })
    writeFileSync(file, randomBytes(32).toString('hex'), { mode: 0o600 })
  }
  return {
    app: 'corner-cafe',
    secret: readFileSync(file, 'utf8').trim(),
    folder,
    pagePort: Number(process.env['PORT'] ?? '5173'),
    hubPort: Number(process.env['HUB_PORT'] ?? '8787'),
  }
}
