/**
 * Serves one page whose module entry is a TypeScript file, over plain http on 127.0.0.1.
 *
 * The entry is built by vite with no configuration of ours but the condition that finds this
 * repository's sources: what does not work here would not work for an application developer either.
 * A build, not vite's development server: that one reloads the page when it discovers a dependency.
 */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, defaultClientConditions } from 'vite'
import type { Plugin } from 'vite'

export interface PageServerOptions {
  /** Module that runs in the page. */
  readonly entry: URL
  /** Fixed port, for an origin whose storage outlives this server; else the system chooses. */
  readonly port?: number
}

/** A running page server. */
export interface PageServer {
  readonly port: number
  /** `http://127.0.0.1:PORT`, the origin that owns what the page stores. */
  readonly origin: string
  close(): Promise<void>
}

const entryId = 'virtual:fieldmesh-test-page'
const inPageFile = fileURLToPath(new URL('in-page.ts', import.meta.url))
const workspaceRoot = fileURLToPath(new URL('../../..', import.meta.url))

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.wasm': 'application/wasm',
}

/** Builds the entry and serves it until `close`. */
export async function servePage(options: PageServerOptions): Promise<PageServer> {
  const files = await buildPage(fileURLToPath(options.entry))
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://127.0.0.1').pathname
    const body = files.get(path)
    if (body === undefined) {
      response.writeHead(404).end()
      return
    }
    const contentType = contentTypes[extname(path) || '.html'] ?? 'application/octet-stream'
    response.writeHead(200, { 'content-type': contentType, 'cache-control': 'no-store' }).end(body)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}

/** What the page consists of, by path. */
async function buildPage(entryFile: string): Promise<Map<string, string | Uint8Array>> {
  const result = await build({
    configFile: false,
    root: workspaceRoot,
    logLevel: 'error',
    publicDir: false,
    resolve: { conditions: ['fieldmesh-source', ...defaultClientConditions] },
    worker: { format: 'es' },
    plugins: [entryPlugin(entryFile)],
    build: {
      write: false,
      // Traces in failures should name what the author wrote.
      minify: false,
      sourcemap: 'inline',
      modulePreload: false,
      reportCompressedSize: false,
      rolldownOptions: { input: entryId, output: { entryFileNames: 'entry.js' } },
    },
  })
  const files = new Map<string, string | Uint8Array>()
  if (!('output' in result)) throw new Error(`vite built several outputs from ${entryFile}`)
  for (const file of result.output) {
    files.set(`/${file.fileName}`, file.type === 'chunk' ? file.code : file.source)
  }
  // The icon spares a request that would fail into the page's log.
  const head = '<meta charset="utf-8"><link rel="icon" href="data:,"><title>test</title>'
  files.set('/', `<!doctype html>${head}<script type="module" src="/entry.js"></script>`)
  return files
}

function entryPlugin(entryFile: string): Plugin {
  return {
    name: 'fieldmesh-test-page',
    resolveId: (id) => (id === entryId ? `\0${entryId}` : undefined),
    load: (id) =>
      id === `\0${entryId}`
        ? `import * as entry from ${JSON.stringify(entryFile)}
           import { installTestPage } from ${JSON.stringify(inPageFile)}
           installTestPage(entry)`
        : undefined,
  }
}
