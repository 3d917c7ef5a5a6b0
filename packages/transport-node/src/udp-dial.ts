/**
 * The dialling end of a UDP channel (rules UD2, UD3 and UD6 of docs/specs/udp.md): a socket of its
 * own, connected to the one address, so that the system drops what others send to it.
 */

import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { DialFailure } from '@fieldmesh/core/transport'
import type { DialFailureReason } from '@fieldmesh/core/transport'
import { dialFailureReasonOf } from './dial-errors.ts'
import { formatUdpAddress } from './udp-address.ts'
import type { UdpAddress } from './udp-address.ts'
import type { UdpCounts } from './udp-counts.ts'
import {
  cookieBytes,
  decodeUdpDatagram,
  encodeCookie,
  encodeOpen,
  encodeTagged,
  refusalCodes,
  tagBytes,
} from './udp-datagram.ts'
import { UdpPipe } from './udp-pipe.ts'
import { familyOf, openUdpSocket, ownBytes, widenReceiveBuffer } from './udp-socket.ts'

/** First pause after which what was not answered is sent again; doubles up to the longest. */
const resendMs = 250
const resendMsMax = 2_000
/** Time in which an end must have answered: the engine's own patience with a dial. */
const dialMs = 10_000
/** Cookies taken in one dial: an end that goes on sending them gets no answer. */
const challengesMax = 16

export interface UdpDialOptions {
  readonly address: UdpAddress
  readonly counts: UdpCounts
  /** The channel is open: what goes through the pipe from now on, and the address of this end. */
  readonly opened: (pipe: UdpPipe, localHost: string) => void
  readonly failed: (failure: DialFailure) => void
}

/** One dial. Exactly one of `opened` and `failed` is called, unless it is given up first. */
export class UdpDial {
  readonly #options: UdpDialOptions
  readonly #tag = randomBytes(tagBytes)
  #socket: Socket | undefined
  #cookie: Uint8Array | undefined
  #challengeCount = 0
  #pipe: UdpPipe | undefined
  #isOver = false
  #resendTimer: ReturnType<typeof setTimeout> | undefined
  readonly #dialTimer: ReturnType<typeof setTimeout>

  constructor(options: UdpDialOptions) {
    this.#options = options
    this.#dialTimer = setTimeout(() => {
      this.#fail('timeout', 'no answer')
    }, dialMs)
    void this.#connect()
  }

  /** Ends the dial without a report. The other end is told if it may have a channel already. */
  giveUp(): void {
    if (this.#cookie && !this.#pipe) this.#send(encodeTagged('farewell', this.#remoteTag()))
    this.#end()
  }

  async #connect(): Promise<void> {
    const { host, port } = this.#options.address
    try {
      const numeric = familyOf(host) === 0 ? (await lookup(host)).address : host
      if (this.#isOver) return
      const socket = openUdpSocket(familyOf(numeric) === 6 ? 6 : 4)
      this.#socket = socket
      socket.on('message', (bytes) => {
        this.#receive(bytes)
      })
      socket.on('error', (error) => {
        this.#broken(error)
      })
      socket.connect(port, numeric, (error?: Error) => {
        if (error) this.#broken(error)
        else if (!this.#isOver) this.#begin(socket)
      })
    } catch (error) {
      this.#broken(error as Error)
    }
  }

  #begin(socket: Socket): void {
    widenReceiveBuffer(socket)
    this.#sendAgain(resendMs)
  }

  /** Sends what the other end has not answered, again and again. */
  #sendAgain(pauseMs: number): void {
    this.#send(
      this.#cookie ? encodeCookie('confirm', this.#tag, this.#cookie) : encodeOpen(this.#tag),
    )
    clearTimeout(this.#resendTimer)
    this.#resendTimer = setTimeout(() => {
      this.#sendAgain(Math.min(2 * pauseMs, resendMsMax))
    }, pauseMs)
  }

  #receive(bytes: Uint8Array): void {
    const datagram = decodeUdpDatagram(bytes)
    const { counts } = this.#options
    if (!datagram) counts.malformed += 1
    else if (Buffer.compare(datagram.tag, this.#tag) !== 0) counts.unknown += 1
    else if (this.#pipe) {
      if (datagram.type === 'message') this.#pipe.receiveMessage(ownBytes(datagram.message))
      else if (datagram.type === 'farewell') this.#pipe.receiveFarewell()
      else if (datagram.type === 'gone') this.#pipe.lost()
      // What else there is answers what was sent twice.
    } else if (datagram.type === 'challenge') {
      this.#challengeCount += 1
      if (this.#challengeCount > challengesMax) return
      this.#cookie = datagram.cookie
      this.#sendAgain(resendMs)
    } else if (datagram.type === 'accept' && this.#cookie) this.#open()
    else if (datagram.type === 'refuse') {
      const isVersion = datagram.code === refusalCodes.version
      this.#fail('refused', isVersion ? 'it speaks another version' : 'it takes no more channels')
    }
  }

  #open(): void {
    clearTimeout(this.#resendTimer)
    clearTimeout(this.#dialTimer)
    this.#pipe = new UdpPipe({
      localTag: this.#tag,
      remoteTag: this.#remoteTag(),
      send: (pieces, sent) => {
        if (this.#isOver || !this.#socket) sent()
        else {
          this.#socket.send(pieces, (error) => {
            sent()
            if (error) this.#broken(error)
          })
        }
      },
      released: () => {
        this.#end()
      },
    })
    this.#options.opened(this.#pipe, localHostOf(this.#socket))
  }

  /** The tag of the other end is the end of its cookie. */
  #remoteTag(): Uint8Array {
    return this.#cookie?.subarray(cookieBytes - tagBytes) ?? new Uint8Array(tagBytes)
  }

  /**
   * The system says that something is wrong. Of an open channel it is believed only that nobody is
   * there: whatever else it says may pass.
   */
  #broken(error: NodeJS.ErrnoException): void {
    if (this.#isOver) return
    if (!this.#pipe) this.#fail(dialFailureReasonOf(error), error.message, error)
    else if (error.code === 'ECONNREFUSED') this.#pipe.lost()
  }

  #fail(reason: DialFailureReason, why: string, cause?: Error): void {
    if (this.#isOver || this.#pipe) return
    this.#end()
    const text = `${formatUdpAddress(this.#options.address)} was not reached: ${why}`
    this.#options.failed(new DialFailure(reason, text, cause && { cause }))
  }

  #send(bytes: Uint8Array): void {
    this.#socket?.send(bytes, (error) => {
      if (error) this.#broken(error)
    })
  }

  #end(): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#resendTimer)
    clearTimeout(this.#dialTimer)
    this.#socket?.close()
  }
}

/** The address that a connected socket sends from; empty when its interface has just gone. */
function localHostOf(socket: Socket | undefined): string {
  try {
    return socket?.address().address ?? ''
  } catch {
    return ''
  }
}
