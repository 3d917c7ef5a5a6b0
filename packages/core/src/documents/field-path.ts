/**
 * Names of shared types by the path of what they hold (rule DO5 of docs/specs/documents.md).
 *
 * A path is a JSON pointer (RFC 6901): `~` and `/` in keys are escaped, so no two paths have one
 * text. The first character of a name tells the kind, so that one name never has two kinds.
 */

/** Name of the map that holds the keys of the object at that path. */
export function objectName(path: string): string {
  return `{${path}`
}

/** Name of the list that holds the elements of the array at that path. */
export function arrayName(path: string): string {
  return `[${path}`
}

/** The path that a shared type's name was made of, or `undefined` when it is none of ours. */
export function pathOfName(name: string): string | undefined {
  const kind = name[0]
  if (kind !== '{' && kind !== '[') return undefined
  return name.length === 1 || name[1] === '/' ? name.slice(1) : undefined
}

/** Path of the value under `key`. */
export function childPath(path: string, key: string): string {
  return `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`
}

/** Keys from the root to that path, in order; `undefined` when the escapes are not what we write. */
export function keysOfPath(path: string): string[] | undefined {
  const keys = path.split('/').slice(1)
  if (keys.some((key) => /~(?![01])/.test(key))) return undefined
  return keys.map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
}
