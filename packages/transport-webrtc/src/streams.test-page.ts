/** A page with a mesh whose streams are played with. */

import { openMesh } from '@fieldmesh/core'
import { websocket } from '@fieldmesh/transport-websocket'
import { webrtc } from './page.ts'
import { StreamPlayer } from './stream-player.test-page.ts'

export interface Joining {
  readonly secret: string
  readonly hubUrl: string
  /** WebRTC besides the hub: past the page, or through it. */
  readonly webrtc: 'none' | 'direct' | 'relayed'
  readonly store: string
}

let player: StreamPlayer

/** Opens the mesh; resolves with this peer's id. */
export async function join({ secret, hubUrl, webrtc: way, store }: Joining): Promise<string> {
  const transports = [websocket({ urls: [hubUrl] })]
  const mesh = await openMesh({
    app: 'streams',
    secret,
    store,
    worker: new Worker(new URL('engine-worker.test-page.ts', import.meta.url), { type: 'module' }),
    transports: way === 'none' ? transports : [...transports, webrtc({ direct: way === 'direct' })],
  })
  player = new StreamPlayer(mesh)
  return mesh.peer
}

export async function play(method: keyof StreamPlayer, args: readonly unknown[]): Promise<unknown> {
  return (player[method] as (...args: readonly unknown[]) => Promise<unknown>)(...args)
}
