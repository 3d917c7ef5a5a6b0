// The published packages, and packing one as it would be published.

import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { run, StepError } from './process.mjs'
import { ROOT } from './toolchain.mjs'

const PACKAGES = join(ROOT, 'packages')

/**
 * Each package that is not private, by folder.
 * @returns {{ name: string, folder: string, manifest: Record<string, any> }[]}
 */
export function publishedPackages() {
  return readdirSync(PACKAGES)
    .map((name) => {
      const folder = join(PACKAGES, name)
      const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
      return { name, folder, manifest }
    })
    .filter(({ manifest }) => manifest.private !== true)
}

/** Packs what tsc has emitted into `NAME.tgz` in the given folder, and gives its path. */
export async function packPackage({ name, folder }, into) {
  removeOrphans(join(folder, 'dist'), join(folder, 'src'))
  const tarball = join(into, `${name}.tgz`)
  const { code, output } = await run('pnpm', ['pack', '--out', tarball], {
    cwd: folder,
    quiet: true,
  })
  if (code !== 0) throw new StepError(`pnpm pack failed in ${name}:\n${output}`)
  return tarball
}

/** Removes what was emitted for sources that are gone: tsc leaves it, and it would be published. */
function removeOrphans(dist, src) {
  for (const path of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
    const stem = /^(.*)(?:\.d\.ts|\.js)(?:\.map)?$/.exec(path)?.[1]
    if (stem === undefined) continue
    if (statSync(join(src, `${stem}.ts`), { throwIfNoEntry: false })) continue
    rmSync(join(dist, path), { force: true })
  }
}
