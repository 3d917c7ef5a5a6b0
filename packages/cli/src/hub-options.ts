/** The options of `fieldmesh hub`, from the command line and the environment. */

import { parseArgs } from 'node:util'
import { UsageError } from './usage-error.ts'

export interface HubOptions {
  readonly app: string
  /** 64 hexadecimal digits. */
  readonly secret: string
  /** Address that the WebSocket listener is bound to. */
  readonly host: string
  /** 0 lets the system choose one. */
  readonly port: number
  /** File that the store is kept in. */
  readonly storePath: string
  readonly name: string
  /** WebSocket addresses of other hubs to stay connected with. */
  readonly peers: readonly string[]
  /** Report as lines of JSON, for programs. */
  readonly isJson: boolean
}

export const hubUsage = `usage: fieldmesh hub --app NAME [options]

  --app NAME       name of the application; only peers of the same one are let in
  --secret HEX     64 hexadecimal digits that every peer shares; better given as
                   the environment variable FIELDMESH_SECRET, which others cannot see
  --port PORT      port of the WebSocket listener (8787; 0 for any)
  --host ADDRESS   address it is bound to (0.0.0.0: every interface)
  --store FILE     where the documents are kept (fieldmesh-hub.sqlite)
  --name NAME      what other peers see (hub)
  --peer URL       WebSocket address of another hub; may be given several times
  --json           report as lines of JSON
`

/** The options, or 'help'; throws `UsageError` for what is missing or malformed. */
export function parseHubOptions(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): HubOptions | 'help' {
  const values = readValues(args)
  if (values.help === true) return 'help'
  const { app } = values
  if (app === undefined) throw new UsageError(`--app is missing\n\n${hubUsage}`)
  const secret = values.secret ?? environment['FIELDMESH_SECRET']
  if (secret === undefined) {
    throw new UsageError('the secret is missing: give FIELDMESH_SECRET or --secret')
  }
  if (!/^[0-9a-f]{64}$/i.test(secret)) {
    throw new UsageError(`the secret has ${secret.length} characters, needs 64 hexadecimal digits`)
  }
  const port = Number(values.port ?? '8787')
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new UsageError(`--port ${values.port} is not a number from 0 to 65535`)
  }
  return {
    app,
    secret,
    port,
    host: values.host ?? '0.0.0.0',
    storePath: values.store ?? 'fieldmesh-hub.sqlite',
    name: values.name ?? 'hub',
    peers: values.peer ?? [],
    isJson: values.json ?? false,
  }
}

function readValues(args: readonly string[]) {
  try {
    const text = { type: 'string' } as const
    const flag = { type: 'boolean' } as const
    return parseArgs({
      args: [...args],
      options: {
        app: text,
        secret: text,
        port: text,
        host: text,
        store: text,
        name: text,
        peer: { type: 'string', multiple: true },
        json: flag,
        help: flag,
      },
    }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}
