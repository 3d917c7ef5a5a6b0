/**
 * The connection of a page that dials directly: the browser's own, with the offer as the browser
 * makes it (rules DR4 to DR6 of docs/specs/direct.md).
 */

import type { HandedOverPipe, HandOver } from '@fieldmesh/core/transport'
import { DataChannelPipe } from '@fieldmesh/core/transport-kit'
import { bindingOf } from '../channel-binding.ts'
import {
  dataChannelId,
  dataChannelLabel,
  dataChannelProtocol,
  messageBytesMax,
} from '../connection.ts'
import type { DirectAddress } from './direct-address.ts'
import { answerOf, midOf } from './direct-description.ts'
import type {
  DialStage,
  DirectConnection,
  DirectConnectionEvents,
  DirectConnector,
} from './direct-dial.ts'

/** Gives the connector of pages; rejects where there is no WebRTC. */
export async function loadPageConnector(): Promise<DirectConnector> {
  if (typeof RTCPeerConnection === 'undefined') {
    throw new Error(
      'There is no WebRTC here. It exists in pages, not in workers, and may be switched off.',
    )
  }
  return (...dial) => new PageConnection(...dial)
}

/** Where the data channel is; a `ConnectionPipe`. */
type DataPipe =
  | { readonly at: 'transport'; readonly pipe: DataChannelPipe }
  | { readonly at: 'engine'; readonly pipe: HandedOverPipe }

class PageConnection implements DirectConnection {
  readonly #connection = new RTCPeerConnection()
  readonly #events: DirectConnectionEvents
  readonly #pipe: DataPipe
  #answer = ''
  #stage: DialStage = 'waiting'
  #isOpen = false
  #ended = false

  constructor(
    address: DirectAddress,
    handOver: HandOver | undefined,
    events: DirectConnectionEvents,
  ) {
    this.#events = events
    const connection = this.#connection
    const data = connection.createDataChannel(dataChannelLabel, {
      negotiated: true,
      id: dataChannelId,
      protocol: dataChannelProtocol,
    })
    // In this very task: later it could not move any more.
    this.#pipe = this.#makePipe(data, handOver)
    connection.oniceconnectionstatechange = () => {
      this.#noteStage(connection.iceConnectionState)
    }
    connection.onconnectionstatechange = () => {
      const { connectionState } = connection
      if (connectionState === 'failed' || connectionState === 'closed') {
        // With a path, it is DTLS that has failed at once; and it is this end that looks at a
        // certificate, while the other one only falls silent.
        if (this.#stage === 'path' && !this.#isOpen) this.#stage = 'other-certificate'
        this.#fail(new Error(`the connection is ${connectionState}`))
      }
    }
    this.#describe(address).catch((error: unknown) => {
      this.#fail(error instanceof Error ? error : new Error(String(error)))
    })
  }

  get stage(): DialStage {
    return this.#stage
  }

  destroy(): void {
    if (this.#ended) return
    this.#close()
    this.#pipe.pipe.destroy()
  }

  #makePipe(data: RTCDataChannel, handOver: HandOver | undefined): DataPipe {
    const opened = () => {
      this.#open()
    }
    const over = () => {
      this.#fail(new Error('the data channel was closed'))
    }
    const handedOver = handOver?.(data, messageBytesMax, opened)
    if (!handedOver) return { at: 'transport', pipe: new DataChannelPipe(data, { opened, over }) }
    void handedOver.gone.then(over)
    return { at: 'engine', pipe: handedOver }
  }

  async #describe(address: DirectAddress): Promise<void> {
    const connection = this.#connection
    const offer = await connection.createOffer()
    const mid = midOf(offer.sdp ?? '')
    if (mid === undefined) throw new Error('the offer of this browser has no section')
    this.#answer = answerOf(address, mid)
    await connection.setLocalDescription(offer)
    await connection.setRemoteDescription({ type: 'answer', sdp: this.#answer })
  }

  #noteStage(state: RTCIceConnectionState): void {
    if (state === 'checking') this.#stage = 'checking'
    if (state === 'connected' || state === 'completed') this.#stage = 'path'
    if (state === 'failed') this.#fail(new Error('no check was answered'))
  }

  #open(): void {
    if (this.#ended || this.#isOpen) return
    const connection = this.#connection
    const binding = bindingOf(connection.localDescription?.sdp ?? '', this.#answer)
    if (!binding) {
      this.#fail(new Error('the certificates cannot be told by one SHA-256 fingerprint each'))
      return
    }
    this.#isOpen = true
    this.#events.opened({
      messageBytesMax: Math.min(messageBytesMax, connection.sctp?.maxMessageSize ?? Infinity),
      binding,
      pipe: this.#pipe,
    })
  }

  /** The end of what the connection reports; nothing of it is left. */
  #fail(error: Error): void {
    if (this.#ended) return
    this.#close()
    // A farewell would have been told before.
    if (this.#pipe.at === 'transport') this.#pipe.pipe.lose()
    else this.#pipe.pipe.destroy()
    if (!this.#isOpen) this.#events.failed(error)
  }

  #close(): void {
    this.#ended = true
    const connection = this.#connection
    connection.oniceconnectionstatechange = null
    connection.onconnectionstatechange = null
    connection.close()
  }
}
