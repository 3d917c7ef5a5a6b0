/** The peer connection of Node, by werift, speaking simple-peer's signals. */

import { createHash } from 'node:crypto'
import { networkInterfaces } from 'node:os'
import type * as Werift from 'werift'
import { bindingOf } from './channel-binding.ts'
import {
  dataChannelId,
  dataChannelLabel,
  dataChannelProtocol,
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
import {
  admitsCheck,
  enlargeReceiveBuffers,
  forgetDefaultServers,
  guardDtls,
  guardSctp,
  retryChecks,
} from './werift-guard.ts'
import type { CheckedConnection } from './werift-guard.ts'
import { WeriftPipe } from './werift-pipe.ts'

export interface WeriftOptions {
  /** Further addresses of this machine to offer, such as those of a tunnel. */
  readonly hostAddresses?: readonly string[]
}

/** Loads werift, which an application installs when it wants WebRTC in Node. */
export async function loadWerift(): Promise<typeof Werift> {
  try {
    return await import('werift')
  } catch (error) {
    throw new Error('WebRTC in Node needs the package werift: npm install werift', { cause: error })
  }
}

/** The connector of Node. */
export async function loadWeriftConnector(options: WeriftOptions): Promise<Connector> {
  const werift = await loadWerift()
  return (...connection) => new WeriftConnection(werift, options, ...connection)
}

/** A `Connection` by werift. */
export class WeriftConnection implements Connection {
  readonly #connection: Werift.RTCPeerConnection
  readonly #events: ConnectionEvents
  readonly #pipe: WeriftPipe
  readonly #sctp: Werift.RTCSctpTransport
  #localSdp = ''
  #remoteSdp = ''
  /** Candidates found before the description that they belong to was signalled. */
  #candidates: PeerSignal[] | undefined = []
  /** Of a patient connection: the candidates of the other end. */
  readonly #knownCandidates: Set<string> | undefined
  #remoteChannelCount = 0
  #hasPath = false
  #isOpen = false
  #ended = false

  constructor(
    { RTCPeerConnection }: typeof Werift,
    { hostAddresses = [] }: WeriftOptions,
    { initiator, iceServers, isPatient = false }: ConnectionOptions,
    events: ConnectionEvents,
  ) {
    this.#events = events
    this.#knownCandidates = isPatient ? new Set() : undefined
    const addresses = [...hostAddresses, ...loopbackIfAlone()]
    this.#connection = new RTCPeerConnection({
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
    const data = this.#connection.createDataChannel(dataChannelLabel, {
      negotiated: true,
      id: dataChannelId,
      ordered: true,
      protocol: dataChannelProtocol,
    })
    if (!iceServers.some(namesStun)) forgetDefaultServers(this.#connection)
    guardDtls(this.#connection)
    this.#sctp = data.sctp
    this.#pipe = new WeriftPipe(data, {
      opened: () => {
        this.#open()
      },
      over: (why) => {
        this.#over(why)
      },
    })
    guardSctp(data.sctp, (error) => {
      this.#pipe.lose(error.message)
    })
    this.#listen()
    if (initiator) this.#attempt(() => this.#describe('offer'))
  }

  /** Whether a path to the other end was found. */
  get hasPath(): boolean {
    return this.#hasPath
  }

  /** SHA-256 of the certificate that the other end has shown, whether or not it is the right one. */
  get remoteFingerprint(): Buffer | undefined {
    const certificate = this.#connection.dtlsTransports[0]?.dtls?.remoteCertificate
    return certificate && createHash('sha256').update(certificate).digest()
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

  destroy(): void {
    // Without a word: whoever gives it up knows.
    this.#ended = true
    this.#pipe.destroy()
  }

  #listen(): void {
    const connection = this.#connection
    connection.onIceCandidate.subscribe((found) => {
      if (!found?.candidate || this.#ended) return
      const { candidate, sdpMid = null, sdpMLineIndex = null } = found
      const signal: PeerSignal = {
        type: 'candidate',
        candidate: { candidate, sdpMid, sdpMLineIndex },
      }
      if (this.#candidates) this.#candidates.push(signal)
      else this.#events.signal(signal)
    })
    connection.connectionStateChange.subscribe((state) => {
      if (state === 'failed' || state === 'closed') this.#pipe.lose(`It is ${state}`)
    })
    connection.iceConnectionStateChange.subscribe((state) => {
      if (state === 'connected' || state === 'completed') this.#hasPath = true
      if (state === 'failed' || state === 'closed') this.#pipe.lose(`ICE is ${state}`)
    })
    // simple-peer opens one for itself, on which it has nothing to say.
    connection.onDataChannel.subscribe(() => {
      this.#remoteChannelCount++
      if (this.#remoteChannelCount > 1) this.#pipe.lose('The other end opened channels')
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
      this.#events.signal({ type, sdp: description.sdp })
      for (const candidate of this.#candidates ?? []) this.#events.signal(candidate)
    }
    this.#candidates = undefined
    await gathered
    if (!this.#ended) this.#events.gathered?.()
  }

  #open(): void {
    const binding = bindingOf(this.#localSdp, this.#remoteSdp)
    if (!binding) {
      this.#pipe.lose('The certificates cannot be told by one SHA-256 fingerprint each')
      return
    }
    this.#isOpen = true
    enlargeReceiveBuffers(this.#connection)
    const { remoteMaxMessageSize } = this.#sctp
    this.#events.opened({
      // Zero stands for no bound (RFC 8841, section 6.1).
      messageBytesMax: Math.min(messageBytesMax, remoteMaxMessageSize || Infinity),
      binding,
      pipe: { at: 'transport', pipe: this.#pipe },
    })
  }

  #attempt(act: () => Promise<void>): void {
    act().catch((error: unknown) => {
      // Candidates that cannot be used are no reason to give up: others may do.
      if (!this.#isOpen) this.#pipe.lose(String(error))
    })
  }

  /** Nothing of the connection is needed any more. */
  #over(why: string): void {
    const isGivenUp = this.#ended
    this.#ended = true
    this.#connection.close().catch(() => undefined)
    if (!isGivenUp && !this.#isOpen) this.#events.failed(new Error(why))
  }
}

function namesStun({ urls }: IceServer): boolean {
  return [urls].flat().some((url) => /^stuns?:/i.test(url))
}

/** On a machine without any network, werift would find no address at all. */
function loopbackIfAlone(): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  return addresses.some((address) => !address.internal) ? [] : ['127.0.0.1']
}
