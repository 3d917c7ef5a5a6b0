/**
 * The bytes of a segment of the event ring: what the ring writes and the reader reads.
 *
 * A segment can be read without any other: it begins with a header, tells the time before its first
 * event and defines each string where it first uses it. Integers are unsigned LEB128; numbers of
 * eight bytes are little-endian doubles.
 *
 * - Header, 32 bytes: format version, 7 zero bytes, schema hash (8), sequence of its first event
 *   (8), base time in ms (8).
 * - Record: a code, then by code: the clock in ticks after the base time; the base time set anew;
 *   events of one kind that were suppressed; else the event of index `code - eventCodeBase` with
 *   one argument for each of its parameters.
 * - Argument: an integer whose two lowest bits are its kind and whose rest is, by kind, a whole
 *   number, a string's number in the segment (one equal to the count of strings so far defines the
 *   next: length in bytes and UTF-8 follow), nothing (a double follows), nothing (no value).
 */

export const eventFormatVersion = 1

export const segmentHeaderBytes = 32

/** Ticks of the recorded clock in a millisecond: browsers tell no finer time than this. */
export const ticksPerMs = 10

export const recordCodes = { clock: 0, clockSet: 1, suppressed: 2 } as const
export const eventCodeBase = 3

export const argumentKinds = { whole: 0, text: 1, double: 2, absent: 3 } as const

/** The most arguments that an event has. */
export const parametersMax = 6

/** Longer strings are cut to this many UTF-16 code units. */
export const textUnitsMax = 128

/** Whole numbers up to this are kept as such, larger ones as doubles: three bits stay free. */
export const wholeNumberMax = 2 ** 50

/** The most that a record and those before it take apart from new strings: clock, count, event. */
export const recordBytesMax = 9 + 2 + 2 + 8 + 2 + parametersMax * 9

/** The most that a new string takes: its length and three bytes a code unit. */
export const textBytesMax = 2 + textUnitsMax * 3

/** Every event fits into an empty segment of this size. */
export const segmentBytesMin = 4096
