/**
 * A transfer survives that the page of one end sleeps for ten minutes: its timers stand still, and what its
 * channel brings waits. The other end ends the link after 14 s of silence. The channel is closed by then, which
 * the page hears of when it wakes up, or it is gone without a word, as after a machine has slept: then the page
 * finds out within 4 s (LK7). Either the page dials, or it is dialled. Virtual time; each byte is checked as
 * it arrives.
 *
 * What is measured: how long, from when both ends have a path to each other again, until the receiving
 * application has a byte that it had not had when the page woke up. That is at most two round trips, each of a
 * packet of 4 KiB and a short answer when nothing else is under way; on a local network, where these are shorter
 * than a message of a link may be, that as well.
 */

import { describe, expect, test } from 'vitest'

import { nodeCryptography } from '../../../driver/node-cryptography.ts'
import { PathWorld } from './path-world.ts'
import {
  addPair,
  forEachFlow,
  lanProfile,
  linkMessageMs,
  packetBytes,
  twoRoundTripsMs,
  Scene,
  wanProfile,
} from './survival-run.ts'

const cases = [
  [1, 'over the internet', wanProfile, 0],
  [2, 'on a local network', lanProfile, linkMessageMs],
  [3, 'over the internet', wanProfile, 0],
  [4, 'on a local network', lanProfile, linkMessageMs],
] as const

const sleepMs = 10 * 60 * 1_000

/** A page that dials does so once it knows; another waits for a pause of the other end (LK13). */
const noticedMsMax = { left: 4_300, right: 36_200 } as const

describe.each([
  ['left', 'dials', false, 'closed'],
  ['left', 'dials', true, 'gone'],
  ['right', 'is dialled', false, 'closed'],
  ['right', 'is dialled', true, 'gone'],
] as const)('the page of the end on the %s, which %s', (sleeperName, _does, isGone, how) => {
  test.each(cases)(
    `[CN28] [LK7] sleeps ten minutes, its channel is ${how}: seed %i, %s`,
    { timeout: 600_000 },
    (seed, _place, profile, messageMs) => {
      const allowedMs = twoRoundTripsMs(nodeCryptography, packetBytes, (world, peers) => {
        world.join(...peers, profile)
      })
      forEachFlow((kind, isFromLeft) => {
        const world = new PathWorld({ cryptography: nodeCryptography, seed })
        const peers = addPair(world, seed)
        const joint = world.join(...peers, profile)
        const bytes = { before: 200_000 + 31_000 * seed, inAll: 700_000 }
        const scene = new Scene(world, peers, kind, isFromLeft, bytes)
        const former = joint.channel
        scene[sleeperName].sleep()
        if (isGone) former?.silence()
        scene.runFor(sleepMs)
        scene[sleeperName].wake()
        const { receivedBytes } = scene.flow
        const noticedMs = scene.runUntil('a path', () => joint.channel !== former && scene.hasPath)
        expect(noticedMs).toBeLessThan(noticedMsMax[sleeperName])
        const afterMs = scene.newByteMs(receivedBytes)
        const isSoon = afterMs <= allowedMs + messageMs
        expect({ kind, isFromLeft, afterMs, isSoon }).toMatchObject({ isSoon: true })
        scene.finish()
        const ticketsUsed = peers.map((peer) => peer.count('connection.ticketsUsed'))
        expect(ticketsUsed).toEqual([0, 0])
      })
    },
  )
})
