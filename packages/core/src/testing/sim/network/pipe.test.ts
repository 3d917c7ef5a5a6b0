import { beforeEach, describe, expect, test } from 'vitest'
import type { Input } from '../../../engine/input.ts'
import { Dice } from '../world/dice.ts'
import { EventQueue } from '../world/event-queue.ts'
import type { PipeEnd, PipeWorld } from './pipe-direction.ts'
import { Pipe } from './pipe.ts'
import { bluetooth, profileOf, relay, wifi, wifiLossy, type LinkProfile } from './profiles.ts'

/** A clock, a queue, and what is severed. */
class Bench implements PipeWorld {
  readonly queue = new EventQueue()
  readonly severed = new Set<string>()
  readonly asleep = new Set<string>()
  readonly violations: string[] = []
  readonly accidents: string[] = []
  readonly inputs = { left: [] as (Input & { atMs: number })[], right: [] as Input[] }
  nowMs = 0

  after(delayMs: number, action: () => void): void {
    this.queue.push(this.nowMs + delayMs, action)
  }
  at(atMs: number, action: () => void): void {
    this.queue.push(atMs, action)
  }
  isSevered(from: string): boolean {
    return this.severed.has(from)
  }
  violated(_invariant: string, sentence: string): void {
    this.violations.push(sentence)
  }
  moved(): void {}
  befell(accident: string): void {
    this.accidents.push(accident)
  }

  pipe(profile: LinkProfile): Pipe {
    const end = (peer: 'left' | 'right'): PipeEnd => ({
      peer,
      channel: 1,
      isAwake: () => !this.asleep.has(peer),
      deliver: (input) => this.inputs[peer].push({ ...input, atMs: this.nowMs }),
    })
    const parts = { transport: 'wire', profile }
    return new Pipe(this, new Dice('pipe'), parts, end('left'), end('right'))
  }

  runFor(durationMs: number): void {
    const untilMs = this.nowMs + durationMs
    while (this.queue.nextAtMs <= untilMs) {
      this.nowMs = Math.max(this.nowMs, this.queue.nextAtMs)
      this.queue.pop()?.()
    }
    this.nowMs = untilMs
  }

  /** First bytes of the messages that the right end received. */
  get received(): readonly number[] {
    return this.inputs.right.flatMap((input) =>
      input.type === 'channel-received' ? [input.bytes[0]!] : [],
    )
  }

  /** The last that the left end was told to have drained. */
  get drainedBytes(): number {
    return this.inputs.left.reduce(
      (most, input) => (input.type === 'channel-drained' ? input.drainedBytes : most),
      0,
    )
  }

  closed(side: 'left' | 'right'): readonly string[] {
    return this.inputs[side].flatMap((input) =>
      input.type === 'channel-closed' ? [input.reason] : [],
    )
  }
}

const numbered = (count: number, bytes = 100) =>
  Array.from({ length: count }, (_, index) => new Uint8Array(bytes).fill(index))
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index)

let bench: Bench
beforeEach(() => {
  bench = new Bench()
})

describe('a strict pipe', () => {
  test.each([wifi, wifiLossy, relay, bluetooth])(
    'of profile $name hands over everything once and in order, and drains it',
    (profile) => {
      const pipe = bench.pipe(profile())
      for (const bytes of numbered(200)) pipe.send('left', 1, bytes)
      bench.runFor(60_000)
      expect(bench.received).toEqual(upTo(200))
      expect(bench.drainedBytes).toBe(20_000)
      expect(bench.violations).toEqual([])
    },
  )

  test('keeps to its speed', () => {
    const pipe = bench.pipe(bluetooth())
    for (const bytes of numbered(100)) pipe.send('left', 1, bytes)
    bench.runFor(10_000 / 20 / 2)
    expect(Math.abs(bench.received.length - 50)).toBeLessThan(5)
  })

  test('clogged, hands over nothing for a while, then all at once', () => {
    const pipe = bench.pipe(wifi())
    pipe.stall('left', 1_000)
    for (const bytes of numbered(20)) pipe.send('left', 1, bytes)
    bench.runFor(999)
    expect(bench.received).toEqual([])
    bench.runFor(1)
    expect(bench.received).toEqual(upTo(20))
  })

  test('delayed, hands over later for a while, and goes on in order', () => {
    const pipe = bench.pipe(wifi())
    pipe.delay('left', 1_000, 500)
    for (const bytes of numbered(5)) pipe.send('left', 1, bytes)
    bench.runFor(999)
    expect(bench.received).toEqual([])
    pipe.send('left', 1, new Uint8Array(100).fill(5))
    bench.runFor(11)
    expect(bench.received).toEqual(upTo(6))
  })

  test('does not drain without end towards a receiver that sleeps', () => {
    const pipe = bench.pipe(wifi())
    bench.asleep.add('right')
    for (const bytes of numbered(40, 5_000)) pipe.send('left', 1, bytes)
    bench.runFor(10_000)
    expect(bench.received).toEqual([])
    expect(bench.drainedBytes).toBeLessThanOrEqual(64 * 1024)
    bench.asleep.clear()
    pipe.resume('right')
    bench.runFor(0)
    expect(bench.received).toEqual(upTo(40))
    expect(bench.drainedBytes).toBe(200_000)
  })

  test('that lost a message in a partition never goes on after it', () => {
    const pipe = bench.pipe(wifi())
    const [first, second, third] = numbered(3)
    pipe.send('left', 1, first!)
    bench.runFor(100)
    bench.severed.add('left')
    pipe.send('left', 1, second!)
    bench.runFor(100)
    bench.severed.clear()
    pipe.send('left', 1, third!)
    bench.runFor(60_000)
    expect(bench.received).toEqual([0])
    expect(bench.closed('right')).toEqual([])
  })

  test('closes after what is under way, and once', () => {
    const pipe = bench.pipe(wifi())
    for (const bytes of numbered(5)) pipe.send('left', 1, bytes)
    pipe.close('left', 1)
    expect(bench.closed('left')).toEqual(['local'])
    bench.runFor(1_000)
    expect(bench.received).toEqual(upTo(5))
    expect(bench.closed('right')).toEqual(['remote'])
  })

  test('breaks within a message, which the receiver notices first', () => {
    const pipe = bench.pipe(wifi())
    pipe.breakWithin('left', 3)
    for (const bytes of numbered(5)) pipe.send('left', 1, bytes)
    bench.runFor(10)
    expect(bench.received).toEqual([0, 1])
    expect(bench.closed('right')).toEqual(['lost'])
    bench.runFor(5_000)
    expect(bench.closed('left')).toEqual(['lost'])
  })

  test('reports senders beyond their credit or the size of messages', () => {
    const pipe = bench.pipe(bluetooth())
    pipe.send('left', 1, new Uint8Array(183))
    pipe.send('left', 1, new Uint8Array(0))
    expect(bench.violations).toHaveLength(2)
    for (const bytes of numbered(2_000, 180)) pipe.send('left', 1, bytes)
    expect(bench.violations.length).toBeGreaterThan(2)
  })

  test.each([
    [true, [0]],
    [false, []],
  ])(
    'shorter than it claims: a long message arrives cut (%s), or not at all',
    (cutsLonger, got) => {
      const pipe = bench.pipe(profileOf({ name: 'wifi', passedBytesMax: 50, cutsLonger }))
      for (const bytes of numbered(1)) pipe.send('left', 1, bytes)
      bench.runFor(100)
      expect(bench.received).toEqual(got)
      expect(bench.drainedBytes).toBe(100)
      expect(bench.accidents).toEqual([cutsLonger ? 'cut' : 'swallowed'])
    },
  )
})

describe('a pipe that promises less', () => {
  test('loose: loses, doubles and reorders under a storm, and holds nobody back', () => {
    const pipe = bench.pipe(profileOf({ name: 'wifi', delivery: 'loose' }))
    pipe.storm({ lossRate: 0.3, duplicateRate: 0.2, reorderRate: 0.3 }, 60_000)
    for (const bytes of numbered(200, 50)) pipe.send('left', 1, bytes)
    bench.runFor(10_000)
    const { received } = bench
    const once = new Set(received)
    expect(once.size).toBeLessThan(180)
    expect(once.size).toBeGreaterThan(100)
    expect(received.length).toBeGreaterThan(once.size)
    expect(received).not.toEqual([...received].sort((left, right) => left - right))
  })

  test('loose: shrunk, loses what is too long, for a while', () => {
    const pipe = bench.pipe(profileOf({ name: 'wifi', delivery: 'loose' }))
    pipe.shrink('left', 99, 1_000)
    pipe.send('left', 1, new Uint8Array(99).fill(1))
    pipe.send('left', 1, new Uint8Array(100).fill(2))
    bench.runFor(1_000)
    pipe.send('left', 1, new Uint8Array(100).fill(3))
    bench.runFor(100)
    expect(bench.received).toEqual([1, 3])
    expect(bench.accidents).toEqual(['swallowed'])
  })

  test('loose: drops what the narrow place cannot hold', () => {
    const pipe = bench.pipe(profileOf({ name: 'bluetooth', delivery: 'loose' }))
    for (const bytes of numbered(200)) pipe.send('left', 1, bytes)
    bench.runFor(10_000)
    expect(bench.drainedBytes).toBe(20_000)
    expect(bench.received.length).toBeLessThan(100)
  })

  test('unordered: reorders, and loses nothing', () => {
    const pipe = bench.pipe(profileOf({ name: 'wifiLossy', delivery: 'unordered' }))
    for (const bytes of numbered(200)) pipe.send('left', 1, bytes)
    bench.runFor(10_000)
    expect(bench.received).not.toEqual(upTo(200))
    expect([...bench.received].sort((left, right) => left - right)).toEqual(upTo(200))
  })
})
