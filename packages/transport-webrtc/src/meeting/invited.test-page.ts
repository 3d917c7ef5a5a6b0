/** A page with a mesh that no hub leads to. */

import { MeshError, openMesh } from '@fieldmesh/core'
import type { Invitation, Joining, Mesh } from '@fieldmesh/core'
import { webrtc } from '../page.ts'

let mesh: Mesh
const invitations: Invitation[] = []
const joinings: Joining[] = []
let failedCount = 0
let whenFailed: () => void = () => {}

// Says when a peer connection of this page has found no path.
globalThis.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(configuration?: RTCConfiguration) {
    super(configuration)
    this.addEventListener('connectionstatechange', () => {
      if (this.connectionState !== 'failed') return
      failedCount += 1
      whenFailed()
    })
  }
}

/** Opens the mesh; resolves with this peer's id. */
export async function open(secret: string): Promise<string> {
  mesh = await openMesh({
    app: 'cafe',
    secret,
    worker: new Worker(new URL('../engine-worker.test-page.ts', import.meta.url), {
      type: 'module',
    }),
    transports: [webrtc()],
  })
  return mesh.peer
}

export async function invite(): Promise<{ number: number; text: string }> {
  const invitation = await mesh.invite()
  return { number: invitations.push(invitation) - 1, text: invitation.text }
}

/** The peer that was met, or the code of the error. */
export async function accept(invitation: number, answer: string): Promise<string> {
  return peerOrCode(invitations[invitation]!.accept(answer))
}

/** The answer, or the code of the error. */
export async function join(text: string): Promise<{ number: number; answer: string }> {
  const joining = await mesh.join(text)
  return { number: joinings.push(joining) - 1, answer: joining.answer }
}

export async function joinRefused(text: string): Promise<string> {
  return peerOrCode(mesh.join(text).then(() => 'joined'))
}

export async function connected(joining: number): Promise<string> {
  return peerOrCode(joinings[joining]!.connected)
}

export async function insert(id: string): Promise<void> {
  await mesh.collection('orders').insert({ _id: id })
}

/** Ids of the rows, once there are that many. */
export async function rows(count: number): Promise<string[]> {
  return new Promise((resolve) => {
    mesh
      .collection('orders')
      .find()
      .observe(({ rows }) => {
        if (rows.length === count) resolve(rows.map(({ _id }) => _id))
      })
  })
}

/** Ids of the neighbours by WebRTC, once there are that many. */
export async function neighbours(count: number): Promise<string[]> {
  return new Promise((resolve) => {
    mesh.presence.observe(({ local, connections }) => {
      const own = connections.filter(
        ({ from, transport }) => from === local && transport === 'webrtc',
      )
      if (own.length === count) resolve(own.map(({ to }) => to).toSorted())
    })
  })
}

/** Once a peer connection of this page has found no path. */
export async function connectionFailed(): Promise<void> {
  if (failedCount > 0) return
  await new Promise<void>((resolve) => {
    whenFailed = resolve
  })
}

async function peerOrCode(promise: Promise<string>): Promise<string> {
  try {
    return await promise
  } catch (error) {
    return error instanceof MeshError ? error.code : String(error)
  }
}
