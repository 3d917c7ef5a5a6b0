/** Streams of applications between two ends, over packets that are lost, doubled and late. */

import { describe, expect, test } from 'vitest'

import { lowerPeer, VirtualNetwork } from './virtual-network.ts'

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
    network.run()
    let receivedBytes = 0
    const received: string[] = []
    while (received.at(-1) !== 'stream-finished') {
      for (const output of low.take()) {
        received.push(output.type)
        if (output.type !== 'stream-data') continue
        receivedBytes += output.bytes.length
        low.streams.consume(4, output.bytes.length)
      }
      network.run()
    }
    expect(receivedBytes).toBe(100_000)
    expect(received).toContain('stream-delivered')
    const told = high.take()
    expect(told).toContainEqual({ type: 'stream-finished', stream: 1 })
    expect(told.at(-1)).toEqual({ type: 'stream-delivered', stream: 1 })
    const drained = told.filter(({ type }) => type === 'stream-drained')
    expect(drained.length).toBe(2)
    network.run()
    for (const end of [low, high]) {
      expect(end.directory.size).toBe(0)
      expect(end.connection.measure()).toMatchObject({
        openStreams: 0,
        sendBufferBytes: 0,
        receiveBufferBytes: 0,
        unconsumedBytes: 0,
      })
    }
  })
})
