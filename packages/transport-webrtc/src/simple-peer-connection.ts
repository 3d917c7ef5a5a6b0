/** The peer connection of pages, by simple-peer. */

import type { HandOver } from '@fieldmesh/core/transport'
import type SimplePeer from 'simple-peer'
import { bindingOf } from './channel-binding.ts'
import type { Connection, ConnectionEvents, ConnectionOptions, Connector } from './connection.ts'
import { losePipe, makeDataChannel, messageBytesOf } from './page-data-channel.ts'
import type { PageDataPipe } from './page-data-channel.ts'
import { PatientConnection, toRtcIceServer } from './patient-connection.ts'
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
  return (options, events) =>
    options.isPatient === true
      ? new PatientConnection(options, events)
      : new SimplePeerConnection(Peer, options, events)
}

class SimplePeerConnection implements Connection {
  readonly #peer: SimplePeer.Instance
  readonly #events: ConnectionEvents
  #pipe: PageDataPipe | undefined
  #localSdp = ''
  #remoteSdp = ''
  #error: Error | undefined
  #isOpen = false
  #ended = false

  constructor(Peer: SimplePeer.SimplePeer, options: ConnectionOptions, events: ConnectionEvents) {
    this.#events = events
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
    if (connection) this.#makeDataChannel(connection, options.handOver)
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

  destroy(): void {
    if (this.#ended) return
    this.#ended = true
    this.#pipe?.pipe.destroy()
    this.#peer.destroy()
  }

  #makeDataChannel(connection: RTCPeerConnection, handOver: HandOver | undefined): void {
    this.#pipe = makeDataChannel(connection, handOver, {
      opened: () => this.#open(connection),
      over: () => this.#end(),
    })
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
    if (this.#ended || this.#isOpen || !this.#pipe) return
    const binding = bindingOf(this.#localSdp, this.#remoteSdp)
    if (!binding) {
      this.#fail(new Error('The certificates cannot be told by one SHA-256 fingerprint each'))
      return
    }
    this.#isOpen = true
    this.#events.opened({
      messageBytesMax: messageBytesOf(connection),
      binding,
      pipe: this.#pipe,
    })
  }

  #fail(error: Error): void {
    this.#error = error
    this.#end()
  }

  /** The end of what the connection reports; nothing of it is left. */
  #end(): void {
    if (this.#ended) return
    this.#ended = true
    losePipe(this.#pipe)
    this.#peer.destroy()
    if (!this.#isOpen) {
      this.#events.failed(this.#error ?? new Error('The connection was closed'))
    }
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
