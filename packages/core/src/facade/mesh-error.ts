/** The one error class of the public API: a stable code and a sentence for a person. */

import type { Problem, ProblemCode } from '../engine/problem.ts'

export interface MeshErrorOptions extends ErrorOptions {
  readonly streamCode?: number | undefined
}

/**
 * What every rejected call of the library rejects with, besides the reason of an `AbortSignal`,
 * which passes unchanged. Each `code` has its heading in docs/errors.md with cause and remedy.
 */
export class MeshError extends Error {
  readonly code: ProblemCode
  /**
   * With `stream-reset` and `stream-stopped`: the code that the other end's application gave, 0 to
   * 2^32 - 1. Given to `abort` or `cancel` of a stream, it is the code that the other end gets.
   */
  readonly streamCode: number | undefined

  constructor(code: ProblemCode, message: string, options?: MeshErrorOptions) {
    super(message, options)
    this.name = 'MeshError'
    this.code = code
    this.streamCode = options?.streamCode
  }
}

/** The error that says what a problem says. */
export function meshErrorOf(problem: Problem): MeshError {
  return new MeshError(problem.code, problem.message)
}
