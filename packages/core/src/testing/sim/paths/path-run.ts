/** A transfer along a chain of peers with keystrokes beside it: what of the path it gets, and how late they are. */

import type { Cryptography } from '../../../engine/crypto/cryptography.ts'
import type { Priority } from '../../../engine/link/link-port.ts'
import { BufferWatch, type Buffers } from './buffer-watch.ts'
import { connectedChain } from './chain.ts'
import type { PathProfile } from './path-profile.ts'
import { Transfer, Typing } from './workload.ts'

/** A keystroke as documents send it: 38 bytes of a change and what belongs to it. */
const keystrokeBytes = 60

/** Small enough to count bytes finely, large enough to cost nothing. */
const messageBytes = 1_000

export interface PathRunOptions {
  readonly cryptography: Cryptography
  readonly seed: number
  readonly hops: readonly PathProfile[]
  /** Of the transfer. Keystrokes are edits of documents: beside bulk they go with sync. */
  readonly stream: Priority
  /** Virtual time from the beginning of the transfer on, its slow start included. */
  readonly ms: number
}

export interface PathRun {
  /** Of what the narrowest hop carries, payload of the transfer that arrived. */
  readonly share: number
  /** In milliseconds, half of the keystrokes and 99 in 100 of them at the most. */
  readonly keystrokeMs: { readonly p50: number; readonly p99: number }
  readonly buffers: Buffers
}

/** See the file header. */
export function runPath({ cryptography, seed, hops, stream, ms }: PathRunOptions): PathRun {
  const { world, peers, joints, first, last } = connectedChain(cryptography, seed, hops)
  const watch = new BufferWatch(peers, joints)
  const bytes = Number.MAX_SAFE_INTEGER
  const transfer = new Transfer(world, first, last, { stream, bytes, messageBytes })
  const typing = new Typing(world, first, last, {
    stream: stream === 'bulk' ? 'sync' : 'interactive',
    messageBytes: keystrokeBytes,
    intervalMsLeast: 100,
    intervalMsMost: 300,
  })
  transfer.start()
  typing.start()
  world.run(world.nowMs + ms)
  const carriedBytes = Math.min(...hops.map(({ bytesPerMs }) => bytesPerMs)) * ms
  return {
    share: transfer.receivedBytes / carriedBytes,
    keystrokeMs: { p50: typing.quantileMs(0.5), p99: typing.quantileMs(0.99) },
    buffers: watch.greatest,
  }
}
