/**
 * The editing trace that is typed: the real one where its data lie beside the repository, else one
 * generated, the same each time.
 */

import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

/** A keystroke: at a position, so many characters deleted, then these inserted. */
export type Keystroke = readonly [position: number, deleted: number, inserted: string]

/** Keystrokes from an empty text to its end content. */
export interface EditingTrace {
  readonly name: string
  readonly keystrokes: readonly Keystroke[]
  readonly endContent: string
}

interface TraceFile {
  readonly startContent: string
  readonly endContent: string
  readonly txns: readonly { readonly patches: readonly Keystroke[] }[]
}

const realTraceFile = new URL('../../../../shared/data/automerge-paper.json.gz', import.meta.url)
/** As long as the real one. */
const generatedLength = 259_778

/** The real trace, a paper of 259,778 keystrokes; a generated one of that length where it is absent. */
export function loadEditingTrace(): EditingTrace {
  if (!existsSync(realTraceFile)) return generateTrace(generatedLength)
  const text = gunzipSync(readFileSync(realTraceFile)).toString('utf8')
  const { startContent, endContent, txns } = JSON.parse(text) as TraceFile
  if (startContent !== '') throw new Error('the trace does not start with an empty text')
  const keystrokes = txns.flatMap(({ patches }) => patches)
  return { name: 'automerge-paper', keystrokes, endContent }
}

/** The beginning of a trace. */
export function firstKeystrokes(trace: EditingTrace, count: number): EditingTrace {
  if (count >= trace.keystrokes.length) return trace
  const keystrokes = trace.keystrokes.slice(0, count)
  const name = `${trace.name}, its first ${keystrokes.length} keystrokes`
  return { name, keystrokes, endContent: contentAfter(keystrokes) }
}

/**
 * Somebody who types words, now and then takes back some letters, and now and then goes elsewhere:
 * 70 % insertions, as in the real trace.
 */
export function generateTrace(length: number): EditingTrace {
  const random = seededRandom(1)
  const keystrokes: Keystroke[] = []
  let textLength = 0
  let cursor = 0
  let deletions = 0
  for (let index = 0; index < length; index += 1) {
    if (random() < 0.005) cursor = Math.floor(random() * (textLength + 1))
    if (deletions === 0 && random() < 0.1) deletions = 1 + Math.floor(random() * 8)
    if (deletions > 0 && cursor > 0) {
      deletions -= 1
      cursor -= 1
      textLength -= 1
      keystrokes.push([cursor, 1, ''])
      continue
    }
    deletions = 0
    const letter = random() < 0.16 ? ' ' : String.fromCharCode(97 + Math.floor(random() * 26))
    keystrokes.push([cursor, 0, letter])
    cursor += 1
    textLength += 1
  }
  return {
    name: `generated, ${length} keystrokes`,
    keystrokes,
    endContent: contentAfter(keystrokes),
  }
}

/** The text that the keystrokes make of an empty one. */
export function contentAfter(keystrokes: readonly Keystroke[]): string {
  // The text before the cursor, and the one behind it backwards: who types seldom goes far.
  const before: string[] = []
  const behind: string[] = []
  for (const [position, deleted, inserted] of keystrokes) {
    while (before.length > position) behind.push(before.pop()!)
    while (before.length < position) before.push(behind.pop()!)
    behind.length -= deleted
    before.push(...inserted.split(''))
  }
  return [...before, ...behind.reverse()].join('')
}

/** A linear congruential generator: numbers in [0, 1), the same for a seed on each machine. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
