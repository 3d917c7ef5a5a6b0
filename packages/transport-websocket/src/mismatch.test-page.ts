/** A page that opens a mesh and dials a hub. */

import { openMesh } from '@fieldmesh/core'
import { websocket } from '@fieldmesh/transport-websocket'

export interface Dialled {
  /** Codes of the problems that the mesh reported. */
  readonly codes: readonly string[]
  /** Peers of its graph beside itself. */
  readonly others: readonly string[]
}

/** Dials until the mesh reports a problem or knows another peer; then closes it. */
export async function dial(app: string, secret: string, url: string): Promise<Dialled> {
  const worker = new Worker(new URL('engine-worker.test-page.ts', import.meta.url), {
    type: 'module',
  })
  const store = crypto.randomUUID()
  const mesh = await openMesh({
    app,
    secret,
    store,
    worker,
    transports: [websocket({ urls: [url] })],
  })
  const codes: string[] = []
  const others = (): string[] =>
    mesh.presence
      .graph()
      .peers.map(({ peer }) => peer)
      .filter((peer) => peer !== mesh.peer)
  await new Promise<void>((resolve) => {
    mesh.onProblem(({ code }) => {
      codes.push(code)
      resolve()
    })
    mesh.presence.observe(() => {
      if (others().length > 0) resolve()
    })
  })
  const dialled = { codes, others: others() }
  await mesh.close()
  return dialled
}
