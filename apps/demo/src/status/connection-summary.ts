/** How this device is connected, in words: read from the presence graph, never assumed. */

import type { PeerId, PresenceGraph, PresencePeer } from '@fieldmesh/core'

/** How well off the device is; decides the colour of the light. */
export type ConnectionQuality = 'direct' | 'relayed' | 'alone'

export interface PeerSummary {
  readonly peer: PeerId
  readonly name: string
  readonly isHub: boolean
  /** Such as `WebRTC, direct` or `through Hub`. */
  readonly path: string
  readonly rttMs: number | undefined
  readonly isDirect: boolean
}

export interface ConnectionSummary {
  readonly quality: ConnectionQuality
  readonly headline: string
  readonly peers: readonly PeerSummary[]
}

const transportTitles: Readonly<Record<string, string>> = {
  webrtc: 'WebRTC',
  websocket: 'WebSocket',
  tcp: 'TCP',
}

/** What the graph says about the connections of its own peer. */
export function summarize(graph: PresenceGraph): ConnectionSummary {
  const peers = graph.peers
    .filter((peer) => peer.peer !== graph.local && peer.hopCount !== undefined)
    .map((peer) => summarizePeer(graph, peer))
    .sort((left, right) => Number(left.isHub) - Number(right.isHub) || compare(left, right))
  const devices = peers.filter((peer) => !peer.isHub)
  const hubs = peers.filter((peer) => peer.isHub)
  if (devices.length === 0) {
    const isWithHub = hubs.length > 0
    const headline = isWithHub
      ? 'With the hub, no other device yet'
      : 'On its own, changes are kept'
    return { quality: isWithHub ? 'relayed' : 'alone', headline, peers }
  }
  const isDirect = devices.every((peer) => peer.isDirect)
  const [only] = devices
  const many = `${devices.length} devices`
  const path = isDirect ? 'WebRTC, direct' : 'through the hub'
  const headline =
    devices.length === 1
      ? `${only!.name}: ${only!.path}`
      : `${many}: ${isDirect ? path : 'some through the hub'}`
  return { quality: isDirect ? 'direct' : 'relayed', headline, peers }
}

function summarizePeer(graph: PresenceGraph, peer: PresencePeer): PeerSummary {
  const link = graph.connections.find(({ from, to }) => from === graph.local && to === peer.peer)
  const name = peer.name || peer.peer.slice(0, 6)
  const transport = link && (transportTitles[link.transport] ?? link.transport)
  return {
    peer: peer.peer,
    name,
    isHub: peer.metadata['role'] === 'hub',
    path: transport === undefined ? 'through the hub' : `${transport}, direct`,
    rttMs: link?.rttMs,
    isDirect: link !== undefined,
  }
}

function compare(left: PeerSummary, right: PeerSummary): number {
  return left.name < right.name ? -1 : 1
}
