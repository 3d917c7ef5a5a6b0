/** Builds the page and serves it, with the settings that it needs to join the mesh. */

import { join } from 'node:path'
import { build, preview, type Plugin } from 'vite'
import type { DemoSettings } from './demo-settings.ts'

const root = join(import.meta.dirname, '..')

export interface PageServer {
  readonly port: number
  readonly close: () => Promise<void>
}

export async function buildPage(): Promise<void> {
  await build({ root, logLevel: 'error' })
}

/** Serves the built page on every interface; port 0 lets the system choose. */
export async function servePage(settings: DemoSettings): Promise<PageServer> {
  const server = await preview({
    root,
    logLevel: 'warn',
    plugins: [meshConfig(settings)],
    preview: { host: '0.0.0.0', port: settings.pagePort, strictPort: true, allowedHosts: true },
  })
  const address = server.httpServer.address()
  if (address === null || typeof address === 'string')
    throw new Error('the page server has no port')
  const close = async () => {
    const closed = server.close()
    // Browsers keep connections open; a server that is gone has none.
    if ('closeAllConnections' in server.httpServer) server.httpServer.closeAllConnections()
    await closed
  }
  return { port: address.port, close }
}

/** `/mesh.json`: who can load the page may join the mesh. */
function meshConfig({ app, secret, hubPort }: DemoSettings): Plugin {
  return {
    name: 'mesh-config',
    configurePreviewServer(server) {
      server.middlewares.use('/mesh.json', (_request, response) => {
        response.setHeader('content-type', 'application/json')
        response.setHeader('cache-control', 'no-store')
        response.end(JSON.stringify({ app, secret, hubPort }))
      })
    },
  }
}
