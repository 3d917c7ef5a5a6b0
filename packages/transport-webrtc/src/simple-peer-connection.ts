/** The peer connection of pages, by simple-peer. */

import { pipeMarks } from '@fieldmesh/core/transport-kit'
import type { PipeEvents } from '@fieldmesh/core/transport-kit'
import type SimplePeer from 'simple-peer'
import { bindingOf } from './channel-binding.ts'
import {
  dataChannelId,
  dataChannelLabel,
  dataChannelProtocol,
  farewellText,
  messageBytesMax,
} from './connection.ts'
import type {
  Connection,
  ConnectionEvents,
  ConnectionOptions,
  Connector,
  IceServer,
} from './connection.ts'
import type { PeerSignal } from './signal.ts'

/**
 * Loads simple-peer: the file that its authors bundled, which brings its own `process`, `Buffer`
 * and `events`, so that an application's bundler need not. Only now, for the mere import of this
 * package must work where there is no WebRTC (rendering on a server).
 */
export async function loadSimplePeer(): Promise<Connector> {
  if (typeof RTCPeerConnection === 'undefined') {
    throw new Error(
      'There is no WebRTC here. It exists in pages, not in workers, and may be switched off.',
    )
  }
  const { default: Peer } = await import('simple-peer/simplepeer.min.js')
  return (options, events) => new SimplePeerConnection(Peer, options, events)
}

class SimplePeerConnection implements Connection {
  readonly #peer: SimplePeer.Instance
  readonly #connectionEvents: ConnectionEvents
  #data: RTCDataChannel | undefined
  #pipeEvents: PipeEvents | undefined
  #localSdp = ''
  #remoteSdp = ''
  #error: Error | undefined
  #saidFarewell = false
  #ended = false

  constructor(Peer: SimplePeer.SimplePeer, options: ConnectionOptions, events: ConnectionEvents) {
    this.#connectionEvents = events
    this.#peer = new Peer({
      initiator: options.initiator,
      trickle: true,
      // Always given: simple-peer's own default names servers on the internet.
      config: { iceServers: options.iceServers.map(toRtcIceServer) },
      // Noted here and in `signal`: a channel may open before the browser has said that it has
      // taken a description, and shows it.
      sdpTransform: (sdp: string) => {
        this.#localSdp = sdp
        return sdp
      },
    })
    this.#peer.on('signal', (signal) => {
      const own = toPeerSignal(signal)
      if (own && !this.#ended) events.signal(own)
    })
    this.#peer.on('error', (error) => {
      this.#error = error
    })
    this.#peer.on('close', () => {
      this.#end()
    })
    // Its own channel carries nothing of ours; what came on it would pile up.
    this.#peer.on('data', () => {
      this.#fail(new Error('The other end sent data that is not for us'))
    })
    // simple-peer keeps its connection to itself, but our own channel must be made on it in the
    // task of the constructor. Without a connection it has failed and says so itself.
    const { _pc: connection } = this.#peer as unknown as { readonly _pc?: RTCPeerConnection }
    if (connection) this.#makeDataChannel(connection)
  }

  get bufferedBytes(): number {
    return this.#data?.bufferedAmount ?? 0
  }

  get full(): boolean {
    return this.bufferedBytes >= pipeMarks.fullBytes
  }

  signal(signal: PeerSignal): void {
    if (this.#ended) return
    if (signal.type !== 'candidate') this.#remoteSdp = signal.sdp
    try {
      this.#peer.signal(signal as SimplePeer.SignalData)
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)))
    }
  }

  listen(events: PipeEvents): void {
    this.#pipeEvents = events
  }

  send(bytes: Uint8Array): void {
    // The engine's bytes never lie in shared memory, which alone the type would allow besides.
    this.#data?.send(bytes as Uint8Array<ArrayBuffer>)
  }

  awaitDrain(): void {
    // The event of the data channel comes by itself.
  }

  close(): void {
    if (this.#ended || this.#saidFarewell) return
    this.#saidFarewell = true
    this.#data?.send(farewellText)
    // Whoever is answered need not wait for more; whoever answers waits for the other to go.
  }

  destroy(): void {
    this.#ended = true
    this.#peer.destroy()
  }

  #makeDataChannel(connection: RTCPeerConnection): void {
    const data = connection.createDataChannel(dataChannelLabel, {
      negotiated: true,
      id: dataChannelId,
      protocol: dataChannelProtocol,
    })
    this.#data = data
    data.binaryType = 'arraybuffer'
    data.bufferedAmountLowThreshold = pipeMarks.drainedBytes
    data.onopen = () => {
      this.#open(connection)
    }
    data.onmessage = ({ data }: MessageEvent<unknown>) => {
      this.#receive(data)
    }
    data.onbufferedamountlow = () => {
      if (!this.#ended) this.#pipeEvents?.drained()
    }
    data.onclose = () => {
      this.#end()
    }
    // simple-peer expects one channel of the other end; each further one would cost it a timer.
    const expected = connection.ondatachannel
    connection.ondatachannel = (event) => {
      connection.ondatachannel = ({ channel }) => {
        channel.close()
      }
      expected?.call(connection, event)
    }
  }

  #open(connection: RTCPeerConnection): void {
    if (this.#ended) return
    const binding = bindingOf(this.#localSdp, this.#remoteSdp)
    if (!binding) {
      this.#fail(new Error('The certificates cannot be told by one SHA-256 fingerprint each'))
      return
    }
    this.#connectionEvents.opened({
      messageBytesMax: Math.min(messageBytesMax, connection.sctp?.maxMessageSize ?? Infinity),
      binding,
    })
  }

  #fail(error: Error): void {
    this.#error = error
    this.#end()
  }

  #receive(data: unknown): void {
    if (this.#ended) return
    if (data !== farewellText) {
      this.#pipeEvents?.message(data instanceof ArrayBuffer ? new Uint8Array(data) : undefined)
      return
    }
    if (this.#saidFarewell) this.#end()
    else this.#pipeEvents?.farewell()
  }

  /** The end of what the connection reports; nothing of it is left. */
  #end(): void {
    if (this.#ended) return
    this.destroy()
    // A farewell would have been told before.
    if (this.#pipeEvents) this.#pipeEvents.closed('lost')
    else this.#connectionEvents.failed(this.#error ?? new Error('The connection was closed'))
  }
}

function toPeerSignal(signal: SimplePeer.SignalData): PeerSignal | undefined {
  if (signal.type === 'candidate') {
    const { candidate, sdpMid, sdpMLineIndex } = signal.candidate
    return {
      type: 'candidate',
      candidate: {
        candidate: candidate ?? '',
        sdpMid: sdpMid ?? null,
        sdpMLineIndex: sdpMLineIndex ?? null,
      },
    }
  }
  if ((signal.type === 'offer' || signal.type === 'answer') && signal.sdp !== undefined) {
    return { type: signal.type, sdp: signal.sdp }
  }
  // Renegotiation is for media, of which there is none.
  return undefined
}

function toRtcIceServer({ urls, ...credentials }: IceServer): RTCIceServer {
  return { urls: typeof urls === 'string' ? urls : [...urls], ...credentials }
}
