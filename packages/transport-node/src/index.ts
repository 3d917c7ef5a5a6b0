/** Transports for Node: `@fieldmesh/transport-node`. */
export { tcp } from './tcp.ts'
export type { TcpOptions, TcpTransport } from './tcp.ts'
export { formatTcpAddress, parseTcpAddress } from './tcp-address.ts'
export type { TcpAddress } from './tcp-address.ts'
