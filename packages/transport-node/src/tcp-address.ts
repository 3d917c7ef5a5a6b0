/** Addresses of the TCP transport: `tcp://HOST:PORT`, an IPv6 host in brackets. */

export interface TcpAddress {
  /** Name or address, without brackets; a zone (`fe80::1%eth0`) is kept. */
  readonly host: string
  readonly port: number
}

/** The parts of an address, or undefined when it is none. */
export function parseTcpAddress(text: string): TcpAddress | undefined {
  // Not `URL`: it refuses the zones of link-local addresses.
  const match = /^tcp:\/\/(?:\[([0-9a-f:.]+(?:%[\w.-]+)?)\]|([\w.-]+)):(\d{1,5})$/i.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (host === undefined || !(port >= 1 && port <= 65_535)) return undefined
  return { host, port }
}

/** The text of an address. */
export function formatTcpAddress({ host, port }: TcpAddress): string {
  return `tcp://${host.includes(':') ? `[${host}]` : host}:${port}`
}
