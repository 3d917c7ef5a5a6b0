/** A page that dials a Node peer directly: as an end of the conformance suite, and with a mesh. */

import { openMesh } from '@fieldmesh/core'
import type { Mesh } from '@fieldmesh/core'
import { EndServer, localEnd, workerEnds } from '@fieldmesh/core/testing'
import type { TransportEnd } from '@fieldmesh/core/testing'
import { webrtcDirect } from '../page.ts'

/** Where the bytes of an end are used: in the page, or in its worker, past the page. */
export type EndPlace = 'page' | 'worker'

export interface Joining {
  readonly app: string
  readonly secret: string
  readonly address: string
}

interface Note {
  readonly _id: string
  readonly text: string
}

const ends = new EndServer()
let inWorker: ReturnType<typeof workerEnds> | undefined
let handedOverCount = 0
let mesh: Mesh
let firstProblem: Promise<string>

// Counts what leaves the page for good, so that a test knows which way the bytes went.
const { postMessage } = MessagePort.prototype
MessagePort.prototype.postMessage = function (this: MessagePort, ...args: unknown[]) {
  const [, moved] = args
  const count = Array.isArray(moved)
    ? moved.filter((each) => each instanceof RTCDataChannel).length
    : 0
  Reflect.apply(postMessage, this, args)
  handedOverCount += count
}

// What the page's connections are given, so that a test sees that offers are the browser's own.
const offers: { readonly made: string; readonly given: string }[] = []
type Method = (...args: unknown[]) => Promise<RTCSessionDescriptionInit | undefined>
const methods = RTCPeerConnection.prototype as unknown as Record<string, Method>
const { createOffer, setLocalDescription } = methods
let made = ''
methods['createOffer'] = async function (...args) {
  const offer = await Reflect.apply(createOffer as Method, this, args)
  made = offer?.sdp ?? ''
  return offer
}
methods['setLocalDescription'] = async function (...args) {
  const [description] = args as [RTCSessionDescriptionInit | undefined]
  offers.push({ made, given: description?.sdp ?? made })
  return Reflect.apply(setLocalDescription as Method, this, args)
}

/** The descriptions that connections were given, and whether each is as the browser made it. */
export function offersUntouched(): readonly boolean[] {
  return offers.map((offer) => offer.made !== '' && offer.made === offer.given)
}

export function makeEnd(peer: string, place: EndPlace): number {
  return ends.add(endAt(peer, place))
}

export function callEnd(end: number, method: string, args: readonly unknown[]): Promise<unknown> {
  return ends.call(end, method, args)
}

/** Data channels that have been handed over so far. */
export function handedOver(): number {
  return handedOverCount
}

/** Opens a mesh that knows one address and nothing else. */
export async function join({ app, secret, address }: Joining): Promise<string> {
  mesh = await openMesh({
    app,
    secret,
    store: crypto.randomUUID(),
    worker: new Worker(new URL('../engine-worker.test-page.ts', import.meta.url), {
      type: 'module',
    }),
    transports: [webrtcDirect({ addresses: [address] })],
  })
  firstProblem = new Promise((resolve) => {
    mesh.onProblem(({ code, message }) => {
      resolve(`${code}: ${message}`)
    })
  })
  return mesh.peer
}

/** The first problem that the mesh has. */
export async function problem(): Promise<string> {
  return firstProblem
}

export async function write(id: string, text: string): Promise<void> {
  await mesh.collection<Note>('notes').upsert({ _id: id, text })
}

/** Resolves with the text once a note has arrived. */
export async function read(id: string): Promise<string> {
  return new Promise((resolve) => {
    const query = mesh
      .collection<Note>('notes')
      .find({ _id: id })
      .observe(({ rows: [note] }) => {
        if (note === undefined) return
        queueMicrotask(() => query.stop())
        resolve(note.text)
      })
  })
}

export async function leave(): Promise<void> {
  await mesh.close()
}

function endAt(peer: string, place: EndPlace): TransportEnd {
  if (place === 'page') return localEnd(webrtcDirect(), peer)
  inWorker ??= workerEnds(
    new Worker(new URL('../ends-worker.test-page.ts', import.meta.url), { type: 'module' }),
  )
  return inWorker(webrtcDirect(), peer)
}
