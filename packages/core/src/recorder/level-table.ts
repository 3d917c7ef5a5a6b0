/** Which events are recorded: one level for each room, changed while running. */

import type { EventLevel } from './instrument.ts'

/** The least level that is recorded; `off` records nothing. */
export type RecorderLevel = EventLevel | 'off'

const severities = { debug: 0, info: 1, warn: 2, error: 3, off: 4 } as const

interface RoomLevel {
  readonly level: RecorderLevel
  /** When the room falls back to the base level. */
  readonly untilMs: number
}

/** Keeps one flag for each event, so that a point in the code reads a single byte. */
export class LevelTable {
  /** By event index: 1 while the event is recorded. */
  readonly enabled: Uint8Array
  readonly #events: readonly { readonly room: string; readonly level: EventLevel }[]
  readonly #levelsByRoom = new Map<string, RoomLevel>()
  readonly #base: RecorderLevel
  #nextExpiryMs = Infinity

  constructor(
    events: readonly { readonly room: string; readonly level: EventLevel }[],
    base: RecorderLevel,
  ) {
    this.#events = events
    this.#base = base
    this.enabled = new Uint8Array(events.length)
    this.#apply()
  }

  /** The level that a room has now. */
  levelOf(room: string): RecorderLevel {
    return this.#levelsByRoom.get(room)?.level ?? this.#base
  }

  /** Sets one room's level until a time, after which the base level holds again. */
  setLevel(room: string, level: RecorderLevel, untilMs: number): void {
    this.#levelsByRoom.set(room, { level, untilMs })
    this.#apply()
  }

  /** Ends the levels whose time is over. */
  expire(nowMs: number): void {
    if (nowMs < this.#nextExpiryMs) return
    for (const [room, { untilMs }] of this.#levelsByRoom) {
      if (untilMs <= nowMs) this.#levelsByRoom.delete(room)
    }
    this.#apply()
  }

  #apply(): void {
    for (const [index, event] of this.#events.entries()) {
      const enabled = severities[event.level] >= severities[this.levelOf(event.room)]
      this.enabled[index] = enabled ? 1 : 0
    }
    this.#nextExpiryMs = Infinity
    for (const { untilMs } of this.#levelsByRoom.values()) {
      this.#nextExpiryMs = Math.min(this.#nextExpiryMs, untilMs)
    }
  }
}
