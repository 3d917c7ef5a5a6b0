/** Recovery and congestion control of whole connections, over paths of packets in virtual time. */

import { describe, expect, test } from 'vitest'

import { nodeCryptography } from '../../driver/node-cryptography.ts'
import { PacketPath, type PacketConditions } from '../../testing/sim/paths/packet-path.ts'
import { Transfer, Typing } from '../../testing/sim/paths/workload.ts'
import { priorities, type Priority } from '../link/link-port.ts'
import { congestionWindowBytesInitial } from './congestion.ts'
import { HostileEnd } from './virtual-network.ts'

const messageBytes = 16 * 1024

function connected(conditions: Partial<PacketConditions> = {}, seed = 1): PacketPath {
  const path = new PacketPath(nodeCryptography, seed, conditions)
  path.connect()
  return path
}

function transfer(path: PacketPath, stream: Priority, bytes = 1e9): Transfer {
  const started = new Transfer(path, path.left, path.right, { stream, bytes, messageBytes })
  started.start()
  return started
}

/** Part of the bottleneck that the transfer used, as payload. */
function shareOf(path: PacketPath, { bytesPerMs }: Transfer): number {
  return bytesPerMs / path.conditions.bytesPerMs
}

function windowsOf(path: PacketPath) {
  return path.left.connections.measure(path.right.id)!
}

describe('congestion marks', () => {
  test.each(['foreground', 'bulk'] as const)(
    '[RC10] a count that grew shrinks the window of its flow, once: %s',
    (flow) => {
      const peer = new HostileEnd(true)
      const { connection } = peer.end
      const stream = priorities.indexOf(flow === 'bulk' ? 'bulk' : 'sync')
      for (let count = 0; count < 25; count += 1) {
        connection.send(stream, new Uint8Array(10_000), 1)
      }
      let nowMs = 10
      /** The window after an acknowledgement, a round trip later, of all with these counts. */
      const windowAfter = (own: number, other: number) => {
        nowMs += 20
        const marks = flow === 'bulk' ? [other, own] : [own, other]
        peer.acknowledgeAll(nowMs, { foreground: marks[0]!, bulk: marks[1]! })
        const { windowBytes, bulkWindowBytes } = connection.measure()
        return flow === 'bulk' ? bulkWindowBytes : windowBytes
      }
      while (windowAfter(0, 0) < 12_000);
      // The first mark ends slow start, and bulk slows down for a moment.
      windowAfter(3, 0)
      let before = windowAfter(3, 0)
      while (before < 5_000) before = windowAfter(3, 0)
      const marked = windowAfter(4, 0)
      expect(marked).toBeLessThan(0.9 * before)
      expect(windowAfter(4, 5)).toBeGreaterThanOrEqual(marked)
      expect(windowAfter(2, 2)).toBeGreaterThanOrEqual(marked)
    },
  )

  test('[RC10] a path that marks at 25 ms loses nothing, and is used', () => {
    const queueBytes = 200_000
    const path = connected({ isMarking: true, queueBytes })
    const sync = transfer(path, 'sync')
    path.run(path.nowMs + 20_000)
    expect(path.left.count('connection.packetsLost')).toBe(0)
    expect(path.left.count('connection.marksReceived')).toBeGreaterThan(10)
    expect(shareOf(path, sync)).toBeGreaterThan(0.95)
    expect(windowsOf(path).smoothedRttMs).toBeLessThan(40 + 2 * 25 + 25)
  })
})

describe('loss', () => {
  test('[RC2] [RC13] everything arrives once and in order, however packets are lost, doubled and late', () => {
    for (let seed = 1; seed <= 5; seed += 1) {
      const path = connected(
        { lossShare: 0.05, duplicateShare: 0.05, reorderShare: 0.1, reorderMs: 60, jitterMs: 5 },
        seed,
      )
      const bulk = transfer(path, 'bulk', 1_000_000)
      const sync = transfer(path, 'sync', 1_000_000)
      path.run(path.nowMs + 120_000, () => bulk.isDone && sync.isDone)
      expect([bulk.isDone, sync.isDone]).toEqual([true, true])
    }
  })

  test('[RC13] where packets are late and none is lost, hardly any is sent twice', () => {
    const path = connected({
      bytesPerMs: 125,
      latencyMs: 200,
      reorderShare: 0.05,
      reorderMs: 200,
    })
    const sync = transfer(path, 'sync')
    path.run(path.nowMs + 60_000)
    const lost = path.left.count('connection.packetsLost')
    expect(path.left.count('connection.packetsLate')).toBe(lost)
    expect(lost).toBeLessThan(10)
    expect(shareOf(path, sync)).toBeGreaterThan(0.85)
  })
})

describe('another path', () => {
  /** Time until the receiver gets the next message. */
  function resumesAfterMs(path: PacketPath, running: Transfer): number {
    const { receivedBytes } = running
    const fromMs = path.nowMs
    path.run(fromMs + 60_000, () => running.receivedBytes > receivedBytes)
    return path.nowMs - fromMs
  }

  test.each(['sync', 'bulk'] as const)(
    '[RC19] when a route returns, data flow again within two round trips: %s',
    (stream) => {
      const path = connected({ latencyMs: 50, isMarking: true })
      const running = transfer(path, stream)
      path.run(path.nowMs + 5_000)
      path.cut(true)
      path.run(path.nowMs + 30_000)
      path.mend()
      expect(resumesAfterMs(path, running)).toBeLessThan(200)
      // And everything that was under way is on its way by the next.
      path.run(path.nowMs + 100)
      expect(windowsOf(path).windowBytes).toBeGreaterThanOrEqual(congestionWindowBytesInitial)
      const { receivedBytes } = running
      path.run(path.nowMs + 2_000)
      expect(running.receivedBytes - receivedBytes).toBeGreaterThan(0.8 * 2_000 * 1250)
    },
  )

  test('[RC19] so they do when the path was silent for long before that was noticed', () => {
    const path = connected({ latencyMs: 50, isMarking: true })
    const running = transfer(path, 'sync')
    path.run(path.nowMs + 5_000)
    path.cut(false)
    path.run(path.nowMs + 20_000)
    path.change({}, true)
    expect(resumesAfterMs(path, running)).toBeLessThan(200)
  })

  test('[RC19] a narrow path after a wide one, and back', () => {
    const path = connected({ latencyMs: 5, bytesPerMs: 5_000, isMarking: true })
    const running = transfer(path, 'bulk', 8_000_000)
    path.run(path.nowMs + 1_000)
    expect(windowsOf(path).bytesInFlight).toBeGreaterThan(30_000)
    path.cut(true)
    path.run(path.nowMs + 1_000)
    path.mend({ latencyMs: 30, bytesPerMs: 20, packetBytes: 1181 })
    // Whole messages of 16 KiB: 0.8 s each here.
    expect(resumesAfterMs(path, running)).toBeLessThan(60 + 1_700)
    path.run(path.nowMs + 20_000)
    expect(windowsOf(path).smoothedRttMs).toBeLessThan(500)
    path.change({ latencyMs: 5, bytesPerMs: 5_000, packetBytes: 16_365 }, true)
    expect(resumesAfterMs(path, running)).toBeLessThan(60)
    path.run(path.nowMs + 10_000, () => running.isDone)
    expect(running.isDone).toBe(true)
  })

  describe('[RC24] a narrow path after a wide one that was cut', () => {
    const narrow = { latencyMs: 30, bytesPerMs: 20, packetBytes: 4074 }

    /** A path that is back, with a transfer whose acknowledgements got lost with the former one. */
    function backOnNarrow(stream: Priority) {
      const path = connected({ latencyMs: 20, isMarking: true })
      const options = { stream, bytes: 1e9, messageBytes: 500 }
      const running = new Transfer(path, path.left, path.right, options)
      running.start()
      path.run(path.nowMs + 3_000)
      path.cut(true)
      path.run(path.nowMs + 1_000)
      path.mend(narrow)
      return { path, running }
    }

    test.each(['interactive', 'sync', 'bulk'] as const)(
      'nothing that had arrived is sent again: %s',
      (stream) => {
        const { path, running } = backOnNarrow(stream)
        const sentBefore = path.left.count('connection.packetBytesSent')
        const receivedBefore = running.receivedBytes
        // One way for the report, one for a packet of 1 KiB, which takes 51 ms to be sent.
        expect(resumesAfterMs(path, running)).toBeLessThan(30 + 30 + 51 + 5)
        path.run(path.nowMs + 5_000)
        const sent = path.left.count('connection.packetBytesSent') - sentBefore
        expect(sent / (running.receivedBytes - receivedBefore)).toBeLessThan(1.2)
      },
    )

    test('an end that hears nothing goes on after a probe', () => {
      const { path, running } = backOnNarrow('sync')
      path.isWhole = false
      path.run(path.nowMs + 200)
      path.isWhole = true
      expect(resumesAfterMs(path, running)).toBeLessThan(1_500)
    })

    test('a keystroke does not wait for that', () => {
      const { path } = backOnNarrow('sync')
      const startMs = path.nowMs
      let arrivedAtMs: number | undefined
      path.right.listeners.push((output) => {
        if (output.type === 'message' && output.stream === 'interactive') arrivedAtMs = path.nowMs
      })
      path.left.do((nowMs) => {
        path.left.connections.send(path.right.id, 'interactive', new Uint8Array(20), nowMs)
      })
      path.run(startMs + 1_000, () => arrivedAtMs !== undefined)
      expect(arrivedAtMs! - startMs).toBeLessThan(30 + 10)
    })
  })

  test('[RC20] a better path costs neither what is under way nor a window', () => {
    const path = connected({ latencyMs: 100, isMarking: true })
    const running = transfer(path, 'sync')
    path.run(path.nowMs + 5_000)
    const sentBefore = path.left.count('connection.packetBytesSent')
    const receivedBefore = running.receivedBytes
    path.change({ latencyMs: 90 }, false)
    path.run(path.nowMs + 10_000)
    // What was sent again is little: a packet for each priority, and what those overtook.
    const sent = path.left.count('connection.packetBytesSent') - sentBefore
    const received = running.receivedBytes - receivedBefore
    expect(sent / received).toBeLessThan(1.05)
    expect(shareOf(path, running)).toBeGreaterThan(0.85)
  })
})

describe('flows', () => {
  test('[RC14] a keystroke leaves though a document has filled the window, and so do two packets', () => {
    const path = connected({ bytesPerMs: 20, packetBytes: 1181, isMarking: true })
    transfer(path, 'sync')
    path.run(path.nowMs + 5_000)
    const { bytesInFlight, windowBytes } = windowsOf(path)
    expect(bytesInFlight).toBeGreaterThanOrEqual(windowBytes)
    const sent = (): number => path.left.count('connection.packetsSent')
    const sendKeys = (): void => {
      path.left.do((nowMs) => {
        path.left.connections.send(path.right.id, 'interactive', new Uint8Array(900), nowMs)
      })
    }
    const before = sent()
    sendKeys()
    expect(sent()).toBe(before + 1)
    for (let count = 0; count < 10; count += 1) sendKeys()
    expect(sent()).toBeLessThanOrEqual(before + 3)
  })

  test('[RC14] bulk takes what others leave, and a sixteenth where they leave nothing', () => {
    const path = connected({ isMarking: true })
    const bulk = transfer(path, 'bulk')
    path.run(path.nowMs + 5_000)
    expect(shareOf(path, bulk)).toBeGreaterThan(0.85)
    const startMs = path.nowMs
    const bulkBefore = bulk.receivedBytes
    const sync = transfer(path, 'sync')
    path.run(startMs + 20_000)
    const bulkPart = (bulk.receivedBytes - bulkBefore) / (20_000 * 1250)
    expect(bulkPart).toBeGreaterThan(1 / 20)
    expect(bulkPart).toBeLessThan(1 / 10)
    expect(sync.receivedBytes / (20_000 * 1250)).toBeGreaterThan(0.8)
  })

  test('[ST9] none of four priorities starves while the others have enough to send', () => {
    const path = connected({ isMarking: true })
    const transfers = priorities.map((stream) => transfer(path, stream))
    const startMs = path.nowMs
    path.run(startMs + 30_000)
    const parts = transfers.map(({ receivedBytes }) => receivedBytes / (30_000 * 1250))
    for (const part of parts) expect(part).toBeGreaterThan(1 / 20)
    expect(parts[0]).toBeGreaterThan(0.7)
    expect(parts.reduce((sum, part) => sum + part)).toBeGreaterThan(0.9)
  })

  test('[RC15] keystrokes beside a bulk transfer wait no longer than its target', () => {
    // A queue of 8 s that never marks: whatever stands in it was put there by this connection.
    const path = connected({ bytesPerMs: 125, latencyMs: 20 })
    const bulk = transfer(path, 'bulk')
    const keys = new Typing(path, path.left, path.right, {
      stream: 'interactive',
      messageBytes: 100,
      intervalMsLeast: 100,
      intervalMsMost: 200,
    })
    keys.start()
    path.run(path.nowMs + 60_000)
    expect(shareOf(path, bulk)).toBeGreaterThan(0.8)
    expect(keys.quantileMs(0.95)).toBeLessThan(20 + 2 * 60)
    expect(keys.quantileMs(0.99)).toBeLessThan(250)
    expect(keys.latenciesMs.length).toBeGreaterThan(300)
  })
})

describe('gathering', () => {
  const chunk = new Uint8Array(300)
  const bulk = priorities.indexOf('bulk')

  /** A peer whose bulk has one packet under way, and how many it has sent since. */
  function busy() {
    const peer = new HostileEnd(true)
    const { end } = peer
    peer.acknowledgeAll(10)
    end.connection.send(bulk, chunk, 10)
    expect(end.sent).toHaveLength(1)
    return { peer, end, sentSince: () => end.sent.length - 1 }
  }

  test('[RC23] a bulk packet that is not full waits for more, 2 ms at the most', () => {
    const { end, sentSince } = busy()
    end.connection.send(bulk, chunk, 11)
    end.connection.handleDeadline(12.9)
    expect(sentSince()).toBe(0)
    expect(end.connection.nextDeadlineMs()).toBe(13)
    end.connection.handleDeadline(13)
    expect(sentSince()).toBe(1)
  })

  test('[RC23] what fills a packet goes at once, and so does all when nothing is under way', () => {
    const { peer, end, sentSince } = busy()
    end.connection.send(bulk, new Uint8Array(16_000), 11)
    expect(sentSince()).toBeGreaterThan(0)
    for (let nowMs = 13; end.sent.length > 0; nowMs += 10) {
      end.connection.handleDeadline(nowMs)
      peer.acknowledgeAll(nowMs)
    }
    end.connection.send(bulk, chunk, 1_000)
    expect(end.sent).toHaveLength(1)
  })

  test('[RC23] other priorities do not wait', () => {
    const { end, sentSince } = busy()
    end.connection.send(priorities.indexOf('sync'), chunk, 11)
    expect(sentSince()).toBe(1)
  })

  test('[RC23] the first and the last bytes of a stream do not wait', () => {
    const { end, sentSince } = busy()
    end.streams.open({ protocol: 'chunks', priority: 'bulk' })
    end.connection.streamsChanged(11)
    expect(sentSince()).toBe(1)
    end.streams.write(4, chunk)
    end.connection.streamsChanged(11)
    expect(sentSince()).toBe(1)
    end.streams.finish(4)
    end.connection.streamsChanged(11)
    expect(sentSince()).toBe(2)
  })
})
