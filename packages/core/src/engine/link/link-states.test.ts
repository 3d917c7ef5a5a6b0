/** Channels and targets move as the tables of docs/specs/link.md say, and in no other way. */

import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'

import { closeReasonCodes } from './close-reason.ts'
import { plainTraits, VirtualNetwork } from './virtual-network.ts'
import type { VirtualPeer } from './virtual-network.ts'

interface Row {
  readonly from: string
  readonly to: string
  readonly reasons: readonly string[]
}

interface Transition {
  readonly from: string
  readonly to: string
  readonly reason: string
}

const spec = readFileSync(new URL('../../../../../docs/specs/link.md', import.meta.url), 'utf8')
const ends = ['local', 'remote', 'lost', 'protocol', 'transport-stopped']
const wireReasons = Object.keys(closeReasonCodes)
const dialFailures =
  'unreachable refused timeout bad-address not-permitted unsupported certificate-mismatch cancelled'

/** The reasons that a cell stands for. */
function reasonsOf(cell: string): readonly string[] {
  switch (cell) {
    case 'of FR9':
      return wireReasons
    case '`remote` and that of FR9, or `unknown`':
      return [...wireReasons, 'unknown'].map((reason) => `remote ${reason}`)
    case '*why*':
      return ends
    case 'that of the transport, or `timeout`':
      return dialFailures.split(' ')
    case 'of FR9, `unknown`, or `channel-` and *why*':
      return [...wireReasons, 'unknown', ...ends.map((end) => `channel-${end}`)]
    default:
      expect(cell).toMatch(/^`[a-z ]+`(, `[a-z]+`)*$/)
      return cell.replaceAll('`', '').split(', ')
  }
}

/** The table of a rule, one row for each state. */
function rowsOf(rule: string): readonly Row[] {
  const [, text = ''] = spec.split(`**${rule}. `)
  const [, table = ''] = /\n\n\| state .*\n\| -.*\n((?:\|.*\n)+)/.exec(text) ?? []
  return table
    .trim()
    .split('\n')
    .flatMap((line) => {
      const [states = '', , to = '', reason = ''] = line.slice(2, -2).split(' | ')
      return states.split(', ').map((from) => ({ from, to, reasons: reasonsOf(reason) }))
    })
}

/** What happened to channels, or to targets, of all peers. */
function transitionsOf(peers: readonly VirtualPeer[], event: string): Transition[] {
  return peers
    .flatMap(({ flight }) => flight.events())
    .filter(({ name }) => name === event)
    .map(({ arguments: { from, to, reason } }) => ({
      from: String(from),
      to: String(to),
      reason: String(reason),
    }))
}

/** What happens to `a`, which dials `b`, and to `b`. */
type Story = (network: VirtualNetwork, a: VirtualPeer, b: VirtualPeer) => void

function played(story: Story, options: Parameters<VirtualNetwork['add']>[1] = {}): VirtualPeer[] {
  const network = new VirtualNetwork()
  const [a, b] = [network.add('a'), network.add('b', options)]
  a.neighbourhood.addressFound('virtual', 'b', 0)
  story(network, a, b)
  return [a, b]
}

function say(network: VirtualNetwork, from: VirtualPeer, to: VirtualPeer, bytes = 10): void {
  from.neighbourhood.send(to.peer, 'packet', 'bulk', new Uint8Array(bytes), network.nowMs)
  network.settle(from)
}

const stories: readonly (readonly [Story, Parameters<VirtualNetwork['add']>[1]?])[] = [
  // The mesh is closed.
  [
    (network, a) => {
      network.run(100)
      a.neighbourhood.stop(network.nowMs)
      network.run(3_000)
    },
  ],
  // A neighbour is late, then silent for good.
  [
    (network, a, b) => {
      network.run(100)
      for (const end of b.openEnds()) end.extraLatencyMs = 2_500
      say(network, a, b)
      network.run(3_000)
      for (const end of b.openEnds()) end.mute = true
      network.run(3_000)
      say(network, a, b)
      network.run(30_000)
    },
  ],
  // A channel breaks: before it is proven, while it is, while it is silent.
  [
    (network, a, b) => {
      network.run(8)
      network.break(a.openEnds()[0]!)
      network.run(1_000)
      network.break(a.openEnds()[0]!)
      network.run(1_000)
      for (const end of b.openEnds()) end.mute = true
      say(network, a, b)
      network.run(3_000)
      const [end] = a.openEnds()
      a.neighbourhood.channelClosed(end!.channel, 'lost', network.nowMs)
    },
  ],
  // And before its farewell has arrived, where that is told.
  [
    (network, a) => {
      network.traits = { ...plainTraits, reliable: false, ordered: false }
      network.run(200)
      const [end] = a.openEnds()
      a.neighbourhood.stop(network.nowMs)
      a.neighbourhood.channelClosed(end!.channel, 'lost', network.nowMs)
    },
  ],
  // Another app; nobody who answers; a channel that is too narrow.
  [(network) => network.run(60_000), { app: 'bar' }],
  [
    (network, a, b) => {
      network.findPeer = () => undefined
      network.open(a, b).mute = true
      network.run(12_000)
      network.traits = { ...plainTraits, messageBytesMax: 19 }
      network.open(a, b)
    },
  ],
  // Dials that nobody answers, also not at once.
  [
    (network, a) => {
      network.dialsHang = true
      network.run(12_000)
      network.dialsHang = false
      network.dialFailure = 'unreachable'
      network.run(60_000)
      a.neighbourhood.hurry(network.nowMs)
    },
  ],
  // Both dial each other, over two addresses; the channel that stays breaks; then a rule is broken.
  [
    (network, a, b) => {
      network.findPeer = (address) => (address.startsWith('a') ? a : b)
      b.neighbourhood.addressFound('virtual', 'a', 0)
      network.run(5_000)
      a.neighbourhood.addressFound('virtual', 'b by another name', network.nowMs)
      a.neighbourhood.want(b.peer, 'virtual', network.nowMs)
      network.run(20_000)
      network.break(a.openEnds()[0]!)
      network.run(20_000)
      network.inject(a.openEnds()[0]!, Uint8Array.of(0x5b, 0x80))
      network.run(5_000)
    },
  ],
  // A signalled channel that both want falls silent: each dials a fresh one.
  [
    (network, a, b) => {
      network.addTransport('signalled', {}, true)
      network.findPeer = (address) => (address === a.peer ? a : b)
      a.neighbourhood.addressLost('virtual', 'b', network.nowMs)
      network.run(20_000)
      a.neighbourhood.want(b.peer, 'signalled', network.nowMs)
      network.run(1_000)
      b.neighbourhood.want(a.peer, 'signalled', network.nowMs)
      network.run(1_000)
      for (const peer of [a, b]) for (const end of peer.openEnds()) end.mute = true
      say(network, a, b)
      say(network, b, a)
      network.run(5_000)
    },
  ],
  // A rule is broken while another way to the peer waits for its turn.
  [
    (network, a, b) => {
      network.addTransport('other', {})
      network.run(100)
      network.dialsHang = true
      for (const address of ['c', 'd', 'e', 'f']) {
        a.neighbourhood.addressFound('virtual', address, network.nowMs)
      }
      a.neighbourhood.want(b.peer, 'other', network.nowMs)
      network.inject(a.openEnds()[0]!, Uint8Array.of(0x5b, 0x80))
    },
  ],
]

let peers: readonly VirtualPeer[] = []

beforeAll(() => {
  peers = stories.flatMap(([story, options]) => played(story, options))
})

describe.each([
  ['LK40', 'channelState'],
  ['LK41', 'dialState'],
])('[LK40] [LK41] the table of %s', (rule, event) => {
  const rows = rowsOf(rule)
  const isOf = ({ from, to, reasons }: Row, transition: Transition): boolean =>
    from === transition.from && to === transition.to && reasons.includes(transition.reason)

  test('has a row for everything that happened', () => {
    const transitions = transitionsOf(peers, event)
    expect(transitions.filter((one) => !rows.some((row) => isOf(row, one)))).toEqual([])
  })

  test('has no row that nothing comes under', () => {
    const transitions = transitionsOf(peers, event)
    expect(rows.filter((row) => !transitions.some((one) => isOf(row, one)))).toEqual([])
    expect(rows.length).toBeGreaterThan(12)
  })
})
