/**
 * One listening address of the UDP transport: a socket, and the channels that others opened to it
 * (rules UD2 to UD7 of docs/specs/udp.md).
 *
 * Nothing is kept for an end that has not brought its cookie back.
 */

import type { RemoteInfo, Socket } from 'node:dgram'
import type { UdpAddress } from './udp-address.ts'
import { UdpCookies } from './udp-cookies.ts'
import type { UdpCounts } from './udp-counts.ts'
import {
  decodeUdpDatagram,
  encodeCookie,
  encodeRefuse,
  encodeTagged,
  udpVersion,
} from './udp-datagram.ts'
import type { UdpDatagram } from './udp-datagram.ts'
import { UdpPipe } from './udp-pipe.ts'
import { familyOf, openUdpSocket, ownBytes, widenReceiveBuffer } from './udp-socket.ts'

/** Channels of one listening address whose other end has not sent a message; more are refused. */
const strangersMax = 64

/** Datagrams of unknown channels that are answered within a second; the rest is dropped. */
const goneAnswersPerSecondMax = 100

export interface UdpListenerOptions {
  /** Address of an interface, with its zone if it has one; 0 lets the system choose the port. */
  readonly host: string
  readonly port: number
  readonly counts: UdpCounts
  /** Whether no more channels are taken. */
  readonly isFull: () => boolean
  /** A channel was opened by the end at that address. */
  readonly opened: (pipe: UdpPipe, remoteHost: string) => void
  /** Milliseconds of a clock that never goes back. */
  readonly nowMs: () => number
}

/** See the file header. */
export class UdpListener {
  /** Where it listens, with the port that the system chose. */
  readonly address: UdpAddress
  readonly #options: UdpListenerOptions
  readonly #socket: Socket
  readonly #cookies = new UdpCookies()
  readonly #pipesByRemote = new Map<string, UdpPipe>()
  #goneAnswers = 0
  #goneWindow = 0
  #isClosed = false

  /** Begins to listen; rejects with the system's error when it cannot. */
  static async bind(options: UdpListenerOptions): Promise<UdpListener> {
    const socket = openUdpSocket(familyOf(options.host) === 6 ? 6 : 4)
    await new Promise<void>((resolve, reject) => {
      const failed = (error: Error) => {
        socket.close()
        reject(error)
      }
      socket.once('error', failed)
      socket.bind({ address: options.host, port: options.port }, () => {
        socket.off('error', failed)
        resolve()
      })
    })
    return new UdpListener(options, socket)
  }

  private constructor(options: UdpListenerOptions, socket: Socket) {
    this.#options = options
    this.#socket = socket
    // Asked now: Node throws once the interface of a link-local address has gone.
    this.address = { host: options.host, port: socket.address().port }
    widenReceiveBuffer(socket)
    socket.on('message', (bytes, remote) => {
      this.#receive(bytes, remote)
    })
  }

  /** Ends the socket; channels that are left are lost. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const pipe of this.#pipesByRemote.values()) pipe.lost()
    await new Promise<void>((resolve) => {
      this.#socket.close(resolve)
    })
  }

  #receive(bytes: Uint8Array, remote: RemoteInfo): void {
    const { counts } = this.#options
    // Nobody can be answered at port 0, and nobody sends from there.
    const datagram = remote.port === 0 ? undefined : decodeUdpDatagram(bytes)
    switch (datagram?.type) {
      case 'open':
        this.#challenge(datagram, remote)
        return
      case 'confirm':
        this.#confirm(datagram, remote)
        return
      case 'message':
      case 'farewell':
      case 'gone': {
        const pipe = this.#pipesByRemote.get(nameOf(remote))
        if (!pipe || !equal(pipe.localTag, datagram.tag)) {
          this.#answerUnknown(datagram, remote)
        } else if (datagram.type === 'message') pipe.receiveMessage(ownBytes(datagram.message))
        else if (datagram.type === 'farewell') pipe.receiveFarewell()
        else pipe.lost()
        return
      }
      case 'challenge':
      case 'accept':
      case 'refuse':
      case undefined:
        counts.malformed += 1
    }
  }

  #challenge({ version, tag }: Extract<UdpDatagram, { type: 'open' }>, remote: RemoteInfo): void {
    if (version !== udpVersion) {
      this.#options.counts.dialsRefused += 1
      this.#reply(encodeRefuse(tag, 'version'), remote)
      return
    }
    const cookie = this.#cookies.issue(nameOf(remote), tag, this.#options.nowMs())
    this.#reply(encodeCookie('challenge', tag, cookie), remote)
  }

  #confirm({ tag, cookie }: Extract<UdpDatagram, { type: 'confirm' }>, remote: RemoteInfo): void {
    const { counts, isFull, nowMs, opened } = this.#options
    const name = nameOf(remote)
    const localTag = this.#cookies.check(name, tag, cookie, nowMs())
    if (!localTag) {
      counts.cookiesRefused += 1
      // It may be late, or from before a restart: as long as what it answers to.
      this.#reply(encodeCookie('challenge', tag, this.#cookies.issue(name, tag, nowMs())), remote)
      return
    }
    const known = this.#pipesByRemote.get(name)
    const isRepeated = known && equal(known.localTag, localTag) && equal(known.remoteTag, tag)
    if (!isRepeated) {
      if (isFull() || this.#strangerCount() >= strangersMax) {
        counts.dialsRefused += 1
        this.#reply(encodeRefuse(tag, 'full'), remote)
        return
      }
      // The end at that port has begun anew.
      known?.lost()
    }
    // Before anything that the new channel may send.
    this.#reply(encodeTagged('accept', tag), remote)
    if (!isRepeated) opened(this.#openPipe(localTag, Buffer.from(tag), remote), remote.address)
  }

  #openPipe(localTag: Uint8Array, remoteTag: Uint8Array, remote: RemoteInfo): UdpPipe {
    const { address, port } = remote
    const name = nameOf(remote)
    const pipe = new UdpPipe({
      localTag,
      remoteTag,
      send: (pieces, sent) => {
        if (this.#isClosed) sent()
        else this.#socket.send(pieces, port, address, sent)
      },
      released: () => {
        if (this.#pipesByRemote.get(name) === pipe) this.#pipesByRemote.delete(name)
      },
    })
    this.#pipesByRemote.set(name, pipe)
    return pipe
  }

  #answerUnknown({ type, tag }: UdpDatagram, remote: RemoteInfo): void {
    const { counts, nowMs } = this.#options
    counts.unknown += 1
    if (type === 'gone') return
    const window = Math.floor(nowMs() / 1000)
    if (window !== this.#goneWindow) this.#goneAnswers = 0
    this.#goneWindow = window
    if (this.#goneAnswers >= goneAnswersPerSecondMax) {
      counts.unanswered += 1
      return
    }
    this.#goneAnswers += 1
    this.#reply(encodeTagged('gone', tag), remote)
  }

  #strangerCount(): number {
    let count = 0
    for (const pipe of this.#pipesByRemote.values()) if (!pipe.hasHeard) count += 1
    return count
  }

  #reply(bytes: Uint8Array, { address, port }: RemoteInfo): void {
    if (!this.#isClosed) this.#socket.send(bytes, port, address, () => undefined)
  }
}

/** An end as a text: the address with its zone, and the port. */
function nameOf({ address, port }: RemoteInfo): string {
  return `${address} ${port}`
}

function equal(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0
}
