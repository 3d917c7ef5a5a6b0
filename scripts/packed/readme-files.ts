/**
 * The files that README.md shows: fenced blocks whose info string says `file=PATH`, and those that
 * say `append=PATH`, which go to the end of that file.
 */

import { readFileSync } from 'node:fs'

const readme = new URL('../../README.md', import.meta.url)
const block = /^```\w+ (file|append)=(\S+)\n([^]*?)^```$/gm

/** Content by path, in the order of the README. */
export function readmeFiles(): Map<string, string> {
  const files = new Map<string, string>()
  for (const [, where, path, content] of readFileSync(readme, 'utf8').matchAll(block)) {
    const before = files.get(path!)
    if ((where === 'file') !== (before === undefined)) {
      throw new Error(`README.md shows ${path} twice, or appends to it before it is there`)
    }
    files.set(path!, before === undefined ? content! : `${before}\n${content}`)
  }
  return files
}
