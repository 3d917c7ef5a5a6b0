/** The files that README.md shows: fenced blocks whose info string says `file=PATH`. */

import { readFileSync } from 'node:fs'

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')

/** Content by path, in the order of the README. */
export function readmeFiles(): Map<string, string> {
  const blocks = readme.matchAll(/^```\w+ file=(\S+)\n([^]*?)^```$/gm)
  return new Map([...blocks].map(([, path, content]) => [path!, content!]))
}

/** `src/main.ts` as the README says that it is made fit to be replaced while it runs. */
export function readmeHotModule(): string {
  const block = /^```ts hot=src\/main\.ts\n([^]*?)^```$/m.exec(readme)?.[1]
  const main = readmeFiles().get('src/main.ts')
  const opening = /const mesh = await openMesh\((\{\n[^]*?\n\})\)\n/
  const options = main && opening.exec(main)?.[1]
  if (!block?.includes('openMesh(options)') || !options) {
    throw new Error('README.md shows no longer what becomes of openMesh under hot replacement')
  }
  return main.replace(opening, () => block.replace('options', () => options))
}
