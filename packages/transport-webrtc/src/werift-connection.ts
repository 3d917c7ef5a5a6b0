/** The peer connection of Node, by werift, speaking simple-peer's signals. */

import { networkInterfaces } from 'node:os'
import { farewellText, pipeMarks } from '@fieldmesh/core/transport-kit'
import type { Pipe, PipeEvents } from '@fieldmesh/core/transport-kit'
import type * as Werift from 'werift'
import { bindingOf } from './channel-binding.ts'
import {
  dataChannelId,
  dataChannelLabel,
  dataChannelProtocol,
  messageBytesMax,
} from './connection.ts'
import type { Connection, ConnectionEvents, ConnectionOptions, Connector } from './connection.ts'
import type { PeerSignal } from './signal.ts'
import { admitsCheck, enlargeReceiveBuffers, guardSctp, retryChecks } from './werift-guard.ts'
import type { CheckedConnection } from './werift-guard.ts'

/**
 * Messages that werift has not handed to the network yet, from which on it is full: its cost per
 * message grows with the number waiting (measured: 0.02 MB/s with hundreds of small ones).
 */
const waitingMessagesMax = 4
/** Messages waiting at which it has drained. */
const waitingMessagesDrained = 1
/** Bytes that may arrive before the channel is open here, when packets overtake each other. */
const earlyBytesMax = 64 * 1024

export interface WeriftOptions {
  /** Further addresses of this machine to offer, such as those of a tunnel. */
  readonly hostAddresses?: readonly string[]
}

/** Loads werift, which an application installs when it wants WebRTC in Node. */
export async function loadWerift(options: WeriftOptions): Promise<Connector> {
  let werift: typeof Werift
  try {
    werift = await import('werift')
  } catch (error) {
    throw new Error('WebRTC in Node needs the package werift: npm install werift', { cause: error })
  }
  return (connectionOptions, events) =>
    new WeriftConnection(werift, options, connectionOptions, events)
}

class WeriftConnection implements Connection, Pipe {
  readonly #connection: Werift.RTCPeerConnection
  readonly #data: Werift.RTCDataChannel
  readonly #connectionEvents: ConnectionEvents
  #pipeEvents: PipeEvents | undefined
  #localSdp = ''
  #remoteSdp = ''
  readonly #early: (Buffer | string)[] = []
  #earlyBytes = 0
  /** Candidates found before the description that they belong to was signalled. */
  #candidates: PeerSignal[] | undefined = []
  /** Of a patient connection: the candidates of the other end. */
  readonly #knownCandidates: Set<string> | undefined
  #waitingMessages = 0
  #awaitsDrain = false
  #saidFarewell = false
  #remoteChannelCount = 0
  #ended = false

  constructor(
    { RTCPeerConnection }: typeof Werift,
    { hostAddresses = [] }: WeriftOptions,
    { initiator, iceServers, isPatient = false }: ConnectionOptions,
    events: ConnectionEvents,
  ) {
    this.#connectionEvents = events
    this.#knownCandidates = isPatient ? new Set() : undefined
    const addresses = [...hostAddresses, ...loopbackIfAlone()]
    this.#connection = new RTCPeerConnection({
      // Always given: werift's own default names a server on the internet.
      iceServers: iceServers.map(({ urls, ...credentials }) => ({
        urls: typeof urls === 'string' ? urls : [...urls],
        ...credentials,
      })),
      ...(addresses.length > 0 ? { iceAdditionalHostAddresses: addresses } : {}),
      maxMessageSize: messageBytesMax,
      // Of requests, whatever its name says.
      iceFilterStunResponse: (check, address) => {
        const [ice] = this.#connection.iceTransports
        const guarded = ice?.connection as unknown as CheckedConnection
        return admitsCheck(guarded, check.getAttributeValue('USERNAME'), address)
      },
    })
    this.#data = this.#connection.createDataChannel(dataChannelLabel, {
      negotiated: true,
      id: dataChannelId,
      ordered: true,
      protocol: dataChannelProtocol,
    })
    this.#listenToConnection()
    this.#listenToData()
    if (initiator) this.#attempt(() => this.#describe('offer'))
  }

  get bufferedBytes(): number {
    return this.#data.bufferedAmount
  }

  get full(): boolean {
    return this.#waitingMessages >= waitingMessagesMax || this.bufferedBytes >= pipeMarks.fullBytes
  }

  signal(signal: PeerSignal): void {
    if (this.#ended) return
    if (signal.type !== 'candidate') this.#remoteSdp = signal.sdp
    this.#attempt(async () => {
      switch (signal.type) {
        case 'offer':
          await this.#connection.setRemoteDescription({ type: 'offer', sdp: signal.sdp })
          await this.#describe('answer')
          break
        case 'answer':
          await this.#connection.setRemoteDescription({ type: 'answer', sdp: signal.sdp })
          break
        case 'candidate': {
          const { candidate, sdpMid, sdpMLineIndex } = signal.candidate
          if (this.#knownCandidates?.has(candidate) === true) {
            retryChecks(this.#connection)
            break
          }
          this.#knownCandidates?.add(candidate)
          await this.#connection.addIceCandidate({
            candidate,
            ...(sdpMid === null ? {} : { sdpMid }),
            ...(sdpMLineIndex === null ? {} : { sdpMLineIndex }),
          })
          break
        }
      }
    })
  }

  listen(events: PipeEvents): void {
    this.#pipeEvents = events
    // Not from inside: the listener's channel is not handed over yet.
    queueMicrotask(() => {
      for (const message of this.#early.splice(0)) this.#deliver(message)
    })
  }

  send(bytes: Uint8Array): void {
    this.#waitingMessages++
    this.#data.send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  }

  awaitDrain(): void {
    this.#awaitsDrain = true
  }

  close(): void {
    if (this.#ended || this.#saidFarewell) return
    this.#saidFarewell = true
    this.#waitingMessages++
    this.#data.send(farewellText)
  }

  destroy(): void {
    if (this.#ended) return
    this.#ended = true
    this.#connection.close().catch(() => undefined)
  }

  #listenToConnection(): void {
    const connection = this.#connection
    connection.onIceCandidate.subscribe((found) => {
      if (!found?.candidate || this.#ended) return
      const { candidate, sdpMid = null, sdpMLineIndex = null } = found
      const signal: PeerSignal = {
        type: 'candidate',
        candidate: { candidate, sdpMid, sdpMLineIndex },
      }
      if (this.#candidates) this.#candidates.push(signal)
      else this.#connectionEvents.signal(signal)
    })
    connection.connectionStateChange.subscribe((state) => {
      if (state === 'failed' || state === 'closed') this.#end(`It is ${state}`)
    })
    connection.iceConnectionStateChange.subscribe((state) => {
      if (state === 'failed' || state === 'closed') this.#end(`ICE is ${state}`)
    })
    // simple-peer opens one for itself, on which it has nothing to say.
    connection.onDataChannel.subscribe(() => {
      this.#remoteChannelCount++
      if (this.#remoteChannelCount > 1) this.#end('The other end opened channels')
    })
  }

  #listenToData(): void {
    const data = this.#data
    data.onMessage.subscribe((message) => {
      if (this.#pipeEvents && this.#early.length === 0) this.#deliver(message)
      else this.#keepEarly(message)
    })
    data.stateChanged.subscribe((state) => {
      if (state === 'closed') this.#end('It was closed')
      if (state === 'open') this.#open()
    })
    // Called with less than zero for each message that was handed to the network: werift has no
    // event for that but the crossing of one threshold in bytes.
    const addBufferedAmount = data.addBufferedAmount.bind(data)
    data.addBufferedAmount = (bytes) => {
      addBufferedAmount(bytes)
      if (bytes < 0) this.#sent()
    }
    guardSctp(data.sctp, (error) => {
      this.#end(error.message)
    })
  }

  async #describe(type: 'offer' | 'answer'): Promise<void> {
    const connection = this.#connection
    const created =
      type === 'offer' ? await connection.createOffer() : await connection.createAnswer()
    // Whoever answers would be the one to begin DTLS. A browser drops what reaches it before its
    // own checks are done, and werift says it again only after a second: so it lets the other begin.
    const description = { type, sdp: created.sdp.replaceAll('a=setup:active', 'a=setup:passive') }
    this.#localSdp = description.sdp
    const gathered = connection.setLocalDescription(description)
    if (!this.#ended) {
      this.#connectionEvents.signal({ type, sdp: description.sdp })
      for (const candidate of this.#candidates ?? []) this.#connectionEvents.signal(candidate)
    }
    this.#candidates = undefined
    await gathered
    if (!this.#ended) this.#connectionEvents.gathered?.()
  }

  #open(): void {
    if (this.#ended) return
    const binding = bindingOf(this.#localSdp, this.#remoteSdp)
    if (!binding) {
      this.#end('The certificates cannot be told by one SHA-256 fingerprint each')
      return
    }
    enlargeReceiveBuffers(this.#connection)
    const { remoteMaxMessageSize } = this.#data.sctp
    this.#connectionEvents.opened({
      // Zero stands for no bound (RFC 8841, section 6.1).
      messageBytesMax: Math.min(messageBytesMax, remoteMaxMessageSize || Infinity),
      binding,
      pipe: { at: 'transport', pipe: this },
    })
  }

  #keepEarly(message: Buffer | string): void {
    this.#earlyBytes += message.length
    this.#early.push(message)
    if (this.#earlyBytes > earlyBytesMax) this.#end('Too much arrived before it was open')
  }

  #deliver(message: Buffer | string): void {
    if (this.#ended) return
    if (message === farewellText) {
      if (this.#saidFarewell) this.#end('It was closed')
      else this.#pipeEvents?.farewell()
      return
    }
    // A copy where werift's memory is larger than the message: the receiver owns it.
    this.#pipeEvents?.message(typeof message === 'string' ? undefined : Uint8Array.from(message))
  }

  /** A message has left. */
  #sent(): void {
    this.#waitingMessages--
    if (this.#ended) return
    if (
      this.#awaitsDrain &&
      this.#waitingMessages <= waitingMessagesDrained &&
      this.bufferedBytes <= pipeMarks.drainedBytes
    ) {
      this.#awaitsDrain = false
      this.#pipeEvents?.drained()
    }
  }

  #attempt(act: () => Promise<void>): void {
    act().catch((error: unknown) => {
      // Candidates that cannot be used are no reason to give up: others may do.
      if (!this.#pipeEvents) this.#end(String(error))
    })
  }

  /** The end of what the connection reports. */
  #end(message: string): void {
    if (this.#ended) return
    this.destroy()
    // A farewell would have been told before.
    if (this.#pipeEvents) this.#pipeEvents.closed('lost')
    else this.#connectionEvents.failed(new Error(message))
  }
}

/** On a machine without any network, werift would find no address at all. */
function loopbackIfAlone(): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  return addresses.some((address) => !address.internal) ? [] : ['127.0.0.1']
}
