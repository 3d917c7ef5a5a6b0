/** A page whose direct channels can be cut, and kept from coming back, while rows are written. */

import { openMesh, type Mesh } from '@fieldmesh/core'
import { websocket } from '@fieldmesh/transport-websocket'
import { webrtc } from './page.ts'

interface Row {
  readonly _id: string
  readonly count: number
}

let mesh: Mesh
let isBarred = false
const connections = new Set<RTCPeerConnection>()

// Connections that the page can end behind the back of the library, and keep from beginning.
globalThis.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(configuration?: RTCConfiguration) {
    super(configuration)
    connections.add(this)
  }

  override async setLocalDescription(description?: RTCLocalSessionDescriptionInit): Promise<void> {
    if (isBarred) throw new DOMException('barred by the test', 'OperationError')
    return super.setLocalDescription(description)
  }
}

/** Opens the mesh; resolves with this peer's id. */
export async function open(secret: string, hubUrl: string): Promise<string> {
  mesh = await openMesh({
    app: 'cafe',
    secret,
    worker: new Worker(new URL('engine-worker.test-page.ts', import.meta.url), { type: 'module' }),
    transports: [webrtc(), websocket({ urls: [hubUrl] })],
  })
  return mesh.peer
}

/** Ends every direct channel, and bars new ones. */
export function cut(): void {
  isBarred = true
  for (const connection of connections) connection.close()
  connections.clear()
}

/** Lets direct channels come again. */
export function mend(): void {
  isBarred = false
}

/** Resolves when the presence graph has that peer so many hops away. */
export async function hops(peer: string, count: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const observation = mesh.presence.observe(({ peers }) => {
      if (peers.find((each) => each.peer === peer)?.hopCount !== count) return
      resolve()
      queueMicrotask(() => observation.stop())
    })
  })
}

const writing = { isOn: false, count: 0 }
let ended: Promise<void>

/** Writes a row, and the next one when it is durable, until `stopWriting`. */
export function startWriting(): void {
  writing.isOn = true
  const write = async (): Promise<void> => {
    while (writing.isOn) {
      const { count } = writing
      await mesh.collection<Row>('rows').insert({ _id: `row-${count}`, count })
      writing.count += 1
      await pause()
    }
  }
  ended = write()
}

/** Resolves with the number of rows that were written. */
export async function stopWriting(): Promise<number> {
  writing.isOn = false
  await ended
  return writing.count
}

const arrivals: { readonly count: number; readonly atMs: number }[] = []

/** Remembers each row as it comes. */
export function watchRows(): void {
  mesh
    .collection<Row>('rows')
    .find()
    .observe(({ changes }) => {
      for (const change of changes) {
        if (change.type !== 'added') throw new Error(`a row was ${change.type}`)
        arrivals.push({ count: change.row.count, atMs: performance.now() })
      }
    })
}

/** Resolves when so many rows have come: those that came, in order, and the longest pause between two. */
export async function arrived(count: number): Promise<{ counts: number[]; longestMs: number }> {
  while (arrivals.length < count) await pause()
  const pauses = arrivals.map(({ atMs }, index) => atMs - (arrivals[index - 1]?.atMs ?? atMs))
  return { counts: arrivals.map((each) => each.count), longestMs: Math.max(...pauses) }
}

async function pause(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 20)
  })
}
