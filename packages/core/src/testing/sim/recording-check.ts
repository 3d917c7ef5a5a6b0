/** What the recording of a simulated peer may never show, whatever happens to an honest mesh. */

import type { SimulatedPeer } from './simulated-peer.ts'
import type { World } from './world.ts'

/** Gauges and what they never exceed. Values of docs/limits.md; neighbours: the scenario's peers. */
const gaugeLimits: Readonly<Record<string, number>> = {
  'link.channels': 1_024,
  'link.links': 16,
  'link.targets': 256,
  'mesh.neighbours': 16,
  'mesh.presenceRecords': 16,
  'mesh.queuedBytes': 1_024 * 1_024,
  'mesh.parkedBytes': 1_024 * 1_024,
  'mesh.reachablePeers': 16,
  'sync.neighbours': 16,
  'sync.awarenessStates': 1_024,
  'documents.documentsCached': 256,
  'documents.jobsQueued': 20_000,
  'documents.observers': 1_000,
  'documents.liveDocuments': 1_000,
}

/** What only a peer that breaks a rule, or a packet that goes round in circles, makes grow. */
const counterSilence = [
  'link.framesMalformed',
  'link.framesUndecipherable',
  'mesh.packetsDroppedHopLimit',
  'mesh.packetsDroppedMalformed',
  'mesh.packetsDroppedSourceSpoofed',
  'mesh.routeFramesMalformed',
  'mesh.presenceFramesMalformed',
  'connection.packetsForged',
  'connection.packetsMalformed',
  'connection.violations',
  'signalling.signalsRefused',
  'sync.messagesMalformed',
  'sync.deliveriesRefused',
  'sync.awarenessRefused',
  'documents.deliveriesRefused',
]

/** Looks at what the running boot of a peer has recorded so far. */
export function checkRecording(world: World, peer: SimulatedPeer): void {
  const snapshot = peer.flight?.snapshot()
  if (snapshot === undefined) return
  const { name } = peer.plan
  for (const [gauge, limit] of Object.entries(gaugeLimits)) {
    const value = snapshot.gauges[gauge]
    if (value === undefined) world.violated(`there is no gauge ${gauge}`)
    else if (value < 0 || value > limit) world.violated(`${name}: ${gauge} was ${value}`)
  }
  for (const counter of counterSilence) {
    const value = snapshot.counters[counter]
    if (value === undefined) world.violated(`there is no counter ${counter}`)
    else if (value > 0) world.violated(`${name}: ${counter} grew`)
  }
}
