/** What stands on the command line, as the options of a command declare it. */

import { parseArgs, type ParseArgsConfig } from 'node:util'
import { UsageError } from './usage-error.ts'

/** How options are declared. */
export const text = { type: 'string' } as const
export const flag = { type: 'boolean' } as const
export const texts = { type: 'string', multiple: true } as const

/** Values by option; throws `UsageError` for what is not declared or lacks its value. */
export function parsedArguments<const Options extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: Options,
) {
  try {
    return parseArgs({ args: [...args], options }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}
