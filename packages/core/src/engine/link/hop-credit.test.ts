import { describe, expect, test } from 'vitest'

import type { Priority } from './link-port.ts'
import { plainTraits, VirtualNetwork } from './virtual-network.ts'
import { noFaults } from './virtual-network-path.ts'

const bluetooth = { class: 'bluetooth', metered: false } as const

interface Path {
  readonly traits?: Partial<typeof plainTraits>
  readonly bytesPerMs: number
  readonly lossRatio?: number
  readonly load?: Priority
  readonly frameBytes?: number
}

/**
 * Sends as much as fits for 20 s, with a keystroke now and then: what part of the path the frames
 * got, and how long keystrokes waited beside the path's latency.
 */
function load(path: Path): { goodput: number; waitMsMax: number; waitMsMedian: number } {
  const { traits, bytesPerMs, lossRatio = 0, load = 'bulk', frameBytes = 1200 } = path
  const network = new VirtualNetwork()
  network.latencyMs = 15
  network.traits = { ...plainTraits, ...traits }
  network.faults = { ...noFaults, bytesPerMs, lossRatio }
  const [a, b] = [network.add('a'), network.add('b')]
  a.neighbourhood.addressFound('virtual', 'b', 0)
  network.run(3000)
  const payload = new Uint8Array(frameBytes)
  const waitsMs: number[] = []
  let bytes = 0
  let typedAtMs = 0
  for (let passedMs = 0; passedMs < 22_000; passedMs += 2) {
    while (a.neighbourhood.send(b.peer, 'packet', load, payload, network.nowMs) === 'accepted');
    if (passedMs >= 2000 && passedMs % 330 === 0) {
      a.neighbourhood.send(b.peer, 'presence', 'interactive', new Uint8Array(40), network.nowMs)
      typedAtMs = network.nowMs
    }
    network.run(2)
    for (const frame of b.toldOf('frame')) {
      if (frame.kind === 'presence') waitsMs.push(network.nowMs - typedAtMs - 15)
      else if (passedMs >= 2000) bytes += frame.payload.length
    }
    b.told.length = 0
    for (const peer of [a, b]) for (const end of peer.ends.values()) end.sent.length = 0
  }
  waitsMs.sort((left, right) => left - right)
  expect(waitsMs.length).toBeGreaterThan(58)
  return {
    goodput: bytes / 20_000 / bytesPerMs,
    waitMsMax: waitsMs.at(-1)!,
    waitMsMedian: waitsMs[waitsMs.length >> 1]!,
  }
}

describe('[LK11] a keystroke beside a transfer', () => {
  test.each([
    [
      '20 kB/s in messages of 20 bytes',
      { bytesPerMs: 20, traits: { messageBytesMax: 20, cost: bluetooth } },
      0.86,
    ],
    [
      '20 kB/s in messages of 182 bytes',
      { bytesPerMs: 20, traits: { messageBytesMax: 182, cost: bluetooth } },
      0.94,
    ],
    ['20 kB/s in messages of any length', { bytesPerMs: 20 }, 0.95],
    ['20 kB/s with large frames', { bytesPerMs: 20, frameBytes: 65_536 }, 0.95],
    ['200 kB/s with large frames', { bytesPerMs: 200, frameBytes: 65_536 }, 0.97],
    ['2 MB/s with large frames', { bytesPerMs: 2000, frameBytes: 65_536 }, 0.97],
  ])('waits for less than 110 ms at %s', (_name, path, goodput) => {
    const measured = load(path)
    expect(measured.waitMsMax).toBeLessThan(110)
    expect(measured.goodput).toBeGreaterThan(goodput)
  })

  test('waits for less than 140 ms beside frames of the sync priority', () => {
    const traits = { messageBytesMax: 182, cost: bluetooth }
    expect(load({ bytesPerMs: 20, traits, load: 'sync' }).waitMsMax).toBeLessThan(140)
  })

  test('[LK23] waits for less than 110 ms nearly always where messages are lost', () => {
    const traits = { messageBytesMax: 182, reliable: false, ordered: false, cost: bluetooth }
    const measured = load({ bytesPerMs: 20, traits, lossRatio: 0.002 })
    expect(measured.waitMsMedian).toBeLessThan(60)
    expect(measured.waitMsMax).toBeLessThan(200)
  })
})

test('[FR5] 0.88 of 20 kB/s in messages of 20 bytes are payload', () => {
  const network = new VirtualNetwork()
  network.traits = { ...plainTraits, messageBytesMax: 20, cost: bluetooth }
  network.faults = { ...noFaults, bytesPerMs: 20 }
  const [a, b] = [network.add('a'), network.add('b')]
  a.neighbourhood.addressFound('virtual', 'b', 0)
  network.run(3000)
  const payload = new Uint8Array(4096)
  let frames = 0
  for (let passedMs = 0; passedMs < 40_000; passedMs += 10) {
    while (a.neighbourhood.send(b.peer, 'packet', 'bulk', payload, network.nowMs) === 'accepted');
    network.run(10)
    frames += b.toldOf('frame').length
    b.told.length = 0
    a.openEnds()[0]!.sent.length = 0
  }
  expect((frames * 4096) / 40_000 / 20).toBeGreaterThan(0.88)
})

describe('[LK28] what a link says of its channel', () => {
  test('is its bandwidth, once there was more to send than it carries', () => {
    const network = new VirtualNetwork()
    network.faults = { ...noFaults, bytesPerMs: 100 }
    const [a, b] = [network.add('a'), network.add('b')]
    a.neighbourhood.addressFound('virtual', 'b', 0)
    network.run(3000)
    expect(a.neighbourhood.links()[0]).toMatchObject({ bandwidthBytesPerSecond: undefined })
    for (let count = 0; count < 30; count += 1) {
      a.neighbourhood.send(b.peer, 'packet', 'bulk', new Uint8Array(8000), network.nowMs)
    }
    network.run(2000)
    expect(a.neighbourhood.links()[0]!.bandwidthBytesPerSecond! / 100_000).toBeCloseTo(1, 1)
    network.run(5000)
    expect(a.flight.snapshot().histograms['link.bandwidth']!.count).toBeGreaterThan(0)
  })

  test('is the share of hellos that are lost on a channel that says it is reliable', () => {
    const network = new VirtualNetwork()
    network.traits = { ...plainTraits, encrypted: true, binding: new Uint8Array(1) }
    const [a, b] = [network.add('a'), network.add('b')]
    a.neighbourhood.addressFound('virtual', 'b', 0)
    network.run(3000)
    let count = 0
    network.tamper = (bytes, from) => {
      if (from.peer === b) return bytes
      count += 1
      return count % 4 === 0 ? undefined : bytes
    }
    network.run(200_000)
    expect(a.neighbourhood.links()[0]).toMatchObject({ lossRatio: 0 })
    expect(b.neighbourhood.links()[0]!.lossRatio).toBeGreaterThan(0.15)
    expect(b.neighbourhood.links()[0]!.lossRatio).toBeLessThan(0.35)
  })
})
