/** A page that opens meshes as an application does. */

import { DialFailure, type Transport } from '../transport/transport.ts'
import { MeshError, openMesh, type Mesh, type PresencePeer } from './page.ts'

const secret = 'ab'.repeat(32)
let mesh: Mesh | undefined
let stopSlowTransport = () => {}

function startWorker(): Worker {
  return new Worker(new URL('engine-worker.test-page.ts', import.meta.url), { type: 'module' })
}

/** The peer id, or the code of the error. */
export async function open(store: string): Promise<string> {
  try {
    mesh = await openMesh({ app: 'corner-cafe', secret, store, worker: startWorker() })
    return mesh.peer
  } catch (error) {
    return error instanceof MeshError ? error.code : String(error)
  }
}

const transitions: string[] = []
let transitionCame = () => {}

/** Opens, and keeps all transitions of the lifecycle from then on. */
export async function openWatched(store: string): Promise<string> {
  const peer = await open(store)
  mesh?.lifecycle.observe(({ transition, reason }) => {
    transitions.push(`${transition}: ${reason}`)
    transitionCame()
  })
  return peer
}

/** The transitions so far, once that one is among them. */
export async function transitionsUntil(last: string): Promise<string[]> {
  while (!transitions.includes(last)) {
    await new Promise<void>((resolve) => {
      transitionCame = resolve
    })
  }
  return transitions
}

/** What other peers are shown of this one. */
export function shown(): PresencePeer | undefined {
  return mesh?.presence.graph().peers.find(({ peer }) => peer === mesh?.peer)
}

export async function close(): Promise<void> {
  await mesh?.close()
}

/** Writes a row and a line of a document; resolves when both are durable. */
export async function write(id: string, line: string): Promise<void> {
  await mesh?.collection('orders').insert({ _id: id })
  const note = await mesh?.document('note')
  note?.doc.getText('t').insert(0, line)
  await note?.whenSaved()
}

/** What is there of rows and of the document. */
export async function read(): Promise<{ ids: string[]; text: string | undefined }> {
  const rows = await mesh?.collection('orders').find().toArray()
  const note = await mesh?.document('note')
  await note?.whenLoaded
  return { ids: (rows ?? []).map(({ _id }) => _id), text: note?.doc.getText('t').toJSON() }
}

/** What missing features are named. */
export function missingFeatures(): readonly string[] | undefined {
  return mesh?.environment.missing.map(({ feature }) => feature)
}

/** The code of the error that opening with these options brings. */
export async function refusal(what: string): Promise<string> {
  const refused: Record<string, () => Promise<Mesh>> = {
    'no worker': async () => openMesh({ app: 'cafe', secret }),
    'a worker that does not exist': async () => {
      const worker = new Worker(new URL('/no-such-worker.js', location.href), { type: 'module' })
      return openMesh({ app: 'cafe', secret, worker })
    },
    'a worker that throws': async () => {
      const source = new Blob(['throw new Error("a bug in the worker file")'])
      const worker = new Worker(URL.createObjectURL(source))
      return openMesh({ app: 'cafe', secret, worker })
    },
    'given up while a transport starts': async () => {
      const giveUp = new AbortController()
      const transport: Transport = {
        name: 'slow',
        capabilities: {
          canListen: false,
          canDial: true,
          needsUserGesture: false,
          needsSignalling: false,
        },
        start: async () => {
          giveUp.abort('enough')
          await new Promise<void>((resolve) => {
            stopSlowTransport = resolve
          })
        },
        stop: async () => stopSlowTransport(),
        dial: async () => Promise.reject(new DialFailure('unsupported', 'it never starts')),
      }
      const { signal } = giveUp
      return openMesh({
        app: 'cafe',
        secret,
        worker: startWorker(),
        transports: [transport],
        signal,
      })
    },
    'given up': async () =>
      openMesh({ app: 'cafe', secret, worker: startWorker(), signal: AbortSignal.abort('enough') }),
  }
  try {
    await refused[what]?.()
    return 'opened'
  } catch (error) {
    return error instanceof MeshError ? error.code : String(error)
  }
}

/** Names of the locks that this origin holds or waits for. */
export async function lockNames(): Promise<string[]> {
  const { held = [], pending = [] } = await navigator.locks.query()
  return [...held, ...pending].map(({ name }) => name ?? '')
}
