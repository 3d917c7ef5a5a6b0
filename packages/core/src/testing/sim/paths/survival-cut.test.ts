/**
 * A transfer survives that its channel is cut and another kind takes its place, WebRTC to Bluetooth and
 * back, at a cost of two round trips. Virtual time; each byte is checked as it arrives.
 *
 * What is measured: how long, after the outage is known, until the receiving application has a byte that
 * it had not had before. Known it is when both ends have been told that the channel is gone, and another
 * one is there:
 *
 * - With a single channel, that is when the new channel opens, at both ends at once; when it is dialled,
 *   and how often in vain, is not up to the connection. The handshake of the link is counted.
 * - In a bundle the other channel is there. After a cut that is known when both ends are told; after a
 *   silence, when the first end leaves the channel, two seconds after data went unanswered (LK6).
 *
 * The round trip is that of the new path alone: what a packet of the size that connections use there and
 * a short answer take when nothing else is under way. At 20 kB/s sending a packet takes longer than its
 * way, so that a round trip of empty messages would say little.
 *
 * Why it is fair: the transfer has filled the path that is cut, with its queues, and goes on at once; the
 * byte that counts is the first one missing, since streams are read in order; and it has to be found out
 * which that is, for much of what was under way had arrived.
 */

import { describe, expect, test } from 'vitest'

import { nodeCryptography } from '../../../driver/node-cryptography.ts'
import { pathProfile, type PathProfile } from './path-profile.ts'
import { PathWorld, type PathJoint } from './path-world.ts'
import {
  addPair,
  forEachFlow,
  lanProfile,
  narrowPacketBytes,
  packetBytes,
  twoRoundTripsMs,
  Scene,
  wanProfile,
  type FlowKind,
} from './survival-run.ts'

/** 20 kB/s, in messages of 182 bytes, and of 20 (an MTU of 23 less its header). */
const bluetooth = pathProfile('bluetooth', 20, 15, 182, { jitterMs: 2 })
const narrowBluetooth = pathProfile('bluetooth', 20, 15, 20, { jitterMs: 2 })

const cases = [
  [1, 'WebRTC over the internet', 'Bluetooth of 182 bytes', wanProfile, bluetooth],
  [2, 'WebRTC on a local network', 'Bluetooth of 20 bytes', lanProfile, narrowBluetooth],
  [3, 'WebRTC over the internet', 'Bluetooth of 20 bytes', wanProfile, narrowBluetooth],
  [4, 'WebRTC on a local network', 'Bluetooth of 182 bytes', lanProfile, bluetooth],
] as const

/** What goes before a cut, while Bluetooth carries, and in all. */
const bytesBefore = 200_000
const bytesInAll = 1_000_000
const onBluetoothMs = 2_000

/** How long the ends take to hear of a cut. */
const detectionMs = 100

/** Two round trips of the path that takes over. */
function allowedMs(profile: PathProfile): number {
  const isNarrow = profile.traits.cost.class === 'bluetooth'
  const bytes = isNarrow ? narrowPacketBytes : packetBytes
  return twoRoundTripsMs(nodeCryptography, bytes, (world, peers) => {
    world.join(...peers, profile)
  })
}

interface CutScene {
  readonly scene: Scene
  readonly joint: PathJoint
}

/** A transfer in full swing over the joint; `spare` stands ready beside it. */
function transferring(
  seed: number,
  profile: PathProfile,
  kind: FlowKind,
  isFromDialler: boolean,
  spare?: PathProfile,
): CutScene {
  const world = new PathWorld({ cryptography: nodeCryptography, seed })
  const peers = addPair(world, seed)
  const joint = world.join(...peers, profile, 'webrtc')
  if (spare) world.join(...peers, spare, 'bluetooth')
  const bytes = { before: bytesBefore + 31_000 * seed, inAll: bytesInAll }
  const scene = new Scene(world, peers, kind, isFromDialler, bytes)
  expect(scene.transports).toEqual(['webrtc', 'webrtc'])
  return { scene, joint }
}

describe('the only channel is cut, and another kind takes its place', { timeout: 600_000 }, () => {
  test.each(cases)('seed %i: %s, %s and back', (seed, _from, _to, webrtc, other) => {
    const allowed = { out: allowedMs(other), back: allowedMs(webrtc) }
    forEachFlow((kind, isFromDialler) => {
      const { scene, joint } = transferring(seed, webrtc, kind, isFromDialler)
      const { world } = scene
      const replace = (profile: PathProfile): number => {
        const former = joint.channel
        joint.cut(detectionMs)
        world.run(world.nowMs + detectionMs)
        expect(scene.transports).toEqual([undefined, undefined])
        joint.mend(profile)
        scene.runUntil('another channel', () => joint.channel !== former)
        return scene.newByteMs()
      }
      const outMs = replace(other)
      world.run(world.nowMs + onBluetoothMs)
      const backMs = replace(webrtc)
      const what = { kind, isFromDialler, outMs, backMs }
      expect({ ...what, isSoon: outMs <= allowed.out && backMs <= allowed.back }).toEqual({
        ...what,
        isSoon: true,
      })
      scene.finish()
    })
  })
})

describe('in a bundle, with Bluetooth as warm spare', { timeout: 600_000 }, () => {
  test.each(cases)(
    '[LK37] [RC24] seed %i: %s is cut, %s carries on',
    (seed, _from, _to, webrtc, spare) => {
      const allowed = allowedMs(spare)
      forEachFlow((kind, isFromDialler) => {
        const cutScene = transferring(seed, webrtc, kind, isFromDialler, spare)
        const { scene, joint } = cutScene
        joint.cut(detectionMs)
        scene.world.run(scene.world.nowMs + detectionMs)
        const outMs = scene.newByteMs()
        expect({ kind, isFromDialler, outMs, isSoon: outMs <= allowed }).toMatchObject({
          isSoon: true,
        })
        expectSmoothReturn(cutScene, allowed)
      })
    },
  )

  test.each(cases)(
    '[LK37] [RC24] seed %i: %s falls silent, %s carries on',
    (seed, _from, _to, webrtc, spare) => {
      const allowed = allowedMs(spare)
      forEachFlow((kind, isFromDialler) => {
        const cutScene = transferring(seed, webrtc, kind, isFromDialler, spare)
        const { scene, joint } = cutScene
        joint.isWhole = false
        joint.channel?.silence()
        const { receivedBytes } = scene.flow
        const noticedMs = scene.runUntil('an end that leaves', () =>
          scene.transports.includes('bluetooth'),
        )
        // Data and two seconds without an answer, and some time until there was data.
        expect(noticedMs).toBeLessThan(2_100)
        const outMs = scene.newByteMs(receivedBytes)
        expect({ kind, isFromDialler, outMs, isSoon: outMs <= allowed }).toMatchObject({
          isSoon: true,
        })
        joint.channel?.cut(0)
        expectSmoothReturn(cutScene, allowed)
      })
    },
  )
})

/** WebRTC comes back, and takes over; there is no pause longer than that. */
function expectSmoothReturn({ scene, joint }: CutScene, pauseMsMax: number): void {
  const { world, flow } = scene
  world.run(world.nowMs + onBluetoothMs)
  joint.mend()
  let { receivedBytes } = flow
  let receivedAtMs = world.nowMs
  let pauseMs = 0
  scene.runUntil('the end', () => {
    pauseMs = Math.max(pauseMs, world.nowMs - receivedAtMs)
    if (flow.receivedBytes > receivedBytes) {
      receivedBytes = flow.receivedBytes
      receivedAtMs = world.nowMs
    }
    return flow.isDone
  })
  expect(pauseMs).toBeLessThanOrEqual(pauseMsMax)
  expect(scene.transports).toEqual(['webrtc', 'webrtc'])
  scene.finish()
}
