/** The code that travels with the reset or the stop of a stream. */

import { streamCodeMax } from '../engine/connection/stream-port.ts'
import { MeshError } from './mesh-error.ts'

/** The code in what an application gave as the reason of an abort or a cancel; 0 when there is none. */
export function streamCodeOf(reason: unknown): number {
  const code = reason instanceof MeshError ? reason.streamCode : reason
  return typeof code === 'number' && isStreamCode(code) ? code : 0
}

/** Whether a number is a code that the wire carries. */
function isStreamCode(code: number): boolean {
  return Number.isInteger(code) && code >= 0 && code <= streamCodeMax
}
