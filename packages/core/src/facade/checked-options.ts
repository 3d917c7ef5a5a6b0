/** Checking the options of `openMesh`, and filling in what is left out. */

import { decodeHex } from '../engine/bytes/hex.ts'
import type { Transport } from '../transport/transport.ts'
import { MeshError } from './mesh-error.ts'
import type { MeshOptions } from './mesh-options.ts'

/** Options that the engine will take. */
export interface CheckedOptions {
  readonly app: string
  readonly secret: Uint8Array
  readonly store: string
  readonly transports: readonly Transport[]
  readonly name: string
  readonly metadata: Readonly<Record<string, string>>
}

const nameLengthMax = 64
const metadataCountMax = 16
const metadataLengthMax = 256
const secretBytes = 32

/** The checked options. Throws `options-invalid` that names the first option that is wrong. */
export function checkOptions(options: MeshOptions): CheckedOptions {
  const { app, secret, store = 'main', transports = [], name = '', metadata = {} } = options
  checkText('app', app, 1, nameLengthMax)
  checkText('store', store, 1, nameLengthMax)
  checkText('name', name, 0, nameLengthMax)
  const entries = Object.entries(metadata)
  if (entries.length > metadataCountMax) {
    throw invalid(`metadata has ${entries.length} entries, at most ${metadataCountMax} are allowed`)
  }
  for (const [key, value] of entries) {
    checkText('a key of metadata', key, 1, metadataLengthMax)
    checkText(`metadata.${key}`, value, 0, metadataLengthMax)
  }
  const names = transports.map((transport) => transport.name)
  const twice = names.find((each, index) => names.indexOf(each) !== index)
  if (twice !== undefined) throw invalid(`there are two transports named ${twice}`)
  const copied = Object.fromEntries(entries)
  return { app, secret: checkSecret(secret), store, transports, name, metadata: copied }
}

/** `options-invalid` with that message. */
export function invalid(message: string): MeshError {
  return new MeshError('options-invalid', message)
}

/** The secret as bytes. No message ever repeats it. */
function checkSecret(secret: unknown): Uint8Array {
  const form = `32 bytes, or a text of ${2 * secretBytes} hexadecimal digits`
  if (typeof secret === 'string') {
    const bytes = decodeHex(secret)
    if (bytes?.length === secretBytes) return bytes
    throw invalid(`secret is a text of ${secret.length} characters; it must be ${form}`)
  }
  if (!(secret instanceof Uint8Array)) throw invalid(`secret is missing; it must be ${form}`)
  if (secret.length !== secretBytes) {
    throw invalid(`secret is ${secret.length} bytes; it must be ${form}`)
  }
  return secret.slice()
}

function checkText(option: string, value: unknown, lengthMin: number, lengthMax: number): void {
  if (typeof value !== 'string') throw invalid(`${option} is of type ${typeof value}, not a text`)
  if (value.length < lengthMin || value.length > lengthMax) {
    const bounds = `${lengthMin} to ${lengthMax}`
    throw invalid(`${option} is ${value.length} characters long; allowed are ${bounds}`)
  }
}
