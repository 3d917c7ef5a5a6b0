/** The one error class of the public API: a stable code and a sentence for a person. */

import type { Problem, ProblemCode } from '../engine/problem.ts'

/**
 * What every rejected call of the library rejects with, besides the reason of an `AbortSignal`,
 * which passes unchanged. Each `code` has its heading in docs/errors.md with cause and remedy.
 */
export class MeshError extends Error {
  readonly code: ProblemCode

  constructor(code: ProblemCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'MeshError'
    this.code = code
  }
}

/** The error that says what a problem says. */
export function meshErrorOf(problem: Problem): MeshError {
  return new MeshError(problem.code, problem.message)
}
