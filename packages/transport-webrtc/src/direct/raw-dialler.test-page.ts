/**
 * An end that dials a Node peer without this transport: werift's DTLS and SCTP over datagrams that a
 * test carries, and may bend.
 */

import { randomBytes } from 'node:crypto'
import * as werift from 'werift'
import { ignoreRepeatedRequests } from '../werift-guard.ts'
import type { HeldCertificate } from './certificate-file.ts'
import { credentialsOf, sctpPort } from './direct-description.ts'

export interface RawDiallerOptions {
  /** What the address says. */
  readonly fingerprint: Uint8Array
  /** This end's own; the key may be another's. */
  readonly certificate: Pick<HeldCertificate, 'certPem' | 'keyPem'>
  readonly send: (datagram: Buffer) => void
}

/** A check as a browser sends it. */
export function makeCheck(
  ufrag: string,
  { fingerprint, password }: { readonly fingerprint: Uint8Array; readonly password?: string },
): Buffer {
  const credentials = credentialsOf(fingerprint)
  const message = new werift.Message(werift.methods.BINDING, werift.classes.REQUEST)
  message.setAttribute('USERNAME', `${credentials.ufrag}:${ufrag}`)
  message.setAttribute('PRIORITY', 1_853_824_767)
  message.setAttribute('ICE-CONTROLLING', 12_345n)
  message.setAttribute('USE-CANDIDATE', null)
  message.addMessageIntegrity(Buffer.from(password ?? credentials.password))
  return message.addFingerprint().bytes
}

export class RawDialler {
  readonly ufrag = randomBytes(3).toString('base64').replaceAll(/[^\w]/g, 'x')
  /** All that came, oldest first. */
  readonly received: Buffer[] = []
  readonly #options: RawDiallerOptions
  readonly #dtls: werift.DtlsClient
  readonly sctp: werift.RTCSctpTransport
  readonly channel: werift.RTCDataChannel
  #transport: { onData: (data: Buffer, from: readonly [string, number]) => void }
  #send: (datagram: Buffer) => void

  constructor(options: RawDiallerOptions) {
    this.#options = options
    this.#send = options.send
    const transport = {
      type: 'udp',
      address: { address: '', family: '', port: 0 },
      closed: false,
      onData: () => undefined,
      send: async (datagram: Buffer) => {
        this.#send(datagram)
      },
      close: async () => undefined,
    }
    this.#transport = transport
    const { certPem, keyPem } = options.certificate
    this.#dtls = new werift.DtlsClient({
      transport,
      cert: certPem,
      key: keyPem,
      signatureHash: {
        hash: werift.HashAlgorithm.sha256_4,
        signature: werift.SignatureAlgorithm.ecdsa_3,
      },
      srtpProfiles: [werift.ProtectionProfileAeadAes128Gcm],
      extendedMasterSecret: true,
    })
    ignoreRepeatedRequests(this.#dtls)
    const below = {
      id: 'raw',
      iceTransport: { role: 'controlling' },
      onStateChange: new werift.Event(),
      sendData: async (data: Buffer) => this.#dtls.send(data),
      dataReceiver: (_data: Buffer): void => undefined,
    }
    this.#dtls.onData.subscribe((data) => {
      below.dataReceiver(data)
    })
    this.sctp = new werift.RTCSctpTransport(sctpPort)
    this.sctp.setDtlsTransport(below as unknown as werift.RTCDtlsTransport)
    // No bound: this end may be hostile.
    this.sctp.setRemoteMaxMessageSize(0)
    this.channel = new werift.RTCDataChannel(
      this.sctp,
      new werift.RTCDataChannelParameters({ label: 'raw', negotiated: true, id: 42 }),
    )
  }

  /** Goes another way from now on. */
  goBy(send: (datagram: Buffer) => void): void {
    this.#send = send
  }

  check(): void {
    this.#send(makeCheck(this.ufrag, this.#options))
  }

  receive(datagram: Uint8Array): void {
    const bytes = Buffer.from(datagram)
    this.received.push(bytes)
    if ((bytes[0] ?? 0) >= 20) this.#transport.onData(bytes, ['', 0])
  }

  /** The DTLS handshake; resolves when it is done on this side. */
  async shakeHands(): Promise<void> {
    const connected = this.#dtls.onConnect.asPromise()
    await this.#dtls.connect()
    await connected
  }

  /** Opens the data channel. */
  async open(): Promise<void> {
    await this.shakeHands()
    const opened = new Promise<void>((resolve) => {
      this.channel.onopen = resolve
    })
    await this.sctp.start(sctpPort)
    await opened
  }

  /** Sends what DTLS takes for a record of its own. */
  async sendSealed(data: Buffer): Promise<void> {
    await this.#dtls.send(data)
  }

  async end(): Promise<void> {
    await this.sctp.stop()
  }
}
