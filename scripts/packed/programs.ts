/** Programs that a test needs: those that run to their end, and those that run beside it. */

import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { run } from '../process.mjs'

/** Runs a program to its end and gives what it printed; throws that when it fails. */
export async function runToEnd(
  command: string,
  args: readonly string[],
  cwd: string,
): Promise<string> {
  const { code, output } = await run(command, args, { cwd, quiet: true })
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${output}`)
  return output
}

export interface ProgramOptions {
  readonly cwd: string
  readonly environment?: Readonly<Record<string, string>>
}

/** A program that runs until it is stopped. */
export class Program {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>
  readonly #ended: Promise<unknown>
  #output = ''
  #wake = () => {}

  constructor(command: string, args: readonly string[], options: ProgramOptions) {
    this.#child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, so that what npx starts ends with it.
      detached: true,
    })
    this.#ended = once(this.#child, 'close')
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text
        this.#wake()
      })
    }
    void this.#ended.then(() => this.#wake())
  }

  /** Everything printed until now. */
  get output(): string {
    return this.#output
  }

  /** Waits until it has printed what matches; throws when it ends before. One wait at a time. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#output)
      if (match) return match
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        throw new Error(`ended before it printed ${pattern}:\n${this.#output}`)
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** Ends it, with what it has started. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      process.kill(-this.#child.pid!, signal)
    }
    await this.#ended
  }
}
