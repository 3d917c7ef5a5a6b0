/**
 * Why peers are not reached: causes by name, each with its remedy. docs/diagnosis.md lists them.
 */

import type { PeerId } from '../engine/identity/peer-id.ts'

/** The remedy for each cause, in a sentence. */
export const remedies = {
  // What the browser forbids
  'mixed-content':
    'Reach the peer over wss:// or WebRTC (by invitation, or through a common peer), or load the page over http.',
  'local-network-denied':
    'Allow this site to reach devices on the local network, in the settings of the browser for this site.',
  'local-network-unanswered':
    'Answer the question of the browser whether this site may reach devices on the local network.',
  'insecure-page': 'Serve the page over https, or open it as localhost.',
  'webrtc-missing': 'Use a browser with WebRTC, or a transport that does without.',
  // The network
  'mdns-unresolved':
    'Let both devices into one network that passes multicast (no client isolation), or give a STUN server.',
  unreachable:
    'See that the peer runs and listens at that address, and that no firewall stands between.',
  offline: 'Join a network; peers that are linked over Bluetooth or on this machine stay linked.',
  // Peers that do not match
  'secret-mismatch': 'Give every peer of the mesh the same secret.',
  'app-mismatch': 'Give both peers the same app, if they are meant to be of one mesh.',
  'protocol-version-mismatch': 'Bring the older of the two peers up to date.',
  'identity-mismatch':
    'Find out who forwards your signals, or which address leads to another peer.',
  'handshake-failed': 'Check that a peer of this library listens at the address.',
  'no-common-transport':
    'Give both peers a transport in common; until then they are reached through others.',
  // This peer
  'no-transport': 'Give openMesh at least one transport.',
  'transport-failed':
    'Mend what the message names; the mesh does without the transport until then.',
  'clock-wrong': 'Set the clock of the device: certificates and invitations expire by it.',
} as const

export type DiagnosisCode = keyof typeof remedies

/** One cause that was found. */
export interface Finding {
  readonly code: DiagnosisCode
  /** `fault`: something is not reached because of it. `hint`: it may be as it should. */
  readonly severity: 'fault' | 'hint'
  /** What was seen, with addresses and peers, in a sentence. */
  readonly message: string
  /** What a person can do about it, in a sentence. */
  readonly remedy: string
  readonly transport?: string
  /** The address that was dialled. */
  readonly address?: string
  readonly peer?: PeerId
}

/** What stands in the way of this peer, as far as it is known at that moment. */
export interface Diagnosis {
  /** Faults first. Empty when nothing was found. */
  readonly findings: readonly Finding[]
  /** Peers that this one has a link to, and all that it reaches over any number of hops. */
  readonly linkedPeerCount: number
  readonly reachedPeerCount: number
}
