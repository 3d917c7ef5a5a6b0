/** The layers of one engine, the lowest first, and what joins them. */

import { Replica } from '../documents/replica.ts'
import { ApplicationStreams } from './application-streams.ts'
import { Connections } from './connection/connections.ts'
import type { EngineContext } from './context.ts'
import { DocumentOpenings } from './document-openings.ts'
import type { EngineOptions } from './engine-options.ts'
import type { Fifo } from './fifo.ts'
import type { Identity } from './identity/identity.ts'
import { Lifecycle } from './lifecycle.ts'
import { Neighbourhood } from './link/neighbourhood.ts'
import { Mesh } from './mesh/mesh.ts'
import type { Output } from './output.ts'
import { PresenceFeed } from './presence-feed.ts'
import { Signalling } from './signalling/signalling.ts'
import { SyncPartners } from './sync-partners.ts'
import { Sync } from './sync/sync.ts'

/** See the file header. */
export interface LayerStack {
  readonly neighbourhood: Neighbourhood
  readonly mesh: Mesh
  readonly connections: Connections
  readonly signalling: Signalling
  readonly streams: ApplicationStreams
  readonly replica: Replica
  readonly sync: Sync
  readonly presence: PresenceFeed
  readonly partners: SyncPartners
  readonly openings: DocumentOpenings
  readonly lifecycle: Lifecycle
}

/** Makes the layers, each on the ones below. What streams and the lifecycle tell the application goes to
 * `outputs`. */
export function stackLayers(
  context: EngineContext,
  identity: Identity,
  options: EngineOptions,
  outputs: Fifo<Output>,
): LayerStack {
  const { app, secret, epoch, name, platform, metadata, documents } = options
  const { linkKeyLifetime: keyLifetime, connectionKeyLimits: keyLimits } = options
  const party = { identity, app, secret, epoch }
  const { peer } = identity
  const neighbourhood = new Neighbourhood(context, {
    ...party,
    ...(keyLifetime && { keyLifetime }),
  })
  const mesh = new Mesh(context, { identity, epoch, name, platform, metadata }, neighbourhood)
  const connections = new Connections(context, { ...party, ...(keyLimits && { keyLimits }) }, mesh)
  const replica = new Replica(context, { peer, epoch, documents })
  return {
    neighbourhood,
    mesh,
    connections,
    signalling: new Signalling(context, connections),
    streams: new ApplicationStreams(context, peer, connections, outputs),
    replica,
    sync: new Sync(context, { peer, epoch }, connections, replica, mesh),
    presence: new PresenceFeed(),
    partners: new SyncPartners(),
    openings: new DocumentOpenings(),
    lifecycle: new Lifecycle(context, neighbourhood, (change) => {
      outputs.push({ type: 'event', event: { type: 'lifecycle-changed', change } })
    }),
  }
}
