/** What a link costs that nobody uses: bytes of an hour, both ways, of whole engines in virtual time. */

import { createYjsDocuments } from '../../../packages/core/src/documents/yjs-documents.ts'
import { nodeCryptography } from '../../../packages/core/src/driver/node-cryptography.ts'
import { profileOf, World, type ProfileName } from '../../../packages/core/src/testing/sim/index.ts'
import type { Contest } from '../harness.ts'

const hourMs = 3_600_000
/** Until the two have told each other all that there is. */
const settlingMs = 120_000
const figure = 'bytes an hour'

/** A local network beside Bluetooth, and beside two pages that nobody sees. */
export function idleContest(): Contest {
  const contender = (name: ProfileName, isHidden: boolean) => ({
    name: isHidden ? `${name}, hidden` : name,
    run: async () => Promise.resolve({ [figure]: idleBytes(name, isHidden) }),
  })
  return {
    name: 'idle link',
    figures: [{ name: figure, unit: 'B', better: 'lower' }],
    rounds: 1,
    warmupRounds: 0,
    ours: contender('wifi', false),
    baselines: [contender('bluetooth', false), contender('wifi', true)],
  }
}

function idleBytes(name: ProfileName, isHidden: boolean): number {
  const documents = createYjsDocuments()
  const world = new World({ seed: 1, cryptography: nodeCryptography, documents })
  const dial = { transport: 'wire', to: 'b', profile: profileOf({ name }) } as const
  const peers = [world.add({ name: 'a', dials: [dial] }, 0), world.add({ name: 'b', dials: [] }, 0)]
  world.runFor(settlingMs)
  if (isHidden) for (const peer of peers) peer.hide(true)
  world.runFor(settlingMs)
  const sentBytes = () => world.wiring.pipes.reduce((sum, pipe) => sum + pipe.sentBytes, 0)
  const before = sentBytes()
  world.runFor(hourMs)
  return sentBytes() - before
}
