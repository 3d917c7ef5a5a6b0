/**
 * A mesh of six peers over two LANs and two links between machines, of limited rate and with losses,
 * loses the peer that most of it goes through. Skipped where namespaces cannot be made.
 */

import { afterEach, describe, test } from 'vitest'
import {
  addCable,
  addLans,
  addNamespace,
  canMakeNamespaces,
  lastOf,
  limitRate,
  losePackets,
  NamespacePeer,
  removeNamespaces,
} from './namespaces.test-setup.ts'
import type { TimedLine } from './namespaces.test-setup.ts'

afterEach(removeNamespaces)

describe.runIf(canMakeNamespaces('tc', 'nft'))('in network namespaces', () => {
  test('six peers share over three hops, and over another path when the middle one is killed', async () => {
    const { switches, byName } = addLans({ 1: ['a', 'b', 'c'], 2: ['c', 'd', 'e'] })
    const f = addNamespace('f')
    const at = (name: string) => byName.get(name) ?? f
    addCable(at('e'), 'awdl0', f, 'awdl0')
    addCable(at('b'), 'aware_data0', at('d'), 'aware_data0')
    limitRate(at('b'), 'aware_data0', 10)
    limitRate(at('d'), 'aware_data0', 10)
    for (const port of ['c1', 'c2']) limitRate(switches, port, 20)
    losePackets(switches, 2)
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    const peers = new Map(names.map((name) => [name, new NamespacePeer(at(name), name)]))
    const peer = (name: string) => peers.get(name) as NamespacePeer
    for (const one of peers.values()) await one.untilPeers(names)
    await peer('a').until('three hops', (lines) => hopsTo(lines, 'f') === 3)
    peer('a').say('from a')
    await peer('f').untilOrders(['from a'])
    peer('a').say('ping f')
    await peer('a').until('an answer', (lines) => answeredOf(lines) >= 10)

    const killedAtMs = performance.now()
    peer('c').kill()
    peer('a').say('without c')
    await peer('f').untilOrders(['from a', 'without c'])
    await peer('a').until('another path', (lines) => hopsTo(lines, 'f') === 4)
    const answeredBefore = answeredOf(peer('a').lines)
    await peer('a').until('answers', (lines) => answeredOf(lines) >= answeredBefore + 10)
    peers.delete('c')
    for (const one of peers.values()) {
      await one.until('no way to c', (lines) => hopsTo(lines, 'c') === undefined)
    }
    report(peer('a').lines, killedAtMs)
    await Promise.all([...peers.values()].map((one) => one.close()))
  })
})

function hopsTo(lines: readonly TimedLine[], name: string): number | undefined {
  return lastOf(lines, ({ hops }) => hops)?.[name]
}

function answeredOf(lines: readonly TimedLine[]): number {
  return lastOf(lines, ({ answered }) => answered) ?? 0
}

/** Says for how long nothing was answered; it is known after 2 s that somebody does not answer. */
function report(lines: readonly TimedLine[], killedAtMs: number): void {
  const answers = lines.filter(({ answered }) => answered !== undefined).map(({ atMs }) => atMs)
  const pauses = answers.map((atMs, index) => atMs - (answers[index - 1] ?? atMs))
  const longest = Math.max(...pauses.filter((_, index) => (answers[index] ?? 0) > killedAtMs))
  process.stdout.write(`healed: the longest time without an answer was ${Math.round(longest)} ms\n`)
}
