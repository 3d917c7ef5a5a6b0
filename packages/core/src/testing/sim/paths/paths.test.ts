/** Transfers over simulated paths, in virtual time: everything is there once, and in good time. */

import { expect, test } from 'vitest'

import { nodeCryptography } from '../../../driver/node-cryptography.ts'
import { pathProfile } from './path-profile.ts'
import { PathWorld } from './path-world.ts'
import { Transfer } from './workload.ts'

/** Share of the link that a transfer of that many bytes gets. */
function shareOf(profile: ReturnType<typeof pathProfile>, bytes: number): number {
  const world = new PathWorld({ cryptography: nodeCryptography, seed: 1 })
  const [left, right] = [world.addPeer('left'), world.addPeer('right')]
  world.join(left, right, profile)
  world.run(5_000)
  let connected = 0
  for (const peer of [left, right]) {
    peer.listeners.push(({ type }) => (connected += type === 'connected' ? 1 : 0))
  }
  left.do((nowMs) => left.connections.open(right.id, nowMs))
  world.run(60_000, () => connected === 2)
  const options = { stream: 'bulk', bytes, messageBytes: 10_000 } as const
  const transfer = new Transfer(world, left, right, options)
  transfer.start()
  world.run(1_000_000, () => transfer.isDone)
  expect(transfer.receivedBytes).toBe(bytes)
  return transfer.bytesPerMs / profile.bytesPerMs
}

test('20 kB/s in messages of 182 bytes carry 0.7 of it and more', () => {
  const share = shareOf(pathProfile('bluetooth', 20, 15, 182), 1_000_000)
  expect(share).toBeGreaterThan(0.7)
  expect(share).toBeLessThan(1)
})
