/**
 * A transfer over a relay survives that the relay crashes. Another one takes its place, or it boots again and
 * both ends dial it. Virtual time; each byte is checked as it arrives.
 *
 * What is measured: how long, after the outage is known, until the receiving application has a byte that it
 * had not had. Known it is when the ends are told that their channels are cut; when the sending end takes its
 * link for suspect, 2 s after it had no answer to something; or, with a single relay, when both ends have a path again, 20 to
 * 50 ms after their links are up. That is at most two round trips of the new path, each of a packet of 4 KiB and
 * a short answer when nothing else is under way; where the relay boots on a local network, one message of a link
 * as well.
 */

import { describe, expect, test } from 'vitest'

import { nodeCryptography } from '../../../driver/node-cryptography.ts'
import type { PathPeer } from './path-peer.ts'
import type { PathProfile } from './path-profile.ts'
import { PathWorld, type PathJoint } from './path-world.ts'
import {
  addPair,
  addPeer,
  forEachFlow,
  lanProfile,
  linkMessageMs,
  packetBytes,
  twoRoundTripsMs,
  Scene,
  wanProfile,
} from './survival-run.ts'

/** The other relay is farther away, so that it is not used as long as there is the first one. */
const farWanProfile: PathProfile = { ...wanProfile, latencyMs: 30 }
const farLanProfile: PathProfile = { ...lanProfile, latencyMs: 4 }

const cases = [
  [1, 'over the internet', wanProfile, farWanProfile, 0],
  [2, 'on a local network', lanProfile, farLanProfile, linkMessageMs],
  [3, 'over the internet', wanProfile, farWanProfile, 0],
  [4, 'on a local network', lanProfile, farLanProfile, linkMessageMs],
] as const

/** How long the ends take to hear of a cut, and a relay to boot. */
const detectionMs = 100
const bootMs = 3_000

interface Relay {
  readonly peer: PathPeer
  readonly joints: readonly PathJoint[]
}

/** A relay that both peers dial. */
function join(
  world: PathWorld,
  peers: readonly PathPeer[],
  peer: PathPeer,
  profile: PathProfile,
): Relay {
  return { peer, joints: peers.map((end) => world.join(end, peer, profile)) }
}

/** Two round trips of a path over such a relay. */
function allowedMs(profile: PathProfile): number {
  return twoRoundTripsMs(nodeCryptography, packetBytes, (world, peers) => {
    join(world, peers, addPeer(world, 1, 'relay'), profile)
  })
}

/** Nothing goes through it any more, and the ends are told so, or not. */
function crash({ peer, joints }: Relay, isTold: boolean): void {
  peer.sleep()
  for (const joint of joints) {
    joint.isWhole = false
    if (isTold) joint.cut(detectionMs)
    else joint.channel?.silence()
  }
}

interface RelayScene {
  readonly scene: Scene
  readonly peers: readonly PathPeer[]
  readonly relay: Relay
}

/** Calls with a transfer in full swing over the relay; `other` is that of another one. */
function forEachScene(
  seed: number,
  profile: PathProfile,
  other: PathProfile | undefined,
  act: (relayScene: RelayScene) => number,
  afterMsMax: number,
): void {
  forEachFlow((kind, isFromLeft) => {
    const world = new PathWorld({ cryptography: nodeCryptography, seed })
    const peers = addPair(world, seed)
    const relay = join(world, peers, addPeer(world, seed, 'relay'), profile)
    if (other) join(world, peers, addPeer(world, seed, 'other relay'), other)
    const bytes = { before: 200_000 + 31_000 * seed, inAll: 700_000 }
    const scene = new Scene(world, peers, kind, isFromLeft, bytes)
    expect(relay.peer.count('mesh.packetsForwarded')).toBeGreaterThan(50)
    const afterMs = act({ scene, peers, relay })
    const isSoon = afterMs <= afterMsMax
    expect({ kind, isFromLeft, afterMs, isSoon }).toMatchObject({ isSoon: true })
    scene.finish()
  })
}

describe('a relay crashes, and another one takes its place', { timeout: 600_000 }, () => {
  test.each(cases)('[RC19] its channels are cut: seed %i, %s', (seed, _place, profile, other) => {
    const act = ({ scene, relay }: RelayScene): number => {
      crash(relay, true)
      scene.runFor(detectionMs)
      return scene.newByteMs()
    }
    forEachScene(seed, profile, other, act, allowedMs(other))
  })

  test.each(cases)('[RC19] it falls silent: seed %i, %s', (seed, _place, profile, other) => {
    const act = ({ scene, relay }: RelayScene): number => {
      crash(relay, false)
      const isSuspect = (): boolean => {
        const links = scene.from.neighbourhood.links()
        return links.some((link) => link.peer === relay.peer.id && link.isSuspect)
      }
      expect(scene.runUntil('suspicion', isSuspect)).toBeLessThanOrEqual(2_200)
      return scene.newByteMs()
    }
    forEachScene(seed, profile, other, act, allowedMs(other))
  })
})

describe('the only relay crashes, and boots again', { timeout: 600_000 }, () => {
  test.each(cases)('[CN22] [LK10] seed %i, %s', (seed, _place, profile, _other, messageMs) => {
    const act = ({ scene, peers, relay }: RelayScene): number => {
      const { receivedBytes } = scene.flow
      crash(relay, true)
      scene.runFor(detectionMs)
      expect(scene.hasPath).toBe(false)
      scene.runFor(bootMs)
      join(scene.world, peers, addPeer(scene.world, seed, 'relay', 2), profile)
      scene.runUntil('a path', () => scene.hasPath)
      return scene.newByteMs(receivedBytes)
    }
    const afterMsMax = allowedMs(profile) + messageMs
    forEachScene(seed, profile, undefined, act, afterMsMax)
  })
})
