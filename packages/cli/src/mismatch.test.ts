/** Peers that do not belong together, over real transports: never connected, and both are told why. */

import { openMesh, type Mesh, type MeshProblem } from '@fieldmesh/core'
import { tcp } from '@fieldmesh/transport-node'
import { websocket } from '@fieldmesh/transport-websocket'
import { afterEach, describe, expect, test } from 'vitest'

const app = 'corner-cafe'
const secret = 'ab'.repeat(32)
const loopback = { port: 0, host: '127.0.0.1' }
const meshes: Mesh[] = []

afterEach(async () => {
  await Promise.all(meshes.splice(0).map(async (mesh) => mesh.close()))
})

type Membership = Pick<Parameters<typeof openMesh>[0], 'app' | 'secret'>

/** A hub, and how to open a mesh that dials it. */
async function openHub(transport: 'websocket' | 'tcp') {
  const listener =
    transport === 'websocket' ? websocket({ listen: loopback }) : tcp({ listen: loopback })
  const hub = await openMesh({ app, secret, transports: [listener] })
  meshes.push(hub)
  const { host, port } = listener.listening!
  const dial = async (membership: Membership) => {
    const dialler =
      transport === 'websocket'
        ? websocket({ urls: [`ws://${host}:${port}`] })
        : tcp({ addresses: [`tcp://${host}:${port}`] })
    const mesh = await openMesh({ ...membership, transports: [dialler] })
    meshes.push(mesh)
    return mesh
  }
  return { hub, dial }
}

/** All problems of a mesh, and a wait for the first. */
function problemsOf(mesh: Mesh) {
  const problems: MeshProblem[] = []
  const first = new Promise<void>((resolve) => {
    mesh.onProblem((problem) => {
      problems.push(problem)
      resolve()
    })
  })
  return { codes: () => problems.map(({ code }) => code), first }
}

async function untilPeers(mesh: Mesh, count: number): Promise<void> {
  return new Promise((resolve) => {
    const observation = mesh.presence.observe(({ peers }) => {
      if (peers.length !== count) return
      resolve()
      queueMicrotask(() => observation.stop())
    })
  })
}

const strangers: readonly [string, Membership, string][] = [
  ['[HS5] with another secret', { app, secret: 'cd'.repeat(32) }, 'secret-mismatch'],
  ['[HS4] of another app', { app: 'other-cafe', secret }, 'app-mismatch'],
]

for (const transport of ['websocket', 'tcp'] as const) {
  describe(`over ${transport}`, () => {
    test.each(strangers)(
      '%s: never connected, and told once on each side',
      async (_who, membership, code) => {
        const { hub, dial } = await openHub(transport)
        const told = problemsOf(hub)
        for (let opening = 1; opening <= 3; opening += 1) {
          const stranger = await dial(membership)
          const toldThere = problemsOf(stranger)
          await toldThere.first
          await told.first
          expect(stranger.presence.graph().peers.map(({ peer }) => peer)).toEqual([stranger.peer])
          await stranger.close()
          expect(toldThere.codes()).toEqual([code])
        }
        // Whoever belongs here still gets in, and what the strangers caused has been said by then.
        const friend = await dial({ app, secret })
        await Promise.all([untilPeers(hub, 2), untilPeers(friend, 2)])
        expect(told.codes()).toEqual([code])
        const known = hub.presence.graph().peers.map(({ peer }) => peer)
        expect(known.toSorted()).toEqual([hub.peer, friend.peer].toSorted())
      },
    )
  })
}
