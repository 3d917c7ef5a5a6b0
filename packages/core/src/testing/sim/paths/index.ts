/** Paths in virtual time: what transfers and keystrokes make of them. */

export { bufferBounds, type Buffers } from './buffer-watch.ts'
export {
  knownPaths,
  knownRelays,
  shareLeast,
  transferStreams,
  type KnownPath,
  type KnownRelay,
} from './path-catalogue.ts'
export { runPath } from './path-run.ts'
export { runRelay } from './relay-run.ts'
