/**
 * A page of a line of pages: it has a transport for each of its two neighbours, with a name that only
 * those two run, so that nobody else is introduced over it.
 */

import { openMesh, type Invitation, type Joining, type Mesh } from '@fieldmesh/core'
import { renamed } from '@fieldmesh/testing-browser/renamed'
import { websocket } from '@fieldmesh/transport-websocket'
import { webrtc } from './page.ts'

let mesh: Mesh
let invitation: Invitation
let joining: Joining

/** Opens the mesh of the page at that place of the line; resolves with this peer's id. */
export async function open(place: number, secret: string, hubUrl?: string): Promise<string> {
  mesh = await openMesh({
    app: 'line',
    secret,
    worker: new Worker(new URL('engine-worker.test-page.ts', import.meta.url), { type: 'module' }),
    // Invitations are made over the first one.
    transports: [
      renamed(webrtc(), `line-${place}`),
      renamed(webrtc(), `line-${place - 1}`),
      ...(hubUrl === undefined ? [] : [websocket({ urls: [hubUrl] })]),
    ],
  })
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

export async function insert(id: string): Promise<void> {
  await mesh.collection('orders').insert({ _id: id })
}

/** Ids of the rows, in order, once there are that many. */
export async function rows(count: number): Promise<string[]> {
  return new Promise((resolve) => {
    mesh
      .collection('orders')
      .find()
      .observe(({ rows }) => {
        if (rows.length === count) resolve(rows.map(({ _id }) => _id).toSorted())
      })
  })
}

/** Resolves when that peer is so many hops away; 0 stands for out of reach. */
export async function hops(peer: string, count: number): Promise<void> {
  await new Promise<void>((resolve) => {
    mesh.presence.observe(({ peers }) => {
      const known = peers.find((each) => each.peer === peer)
      if ((known?.hopCount ?? 0) === count) resolve()
    })
  })
}
