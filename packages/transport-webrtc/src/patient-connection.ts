/**
 * The peer connection of pages for meetings: the other end is told everything at once, and its answer
 * may take minutes.
 *
 * Not by simple-peer, which gives a connection up as soon as it has failed once. In browsers that is
 * no end: a candidate that is added again lets ICE look for a path again.
 */

import { bindingOf } from './channel-binding.ts'
import type { Connection, ConnectionEvents, ConnectionOptions, IceServer } from './connection.ts'
import { losePipe, makeDataChannel, messageBytesOf } from './page-data-channel.ts'
import type { PageDataPipe } from './page-data-channel.ts'
import type { PeerSignal } from './signal.ts'

export class PatientConnection implements Connection {
  readonly #connection: RTCPeerConnection
  readonly #events: ConnectionEvents
  readonly #data: PageDataPipe
  #remoteSdp = ''
  #isOpen = false
  #ended = false

  constructor({ initiator, iceServers, handOver }: ConnectionOptions, events: ConnectionEvents) {
    this.#events = events
    const connection = new RTCPeerConnection({ iceServers: iceServers.map(toRtcIceServer) })
    this.#connection = connection
    this.#data = makeDataChannel(connection, handOver, {
      opened: () => this.#open(),
      over: () => this.#end('The data channel was closed'),
    })
    connection.ondatachannel = ({ channel }) => {
      channel.close()
    }
    connection.onicecandidate = ({ candidate }) => {
      if (this.#ended) return
      if (candidate) events.signal({ type: 'candidate', candidate: candidate.toJSON() as never })
      else events.gathered?.()
    }
    connection.onconnectionstatechange = () => {
      const { connectionState: state } = connection
      // Before it is open, time decides and nothing else.
      if (state === 'closed' || (state === 'failed' && this.#isOpen)) this.#end(`It is ${state}`)
    }
    if (initiator) this.#attempt(async () => this.#describe())
  }

  signal(signal: PeerSignal): void {
    if (this.#ended) return
    const connection = this.#connection
    if (signal.type === 'candidate') {
      // One that cannot be used is no reason to give up: others may do.
      connection.addIceCandidate(signal.candidate).catch(() => undefined)
      return
    }
    this.#remoteSdp = signal.sdp
    // Called at once, not after one another: the browser keeps them, and candidates, in this order.
    this.#attempt(async () => connection.setRemoteDescription(signal))
    if (signal.type === 'offer') this.#attempt(async () => this.#describe())
  }

  destroy(): void {
    if (this.#ended) return
    this.#ended = true
    this.#data.pipe.destroy()
    this.#connection.close()
  }

  async #describe(): Promise<void> {
    await this.#connection.setLocalDescription()
    const description = this.#connection.localDescription
    if (this.#ended || !description) return
    this.#events.signal({ type: description.type as 'offer' | 'answer', sdp: description.sdp })
  }

  #open(): void {
    if (this.#ended || this.#isOpen) return
    const binding = bindingOf(this.#connection.localDescription?.sdp ?? '', this.#remoteSdp)
    if (!binding) {
      this.#end('The certificates cannot be told by one SHA-256 fingerprint each')
      return
    }
    this.#isOpen = true
    const messageBytesMax = messageBytesOf(this.#connection)
    this.#events.opened({ messageBytesMax, binding, pipe: this.#data })
  }

  #attempt(act: () => Promise<void>): void {
    act().catch((error: unknown) => {
      if (!this.#isOpen) this.#end(String(error))
    })
  }

  /** The end of what the connection reports; nothing of it is left. */
  #end(message: string): void {
    if (this.#ended) return
    this.#ended = true
    losePipe(this.#data)
    this.#connection.close()
    if (!this.#isOpen) this.#events.failed(new Error(message))
  }
}

/** A server as browsers take it. */
export function toRtcIceServer({ urls, ...credentials }: IceServer): RTCIceServer {
  return { urls: typeof urls === 'string' ? urls : [...urls], ...credentials }
}
