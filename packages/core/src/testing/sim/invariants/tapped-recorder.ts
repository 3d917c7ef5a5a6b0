/** A recorder that tells somebody else of events, too. */

import type { EventPoint } from '../../../recorder/instrument.ts'
import type { Recorder } from '../../../recorder/recorder.ts'

/** Rooms whose events are told of. */
const tappedRooms = ['link', 'mesh', 'connection'] as const
type Room = (typeof tappedRooms)[number]

/** Told of an event as `room.name`, and of its arguments. */
export type EventTold = (event: string, values: readonly (string | number | undefined)[]) => void

export function tappedRecorder(recorder: Recorder, told: EventTold): Recorder {
  return {
    ...recorder,
    link: tapped(recorder, 'link', told),
    mesh: tapped(recorder, 'mesh', told),
    connection: tapped(recorder, 'connection', told),
  }
}

function tapped<Name extends Room>(
  recorder: Recorder,
  room: Name,
  told: EventTold,
): Recorder[Name] {
  const instruments: Record<string, unknown> = { ...recorder[room] }
  for (const [name, instrument] of Object.entries(instruments)) {
    const point = instrument as Partial<EventPoint>
    if (point.record === undefined) continue
    const tap: EventPoint = {
      record: (...values) => {
        told(`${room}.${name}`, values)
        point.record?.(...values)
      },
    }
    instruments[name] = tap
  }
  return instruments as unknown as Recorder[Name]
}
