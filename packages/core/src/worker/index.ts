/**
 * `@fieldmesh/core/worker`: what the application's worker file calls.
 *
 * The whole of that file: `import { serveEngine } from '@fieldmesh/core/worker'` and `serveEngine()`.
 */

import { expose } from 'comlink'
import { indexedDbStorage } from '../storage/indexeddb.ts'
import type { Storage } from '../storage/storage.ts'
import { EngineServer } from './engine-server.ts'

export interface ServeOptions {
  /** Makes the store of that name. IndexedDB by default. */
  readonly createStorage?: (name: string) => Storage
}

/** Lets this worker run the engine of the page that started it. Call it once, at the top of the file. */
export function serveEngine(options: ServeOptions = {}): void {
  const createStorage = options.createStorage ?? ((name) => indexedDbStorage({ name }))
  expose(new EngineServer(createStorage))
}
