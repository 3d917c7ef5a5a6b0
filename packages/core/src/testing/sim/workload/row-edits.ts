/** Edits of a row as an application records them in a draft of `update`, drawn from the seed. */

import type { Edit } from '../../../documents/edit.ts'
import type { JsonObject, JsonValue } from '../../../documents/query.ts'
import type { DocumentKey } from '../../../engine/sync/change.ts'
import type { Attempt, Ledger } from './ledger.ts'
import type { Dice } from '../world/dice.ts'

/** Who edits which document, and the books that the edits go in. */
export interface EditSetting {
  readonly dice: Dice
  readonly ledger: Ledger
  readonly attempt: Attempt
  readonly document: DocumentKey
  readonly by: string
}

/** One edit, or several that belong together, of the content as it was read. */
export function drawEdits(setting: EditSetting, content: JsonObject): readonly Edit[] {
  const { dice } = setting
  const draw = dice.fraction()
  if (draw < 0.65 && draw >= 0.35)
    return [...made('items', content), ...spliceItems(setting, content)]
  if (draw < 0.9 && draw >= 0.65) return [...made('lines', content), ...editLines(setting, content)]
  const edits = [...made('fields', content), setField(setting)]
  if (draw < 0.3) return edits
  if (draw < 0.35) return [...unsetField(setting, content), ...edits]
  // Contested: whoever is last has its way, so it carries no mark.
  const value = { state: setting.by, steps: [dice.integer(1, 9)] }
  return [{ type: 'set', path: ['status'], value }, ...edits]
}

/**
 * Makes what the next edit goes into, where it is missing. Made apart from each other, two empty ones
 * are one; but an array that was made since the row was read would be emptied, so this comes only
 * before edits that are refused then.
 */
function made(key: 'fields' | 'items' | 'lines', content: JsonObject): readonly Edit[] {
  if (content[key] !== undefined) return []
  return [{ type: 'set', path: [key], value: key === 'fields' ? {} : [] }]
}

/** A value that says who wrote it; now and then it fills several messages. */
export function valueBy(dice: Dice, by: string): string {
  return dice.fraction() < 0.04 ? by.padEnd(dice.integer(1_000, 12_000), '.') : by
}

function setField({ dice, ledger, attempt, document, by }: EditSetting): Edit {
  const { text } = ledger.leave(attempt, by, document)
  return { type: 'set', path: ['fields', text], value: valueBy(dice, by) }
}

function unsetField({ dice, ledger, attempt }: EditSetting, content: JsonObject): Edit[] {
  const keys = Object.keys(objectAt(content['fields']))
  if (keys.length === 0) return []
  const key = dice.pick(keys)
  ledger.remove(attempt, key)
  return [{ type: 'unset', path: ['fields', key] }]
}

/** A push, an insertion, a replacement or a removal of elements that are marks themselves. */
function spliceItems(setting: EditSetting, content: JsonObject): Edit[] {
  const { dice, ledger, attempt, document, by } = setting
  const items = arrayAt(content['items']) as readonly string[]
  const { text } = ledger.leave(attempt, by, document)
  const index = dice.fraction() < 0.6 ? items.length : dice.integer(0, items.length)
  const replaced = dice.fraction() < 0.2 ? items[index] : undefined
  if (replaced !== undefined) {
    ledger.remove(attempt, replaced)
    if (dice.fraction() < 0.5) {
      return [{ type: 'set', path: ['items', index], value: text }]
    }
  }
  const deleteCount = replaced === undefined ? 0 : 1
  return [{ type: 'splice', path: ['items'], index, deleteCount, values: [text] }]
}

/** Lines are objects in an array, with an array of notes in each. */
function editLines(setting: EditSetting, content: JsonObject): Edit[] {
  const { dice, ledger, attempt, document, by } = setting
  const lines = arrayAt(content['lines'])
  const index = dice.integer(0, lines.length)
  const name = objectAt(lines[index])['name'] as string | undefined
  const line = name === undefined ? undefined : ledger.mark(name)
  if (line === undefined) {
    const { text } = ledger.leave(attempt, by, document)
    const values = [{ name: text, notes: [] }]
    return [{ type: 'splice', path: ['lines'], index, deleteCount: 0, values }]
  }
  if (dice.fraction() < 0.15) {
    ledger.remove(attempt, line.text)
    const { text } = ledger.leave(attempt, by, document)
    const values = [{ name: text, notes: [] }]
    return [{ type: 'splice', path: ['lines'], index, deleteCount: 1, values }]
  }
  const notes = arrayAt(objectAt(lines[index])['notes'])
  const { text } = ledger.leave(attempt, by, document, line)
  const path = ['lines', index, 'notes']
  return [
    { type: 'splice', path, index: notes.length, deleteCount: 0, values: [text] },
    { type: 'set', path: ['lines', index, 'done'], value: true },
  ]
}

function objectAt(value: JsonValue | undefined): JsonObject {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject ? (value as JsonObject) : {}
}

function arrayAt(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]) : []
}
