/** Streams of applications between two ends that keep to the rules. */

import { describe, expect, test } from 'vitest'

import { ByteWriter } from '../bytes/writer.ts'
import type { Priority } from '../link/link-port.ts'
import { connectionWindowBytesMax } from './connection-credit.ts'
import { decodeFrames } from './frame.ts'
import { streamWindowBytes, streamWindowBytesMax } from './receive-stream.ts'
import { toldChunksMax } from './stream-backlog.ts'
import { streamsOpenMax } from './stream-ids.ts'
import { streamRefusedCode, streamWriteBytesMax } from './stream-port.ts'
import { lowerPeer, VirtualNetwork, type VirtualEnd } from './virtual-network.ts'

const nothing = {
  openStreams: 0,
  sendBufferBytes: 0,
  receiveBufferBytes: 0,
  unconsumedBytes: 0,
  packetsInFlight: 0,
}

function open(end: VirtualEnd, priority: Priority = 'bulk'): void {
  expect(end.streams.open({ protocol: 'test', priority })).toBeTypeOf('number')
}

/** Takes all that an end was told, and all bytes of it; how many those were. */
function read(end: VirtualEnd, id: number): number {
  let readBytes = 0
  for (const output of end.take()) {
    if (output.type !== 'stream-data') continue
    readBytes += output.bytes.length
    end.streams.consume(id, output.bytes.length)
  }
  return readBytes
}

function types(end: VirtualEnd): string[] {
  return end.take().map(({ type }) => type)
}

describe('a stream of an application', () => {
  test('[ST11][ST13] carries bytes both ways, and is forgotten when both ends are done', () => {
    const network = new VirtualNetwork()
    const { low, high } = network
    expect(low.streams.open({ protocol: 'files', priority: 'bulk' })).toBe(1)
    expect(low.streams.write(4, Uint8Array.of(1, 2, 3))).toBe('accepted')
    network.run()
    expect(high.take()).toEqual([
      { type: 'stream-opened', stream: 1, peer: lowerPeer, protocol: 'files', priority: 'bulk' },
      { type: 'stream-data', stream: 1, bytes: Uint8Array.of(1, 2, 3) },
    ])
    high.streams.consume(4, 3)
    high.streams.write(4, new Uint8Array(100_000).fill(7))
    high.streams.finish(4)
    low.streams.finish(4)
    let receivedBytes = 0
    const received: string[] = []
    while (received.at(-1) !== 'stream-finished') {
      network.run()
      for (const output of low.take()) {
        received.push(output.type)
        if (output.type !== 'stream-data') continue
        receivedBytes += output.bytes.length
        low.streams.consume(4, output.bytes.length)
      }
    }
    expect(receivedBytes).toBe(100_000)
    expect(received).toContain('stream-delivered')
    const told = high.take()
    expect(told).toContainEqual({ type: 'stream-finished', stream: 1 })
    expect(told.at(-1)).toEqual({ type: 'stream-delivered', stream: 1 })
    network.run()
    for (const end of [low, high]) {
      expect(end.directory.size).toBe(0)
      expect(end.connection.measure()).toMatchObject(nothing)
    }
    const { counters, gauges } = high.flight.snapshot()
    expect(counters).toMatchObject({
      'connection.streamsAccepted': 1,
      'connection.streamBytesReceived': 3,
      'connection.streamBytesSent': 100_000,
    })
    expect(gauges['connection.streams']).toBe(0)
  })

  test('[ST11] each end has ids of its own, whoever opened the connection', () => {
    const network = new VirtualNetwork()
    const { low, high } = network
    for (const end of [low, high, low, high]) open(end)
    network.run()
    for (const end of [low, high]) {
      const ids = [1, 2, 3, 4].map((handle) => end.directory.get(handle)?.id)
      expect(new Set(ids)).toEqual(new Set([4, 5, 6, 7]))
    }
  })

  test('[ST14] opens with all of lower ids, whichever frame comes first', () => {
    const network = new VirtualNetwork()
    const { low, high } = network
    network.run()
    open(low)
    open(low)
    // The packet with both headers gets lost, that of the third stream does not.
    low.connection.streamsChanged(network.nowMs)
    low.sent.length = 0
    open(low)
    network.run(6)
    expect(high.streams.openCount).toBe(3)
    expect(types(high)).toEqual(['stream-opened'])
    network.run()
    expect(types(high)).toEqual(['stream-opened', 'stream-opened'])
  })

  test('[ST15] stops at once when the other end does, and says why', () => {
    const network = new VirtualNetwork()
    const { low, high } = network
    open(low)
    low.streams.write(4, new Uint8Array(1000))
    network.run()
    high.take()
    high.streams.stop(4, 77)
    network.run()
    expect(low.take()).toEqual([{ type: 'stream-stopped', stream: 1, code: 77 }])
    expect(low.streams.write(4, new Uint8Array(1))).toBe('closed')
    expect(high.take()).toEqual([])
    expect(low.connection.measure().sendBufferBytes).toBe(0)
  })

  test('[ST16] a reset drops what was not told of, and leaves what was', () => {
    const network = new VirtualNetwork()
    const { low, high } = network
    open(low)
    low.streams.write(4, new Uint8Array(500))
    network.run()
    low.streams.write(4, new Uint8Array(500))
    low.streams.reset(4, 5)
    network.run()
    expect(types(high)).toEqual(['stream-opened', 'stream-data', 'stream-reset'])
    expect(high.connection.measure().unconsumedBytes).toBe(500)
    high.streams.consume(4, 500)
    expect(high.connection.measure().unconsumedBytes).toBe(0)
  })

  test('[ST15] a reset gives up what was finished and has not arrived', () => {
    const network = new VirtualNetwork()
    const { low, high } = network
    open(low)
    network.run()
    low.streams.write(4, new Uint8Array(streamWriteBytesMax))
    low.streams.finish(4)
    network.run(6)
    low.streams.reset(4, 9)
    expect(low.connection.measure().sendBufferBytes).toBe(0)
    network.run()
    expect(types(high).at(-1)).toBe('stream-reset')
    expect(types(low)).not.toContain('stream-delivered')
  })

  test('[ST20] that the other end has ended waits for its own application', () => {
    const network = new VirtualNetwork()
    const { low, high } = network
    open(low)
    low.streams.finish(4)
    low.streams.stop(4, 1)
    network.run()
    expect(types(high)).toEqual(['stream-opened', 'stream-stopped', 'stream-finished'])
    expect(high.streams.openCount).toBe(1)
    high.streams.reset(4, 0)
    network.run()
    expect(high.streams.openCount).toBe(0)
    expect(low.streams.openCount).toBe(0)
  })
})

describe('allowance', () => {
  test('[ST12] 128 streams are open at once, and one more for each that is forgotten', () => {
    const network = new VirtualNetwork()
    const { low, high } = network
    for (let count = 0; count < streamsOpenMax; count += 1) open(low)
    expect(low.streams.open({ protocol: 'test', priority: 'bulk' })).toBe('limit')
    network.run()
    expect(types(low)).toEqual([])
    low.streams.finish(10)
    high.streams.finish(10)
    network.run()
    expect(low.take()).toContainEqual({ type: 'streams-available', peer: high.peer })
    open(low)
    expect(low.streams.open({ protocol: 'test', priority: 'bulk' })).toBe('limit')
    network.run()
    expect(high.streams.openCount).toBe(streamsOpenMax)
  })

  test('[ST12] what is freed while enough is left is allowed once little is', () => {
    const network = new VirtualNetwork()
    const { low, high } = network
    for (let id = 4; id < 4 + 2 * 64; id += 2) {
      open(low)
      low.streams.finish(id)
      network.run()
      high.streams.finish(id)
      network.run()
    }
    // 64 are forgotten, and 64 left; none of those that follow is ever over.
    for (let count = 0; count < streamsOpenMax; count += 1) {
      open(low)
      if (count % 8 === 0) network.run()
    }
    network.run()
    expect(low.streams.openCount).toBe(streamsOpenMax)
  })

  test('[ST20][ST29] ten thousand streams leave nothing behind', () => {
    const network = new VirtualNetwork()
    for (let cycle = 0; cycle < 10_000; cycle += 1) {
      const [opener, other] =
        cycle % 2 === 0 ? [network.low, network.high] : [network.high, network.low]
      const id = 4 + cycle
      open(opener)
      opener.streams.write(id, new Uint8Array(100))
      if (cycle % 3 === 0) opener.streams.reset(id, 1)
      else opener.streams.finish(id)
      network.run()
      other.streams.consume(id, 100 * other.take().filter(isData).length)
      other.streams.write(id, new Uint8Array(100))
      other.streams.finish(id)
      if (cycle % 5 === 0) opener.streams.stop(id, 1)
      network.run()
      opener.streams.consume(id, 100 * opener.take().filter(isData).length)
      other.streams.reset(id, 0)
      network.run()
      other.take()
      opener.take()
    }
    for (const end of [network.low, network.high]) {
      expect(end.connection.measure()).toMatchObject(nothing)
      expect(end.directory.size).toBe(0)
    }
  }, 600_000)
})

describe('back-pressure', () => {
  test('[ST18][ST22] a reader that stands still stops the writer, and lets it go on', () => {
    const network = new VirtualNetwork()
    const { low, high } = network
    open(low)
    const chunk = new Uint8Array(10_000)
    let writtenBytes = 0
    let result = low.streams.write(4, chunk)
    for (; result === 'accepted'; result = low.streams.write(4, chunk)) {
      writtenBytes += chunk.length
      network.run()
    }
    expect(result).toBe('full')
    expect(writtenBytes).toBeLessThanOrEqual(streamWindowBytes + 2 * streamWriteBytesMax)
    expect(high.connection.measure().unconsumedBytes).toBeLessThanOrEqual(streamWindowBytes)
    let readBytes = 0
    for (let rest = writtenBytes; rest > 0; rest = writtenBytes - readBytes) {
      const more = read(high, 4)
      expect(more).toBeGreaterThan(0)
      readBytes += more
      network.run()
    }
    const drained = low
      .take()
      .flatMap((output) => (output.type === 'stream-drained' ? [output] : []))
    expect(drained.at(-1)?.drainedBytes).toBeGreaterThan(writtenBytes - 32 * 1024)
    expect(drained.at(-1)?.drainedBytes).toBeLessThanOrEqual(writtenBytes)
    expect(low.streams.write(4, chunk)).toBe('accepted')
  })

  test('[ST7] streams that nobody reads stop each other and not the messages of engines', () => {
    const network = new VirtualNetwork()
    const { low, high } = network
    for (let count = 0; count < 20; count += 1) {
      open(low, 'control')
      low.streams.write(4 + 2 * count, new Uint8Array(streamWriteBytesMax))
    }
    network.run()
    const { unconsumedBytes } = high.connection.measure()
    expect(unconsumedBytes).toBeLessThanOrEqual(connectionWindowBytesMax)
    expect(unconsumedBytes).toBeGreaterThan(400_000)
    high.take()
    low.streams.queue(3, new Uint8Array(1_000_000))
    network.run()
    expect(types(high)).toEqual(['message'])
  })

  test('[ST6][ST18] a reader that keeps up gets a window of 1 MiB', () => {
    const network = new VirtualNetwork()
    const { low, high } = network
    open(low)
    const chunk = new Uint8Array(streamWriteBytesMax)
    for (let round = 0; round < 100; round += 1) {
      low.streams.write(4, chunk)
      network.run(5)
      read(high, 4)
    }
    for (let round = 0; round < 40; round += 1) {
      low.streams.write(4, chunk)
      network.run(5)
    }
    const { unconsumedBytes } = high.connection.measure()
    expect(unconsumedBytes).toBeGreaterThan(streamWindowBytesMax / 2)
    expect(unconsumedBytes).toBeLessThanOrEqual(streamWindowBytesMax)
  })

  test('[ST18][ST29] a byte a packet costs a slow reader bytes, not objects', () => {
    const network = new VirtualNetwork()
    const { low, high } = network
    open(low)
    for (let count = 0; count < 5_000; count += 1) {
      low.streams.write(4, Uint8Array.of(count & 0xff))
      network.run(6)
    }
    const told = high.take().filter(isData)
    expect(told.length).toBe(toldChunksMax)
    expect(high.connection.measure().receiveBufferBytes).toBeLessThanOrEqual(3 * 5_000)
    low.streams.finish(4)
    network.run()
    const bytes: number[] = []
    for (let chunks = told; chunks.length > 0; chunks = high.take().filter(isData)) {
      for (const chunk of chunks) {
        bytes.push(...chunk.bytes)
        high.streams.consume(4, chunk.bytes.length)
      }
    }
    expect(bytes.every((byte, index) => byte === (index & 0xff))).toBe(true)
    expect(bytes.length).toBe(5_000)
    expect(high.connection.measure().receiveBufferBytes).toBe(0)
  })

  test('[ST18] the end and a reset wait, or not, behind what was gathered', () => {
    for (const ending of ['finish', 'reset'] as const) {
      const network = new VirtualNetwork()
      const { low, high } = network
      open(low)
      for (let count = 0; count < 100; count += 1) {
        low.streams.write(4, Uint8Array.of(count))
        network.run(6)
      }
      if (ending === 'finish') low.streams.finish(4)
      else low.streams.reset(4, 9)
      network.run()
      const isEnd = (type: string) => type === 'stream-finished' || type === 'stream-reset'
      expect(types(high).filter(isEnd)).toEqual(ending === 'finish' ? [] : ['stream-reset'])
      high.streams.consume(4, toldChunksMax)
      const rest = high.take()
      expect(rest.map(({ type }) => type)).toEqual(
        ending === 'finish' ? ['stream-data', 'stream-finished'] : [],
      )
      if (ending === 'finish') high.streams.consume(4, 100 - toldChunksMax)
      expect(high.connection.measure()).toMatchObject({ unconsumedBytes: 0, receiveBufferBytes: 0 })
    }
  })
})

describe('turns', () => {
  test('[ST9] streams of one priority share it, and a higher priority goes first', () => {
    const network = new VirtualNetwork()
    const { low, high } = network
    for (const priority of ['sync', 'sync', 'sync', 'interactive'] as const) open(low, priority)
    for (const id of [4, 6, 8, 10]) low.streams.write(id, new Uint8Array(100_000))
    network.run(6)
    const bytesById = new Map<number, number>()
    const handles = new Map<number, number>()
    for (const output of high.take()) {
      if (output.type === 'stream-opened') {
        handles.set(output.stream, high.directory.get(output.stream)!.id)
      }
      if (output.type !== 'stream-data') continue
      const id = handles.get(output.stream)!
      bytesById.set(id, (bytesById.get(id) ?? 0) + output.bytes.length)
    }
    // All of the first window.
    expect(bytesById.get(10)).toBeGreaterThan(7_000)
    network.run()
    high.take()
  })

  test('[ST9] a thousand bytes of one stream are not behind a hundred thousand of another', () => {
    const network = new VirtualNetwork()
    const { low, high } = network
    open(low)
    low.streams.write(4, new Uint8Array(200_000))
    low.connection.streamsChanged(0)
    open(low)
    low.streams.write(6, new Uint8Array(1000))
    low.streams.finish(6)
    network.run(18)
    const finished = high.take().filter(({ type }) => type === 'stream-finished')
    expect(finished.length).toBe(1)
  })
})

describe('frames about streams', () => {
  test('[ST19] go again when they are lost, in their latest form', () => {
    const network = new VirtualNetwork()
    const { low, high } = network
    open(low)
    open(low)
    network.run()
    high.take()
    low.streams.reset(4, 3)
    low.streams.stop(6, 4)
    low.connection.streamsChanged(network.nowMs)
    low.sent.length = 0
    network.run()
    expect(high.take()).toEqual([
      { type: 'stream-reset', stream: 1, code: 3 },
      { type: 'stream-stopped', stream: 2, code: 4 },
    ])
  })

  test('[ST21][ST26] a reset before the header is answered by one', () => {
    const network = new VirtualNetwork()
    const { low, high } = network
    network.run()
    open(low)
    low.connection.streamsChanged(network.nowMs)
    low.sent.length = 0
    low.streams.reset(4, 3)
    network.run()
    expect(high.take()).toEqual([])
    expect(low.take()).toEqual([{ type: 'stream-reset', stream: 1, code: streamRefusedCode }])
    expect(high.streams.openCount).toBe(0)
    expect(low.streams.openCount).toBe(0)
  })

  test('[ST26] a code that no engine knows is read as a refusal', () => {
    const network = new VirtualNetwork()
    const { low, high } = network
    open(low)
    network.run()
    high.take()
    low.streams.reset(4, 2 ** 40)
    network.run()
    expect(high.take()).toEqual([{ type: 'stream-reset', stream: 1, code: streamRefusedCode }])
  })
})

describe('the end of the connection', () => {
  test('[ST23] ends what is still open, and tells of no other', () => {
    const network = new VirtualNetwork()
    const { low, high } = network
    for (let count = 0; count < 4; count += 1) open(low)
    network.run()
    high.take()
    // Over for this application: reset and stopped, or finished and read to the end.
    low.streams.reset(4, 0)
    low.streams.stop(4, 0)
    low.streams.finish(6)
    high.streams.finish(6)
    network.run()
    low.take()
    low.connection.close('closed', network.nowMs)
    expect(low.take()).toEqual([
      { type: 'stream-lost', stream: 3 },
      { type: 'stream-lost', stream: 4 },
      { type: 'disconnected', peer: high.peer, reason: 'local' },
    ])
    expect(low.directory.size).toBe(0)
    expect(low.streams.write(8, new Uint8Array(1))).toBe('closed')
  })

  test('[ST19][ST23] all that was said of streams and matters still is due again', () => {
    const network = new VirtualNetwork()
    const { low } = network
    for (let count = 0; count < 4; count += 1) open(low)
    network.run()
    low.streams.reset(6, 9)
    low.streams.stop(8, 8)
    // What goes out now, nobody will hear of.
    low.connection.streamsChanged(network.nowMs)
    low.streams.everythingInFlightIsLost()
    const writer = new ByteWriter()
    low.streams.writeNotices({ room: 1000, writer, frames: [] }, 10, network.nowMs)
    const limits = decodeFrames(writer.view())!.map((frame) => ({ ...frame, limit: undefined }))
    expect(limits).toEqual([
      { type: 'connection-credit', limit: undefined },
      { type: 'stream-allowance', limit: undefined },
      ...[0, 1, 2, 3, 4, 6, 10].map((stream) => {
        return { type: 'stream-credit', stream, limit: undefined }
      }),
      { type: 'reset-stream', stream: 6, code: 9, finalSize: 6, limit: undefined },
      { type: 'stop-sending', stream: 8, code: 8, limit: undefined },
    ])
    expect(low.streams.noticesDue).toBe(false)
  })

  test('[ST23] is not told of streams that this end has just given up', () => {
    const network = new VirtualNetwork()
    const { low } = network
    open(low)
    network.run()
    low.streams.reset(4, 1)
    low.streams.finish(4)
    low.streams.stop(4, 1)
    low.connection.close('closed', network.nowMs)
    expect(types(low)).toEqual(['disconnected'])
  })

  test('[ST15] a direction that is reset cannot be finished any more', () => {
    const network = new VirtualNetwork()
    const { low, high } = network
    open(low)
    network.run()
    high.take()
    low.streams.reset(4, 1)
    low.streams.finish(4)
    network.run()
    expect(types(high)).toEqual(['stream-reset'])
  })

  test('[ST23] is not the end of streams when others keys follow', () => {
    const network = new VirtualNetwork()
    const { low, high } = network
    open(low)
    low.streams.write(4, new Uint8Array(50_000).fill(1))
    network.run(3)
    network.resume()
    low.streams.write(4, new Uint8Array(50_000).fill(1))
    low.streams.finish(4)
    network.run(12)
    network.resume()
    let readBytes = 0
    for (let round = 0; round < 20; round += 1) {
      network.run()
      readBytes += read(high, 4)
    }
    expect(readBytes).toBe(100_000)
    expect(types(low)).toContain('stream-delivered')
  })
})

function isData<Output extends { readonly type: string }>(
  output: Output,
): output is Output & { readonly type: 'stream-data' } {
  return output.type === 'stream-data'
}
