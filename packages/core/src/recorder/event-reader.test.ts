import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { argumentKinds, eventCodeBase } from './event-format.ts'
import { readSegment } from './event-reader.ts'
import { EventRing } from './event-ring.ts'
import { event } from './instrument.ts'
import { FlightRecorder } from './recorder.ts'
import { recorderInstruments } from './registry/recorder.ts'
import { declaredInstruments, schemaHashOf } from './schema.ts'

const rooms = {
  recorder: recorderInstruments,
  cable: { opened: event('info', 'Opened.', [['peer', 'id']]) },
} as const
const declared = declaredInstruments(rooms)
const declaredEvents = declared.filter((instrument) => instrument.type === 'event')
const openedIndex = declaredEvents.findIndex((event) => event.name === 'opened')
const schemaHash = schemaHashOf(declared)

function segmentOf(peers: readonly string[]): Uint8Array {
  const { recorder } = new FlightRecorder(rooms).recorder
  const ring = new EventRing(65_536, schemaHash, recorder)
  for (const peer of peers) ring.append(openedIndex, 1, 0, peer, ...absent)
  return ring.segments(0)[0]!
}

const absent = [undefined, undefined, undefined, undefined, undefined] as const

test('[OB1] a segment is read without any other', () => {
  const events = readSegment(segmentOf(['a', 'b', 'a']), schemaHash, declaredEvents)
  expect(events.map((event) => event.arguments)).toEqual([
    { peer: 'a' },
    { peer: 'b' },
    { peer: 'a' },
  ])
})

test('[OB8] a segment of another schema gives nothing', () => {
  const otherHash = schemaHashOf(declared.slice(1))
  expect(readSegment(segmentOf(['a']), otherHash, declaredEvents)).toEqual([])
})

test('a damaged segment gives the events before the damage and never throws', () => {
  const segment = segmentOf(['a', 'b', 'c', 'a', 'b', 'c'])
  fc.assert(
    fc.property(fc.nat(segment.length - 1), fc.nat(255), (offset, byte) => {
      const damaged = segment.slice()
      damaged[offset] = byte
      const events = readSegment(damaged, schemaHash, declaredEvents)
      expect(events.length).toBeLessThanOrEqual(segment.length)
      readSegment(segment.slice(0, offset), schemaHash, declaredEvents)
    }),
  )
})

test('a string that was not defined ends the reading', () => {
  const opened = eventCodeBase + openedIndex
  const undefinedText = 3 * 4 + argumentKinds.text
  const bytes = new Uint8Array([...segmentOf(['a']), opened, undefinedText])
  expect(readSegment(bytes, schemaHash, declaredEvents).length).toBe(1)
})

test('random bytes after a good header never throw', () => {
  const header = segmentOf(['a']).slice(0, 32)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), (body) => {
      const bytes = new Uint8Array([...header, ...body])
      expect(readSegment(bytes, schemaHash, declaredEvents).length).toBeLessThanOrEqual(500)
    }),
  )
})

test('the schema hash follows what decoding depends on, and not the help texts', () => {
  const hash = (declarations: Parameters<typeof declaredInstruments>[0]): string =>
    schemaHashOf(declaredInstruments(declarations)).join()
  const base = { cable: { opened: event('info', 'Opened.', [['peer', 'id']]) } } as const
  const helped = { cable: { opened: event('info', 'Was opened.', [['peer', 'id']]) } } as const
  const renamed = { cable: { opened: event('info', 'Opened.', [['neighbour', 'id']]) } } as const
  const revealed = { cable: { opened: event('info', 'Opened.', [['peer', 'public']]) } } as const
  expect(hash(helped)).toBe(hash(base))
  expect(hash(renamed)).not.toBe(hash(base))
  expect(hash(revealed)).not.toBe(hash(base))
})
