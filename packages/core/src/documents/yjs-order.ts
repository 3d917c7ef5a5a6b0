/** Causal order of the structs of an update, as Yjs would integrate them. */

import type { ItemId, ParsedClient, ParsedStruct } from './yjs-update.ts'

interface Cursor {
  readonly client: number
  readonly structs: readonly ParsedStruct[]
  index: number
  /** Waits, further down the stack, for structs of other clients. */
  waiting: boolean
}

/**
 * Visits every struct once: each client's in order of clocks, and each after what it refers to, as
 * far as the update holds that. References in a circle, which no honest peer makes, are visited in
 * some order. Linear in the number of structs.
 */
export function causalOrder(
  clients: readonly ParsedClient[],
  visit: (client: number, struct: ParsedStruct) => void,
): void {
  const cursors = new Map<number, Cursor>()
  for (const { client, structs } of clients) {
    cursors.set(client, { client, structs, index: 0, waiting: false })
  }
  for (const cursor of cursors.values()) drain(cursor, cursors, visit)
}

function drain(
  first: Cursor,
  cursors: ReadonlyMap<number, Cursor>,
  visit: (client: number, struct: ParsedStruct) => void,
): void {
  const stack = [{ cursor: first, until: Number.POSITIVE_INFINITY }]
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const { cursor, until } = top
    const struct = cursor.structs[cursor.index]
    if (struct === undefined || struct.clock > until) {
      cursor.waiting = false
      stack.pop()
      continue
    }
    cursor.waiting = true
    const missing = firstMissing(struct, cursors)
    if (missing !== undefined) {
      stack.push(missing)
      continue
    }
    visit(cursor.client, struct)
    cursor.index += 1
  }
}

/** The first reference to a struct that is in the update and not visited yet. */
function firstMissing(
  struct: ParsedStruct,
  cursors: ReadonlyMap<number, Cursor>,
): { cursor: Cursor; until: number } | undefined {
  return (
    missingOf(struct.origin, cursors) ??
    missingOf(struct.rightOrigin, cursors) ??
    missingOf(struct.parent, cursors)
  )
}

function missingOf(
  id: ItemId | undefined,
  cursors: ReadonlyMap<number, Cursor>,
): { cursor: Cursor; until: number } | undefined {
  if (id === undefined) return undefined
  const cursor = cursors.get(id.client)
  if (cursor === undefined || cursor.waiting) return undefined
  const next = cursor.structs[cursor.index]
  return next === undefined || next.clock > id.clock ? undefined : { cursor, until: id.clock }
}
