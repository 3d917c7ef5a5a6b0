/**
 * Whatever two applications do with their streams, and whatever becomes of the packets: each byte
 * arrives once and in order, both ends agree on how it ended, and nothing is left behind.
 */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { priorities } from '../link/link-port.ts'
import { streamWindowBytesMax } from './receive-stream.ts'
import { streamRefusedCode, streamWriteBytesMax, type StreamHandle } from './stream-port.ts'
import { VirtualNetwork, type VirtualEnd } from './virtual-network.ts'

/** A stream as the application of one end sees it. */
interface View {
  readonly id: number
  readonly handle: StreamHandle
  readonly isLower: boolean
  writtenBytes: number
  drainedBytes: number
  receivedBytes: number
  /** Told of and not taken. */
  heldBytes: number
  finished: boolean
  resetCode: number | undefined
  stopCode: number | undefined
  readEnd: 'finished' | 'reset' | undefined
  writeEnd: 'delivered' | 'stopped' | undefined
}

/** The byte at an offset of one direction of a stream. */
function byteAt(id: number, isFromLower: boolean, offset: number): number {
  return (id * 31 + (isFromLower ? 0 : 101) + offset * 7 + (offset >>> 8) * 11) & 0xff
}

/** The applications of both ends, and what they hold each other to. */
class Applications {
  readonly network: VirtualNetwork
  readonly views = new Map<VirtualEnd, Map<number, View>>()
  readonly #ids = new Map<VirtualEnd, Map<StreamHandle, number>>()
  #openedCounts = new Map<VirtualEnd, number>()

  constructor(seed: number) {
    this.network = new VirtualNetwork(seed)
    for (const end of this.ends) {
      this.views.set(end, new Map())
      this.#ids.set(end, new Map())
    }
  }

  get ends(): readonly [VirtualEnd, VirtualEnd] {
    return [this.network.low, this.network.high]
  }

  open(end: VirtualEnd, rank: number): void {
    const handle = end.streams.open({ protocol: 'model', priority: priorities[rank]! })
    if (typeof handle === 'string') {
      expect(handle).toBe('limit')
      return
    }
    const count = this.#openedCounts.get(end) ?? 0
    this.#openedCounts.set(end, count + 1)
    this.#add(end, handle, 4 + 2 * count + (end === this.network.low ? 0 : 1))
  }

  /** Any stream that the end knows of; it may be over. */
  pick(end: VirtualEnd, choice: number): View | undefined {
    const views = [...this.views.get(end)!.values()]
    return views[choice % Math.max(1, views.length)]
  }

  write(end: VirtualEnd, view: View, length: number): void {
    const bytes = Uint8Array.from({ length }, (_, index) =>
      byteAt(view.id, view.isLower, view.writtenBytes + index),
    )
    const result = end.streams.write(view.id, bytes)
    if (isWritable(view)) {
      const isWithinCredit = view.writtenBytes - view.drainedBytes <= streamWriteBytesMax
      if (isWithinCredit) expect(result).toBe('accepted')
      if (result === 'accepted') view.writtenBytes += length
    } else expect(result).toBe('closed')
  }

  finish(end: VirtualEnd, view: View): void {
    end.streams.finish(view.id)
    if (isWritable(view)) view.finished = true
  }

  reset(end: VirtualEnd, view: View, code: number): void {
    end.streams.reset(view.id, code)
    if (view.writeEnd === undefined) view.resetCode ??= code
  }

  stop(end: VirtualEnd, view: View, code: number): void {
    end.streams.stop(view.id, code)
    view.stopCode ??= code
    view.heldBytes = 0
  }

  consume(end: VirtualEnd, view: View, bytesMax: number): void {
    const bytes = Math.min(bytesMax, view.heldBytes)
    view.heldBytes -= bytes
    end.streams.consume(view.id, bytes)
  }

  /** Runs, and follows what is told meanwhile. */
  run(durationMs: number): boolean {
    const isQuiet = this.network.run(durationMs)
    for (const end of this.ends) this.#follow(end)
    return isQuiet
  }

  #add(end: VirtualEnd, handle: StreamHandle, id: number): void {
    this.#ids.get(end)!.set(handle, id)
    this.views.get(end)!.set(id, {
      id,
      handle,
      isLower: end === this.network.low,
      writtenBytes: 0,
      drainedBytes: 0,
      receivedBytes: 0,
      heldBytes: 0,
      finished: false,
      resetCode: undefined,
      stopCode: undefined,
      readEnd: undefined,
      writeEnd: undefined,
    })
  }

  #follow(end: VirtualEnd): void {
    for (const output of end.take()) {
      expect(output.type).not.toBe('disconnected')
      if (!('stream' in output) || typeof output.stream !== 'number') continue
      if (output.type === 'stream-opened') {
        expect(this.#ids.get(end)!.has(output.stream)).toBe(false)
        this.#add(end, output.stream, end.directory.get(output.stream)!.id)
        continue
      }
      const id = this.#ids.get(end)!.get(output.stream)!
      const view = this.views.get(end)!.get(id)!
      const other = this.views.get(this.network.otherOf(end))!.get(id)
      switch (output.type) {
        case 'stream-data': {
          expect(view.readEnd ?? view.stopCode).toBeUndefined()
          let isSame = true
          for (const [index, byte] of output.bytes.entries()) {
            isSame &&= byte === byteAt(id, !view.isLower, view.receivedBytes + index)
          }
          expect(isSame).toBe(true)
          view.receivedBytes += output.bytes.length
          view.heldBytes += output.bytes.length
          expect(view.heldBytes).toBeLessThanOrEqual(streamWindowBytesMax)
          expect(view.receivedBytes).toBeLessThanOrEqual(other!.writtenBytes)
          break
        }
        case 'stream-finished':
          expect(view.readEnd ?? view.stopCode).toBeUndefined()
          expect(other!.finished).toBe(true)
          expect(view.receivedBytes).toBe(other!.writtenBytes)
          view.readEnd = 'finished'
          break
        case 'stream-reset':
          expect(view.readEnd ?? view.stopCode).toBeUndefined()
          // Without one the other end never knew what it was for.
          expect(output.code).toBe(other === undefined ? streamRefusedCode : other.resetCode)
          view.readEnd = 'reset'
          break
        case 'stream-stopped':
          expect(view.writeEnd ?? view.resetCode).toBeUndefined()
          expect(output.code).toBe(other!.stopCode)
          view.writeEnd = 'stopped'
          end.streams.reset(id, 0)
          break
        case 'stream-drained':
          expect(output.drainedBytes).toBeGreaterThan(view.drainedBytes)
          expect(output.drainedBytes).toBeLessThanOrEqual(view.writtenBytes)
          view.drainedBytes = output.drainedBytes
          break
        case 'stream-delivered':
          expect(view.writeEnd ?? view.resetCode).toBeUndefined()
          expect(view.finished).toBe(true)
          view.writeEnd = 'delivered'
          break
        default:
          throw new Error(`unexpected ${output.type}`)
      }
    }
  }
}

function isWritable(view: View): boolean {
  return !view.finished && view.resetCode === undefined && view.writeEnd === undefined
}

const isLow = fc.boolean()
const choice = fc.nat({ max: 30 })
const code = fc.nat({ max: 2 ** 32 - 1 })
const action = fc.oneof(
  fc.record({ type: fc.constant('open' as const), isLow, rank: fc.nat({ max: 3 }) }),
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('write' as const),
      isLow,
      choice,
      length: fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 60_000 })),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('consume' as const),
      isLow,
      choice,
      bytesMax: fc.integer({ min: 1, max: 100_000 }),
    }),
  },
  fc.record({ type: fc.constant('finish' as const), isLow, choice }),
  fc.record({ type: fc.constant('reset' as const), isLow, choice, code }),
  fc.record({ type: fc.constant('stop' as const), isLow, choice, code }),
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('run' as const), durationMs: fc.nat({ max: 80 }) }),
  },
  fc.record({ type: fc.constant('resume' as const) }),
)

const conditions = fc.record({
  lossShare: fc.constantFrom(0, 0.05, 0.3),
  duplicateShare: fc.constantFrom(0, 0.2),
  jitterMs: fc.constantFrom(0, 3, 60),
})

test('[ST1][ST15][ST16][ST18][ST20] any use of streams over any network leaves both ends agreed and nothing behind', () => {
  fc.assert(
    fc.property(
      fc.array(action, { minLength: 5, maxLength: 80 }),
      conditions,
      fc.nat(),
      (actions, conditions, seed) => {
        const applications = new Applications(seed)
        const { network } = applications
        network.conditions = conditions
        for (const isLow of [true, false]) applications.open(isLow ? network.low : network.high, 3)
        for (const step of actions) {
          if (step.type === 'run') {
            applications.run(step.durationMs)
            continue
          }
          if (step.type === 'resume') {
            network.resume()
            continue
          }
          const end = step.isLow ? network.low : network.high
          if (step.type === 'open') {
            applications.open(end, step.rank)
            continue
          }
          const view = applications.pick(end, step.choice)
          if (view === undefined) continue
          if (step.type === 'write') applications.write(end, view, step.length)
          else if (step.type === 'consume') applications.consume(end, view, step.bytesMax)
          else if (step.type === 'finish') applications.finish(end, view)
          else if (step.type === 'reset') applications.reset(end, view, step.code)
          else applications.stop(end, view, step.code)
        }
        finishAll(applications)
        expectAgreement(applications)
      },
    ),
    { numRuns: 300 },
  )
}, 600_000)

/** Both applications write no more, and read to the end. */
function finishAll(applications: Applications): void {
  for (let round = 0; round < 100; round += 1) {
    let isWaiting = false
    for (const end of applications.ends) {
      for (const view of applications.views.get(end)!.values()) {
        if (isWritable(view)) applications.finish(end, view)
        isWaiting ||= view.heldBytes > 0
        applications.consume(end, view, Number.POSITIVE_INFINITY)
      }
    }
    const isQuiet = applications.run(60_000)
    const held = applications.ends.flatMap((end) => [...applications.views.get(end)!.values()])
    if (isQuiet && !isWaiting && held.every((view) => view.heldBytes === 0 && !isWritable(view)))
      return
  }
  throw new Error('the streams do not end')
}

function expectAgreement({ ends, network, views }: Applications): void {
  for (const end of ends) {
    const others = views.get(network.otherOf(end))!
    for (const view of views.get(end)!.values()) {
      const other = others.get(view.id)
      if (other === undefined) {
        // Reset before its header arrived: the other end never heard of it, and said so.
        expect(view.resetCode ?? view.writeEnd).toBeDefined()
        continue
      }
      if (view.resetCode !== undefined || other.stopCode !== undefined) continue
      expect(other.readEnd).toBe('finished')
      expect(view.writeEnd).toBe('delivered')
      expect(other.receivedBytes).toBe(view.writtenBytes)
    }
    expect(end.directory.size).toBe(0)
    expect(end.connection.measure()).toMatchObject({
      openStreams: 0,
      sendBufferBytes: 0,
      receiveBufferBytes: 0,
      unconsumedBytes: 0,
    })
  }
}
