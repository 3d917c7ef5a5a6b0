/**
 * A page of a line of pages: it has a transport for each of its two neighbours, with a name that only
 * those two run, so that nobody else is introduced over it.
 */

import { openMesh, type Invitation, type Joining, type Mesh } from '@fieldmesh/core'
import { renamed } from '@fieldmesh/testing-browser/renamed'
import { webrtc } from '@fieldmesh/transport-webrtc'
import { meshTraffic, serveTraffic } from '../transfer/mesh-traffic.ts'
import { measureAsking, measureSending, type Traffic } from '../transfer/traffic.ts'
import { untilReached } from './until-reached.ts'

let mesh: Mesh
let invitation: Invitation
let joining: Joining
let way: Traffic

/** Opens the mesh of the page at that place of the line; resolves with this peer's id. */
export async function open(place: number): Promise<string> {
  mesh = await openMesh({
    app: 'line',
    secret: '7e'.repeat(32),
    worker: new Worker(new URL('../transfer/engine.worker.ts', import.meta.url), {
      type: 'module',
    }),
    // Invitations are made over the first one.
    transports: [renamed(webrtc(), `line-${place}`), renamed(webrtc(), `line-${place - 1}`)],
  })
  serveTraffic(mesh)
  return mesh.peer
}

export async function invite(): Promise<string> {
  invitation = await mesh.invite()
  return invitation.text
}

export async function join(text: string): Promise<string> {
  joining = await mesh.join(text)
  return joining.answer
}

export async function accept(answer: string): Promise<void> {
  await invitation.accept(answer)
}

export async function connected(): Promise<void> {
  await joining.connected
}

/** Resolves when a way to the peer is open, over so many hops. */
export async function reach(peer: string, hops: number): Promise<void> {
  await untilReached(mesh, peer, hops)
  way = await meshTraffic(mesh, peer)
}

export async function send(bytes: number): Promise<number> {
  return measureSending(way, bytes)
}

export async function ask(count: number): Promise<number[]> {
  return measureAsking(way, count)
}
