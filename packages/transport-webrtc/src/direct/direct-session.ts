/**
 * One end that has dialled this peer directly: DTLS, SCTP and the data channel (rules DR6 and DR11
 * to DR16 of docs/specs/direct.md).
 */

import type * as Werift from 'werift'
import { bindingOfFingerprints } from '../channel-binding.ts'
import {
  dataChannelId,
  dataChannelLabel,
  dataChannelProtocol,
  messageBytesMax,
} from '../connection.ts'
import { guardSctp } from '../werift-guard.ts'
import { WeriftPipe } from '../werift-pipe.ts'
import type { HeldCertificate } from './certificate-file.ts'
import type { ClientHello } from './client-hello.ts'
import type { DirectCounts } from './direct-counts.ts'
import { sctpPort } from './direct-description.ts'
import { DtlsServer } from './dtls-server.ts'

/** Time in which a session must have an open data channel. */
const establishMs = 10_000
/** Without a check or a record for so long, the other end is gone (RFC 7675). */
const silenceMs = 30_000

/** A pair of addresses and ports that datagrams take. */
export interface DirectWay {
  /** Both addresses and ports as one text. */
  readonly name: string
  readonly localHost: string
  /** The far address and port. */
  readonly host: string
  readonly port: number
  readonly send: (datagram: Uint8Array) => void
}

export interface DirectSessionOptions {
  readonly werift: typeof Werift
  readonly certificate: HeldCertificate
  readonly counts: DirectCounts
  /** The one that has brought its cookie back. */
  readonly hello: ClientHello
  readonly way: DirectWay
  /** The session goes another way from now on. */
  readonly moved: (session: DirectSession, from: DirectWay) => void
  /** There is a channel: its pipe is to be listened to in this call. */
  readonly opened: (session: DirectSession, pipe: WeriftPipe, binding: Uint8Array) => void
  /** Nothing of the session is left. Called once. */
  readonly ended: (session: DirectSession) => void
}

/** See the file header. */
export class DirectSession {
  /** What tells this handshake from the next one of the same end. */
  readonly random: Uint8Array
  /** The ufrag of the other end, once a check has named it. */
  remoteUfrag: string | undefined
  readonly #options: DirectSessionOptions
  readonly #dtls: DtlsServer
  readonly #sctp: Werift.RTCSctpTransport
  readonly #pipe: WeriftPipe
  #way: DirectWay
  /** Where SCTP takes what DTLS has decrypted. */
  readonly #inbound: { take?: ((data: Buffer) => void) | undefined } = {}
  #binding: Uint8Array = new Uint8Array(0)
  #timer: ReturnType<typeof setTimeout>
  /** Whether the datagram that is being taken is the other end's, and no copy. */
  #isAuthentic = false
  #isOpen = false
  #isOver = false

  constructor(options: DirectSessionOptions) {
    const { werift, certificate, hello, way } = options
    this.#options = options
    this.#way = way
    this.random = hello.random.slice()
    this.#dtls = new DtlsServer({
      werift,
      certificate,
      hello,
      send: (datagram) => {
        this.#way.send(datagram)
      },
      connected: (remoteFingerprint) => {
        this.#binding = bindingOfFingerprints(certificate.fingerprint, remoteFingerprint)
      },
      received: (data, isNewest) => {
        if (isNewest) this.#isAuthentic = true
        this.#inbound.take?.(data)
      },
      ended: (why) => {
        this.#pipe.lose(why)
      },
    })
    this.#sctp = this.#makeSctp(werift)
    const data = new werift.RTCDataChannel(
      this.#sctp,
      new werift.RTCDataChannelParameters({
        label: dataChannelLabel,
        protocol: dataChannelProtocol,
        negotiated: true,
        id: dataChannelId,
        ordered: true,
      }),
    )
    this.#pipe = new WeriftPipe(data, {
      opened: () => {
        this.#open()
      },
      over: () => {
        this.#over()
      },
    })
    this.#timer = setTimeout(() => {
      this.#pipe.lose(`No channel was open after ${establishMs} ms`)
    }, establishMs)
    // The other end begins: this only makes it listen.
    this.#sctp.start(sctpPort).catch(() => undefined)
  }

  get way(): DirectWay {
    return this.#way
  }

  /** Whether no message of the other end has come yet. */
  get isNew(): boolean {
    return !this.#pipe.hasHeard
  }

  /** Whether the DTLS handshake is under way. */
  get isHandshaking(): boolean {
    return !this.#dtls.isConnected
  }

  /** Takes a datagram of DTLS. Never throws. */
  receive(datagram: Uint8Array, way: DirectWay): void {
    if (this.#isOver) return
    this.#isAuthentic = false
    this.#options.counts.recordsRefused += this.#dtls.receive(datagram)
    if (!this.#isAuthentic || this.#isOver) return
    this.#move(way)
    this.heard()
  }

  /** The other end has given a sign of life. */
  heard(): void {
    if (this.#isOpen && !this.#isOver) this.#timer.refresh()
  }

  /** It is over, and the other end is told as far as it can be. */
  end(): void {
    this.#pipe.lose('It was ended')
  }

  #makeSctp(werift: typeof Werift): Werift.RTCSctpTransport {
    const inbound = this.#inbound
    // As much of a DTLS transport as SCTP asks for.
    const dtls = {
      id: 'direct',
      iceTransport: { role: 'controlled' },
      onStateChange: new werift.Event(),
      sendData: (data: Buffer) => this.#dtls.send(data),
      set dataReceiver(take: ((data: Buffer) => void) | undefined) {
        inbound.take = take
      },
    }
    const sctp = new werift.RTCSctpTransport(sctpPort, messageBytesMax)
    guardSctp(sctp, (error) => {
      this.#pipe.lose(error.message)
    })
    sctp.setDtlsTransport(dtls as unknown as Werift.RTCDtlsTransport)
    sctp.onDataChannel.subscribe(() => {
      this.#pipe.lose('The other end opened channels')
    })
    return sctp
  }

  #move(way: DirectWay): void {
    if (way.name === this.#way.name) return
    const from = this.#way
    this.#way = way
    this.#options.moved(this, from)
  }

  #open(): void {
    this.#isOpen = true
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#pipe.lose(`Nothing was heard for ${silenceMs} ms`)
    }, silenceMs)
    this.#options.opened(this, this.#pipe, this.#binding)
  }

  #over(): void {
    this.#isOver = true
    if (!this.#isOpen) this.#options.counts.sessionsFailed += 1
    clearTimeout(this.#timer)
    // Says so to the other end, at once: the rest of it comes later.
    this.#sctp.stop().catch(() => undefined)
    this.#dtls.end()
    this.#options.ended(this)
  }
}
