/** A page with a mesh: its engine in a worker, connected to another peer over WebRTC. */

import { openMesh, type Mesh } from '@fieldmesh/core'
import { webrtc } from '@fieldmesh/transport-webrtc'
import { websocket } from '@fieldmesh/transport-websocket'
import { meshTraffic, serveTraffic } from './mesh-traffic.ts'
import { measureAsking, measureAskingMeanwhile, measureSending, type Traffic } from './traffic.ts'

export interface TransferMeeting {
  readonly secret: string
  readonly hubUrl: string
}

let mesh: Mesh
let way: Traffic

/** Opens the mesh, which serves traffic, and resolves with this peer's id. */
export async function join({ secret, hubUrl }: TransferMeeting): Promise<string> {
  mesh = await openMesh({
    app: 'transfer',
    secret,
    worker: new Worker(new URL('engine.worker.ts', import.meta.url), { type: 'module' }),
    transports: [webrtc(), websocket({ urls: [hubUrl] })],
  })
  serveTraffic(mesh)
  return mesh.peer
}

/** Resolves when the peer is a neighbour over WebRTC and a way to it is open. */
export async function meet(peer: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const observation = mesh.presence.observe(({ local, connections }) => {
      const isThere = connections.some(
        ({ from, to, transport }) => from === local && to === peer && transport === 'webrtc',
      )
      if (!isThere) return
      resolve()
      queueMicrotask(() => observation.stop())
    })
  })
  way = await meshTraffic(mesh, peer)
}

export async function send(bytes: number): Promise<number> {
  return measureSending(way, bytes)
}

export async function ask(count: number): Promise<number[]> {
  return measureAsking(way, count)
}

export async function askMeanwhile(bytes: number, pauseMs: number): Promise<number[]> {
  return measureAskingMeanwhile(way, way, bytes, pauseMs)
}

export async function leave(): Promise<void> {
  await mesh.close()
}
