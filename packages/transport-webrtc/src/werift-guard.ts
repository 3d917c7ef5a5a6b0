/**
 * What werift needs besides, to be safe with strangers and steady under load.
 *
 * It decodes in asynchronous functions whose failure nobody awaits: one malformed packet, or a
 * message of an unknown kind, would end the process as an unhandled rejection. It reassembles
 * messages without a bound, however small the window that it has advertised. And it believes records
 * that anybody could have sent.
 */

import type { Socket } from 'node:dgram'
import type { DtlsSocket, RTCPeerConnection, RTCSctpTransport } from 'werift'
import { siftRecords } from './dtls-records.ts'
import { ReplayWindow } from './replay-window.ts'

/**
 * Bytes that the other end may have under way to us. werift's own megabyte waits for up to a second
 * in a busy process, longer than ICE waits for the answers that keep the connection alive (500 ms);
 * links were lost in the middle of a transfer.
 */
const windowBytes = 256 * 1024
/**
 * Receive buffer of the UDP socket, in bytes: the window in packets of 1,200 bytes, each of which
 * the system books with about twice its size. With less it drops some, and SCTP halves its rate.
 */
const receiveBufferBytes = 1024 * 1024
/** How far beyond its window an honest sender may go: it probes a closed one with one packet. */
const windowSlackBytes = 64 * 1024

/** The message of DTLS that asks a client for its cookie, and the flight that brings it. */
const helloVerifyRequest = 3
const flightWithCookie = 3
/** Streams that the other end may use: ours, and the one that simple-peer opens, with some to spare. */
const streamsMax = 8
/** Pieces of messages kept: of the window's bytes in messages of 20, and each costs more than that. */
const piecesMax = 16_384

/** The parts of werift's transport and association that it declares private. */
interface Transport {
  datachannelReceive: (stream: number, kind: number, data: Buffer) => Promise<void>
}
interface InboundStream {
  readonly reassembly: readonly unknown[]
}
interface Association {
  handleData(data: Buffer): Promise<void>
  receiveDataChunk(chunk: { readonly userData: Buffer }): void
  getInboundStream(id: number): InboundStream
  readonly inboundStreams: Readonly<Record<number, InboundStream>>
  advertisedRwnd: number
}

/** Installs the guard, and the window. `broken` is called when the other end broke the protocol, perhaps often. */
export function guardSctp(sctp: RTCSctpTransport, broken: (error: Error) => void): void {
  const transport = sctp as unknown as Transport
  const receive = transport.datachannelReceive
  transport.datachannelReceive = async (stream, kind, data) => {
    try {
      await receive(stream, kind, data)
    } catch (error) {
      broken(toError(error))
    }
  }

  const guardAssociation = () => {
    const association = sctp.sctp as unknown as Association
    association.advertisedRwnd = windowBytes
    const handleData = association.handleData.bind(association)
    association.handleData = async (data) => {
      try {
        await handleData(data)
      } catch (error) {
        broken(toError(error))
      }
      if (association.advertisedRwnd < -windowSlackBytes) {
        broken(new Error('More arrived than the window allows'))
      }
    }
    boundPieces(association)
    sctp.sctp.onReceive.allUnsubscribe()
    sctp.sctp.onReceive.subscribe((...message) => {
      void transport.datachannelReceive(...message)
    })
  }

  // The association is made anew when descriptions put it on another DTLS transport.
  const setDtlsTransport = sctp.setDtlsTransport.bind(sctp)
  sctp.setDtlsTransport = (dtls) => {
    const before = sctp.sctp
    setDtlsTransport(dtls)
    if (sctp.sctp !== before) guardAssociation()
  }
  if (sctp.sctp) guardAssociation()
}

/** What breaks a bound is an error of `handleData`. */
function boundPieces(association: Association): void {
  const receiveDataChunk = association.receiveDataChunk.bind(association)
  association.receiveDataChunk = (chunk) => {
    // The window would never be used up by these (RFC 9260, section 6.2).
    if (chunk.userData.length === 0) throw new Error('A piece of a message is empty')
    receiveDataChunk(chunk)
    let pieces = 0
    for (const { reassembly } of Object.values(association.inboundStreams)) {
      pieces += reassembly.length
    }
    if (pieces > piecesMax) throw new Error(`More than ${piecesMax} pieces of messages are kept`)
  }
  const getInboundStream = association.getInboundStream.bind(association)
  association.getInboundStream = (id) => {
    const { inboundStreams } = association
    if (!(id in inboundStreams) && Object.keys(inboundStreams).length >= streamsMax) {
      throw new Error(`More than ${streamsMax} streams are used`)
    }
    return getInboundStream(id)
  }
}

/**
 * Lets only records of DTLS reach werift, once it is connected, that the other end has sealed, and
 * each once: werift takes alerts and new beginnings from anybody, and copies for messages.
 */
export function guardDtls(connection: RTCPeerConnection): void {
  for (const transport of connection.dtlsTransports) {
    transport.onStateChange.subscribe((state) => {
      if (state === 'connected' && transport.dtls) siftInbound(transport.dtls)
      if (state !== 'connecting') return
      // Made in this task, but after this event.
      queueMicrotask(() => {
        if (transport.dtls) ignoreRepeatedRequests(transport.dtls)
      })
    })
  }
}

/**
 * Keeps a client from failing when it is asked for its cookie again: it has repeated its hello while
 * the first request was on the way.
 */
export function ignoreRepeatedRequests(dtls: DtlsSocket): void {
  const handle = dtls.onHandleHandshakes
  dtls.onHandleHandshakes = async (messages) => {
    const hasAnswered = dtls.dtls.flight >= flightWithCookie
    await handle(
      hasAnswered ? messages.filter(({ msg_type: type }) => type !== helloVerifyRequest) : messages,
    )
  }
}

function siftInbound(dtls: DtlsSocket): void {
  const replays = new ReplayWindow()
  let taken = 0
  dtls.onData.subscribe(() => {
    replays.take(taken)
  })
  const { socket } = dtls.transport
  const take = socket.onData
  socket.onData = (datagram, from) => {
    for (const { bytes, number, isData } of siftRecords(datagram, true).records) {
      if (isData && !replays.isNew(number)) continue
      taken = number
      take(bytes, from)
    }
  }
}

/** The parts of werift's ICE that it declares private, or never without a value. */
interface IceConnection {
  stunServer: unknown
  readonly protocols: readonly { readonly transport?: { readonly socket?: Partial<Socket> } }[]
  readonly checkList: readonly CandidatePair[]
}

/** The part of werift's ICE that looks at checks of the other end, before or after that is known. */
export interface CheckedConnection {
  readonly localUsername: string
  readonly remoteCandidates: readonly { readonly host: string; readonly port: number }[]
  readonly earlyChecks: unknown[]
}

/** Checks kept for an end that is not known yet; the oldest give way. It goes on sending others. */
const earlyChecksMax = 64
/** Addresses of the other end, told and learnt. Checks from further ones are ignored. */
const remoteAddressesMax = 128

/**
 * Whether a check is to be answered and acted on. By itself werift answers every one, keeps those that
 * come before it knows the other end without a bound, and takes each address for one more way to it. An
 * invitation lets it listen for an hour, to whoever finds its port.
 */
export function admitsCheck(
  ice: CheckedConnection,
  username: unknown,
  [host, port]: readonly [string, number],
): boolean {
  if (typeof username !== 'string' || !username.startsWith(`${ice.localUsername}:`)) return false
  const isKnown = ice.remoteCandidates.some((each) => each.host === host && each.port === port)
  if (!isKnown && ice.remoteCandidates.length >= remoteAddressesMax) return false
  if (ice.earlyChecks.length >= earlyChecksMax) ice.earlyChecks.shift()
  return true
}

interface CandidatePair {
  readonly state: number
  updateState(state: number): void
}

/** States of werift's candidate pairs (RFC 8445, section 6.1.2.6). */
const pairStates = { waiting: 1, failed: 4 }

/**
 * Checks the pairs again that had no answer: werift tries each five times within seconds, and the
 * other end may not have been there yet.
 */
export function retryChecks(connection: RTCPeerConnection): void {
  for (const { connection: ice } of connection.iceTransports) {
    for (const pair of (ice as unknown as IceConnection).checkList) {
      if (pair.state === pairStates.failed) pair.updateState(pairStates.waiting)
    }
  }
}

/**
 * Keeps a connection that was given no STUN server from asking werift's own, which is somebody's on
 * the internet: an empty list of servers counts as none given. To be called before it gathers.
 */
export function forgetDefaultServers(connection: RTCPeerConnection): void {
  for (const { connection: ice } of connection.iceTransports) {
    ;(ice as unknown as IceConnection).stunServer = undefined
  }
}

/** Enlarges the receive buffers of an open connection's sockets, as far as the system allows. */
export function enlargeReceiveBuffers(connection: RTCPeerConnection): void {
  for (const { connection: ice } of connection.iceTransports) {
    for (const { transport } of (ice as unknown as IceConnection).protocols) {
      try {
        transport?.socket?.setRecvBufferSize?.(receiveBufferBytes)
      } catch {
        // A socket that is closed already, or no UDP socket: it does without.
      }
    }
  }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
