/** What befalls single messages, by the profile of their pipe or a fault, and single batches of writes. */

export const accidentKinds = [
  /** Gone, on a pipe that may lose. */
  'lost',
  /** Late with all behind it, on a pipe that sends again what it lost. */
  'paused',
  'doubled',
  /** Overtaken by others. */
  'reordered',
  /** Longer than what passes: only the beginning arrived. */
  'cut',
  /** Longer than what passes: gone. */
  'swallowed',
  /** Beyond what waits at the narrowest place: gone. */
  'overflown',
  /** A batch that a crash left unwritten. */
  'unwritten',
] as const

export type AccidentKind = (typeof accidentKinds)[number]
export type AccidentCounts = Readonly<Partial<Record<AccidentKind, number>>>
