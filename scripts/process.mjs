// Starting programs, and the error that a step of a script ends with.

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** A failure whose message tells the user what to do; printed without a stack. */
export class StepError extends Error {}

/**
 * Runs a program to its end. With `quiet` its output is collected and returned, else it goes
 * straight to the terminal and `output` is empty. Never rejects: a program that cannot be started
 * ends with code 127 and the reason as output.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, quiet?: boolean }} [options]
 * @returns {Promise<{ code: number, output: string }>}
 */
export function run(command, args, { cwd, env = process.env, quiet = false } = {}) {
  return new Promise((resolve) => {
    // npm is a .cmd file on Windows, which only a shell can start.
    const shell = process.platform === 'win32'
    const stdio = quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit'
    const child = spawn(command, args, { cwd, env, stdio, shell })
    const chunks = []
    child.stdout?.on('data', (chunk) => chunks.push(chunk))
    child.stderr?.on('data', (chunk) => chunks.push(chunk))
    child.on('error', (error) => resolve({ code: 127, output: error.message }))
    child.on('close', (code, signal) =>
      resolve({
        code: code ?? 1,
        output:
          Buffer.concat(chunks).toString() + (signal ? `\n${command} was ended by ${signal}` : ''),
      }),
    )
  })
}

/** Whether a program of this name is on PATH. */
export function hasCommand(name) {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .some((directory) => directory !== '' && existsSync(join(directory, name)))
}

export function runsAsRoot() {
  return process.getuid?.() === 0
}

/** Runs a script's main function; a StepError becomes one clear line and exit code 1. */
export async function runMain(main) {
  try {
    process.exitCode = await main()
  } catch (error) {
    if (!(error instanceof StepError)) throw error
    console.error(`error: ${error.message}`)
    process.exitCode = 1
  }
}
