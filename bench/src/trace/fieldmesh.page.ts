/** A page with a mesh: its engine in a worker, its store in IndexedDB, connected in both ways. */

import { openMesh, type Mesh } from '@fieldmesh/core'
import { webrtc } from '@fieldmesh/transport-webrtc'
import { websocket } from '@fieldmesh/transport-websocket'
import type { FieldmeshMeeting } from './fieldmesh.ts'
import { useDocument } from './typist.ts'

export { expectText, textArrived, textLength, typeText } from './typist.ts'
export { sentBytes } from './wire-count.ts'

/** Opens the mesh and the document; resolves when hub and other page are direct neighbours. */
export async function join({ secret, hubUrl }: FieldmeshMeeting): Promise<void> {
  const mesh = await openMesh({
    app: 'trace',
    secret,
    worker: new Worker(new URL('engine.worker.ts', import.meta.url), { type: 'module' }),
    transports: [webrtc(), websocket({ urls: [hubUrl] })],
  })
  const paper = await mesh.document('paper')
  await paper.whenLoaded
  useDocument(paper.doc)
  await connected(mesh)
}

/** Resolves when this peer has a link over WebRTC, to the other page, and one to the hub. */
async function connected(mesh: Mesh): Promise<void> {
  return new Promise((resolve) => {
    const observation = mesh.presence.observe(({ local, connections }) => {
      const own = connections.filter(({ from }) => from === local)
      const transports = own.map(({ transport }) => transport)
      if (!transports.includes('webrtc') || !transports.includes('websocket')) return
      resolve()
      queueMicrotask(() => observation.stop())
    })
  })
}
