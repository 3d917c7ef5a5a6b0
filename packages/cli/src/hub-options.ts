/** The options of `fieldmesh hub`, from the command line and the environment. */

import { flag, parsedArguments, text, texts } from './parsed-arguments.ts'
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
  /** Port of a TCP listener beside the WebSocket one, for Node peers; none when left out. */
  readonly tcpPort: number | undefined
  /**
   * The same over UDP. Bound to every interface, it finds the Node peers of the app on the links of this
   * machine as well.
   */
  readonly udpPort: number | undefined
  /** UDP port by which pages dial directly, without signalling or TLS; none when left out. */
  readonly directPort: number | undefined
  /** File that the certificate of direct dialling is kept in. */
  readonly certificatePath: string
  /** Addresses of other hubs to stay connected with: `ws:`, `wss:`, `tcp:`, `udp:` or `webrtc-direct:`. */
  readonly peers: readonly string[]
  /** Report as lines of JSON, for programs. */
  readonly isJson: boolean
}

/** The address that stands for those of every interface. */
export const everyInterface = '0.0.0.0'

export const hubUsage = `usage: fieldmesh hub --app NAME [options]

  --app NAME       name of the application; only peers of the same one are let in
  --secret HEX     64 hexadecimal digits that every peer shares; better given as
                   the environment variable FIELDMESH_SECRET, which others cannot see
  --port PORT      port of the WebSocket listener (8787; 0 for any)
  --tcp PORT       listen for Node peers over TCP as well (0 for any)
  --udp PORT       the same over UDP, and find Node peers of the app on the links
                   of this machine by mDNS and multicast, if bound to all
  --direct PORT    let pages dial over UDP by address and fingerprint alone, from
                   https pages too (0 for any); prints the addresses to paste
  --certificate FILE
                   where the certificate for that is kept: who deletes it gets
                   other addresses (the store's name and .certificate.pem)
  --host ADDRESS   address the listeners are bound to (0.0.0.0: every interface)
  --store FILE     where the documents are kept (fieldmesh-hub.sqlite)
  --name NAME      what other peers see (hub)
  --peer URL       another hub, ws://HOST:PORT, tcp://HOST:PORT, udp://HOST:PORT
                   or its address for direct dialling; may be repeated
  --json           report as lines of JSON
`

/** The options, or 'help'; throws `UsageError` for what is missing or malformed. */
export function parseHubOptions(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): HubOptions | 'help' {
  const values = parsedArguments(args, {
    app: text,
    secret: text,
    port: text,
    tcp: text,
    udp: text,
    direct: text,
    certificate: text,
    host: text,
    store: text,
    name: text,
    peer: texts,
    json: flag,
    help: flag,
  })
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
  const peers = values.peer ?? []
  const unknown = peers.find((peer) => !/^(ws|wss|tcp|udp|webrtc-direct):\/\//.test(peer))
  if (unknown !== undefined) {
    throw new UsageError(`--peer ${unknown} is no ws:, wss:, tcp:, udp: or webrtc-direct: address`)
  }
  const storePath = values.store ?? 'fieldmesh-hub.sqlite'
  return {
    app,
    secret,
    port: portOf('port', values.port ?? '8787'),
    tcpPort: values.tcp === undefined ? undefined : portOf('tcp', values.tcp),
    udpPort: values.udp === undefined ? undefined : portOf('udp', values.udp),
    directPort: values.direct === undefined ? undefined : portOf('direct', values.direct),
    certificatePath: values.certificate ?? `${storePath}.certificate.pem`,
    host: values.host ?? everyInterface,
    storePath,
    name: values.name ?? 'hub',
    peers,
    isJson: values.json ?? false,
  }
}

function portOf(option: string, text: string): number {
  const port = Number(text)
  if (text !== '' && Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  throw new UsageError(`--${option} ${text} is not a number from 0 to 65535`)
}
