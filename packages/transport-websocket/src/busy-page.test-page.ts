/** A page that watches a collection, and is busy with something else. */

import { openMesh, type LiveQuery, type Mesh } from '@fieldmesh/core'
import { websocket } from '@fieldmesh/transport-websocket'

let mesh: Mesh
let live: LiveQuery<{ _id: string }>

export async function watch(secret: string, url: string): Promise<void> {
  const worker = new Worker(new URL('engine-worker.test-page.ts', import.meta.url), {
    type: 'module',
  })
  mesh = await openMesh({ app: 'busy', secret, worker, transports: [websocket({ urls: [url] })] })
  await new Promise<void>((resolve) => {
    live = mesh
      .collection<{ _id: string }>('orders')
      .find()
      .observe(() => resolve())
  })
}

/** Does nothing else for a while. */
export function spin(ms: number): void {
  const endMs = performance.now() + ms
  while (performance.now() < endMs);
}

/** Resolves once the live query has that many rows, with them and those of a query of now. */
export async function rowsOf(count: number): Promise<[string[], string[]]> {
  while (live.rows.length < count) {
    await new Promise((resolve) => {
      setTimeout(resolve, 50)
    })
  }
  const found = await mesh.collection<{ _id: string }>('orders').find().toArray()
  const idsOf = (rows: readonly { _id: string }[]) => rows.map(({ _id }) => _id)
  return [idsOf(live.rows), idsOf(found)]
}

export async function leave(): Promise<void> {
  await mesh.close()
}
