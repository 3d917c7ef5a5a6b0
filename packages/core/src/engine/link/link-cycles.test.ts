/** Links that come and go by the thousand, in every way there is, leave nothing behind. */

import { expect, test } from 'vitest'

import { FlightRecorder } from '../../recorder/recorder.ts'
import { registry } from '../../recorder/registry.ts'
import { ToyCryptography } from '../../testing/explore/toy-cryptography.ts'
import { expectFlat, liveMemory } from '../../testing/node-live-memory.ts'
import { SeededRandom } from '../crypto/random.ts'
import { Identity } from '../identity/identity.ts'
import type { DialId } from '../input.ts'
import { Neighbourhood } from './neighbourhood.ts'
import { dialling, plainTraits } from './virtual-network.ts'

const cycles = 10_000
/** Cycles after which what is remembered of others, and compiled, is as much as it gets. */
const warmupCycles = 2_000

/** The real one would take nine tenths of the time, and nothing here depends on its strength. */
const cryptography = new ToyCryptography({ remembers: false })

const identities = [1, 2, 3].map(
  (byte) => new Identity(new Uint8Array(32).fill(byte), cryptography),
)

/** One peer; what it sends waits for the other end to take it. */
class End {
  neighbourhood: Neighbourhood
  readonly flight = new FlightRecorder(registry, { level: 'off' })
  readonly sent: { readonly channel: number; readonly bytes: Uint8Array }[] = []
  readonly dials: DialId[] = []
  /** Links that came up. */
  links = 0
  readonly #index: number
  readonly #sentBytes = new Map<number, number>()
  #epoch = 0

  constructor(index: number) {
    this.#index = index
    this.neighbourhood = this.#booted(1)
  }

  get peer() {
    return identities[this.#index]!.peer
  }

  /** A new boot, with another secret where that is said. */
  boot(secretByte = 1): void {
    this.neighbourhood = this.#booted(secretByte)
    this.#sentBytes.clear()
    this.sent.length = 0
    this.dials.length = 0
  }

  /** Takes what it has decided. */
  take(nowMs: number): void {
    const { neighbourhood } = this
    for (let output = neighbourhood.poll(); output; output = neighbourhood.poll()) {
      if (output.type === 'dial') this.dials.push(output.dial)
      if (output.type === 'link-up') this.links += 1
      if (output.type === 'close-channel') this.close(output.channel, 'local', nowMs)
      if (output.type !== 'channel-send') continue
      const { channel, bytes } = output
      const sentBytes = (this.#sentBytes.get(channel) ?? 0) + bytes.length
      this.#sentBytes.set(channel, sentBytes)
      this.sent.push(output)
      neighbourhood.channelDrained(channel, sentBytes, nowMs)
    }
  }

  close(channel: number, reason: 'local' | 'lost', nowMs: number): void {
    this.neighbourhood.channelClosed(channel, reason, nowMs)
    this.#sentBytes.delete(channel)
  }

  #booted(secretByte: number): Neighbourhood {
    this.#epoch += 1
    const context = {
      random: new SeededRandom(new Uint8Array(32).fill(this.#epoch)),
      cryptography,
      recorder: this.flight.recorder,
    }
    const identity = identities[this.#index]!
    const secret = new Uint8Array(32).fill(secretByte)
    const options = { identity, app: 'test', secret, epoch: this.#epoch }
    const neighbourhood = new Neighbourhood(context, options)
    neighbourhood.transportStarted('pipe', dialling, 0)
    return neighbourhood
  }
}

/**
 * The ends, the clock, and the channels between them. `a` and `b` live through it all, so that they
 * would gather what is left behind; `c` boots for each of its cycles.
 */
class World {
  readonly a = new End(0)
  readonly b = new End(1)
  readonly c = new End(2)
  nowMs = 0
  #channel = 0

  /** Delivers what is on its way between `b` and the other, so many messages at most. */
  exchange(dialler: End, messages = Number.POSITIVE_INFINITY): void {
    const { b } = this
    for (let left = messages; left > 0; left -= 1) {
      dialler.take(this.nowMs)
      b.take(this.nowMs)
      const [sender, receiver] = dialler.sent.length > 0 ? [dialler, b] : [b, dialler]
      const message = sender.sent.shift()
      if (!message) return
      const { channel, bytes } = message
      receiver.neighbourhood.channelReceived(channel, bytes, this.nowMs)
    }
  }

  /** Time passes until the end dials `b`; then there is a channel. */
  dial(dialler: End): number {
    dialler.neighbourhood.addressFound('pipe', 'b', this.nowMs)
    for (;;) {
      this.exchange(dialler)
      const dial = dialler.dials.shift()
      if (dial === undefined) {
        this.#passTime(dialler)
        continue
      }
      this.#channel += 1
      const opening = { channel: this.#channel, transport: 'pipe', traits: plainTraits }
      dialler.neighbourhood.channelOpened({ ...opening, dial }, this.nowMs)
      this.b.neighbourhood.channelOpened(opening, this.nowMs)
      return this.#channel
    }
  }

  /** The channel is gone, for these ends; and so is what was on its way. */
  cut(channel: number, ...ends: readonly End[]): void {
    for (const end of ends) end.close(channel, 'lost', this.nowMs)
    for (const end of [this.a, this.b, this.c]) end.sent.length = 0
  }

  #passTime(dialler: End): void {
    const ends = [dialler, this.b]
    const deadlines = ends.map(({ neighbourhood }) => neighbourhood.nextDeadlineMs())
    this.nowMs = Math.max(this.nowMs + 1, Math.min(...deadlines))
    for (const { neighbourhood } of ends) {
      if (neighbourhood.nextDeadlineMs() <= this.nowMs) neighbourhood.handleDeadline(this.nowMs)
    }
  }
}

/** A link is made, used, and ended in one of seven ways. */
function cycle(world: World, count: number): void {
  const { a, b, c } = world
  const way = count % 7
  const dialler = way < 4 ? a : c
  if (dialler === c) c.boot(way === 6 ? 2 : 1)
  const channel = world.dial(dialler)
  if (way === 0) {
    // Within its handshake.
    world.exchange(a, 2)
    world.cut(channel, a, b)
    return
  }
  world.exchange(dialler)
  for (const [from, to] of [
    [dialler, b],
    [b, dialler],
  ] as const) {
    from.neighbourhood.send(to.peer, 'packet', 'sync', new Uint8Array(100), world.nowMs)
  }
  world.exchange(dialler)
  switch (way) {
    case 1:
      world.cut(channel, a, b)
      return
    case 2:
      // `b` is told by the next link.
      world.cut(channel, a)
      return
    case 3:
      a.neighbourhood.channelReceived(channel, Uint8Array.of(0x5b, 0x80), world.nowMs)
      world.exchange(a)
      return
    case 4:
      c.neighbourhood.stop(world.nowMs)
      world.exchange(c)
      return
    case 5:
      // Without a word: the next boot ends the link of this one.
      world.cut(channel, c)
      c.boot()
      world.dial(c)
      world.exchange(c)
      c.neighbourhood.stop(world.nowMs)
      world.exchange(c)
      return
    default:
    // Another secret: there was no link.
  }
}

test('[LK2] [LK15] ten thousand links leave nothing: no channel, no object, no byte', () => {
  const world = new World()
  const { a, b, c } = world
  let before = liveMemory()
  for (let count = 0; count < cycles; count += 1) {
    if (count === warmupCycles) before = liveMemory()
    cycle(world, count)
  }
  expectFlat(before, liveMemory(), cycles - warmupCycles)
  // In five ways of seven one link, in one two, in one none but the attempt.
  expect(a.links + c.links).toBeGreaterThan(cycles * 0.8)
  for (const { neighbourhood, flight } of [a, b]) {
    neighbourhood.stop(world.nowMs)
    world.exchange(a)
    const { gauges } = flight.snapshot()
    expect([gauges['link.channels'], gauges['link.links']]).toEqual([0, 0])
    neighbourhood.handleDeadline(neighbourhood.nextDeadlineMs())
    expect(neighbourhood.nextDeadlineMs()).toBe(Number.POSITIVE_INFINITY)
  }
}, 600_000)
