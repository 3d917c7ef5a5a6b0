/**
 * What a decoded value looks like, as a short text: its fields, kinds and orders of magnitude. Two
 * inputs of one shape took the same way through a decoder, as far as anybody outside can tell.
 */

const depthMax = 6

/** Arrays count to their third element; numbers and bytes by the length of their encoding. */
export function shapeOf(value: unknown, depth = 0): string {
  if (typeof value === 'number') return `n${magnitude(value)}`
  if (typeof value === 'string')
    return /^[a-z][a-z-]{0,30}$/.test(value) ? value : `s${magnitude(value.length)}`
  if (value === null || typeof value !== 'object') return String(value)
  if (value instanceof Uint8Array) return `b${magnitude(value.length)}`
  if (depth === depthMax) return '…'
  if (Array.isArray(value)) {
    const shapes = value.slice(0, 3).map((item) => shapeOf(item, depth + 1))
    return `[${shapes.join()}${value.length > 3 ? '+' : ''}]`
  }
  const fields = Object.entries(value).map(
    ([name, field]) => `${name}:${shapeOf(field, depth + 1)}`,
  )
  return `{${fields.join()}}`
}

function magnitude(count: number): number {
  if (count < 2) return count
  return 2 + Math.floor(Math.log2(count) / 7)
}
