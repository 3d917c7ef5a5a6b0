/**
 * Commands that the engine has not answered yet, and who waits for the answers.
 *
 * Every command is answered exactly once: by the engine, by a refusal at the bound, or by the end.
 */

import { assert } from '../engine/assert.ts'
import type { Command, CommandAnswer } from '../engine/command.ts'
import type { CommandId, Input } from '../engine/input.ts'
import type { Problem } from '../engine/problem.ts'
import type { Recorder } from '../recorder/recorder.ts'

/** Commands without an answer: 65,536; one more is refused with `limit-reached`. */
const commandsPendingMax = 65_536

interface PendingCommand {
  readonly atMs: number
  readonly answer: (answer: CommandAnswer) => void
}

/** See the file header. */
export class PendingCommands {
  readonly #instruments: Recorder['driver']
  readonly #commands = new Map<CommandId, PendingCommand>()
  #commandCount = 0

  constructor(instruments: Recorder['driver']) {
    this.#instruments = instruments
  }

  /** The input that asks the engine; undefined when the command was refused, and answered, at once. */
  add(body: Command, answer: (answer: CommandAnswer) => void, nowMs: number): Input | undefined {
    if (this.#commands.size >= commandsPendingMax) {
      this.#instruments.commandsRefused.add()
      const message = `${commandsPendingMax} commands are unanswered; wait for some of them`
      answer({ ok: false, problem: { code: 'limit-reached', message } })
      return undefined
    }
    this.#instruments.commands.add()
    this.#commandCount += 1
    const command = this.#commandCount
    this.#commands.set(command, { atMs: nowMs, answer })
    return { type: 'command', command, body }
  }

  answer(command: CommandId, answer: CommandAnswer, nowMs: number): void {
    const pending = this.#commands.get(command)
    assert(pending !== undefined, `command ${command} is answered twice`)
    this.#commands.delete(command)
    this.#instruments.commandMs.observe(nowMs - pending.atMs)
    pending.answer(answer)
  }

  /** The engine answers nothing more. */
  end(problem: Problem): void {
    for (const { answer } of this.#commands.values()) answer({ ok: false, problem })
    this.#commands.clear()
  }
}
