/**
 * The buckets of all histograms: eight linear steps in each of 20 octaves.
 *
 * A bucket from `low` to `high` is read as their harmonic mean, which halves the relative error of
 * both ends: at worst 1/17, 5.9 %, for a value from `lowest` up to `lowest * 2^20`.
 */

const stepsPerOctave = 8
const octaveCount = 20

export const bucketCount = stepsPerOctave * octaveCount

/** The first value that the buckets of a histogram beginning at `lowest` no longer hold. */
export function bucketsEnd(lowest: number): number {
  return lowest * 2 ** octaveCount
}

/**
 * The smallest value told apart in a unit: 1/16 for milliseconds (up to 65 s), 1 for all else (up
 * to 1,048,576: bytes, counts). A power of two, as `bucketOf` needs.
 */
export function lowestOfUnit(unit: string): number {
  return unit === 'ms' ? 1 / 16 : 1
}

// The upper half of a double is sign, 11 bits of exponent and 20 of mantissa: shifted right by 17,
// it counts eighths of octaves.
const double = new Float64Array(1)
const halves = new Uint32Array(double.buffer)
double[0] = 1
const upperHalf = halves[1] === 0 ? 0 : 1
const shift = 17

/** Bucket number of `lowest` itself: what `bucketOf` subtracts. */
export function bucketOrigin(lowest: number): number {
  double[0] = lowest
  return halves[upperHalf]! >>> shift
}

/** Bucket of a positive finite value; from 0 to `bucketCount - 1` where `lowest <= value < end`. */
export function bucketOf(value: number, origin: number): number {
  double[0] = value
  return (halves[upperHalf]! >>> shift) - origin
}

/** The value that stands for all values in a bucket. */
export function bucketValue(bucket: number, lowest: number): number {
  const low = bucketLow(bucket, lowest)
  const high = bucketLow(bucket + 1, lowest)
  return (2 * low * high) / (low + high)
}

function bucketLow(bucket: number, lowest: number): number {
  const octave = Math.floor(bucket / stepsPerOctave)
  return lowest * 2 ** octave * (1 + (bucket % stepsPerOctave) / stepsPerOctave)
}
