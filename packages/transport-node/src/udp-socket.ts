/** What both ends of a UDP channel do with their sockets. */

import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { isIP } from 'node:net'

/**
 * Bytes that the system is asked to keep for a socket that is not read in time; it may give less.
 * Twice what a link has under way at most (256 KiB), and what the system counts besides.
 */
const receiveBufferBytes = 1024 * 1024

/** The family of an address, whatever its zone is called (Node refuses some); 0 for a name. */
export function familyOf(host: string): 0 | 4 | 6 {
  return isIP(host.replace(/%.*$/, '')) as 0 | 4 | 6
}

/** A socket for numeric addresses of that family. Errors that nobody waits for are no matter. */
export function openUdpSocket(family: 4 | 6): Socket {
  const socket = createSocket({
    type: `udp${family}`,
    // An IPv4 address has a socket of its own.
    ipv6Only: family === 6,
    // Addresses are numeric already. Node's own lookup would cost a turn of the loop for each
    // datagram, and refuses zones with an underscore.
    lookup: (host, _options, callback) => {
      callback(null, host, family)
    },
  })
  socket.on('error', () => undefined)
  return socket
}

/** Makes room for bursts, as far as the system allows. The socket is bound. */
export function widenReceiveBuffer(socket: Socket): void {
  try {
    socket.setRecvBufferSize(receiveBufferBytes)
  } catch {
    // The system keeps to its own size: more is lost in bursts, and repeated by the link.
  }
}

/** The bytes as a plain array: a receiver may hand its buffer to another thread. */
export function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = bytes
  // What a socket yields is alone in its buffer.
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength)
}
