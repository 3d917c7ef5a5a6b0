import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ringBytesMin } from './event-ring.ts'
import { counter, event, gauge, histogram } from './instrument.ts'
import { createFlightRecorder, createRecorder, FlightRecorder } from './recorder.ts'
import { registry } from './registry.ts'
import { recorderInstruments } from './registry/recorder.ts'
import { tokensMax, tokensPerMs } from './token-buckets.ts'

const rooms = {
  cable: {
    sent: counter('bytes', 'Sent.'),
    depth: gauge('frames', 'Depth.'),
    wait: histogram('ms', 'Wait.'),
    opened: event('info', 'Opened.', [
      ['peer', 'id'],
      ['cost', 'public'],
    ]),
    traced: event('debug', 'Traced.', [['note', 'text']]),
    full: event('warn', 'Full.', [
      ['a', 'public'],
      ['b', 'public'],
      ['c', 'public'],
      ['d', 'public'],
      ['e', 'public'],
      ['f', 'public'],
    ]),
  },
  other: { happened: event('debug', 'Happened.', []) },
  recorder: recorderInstruments,
} as const

/** A millisecond long enough for each event to find a token. */
const spacingMs = 1 / tokensPerMs

describe('values', () => {
  test('counters add up, gauges keep the last value, histograms tell quantiles', () => {
    const flight = new FlightRecorder(rooms)
    const { cable } = flight.recorder
    cable.sent.add()
    cable.sent.add(41)
    cable.depth.set(7)
    cable.depth.set(3)
    for (let waitMs = 1; waitMs <= 100; waitMs += 1) cable.wait.observe(waitMs)
    const { counters, gauges, histograms } = flight.snapshot()
    expect(counters['cable.sent']).toBe(42)
    expect(gauges['cable.depth']).toBe(3)
    expect(histograms['cable.wait']).toMatchObject({ count: 100, sum: 5050, min: 1, max: 100 })
    expect(histograms['cable.wait']?.median).toBeCloseTo(50, -1)
    expect(cable.sent.value).toBe(42)
    expect(cable.wait.count).toBe(100)
  })

  test('two recorders share nothing', () => {
    const left = createFlightRecorder()
    const right = createFlightRecorder()
    left.setLevel('link', 'debug')
    expect(left.snapshot().counters['recorder.eventsRecorded']).toBe(1)
    expect(right.snapshot().counters['recorder.eventsRecorded']).toBe(0)
    expect(right.levelOf('link')).toBe('info')
  })

  test('the recorder that layers get has every room of the registry', () => {
    const recorder = createRecorder()
    expect(Object.keys(recorder).sort()).toEqual([...Object.keys(registry), 'setTime'].sort())
  })
})

describe('events', () => {
  test('[OB5] an event comes back with its names, time and arguments', () => {
    const flight = new FlightRecorder(rooms)
    flight.recorder.setTime(1_000.25)
    flight.recorder.cable.opened.record('peer-a', 1.25)
    flight.recorder.setTime(2_000)
    flight.recorder.cable.opened.record('peer-a')
    expect(flight.events()).toEqual([
      {
        sequence: 0,
        atMs: 1_000.25,
        room: 'cable',
        name: 'opened',
        level: 'info',
        arguments: { peer: 'peer-a', cost: 1.25 },
        suppressed: 0,
      },
      {
        sequence: 1,
        atMs: 2_000.05,
        room: 'cable',
        name: 'opened',
        level: 'info',
        arguments: { peer: 'peer-a' },
        suppressed: 0,
      },
    ])
  })

  test('[OB5] a clock set back is recorded as such', () => {
    const flight = new FlightRecorder(rooms)
    for (const nowMs of [5_000, 4_000, 4_100]) {
      flight.recorder.setTime(nowMs)
      flight.recorder.cable.opened.record()
    }
    expect(flight.events().map((event) => event.atMs)).toEqual([5_000, 4_000, 4_100])
  })

  test('any arguments come back as they were', () => {
    const argument = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 20 }),
      fc.double().map((value) => (Object.is(value, -0) ? 0 : value)),
      fc.maxSafeInteger(),
    )
    fc.assert(
      fc.property(fc.array(argument, { minLength: 6, maxLength: 6 }), (values) => {
        const flight = new FlightRecorder(rooms)
        const [a, b, c, d, e, f] = values
        flight.recorder.cable.full.record(a, b, c, d, e, f)
        expect(Object.values(flight.events()[0]?.arguments ?? {})).toEqual(values)
      }),
    )
  })

  test('[OB6] a long text is cut, and counted', () => {
    const flight = new FlightRecorder(rooms)
    flight.recorder.cable.opened.record('x'.repeat(100_000))
    expect(flight.events()[0]?.arguments).toEqual({ peer: 'x'.repeat(128) })
    expect(flight.snapshot().counters['recorder.textsCut']).toBe(1)
  })

  test('[OB1] a string takes its bytes once in a segment', () => {
    const flight = new FlightRecorder(rooms, { eventBytesMax: ringBytesMin })
    const name = 'n'.repeat(100)
    for (let count = 0; count < 1_000; count += 1) {
      flight.recorder.setTime(count * spacingMs)
      flight.recorder.cable.opened.record(name, 1)
    }
    expect(flight.snapshot().counters['recorder.eventsOverwritten']).toBe(0)
  })

  test('[OB1] [OB2] what was recorded last is readable after any number of wraps, and losses are counted', () => {
    const call = fc.record({
      peer: fc.oneof(fc.constantFrom('a', 'b', 'c'), fc.string({ maxLength: 300 })),
      cost: fc.nat(),
      stepMs: fc.integer({ min: -5, max: 1_000 }),
    })
    fc.assert(
      fc.property(
        fc.array(call, { minLength: 10, maxLength: 60 }),
        fc.integer({ min: 1, max: 60 }),
        (calls, rounds) => {
          const flight = new FlightRecorder(rooms, { eventBytesMax: ringBytesMin })
          const written: object[] = []
          let nowMs = 0
          for (let round = 0; round < rounds; round += 1) {
            for (const { peer, cost, stepMs } of calls) {
              nowMs += spacingMs + stepMs
              flight.recorder.setTime(nowMs)
              flight.recorder.cable.opened.record(`${peer}${round}`, cost)
              written.push({ peer: `${peer}${round}`.slice(0, 128), cost })
            }
          }
          const events = flight.events()
          const { counters } = flight.snapshot()
          const overwritten = counters['recorder.eventsOverwritten'] ?? 0
          expect(counters['recorder.eventsRecorded']).toBe(written.length)
          expect(events.length + overwritten).toBe(written.length)
          expect(events.map((event) => event.arguments)).toEqual(written.slice(overwritten))
          expect(events.map((event) => event.sequence)).toEqual(
            written.map((_, sequence) => sequence).slice(overwritten),
          )
          if (written.length > 0) expect(events.at(-1)?.atMs).toBeCloseTo(nowMs, 0)
        },
      ),
      { numRuns: 60 },
    )
  })

  test('events of the largest size fill segments to the end and not beyond', () => {
    const flight = new FlightRecorder(rooms, { eventBytesMax: ringBytesMin })
    const total = 3_000
    for (let count = 0; count < total; count += 1) {
      flight.recorder.setTime(count * spacingMs)
      const value = count + 0.5
      flight.recorder.cable.full.record(value, value, value, value, value, value)
    }
    const overwritten = flight.snapshot().counters['recorder.eventsOverwritten']!
    const events = flight.events()
    expect(events.length).toBe(total - overwritten)
    expect(events.map((event) => event.arguments['f'])).toEqual(
      events.map((_, index) => overwritten + index + 0.5),
    )
  })

  test('a reader that asks again gets only what is new', () => {
    const flight = new FlightRecorder(rooms, { eventBytesMax: ringBytesMin })
    let next = 0
    for (let count = 0; count < 5_000; count += 1) {
      flight.recorder.setTime(count * spacingMs)
      flight.recorder.cable.opened.record(`peer-${count}`)
      if (count % 100 !== 99) continue
      const events = flight.events(next)
      expect(events.map((event) => event.sequence)).toEqual(
        Array.from({ length: 100 }, (_, index) => next + index),
      )
      next += 100
    }
  })
})

describe('levels', () => {
  test('[OB4] an event below the level of its room is not recorded', () => {
    const flight = new FlightRecorder(rooms)
    flight.recorder.cable.traced.record('quiet')
    flight.setLevel('cable', 'debug')
    flight.recorder.cable.traced.record('loud')
    flight.recorder.other.happened.record()
    flight.setLevel('cable', 'off')
    flight.recorder.cable.full.record(1)
    expect(flight.events().map((event) => event.name)).toEqual(['levelSet', 'traced', 'levelSet'])
  })

  test('[OB4] a level set for a time ends with it', () => {
    const flight = new FlightRecorder(rooms, { level: 'warn' })
    flight.setLevel('cable', 'debug', 1_000)
    flight.setLevel('other', 'debug')
    flight.recorder.setTime(999)
    expect(flight.levelOf('cable')).toBe('debug')
    flight.recorder.setTime(1_000)
    expect(flight.levelOf('cable')).toBe('warn')
    expect(flight.levelOf('other')).toBe('debug')
    flight.recorder.cable.opened.record('peer')
    expect(flight.events()).toEqual([])
  })
})

describe('suppression', () => {
  test('[OB3] an event that repeats without end is suppressed, and the next one says how many were', () => {
    const flight = new FlightRecorder(rooms)
    for (let count = 0; count < tokensMax + 30; count += 1) flight.recorder.cable.opened.record()
    flight.recorder.cable.full.record(1)
    expect(flight.events().length).toBe(tokensMax + 1)
    expect(flight.snapshot().counters['recorder.eventsSuppressed']).toBe(30)
    flight.recorder.setTime(spacingMs)
    flight.recorder.cable.opened.record()
    expect(flight.events().at(-1)).toMatchObject({ name: 'opened', suppressed: 30 })
    expect(flight.events().at(-2)).toMatchObject({ name: 'full', suppressed: 0 })
    flight.recorder.setTime(2 * spacingMs)
    flight.recorder.cable.opened.record()
    expect(flight.events().at(-1)).toMatchObject({ name: 'opened', suppressed: 0 })
  })

  test('a long silence saves up one burst and no more', () => {
    const flight = new FlightRecorder(rooms)
    for (let count = 0; count < tokensMax; count += 1) flight.recorder.cable.opened.record()
    flight.recorder.setTime(1e9)
    for (let count = 0; count < 2 * tokensMax; count += 1) flight.recorder.cable.opened.record()
    expect(flight.snapshot().counters['recorder.eventsSuppressed']).toBe(tokensMax)
  })

  test('a clock set back does not silence an event for longer', () => {
    const flight = new FlightRecorder(rooms)
    flight.recorder.setTime(1e9)
    for (let count = 0; count < 2 * tokensMax; count += 1) flight.recorder.cable.opened.record()
    flight.recorder.setTime(0)
    flight.recorder.cable.opened.record()
    flight.recorder.setTime(spacingMs)
    flight.recorder.cable.opened.record()
    expect(flight.events().at(-1)?.atMs).toBe(spacingMs)
  })

  test('[OB3] in any span of time at most two bursts and the steady rate get through', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 200 }), (steps) => {
        const flight = new FlightRecorder(rooms, { eventBytesMax: 1 << 20 })
        let nowMs = 0
        for (const stepMs of steps) {
          nowMs += stepMs
          flight.recorder.setTime(nowMs)
          for (let count = 0; count < 20; count += 1) flight.recorder.cable.opened.record()
        }
        expect(flight.events().length).toBeLessThanOrEqual(2 * tokensMax + nowMs * tokensPerMs)
        const { counters } = flight.snapshot()
        expect(counters['recorder.eventsRecorded']! + counters['recorder.eventsSuppressed']!).toBe(
          steps.length * 20,
        )
      }),
    )
  })
})
