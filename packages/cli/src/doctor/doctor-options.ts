/** The options of `fieldmesh doctor`, from the command line and the environment. */

import { flag, parsedArguments, text, texts } from '../parsed-arguments.ts'
import { UsageError } from '../usage-error.ts'

export interface DoctorOptions {
  /** Peers to reach, with the app and secret that they have. */
  readonly peers: readonly string[]
  readonly app: string
  readonly secret: string
  /** How long each thing is waited for, in milliseconds. */
  readonly patienceMs: number
  /** Report as lines of JSON, for programs. */
  readonly isJson: boolean
}

export const doctorUsage = `usage: fieldmesh doctor [options]

  --peer URL       a peer to reach, ws://HOST:PORT, tcp://HOST:PORT or
                   udp://HOST:PORT; may be repeated, needs --app and the secret
  --app NAME       name of the application of those peers
  --secret HEX     its 64 hexadecimal digits; better given as the environment
                   variable FIELDMESH_SECRET, which others cannot see
  --seconds N      how long each thing is waited for (5)
  --json           report as lines of JSON
`

/** The options, or 'help'; throws `UsageError` for what is missing or malformed. */
export function parseDoctorOptions(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): DoctorOptions | 'help' {
  const values = parsedArguments(args, {
    app: text,
    secret: text,
    seconds: text,
    peer: texts,
    json: flag,
    help: flag,
  })
  if (values.help === true) return 'help'
  const peers = values.peer ?? []
  const unknown = peers.find((peer) => !/^(ws|wss|tcp|udp):\/\//.test(peer))
  if (unknown !== undefined) {
    throw new UsageError(`--peer ${unknown} is no ws:, wss:, tcp: or udp: address`)
  }
  const app = values.app ?? ''
  const secret = values.secret ?? environment['FIELDMESH_SECRET'] ?? ''
  if (peers.length > 0 && app === '') throw new UsageError('--peer needs --app')
  if (peers.length > 0 && !/^[0-9a-f]{64}$/i.test(secret)) {
    throw new UsageError('--peer needs FIELDMESH_SECRET or --secret, 64 hexadecimal digits')
  }
  const seconds = Number(values.seconds ?? '5')
  if (!(seconds > 0 && seconds <= 600)) {
    throw new UsageError(`--seconds ${values.seconds} is not a number up to 600`)
  }
  return { peers, app, secret, patienceMs: seconds * 1_000, isJson: values.json ?? false }
}
