/** The hub of the demo: `fieldmesh hub` in a process of its own. */

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { DemoSettings } from './demo-settings.ts'

const command = join(import.meta.dirname, '../../../packages/cli/src/main.ts')

/** Can be stopped and started again; keeps its port and its store. */
export class HubProcess {
  readonly #settings: DemoSettings
  #child: ChildProcess | undefined
  #port: number

  constructor(settings: DemoSettings) {
    this.#settings = settings
    this.#port = settings.hubPort
  }

  get isRunning(): boolean {
    return this.#child !== undefined
  }

  /** Port of the listener, once started. */
  get port(): number {
    return this.#port
  }

  get processId(): number | undefined {
    return this.#child?.pid
  }

  /** Resolves when the hub listens; rejects when it ends before. */
  async start(): Promise<void> {
    const { app, secret, folder } = this.#settings
    const store = join(folder, 'hub.sqlite')
    const args = ['hub', '--app', app, '--port', String(this.#port), '--store', store, '--json']
    const child = spawn(process.execPath, ['--conditions=fieldmesh-source', command, ...args], {
      env: { ...process.env, FIELDMESH_SECRET: secret },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#child = child
    child.once('exit', () => {
      if (this.#child === child) this.#child = undefined
    })
    this.#port = await listeningPort(child)
    // What the hub says from now on is read by nobody; it must not fill the pipe.
    child.stdout.resume()
  }

  /** Asks it to stop, and waits until it has. */
  stop(): Promise<void> {
    return this.#end('SIGTERM')
  }

  /** Ends it without a farewell, as a power cut would. */
  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
}

/** The port of the hub's first report that it listens. */
async function listeningPort(child: ChildProcess & { readonly stdout: Readable }): Promise<number> {
  for await (const line of createInterface({ input: child.stdout })) {
    const report = JSON.parse(line) as { readonly type: string; readonly port: number }
    if (report.type === 'listening') return report.port
  }
  throw new Error('the hub ended before it listened')
}
