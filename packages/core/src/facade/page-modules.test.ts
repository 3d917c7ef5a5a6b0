import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, defaultClientConditions } from 'vite'
import { expect, test } from 'vitest'

const sources = fileURLToPath(new URL('..', import.meta.url))

/** Every module that a bundler meets from the entry on, before it throws anything out. */
async function modulesOf(entry: string): Promise<string[]> {
  const modules: string[] = []
  await build({
    configFile: false,
    logLevel: 'error',
    publicDir: false,
    resolve: { conditions: ['fieldmesh-source', ...defaultClientConditions] },
    plugins: [
      {
        name: 'remember-modules',
        moduleParsed: ({ id }) => {
          modules.push(id)
        },
      },
    ],
    build: {
      write: false,
      minify: false,
      reportCompressedSize: false,
      rolldownOptions: { input: `${sources}${entry}` },
    },
  })
  return modules
}

function own(modules: readonly string[], room: string): string[] {
  return modules.map((id) => relative(sources, id)).filter((path) => path.startsWith(`${room}/`))
}

/** The packages of dependencies among the modules. */
function packages(modules: readonly string[]): Set<string | undefined> {
  const names = modules.map((id) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1])
  return new Set(names.filter((name) => name !== undefined))
}

test('the page imports of the engine only what names, asserts and reads notes, of storage and documents nothing', async () => {
  const modules = await modulesOf('facade/page.ts')
  expect(own(modules, 'facade').length).toBeGreaterThan(10)
  const fromEngine = new Set(own(modules, 'engine'))
  expect(fromEngine).toEqual(
    new Set([
      'engine/assert.ts',
      'engine/bytes/compare.ts',
      'engine/bytes/hex.ts',
      'engine/bytes/reader.ts',
      'engine/bytes/utf8.ts',
      'engine/bytes/writer.ts',
      'engine/connection/stream-port.ts',
      'engine/identity/peer-id.ts',
      'engine/lifecycle-change.ts',
    ]),
  )
  for (const room of ['storage', 'documents', 'recorder', 'worker']) {
    expect(own(modules, room)).toEqual([])
  }
  expect(packages(modules)).toEqual(new Set(['yjs', 'lib0', 'comlink']))
})

test('the worker imports what the page does not', async () => {
  const modules = await modulesOf('worker/index.ts')
  expect(own(modules, 'engine')).toContain('engine/engine.ts')
  expect(own(modules, 'storage')).toContain('storage/indexeddb.ts')
  expect(own(modules, 'documents')).toContain('documents/yjs-documents.ts')
  expect(packages(modules)).toContain('@noble/curves')
})
