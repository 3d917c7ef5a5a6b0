/**
 * The DTLS server of a session: werift's, kept to what it may do here (rule DR13 of
 * docs/specs/direct.md).
 */

import { createHash, verify, X509Certificate } from 'node:crypto'
import type * as Werift from 'werift'
import { siftRecords } from '../dtls-records.ts'
import { ReplayWindow } from '../replay-window.ts'
import type { HeldCertificate } from './certificate-file.ts'
import { withoutCookie } from './client-hello.ts'
import type { ClientHello } from './client-hello.ts'

/** Taken from the other end during the handshake, in bytes; a browser sends about 3,000. */
const handshakeBytesMax = 64 * 1024
/** Longest message of the handshake, in bytes: a chain of certificates. */
const handshakeMessageBytesMax = 16 * 1024

const clientHello = 1
const certificate = 11
const certificateVerify = 15
const clientKeyExchange = 16
const finished = 20
const messagesOfClient = new Set([
  clientHello,
  certificate,
  certificateVerify,
  clientKeyExchange,
  finished,
])
/** Bytes of a `Finished`. */
const finishedBytes = 12
/** ECDSA and RSA (PKCS #1) with SHA-256: what werift asks for. */
const signatureSchemes = new Set([0x0403, 0x0401])

export interface DtlsServerOptions {
  readonly werift: typeof Werift
  readonly certificate: HeldCertificate
  /** The one that has brought its cookie back. */
  readonly hello: ClientHello
  readonly send: (datagram: Uint8Array) => void
  /** The handshake is done, and the key of the other end's certificate proven: its SHA-256. */
  readonly connected: (remoteFingerprint: Uint8Array) => void
  /**
   * What was in a record that DTLS has authenticated. `isNewest`: its number is higher than all
   * before, so it is no copy that somebody has kept.
   */
  readonly received: (data: Buffer, isNewest: boolean) => void
  /** The other end has ended it, or broken its rules. Perhaps often. */
  readonly ended: (why: string) => void
}

/** See the file header. */
export class DtlsServer {
  readonly #server: Werift.DtlsServer
  readonly #ended: DtlsServerOptions['ended']
  #handshakeBytes = 0
  readonly #replays = new ReplayWindow()
  /** Of the record that is being taken. */
  #number = 0
  #isConnected = false
  #isMuted = false
  #isOver = false

  constructor(options: DtlsServerOptions) {
    const { werift, certificate, hello, send, connected, received, ended } = options
    this.#ended = ended
    const transport = {
      type: 'udp',
      address: { address: '', family: '', port: 0 },
      closed: false,
      onData: () => undefined,
      send: async (datagram: Buffer) => {
        if (!this.#isMuted && !this.#isOver) send(datagram)
      },
      close: async () => undefined,
    }
    this.#server = new werift.DtlsServer({
      transport,
      cert: certificate.certPem,
      key: certificate.keyPem,
      signatureHash: {
        hash: werift.HashAlgorithm.sha256_4,
        signature: werift.SignatureAlgorithm.ecdsa_3,
      },
      // Without media; but werift, where it dials, insists on agreeing upon them.
      srtpProfiles: [
        werift.ProtectionProfileAeadAes128Gcm,
        werift.ProtectionProfileAes128CmHmacSha1_80,
      ],
      extendedMasterSecret: true,
      certificateRequest: true,
    })
    this.#server.dtls.cookie = Buffer.from(hello.cookie)
    this.#boundMessages()
    this.#skipCookie(hello.recordNumber)
    this.#server.onConnect.subscribe(() => {
      if (this.#isConnected || this.#isOver) return
      const remoteFingerprint = provenFingerprint(this.#server)
      if (!remoteFingerprint) {
        ended('The certificate of the other end is not proven')
        return
      }
      this.#isConnected = true
      connected(remoteFingerprint)
    })
    this.#server.onData.subscribe((data) => {
      if (!this.#isConnected || this.#isOver) return
      received(data, this.#replays.take(this.#number))
    })
    this.#server.onClose.subscribe(() => ended('The other end has closed it'))
    this.#server.onError.subscribe((error) => ended(`DTLS failed: ${String(error)}`))
  }

  get isConnected(): boolean {
    return this.#isConnected
  }

  /** Takes a datagram; returns the number of records that were refused. Never throws. */
  receive(datagram: Uint8Array): number {
    if (this.#isOver) return 0
    const { records, refusedCount } = siftRecords(datagram, this.#isConnected)
    let copyCount = 0
    for (const { bytes, number, isData } of records) {
      if (isData && !this.#replays.isNew(number)) {
        copyCount += 1
        continue
      }
      if (!this.#isConnected) this.#handshakeBytes += bytes.length
      if (this.#handshakeBytes > handshakeBytesMax) {
        this.#ended('The handshake is too long')
        break
      }
      this.#number = number
      try {
        this.#server.transport.socket.onData(bytes, ['', 0])
      } catch {
        // Of what werift cannot read, one record more or less is no matter.
      }
    }
    return refusedCount + copyCount
  }

  /** Encrypts and sends. Rejects before the handshake is done. */
  send(data: Buffer): Promise<void> {
    return this.#server.send(data)
  }

  /** Nothing is sent or told any more. */
  end(): void {
    this.#isOver = true
    // What repeats its messages until the next flight has come would go on for half a minute.
    this.#server.dtls.flight = 6
  }

  /** werift keeps fragments of any length, in any number, and begins anew when it is asked to. */
  #boundMessages(): void {
    const server = this.#server
    const gather = server.handleFragmentHandshake.bind(server)
    server.handleFragmentHandshake = (messages) =>
      gather(
        messages.filter(({ msg_type: type, length, fragment_length: fragmentLength }) =>
          this.#isConnected
            ? type === finished && length === finishedBytes && fragmentLength === finishedBytes
            : messagesOfClient.has(type) && length <= handshakeMessageBytesMax,
        ),
      )
  }

  /** The cookie was asked for before there was a session: werift learns what it missed of that. */
  #skipCookie(recordNumber: number): void {
    const server = this.#server
    const handle = server.onHandleHandshakes
    let hasMissed = true
    server.onHandleHandshakes = async (messages) => {
      const hello = messages.find(({ msg_type: type }) => type === clientHello)
      if (hello && hasMissed) {
        hasMissed = false
        const first = Object.create(hello) as typeof hello
        first.fragment = Buffer.from(withoutCookie(hello.fragment))
        this.#isMuted = true
        const handled = handle([first])
        this.#isMuted = false
        await handled
        // Numbers below are used: by answers that asked for the cookie, of which werift knows none.
        server.dtls.recordSequenceNumber = recordNumber - 1
      }
      await handle(messages)
    }
  }
}

/** SHA-256 of the client's certificate, if it has shown that it has the key. */
function provenFingerprint(server: Werift.DtlsServer): Uint8Array | undefined {
  const raw = server.remoteCertificate
  const messages = server.dtls.sortedHandshakeCache
  const proof = messages.find(({ msg_type: type }) => type === certificateVerify)?.fragment
  if (!raw || !proof || proof.length < 4) return undefined
  if (!signatureSchemes.has(proof.readUInt16BE(0))) return undefined
  // All messages before it, as if they had not been cut (RFC 6347, section 4.2.6).
  const signed = messages
    .filter(({ msg_type: type }) => type !== certificateVerify && type !== finished)
    .map((message) => message.serialize())
  try {
    const { publicKey } = new X509Certificate(raw)
    const signature = proof.subarray(4, 4 + proof.readUInt16BE(2))
    if (!verify('sha256', Buffer.concat(signed), publicKey, signature)) return undefined
  } catch {
    return undefined
  }
  return createHash('sha256').update(raw).digest()
}
