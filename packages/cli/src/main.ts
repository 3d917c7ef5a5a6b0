#!/usr/bin/env node
// The `fieldmesh` command: reads the name of a subcommand and hands on the rest.

import { doctorCommand } from './doctor/doctor-command.ts'
import { hubCommand } from './hub-command.ts'
import { UsageError } from './usage-error.ts'

const usage = `usage: fieldmesh <command> [options]

commands
  hub     run a peer that others can always dial   (fieldmesh hub --help)
  doctor  find out why peers are not reached       (fieldmesh doctor --help)
`

async function main([name, ...args]: readonly string[]): Promise<number> {
  switch (name) {
    case 'hub':
      return hubCommand(args)
    case 'doctor':
      return doctorCommand(args)
    case undefined:
    case 'help':
    case '--help':
      console.log(usage)
      return 0
    default:
      throw new UsageError(`there is no command "${name}"\n\n${usage}`)
  }
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(`fieldmesh: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
