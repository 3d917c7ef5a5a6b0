/** A socket for one multicast group on one interface: hears that link alone, and speaks to it. */

import { createSocket } from 'node:dgram'
import { isOnLink } from './network-interfaces.ts'
import type { NetworkInterface } from './network-interfaces.ts'

/** Longest datagram taken: that of multicast DNS (RFC 6762, section 17). */
const datagramBytesMax = 9000

export interface MulticastGroup {
  readonly family: 4 | 6
  /** Without a zone. */
  readonly address: string
  readonly port: number
}

export interface MulticastSender {
  /** With its zone if it is link-local. */
  readonly host: string
  readonly port: number
}

export interface MulticastPortOptions {
  readonly group: MulticastGroup
  readonly networkInterface: NetworkInterface
  readonly received: (bytes: Uint8Array, sender: MulticastSender) => void
}

export interface MulticastPort {
  readonly group: MulticastGroup
  /** To the group, or to that host. What cannot be sent is lost. */
  send(bytes: Uint8Array, to?: MulticastSender): void
  /** Ends it, after what was sent. */
  close(): Promise<void>
}

/** Opens a port; rejects with the system's error when the interface does not carry it. */
export type OpenMulticastPort = (options: MulticastPortOptions) => Promise<MulticastPort>

/** See the file header. */
export const openMulticastPort: OpenMulticastPort = async (options) => {
  const { group, networkInterface, received } = options
  const { family, address, port } = group
  const socket = createSocket({
    type: `udp${family}`,
    // Others on this machine listen there as well: a peer in another process, the system's own.
    reuseAddr: true,
    ipv6Only: family === 6,
    lookup: (host, _options, callback) => {
      callback(null, host, family)
    },
  })
  socket.on('error', () => undefined)
  const local = localAddress(networkInterface, family)
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind(port, () => {
      socket.off('error', reject)
      resolve()
    })
  })
  try {
    socket.addMembership(address, local)
    socket.setMulticastInterface(local)
    socket.setMulticastTTL(255)
    // Peers of this machine find each other too.
    socket.setMulticastLoopback(true)
  } catch (error) {
    socket.close()
    throw error
  }
  // The socket hears the group on every interface that any socket of this machine has joined it on.
  socket.on('message', (bytes, { address: host, port: senderPort }) => {
    const isTaken = bytes.length <= datagramBytesMax && senderPort !== 0
    if (isTaken && isOnLink(host, networkInterface)) received(bytes, { host, port: senderPort })
  })
  const groupHost = family === 6 ? `${address}${local.slice(2)}` : address
  let isClosed = false
  return {
    group,
    send: (bytes, to = { host: groupHost, port }) => {
      if (!isClosed) socket.send(bytes, to.port, to.host, () => undefined)
    },
    close: () =>
      new Promise((resolve) => {
        isClosed = true
        socket.close(() => {
          resolve()
        })
      }),
  }
}

/** What names the interface to the system: an address of IPv4, or `::%eth0`. */
function localAddress({ addresses }: NetworkInterface, family: 4 | 6): string {
  if (family === 4) return addresses.find((own) => own.family === 4)?.host ?? '0.0.0.0'
  const scoped = addresses.find(({ host }) => host.includes('%'))?.host ?? ''
  return `::%${scoped.split('%')[1] ?? ''}`
}
