/** A server of a baseline: the program that its authors publish, on a free port of loopback. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'

export interface ServerProcess {
  readonly url: string
  close(): Promise<void>
}

/** Starts a script that takes `HOST` and `PORT` and prints a line once it listens. */
export async function startServer(script: string): Promise<ServerProcess> {
  const port = await freePort()
  const server = spawn(process.execPath, [script], {
    env: { ...process.env, HOST: '127.0.0.1', PORT: String(port) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(server, 'exit')
  const listening = once(server.stdout, 'data')
  const failed = exited.then(() => {
    throw new Error(`${script} ended before it listened`)
  })
  await Promise.race([listening, failed])
  failed.catch(() => {})
  return {
    url: `ws://127.0.0.1:${port}`,
    async close() {
      server.kill()
      await exited
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
