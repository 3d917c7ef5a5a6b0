/**
 * For tests of and with Fieldmesh: `@fieldmesh/core/testing`. Needs no particular test runner.
 */
export { localEnd } from './local-end.ts'
export { MemoryNetwork, memoryTransport } from './memory-transport.ts'
export type { MemoryTransportOptions } from './memory-transport.ts'
export { storageSuite } from './storage-suite.ts'
export type { StorageCapabilities, StorageLocation, StorageSuiteOptions } from './storage-suite.ts'
export { EndServer, remoteEnd } from './transport-end.ts'
export type { TransportEnd } from './transport-end.ts'
export { transportSuite } from './transport-suite.ts'
export type { HostileActs, TransportPair, TransportSuiteOptions } from './transport-suite.ts'
export { serveWorkerEnds, workerEnds } from './worker-end.ts'
