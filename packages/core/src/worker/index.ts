/** `@fieldmesh/core/worker`: what the application's worker file calls. */

import type { Storage } from '../storage/storage.ts'

export interface ServeOptions {
  /** Makes the store of that name. IndexedDB by default. */
  readonly createStorage?: (name: string) => Storage
}

/** Lets this worker run the engine of the page that started it. Call it once, at the top of the file. */
export function serveEngine(_options: ServeOptions = {}): void {}
