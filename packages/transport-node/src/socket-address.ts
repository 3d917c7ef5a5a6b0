/** Addresses of transports over sockets: `SCHEME://HOST:PORT`, an IPv6 host in brackets. */

export interface SocketAddress {
  /** Name or address, without brackets; a zone (`fe80::1%eth0`) is kept. */
  readonly host: string
  readonly port: number
}

/** Longest address read, in characters: the longest name of a host, and what is around it. */
const addressLengthMax = 320

/** The parts of an address, or undefined when it is none of that scheme. */
export function parseSocketAddress(scheme: string, text: string): SocketAddress | undefined {
  const prefix = `${scheme}://`
  if (text.length > addressLengthMax || !text.toLowerCase().startsWith(prefix)) return undefined
  // Not `URL`: it refuses the zones of link-local addresses.
  const match = /^(?:\[([0-9a-f:.]+(?:%[\w.-]+)?)\]|([\w.-]+)):(\d{1,5})$/i.exec(
    text.slice(prefix.length),
  )
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (host === undefined || !(port >= 1 && port <= 65_535)) return undefined
  return { host, port }
}

/** The text of an address. */
export function formatSocketAddress(scheme: string, { host, port }: SocketAddress): string {
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`
}
