/**
 * The published packages as their users get them: packed, and installed by npm, with their
 * dependencies from the registry, in folders outside the workspace.
 */

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { packPackage, publishedPackages } from '../published-packages.mjs'
import { ROOT } from '../toolchain.mjs'
import { readmeFiles, readmeHotModule } from './readme-files.ts'
import { runToEnd } from './programs.ts'

const npmInstall = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error']
const appPackages = ['core', 'transport-webrtc', 'transport-websocket']

/** As `npm create vite` writes it for TypeScript. */
const viteTsconfig = {
  compilerOptions: {
    target: 'es2023',
    module: 'esnext',
    lib: ['ES2023', 'DOM'],
    types: ['vite/client'],
    skipLibCheck: true,
    moduleResolution: 'bundler',
    allowImportingTsExtensions: true,
    verbatimModuleSyntax: true,
    moduleDetection: 'force',
    noEmit: true,
    strict: true,
    noUnusedLocals: true,
    noUnusedParameters: true,
    erasableSyntaxOnly: true,
    noFallthroughCasesInSwitch: true,
  },
  include: ['src'],
}

/** Two folders, as blank as npm leaves them. */
export interface Installation {
  /** A Vite app with the configuration that none has to write. */
  readonly app: string
  /** Every published package, the command among them. */
  readonly node: string
  remove(): Promise<void>
}

/** Packs and installs the packages. */
export async function installPackages(): Promise<Installation> {
  const folder = await mkdtemp(join(tmpdir(), 'fieldmesh-packed-'))
  const remove = () => rm(folder, { recursive: true, force: true, maxRetries: 5 })
  try {
    const tarballs = await packAll(folder)
    const app = join(folder, 'app')
    const node = join(folder, 'node')
    const [vite, typescript, nodeTypes] = await versionsOf('vite', 'typescript', '@types/node')
    await Promise.all([
      install(app, [...appPackages.map((name) => tarballs.get(name)!), vite!, typescript!]),
      install(node, [...tarballs.values(), nodeTypes!]),
    ])
    await write(join(app, 'tsconfig.json'), JSON.stringify(viteTsconfig))
    return { app, node, remove }
  } catch (error) {
    await remove()
    throw error
  }
}

/** Writes the README's files into both folders. */
export async function writeReadmeFiles(
  { app, node }: Installation,
  hubPort: number,
  secret: string,
): Promise<void> {
  const files = [...readmeFiles(), ['src/hot.ts', readmeHotModule()] as const]
  for (const [path, content] of files) {
    const file = join(path.endsWith('.mjs') ? node : app, path)
    // The one thing that a test cannot have as it is shown: another program may listen there.
    await write(file, content.replaceAll(':8787', `:${hubPort}`))
  }
  await write(join(app, '.env.local'), `VITE_FIELDMESH_SECRET=${secret}\n`)
}

/** Tarballs by the name of the package's folder. */
async function packAll(folder: string): Promise<Map<string, string>> {
  // What is packed is what tsc emits, and it shall be of the sources as they are.
  await runToEnd('tsc', ['-b', ...publishedPackages().map((published) => published.folder)], ROOT)
  const tarballs = new Map<string, string>()
  for (const published of publishedPackages()) {
    tarballs.set(published.name, await packPackage(published, folder))
  }
  return tarballs
}

async function install(folder: string, packages: readonly string[]): Promise<void> {
  const manifest = { name: 'blank', private: true, type: 'module' }
  await write(join(folder, 'package.json'), JSON.stringify(manifest))
  await runToEnd('npm', [...npmInstall, ...packages], folder)
}

/** The tools of this repository, as arguments for npm. */
async function versionsOf(...names: readonly string[]): Promise<string[]> {
  return Promise.all(
    names.map(async (name) => {
      const file = join(ROOT, 'node_modules', name, 'package.json')
      const { version } = JSON.parse(await readFile(file, 'utf8')) as { readonly version: string }
      return `${name}@${version}`
    }),
  )
}

async function write(file: string, content: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, content)
}
