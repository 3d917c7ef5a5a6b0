/** What both ends of the TCP contest agree on. */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { MeshOptions } from '@fieldmesh/core'
import { memoryStorage } from '@fieldmesh/core/storage/memory'

/** Where the receiving end waits. */
export interface Receiver {
  readonly port: number
  /** Of the mesh; empty elsewhere. */
  readonly peer: string
}

export const meshOptions = (): MeshOptions & { readonly secret: string } => ({
  app: 'transfer',
  secret: '7e'.repeat(32),
  storage: memoryStorage(),
})

const key = Buffer.alloc(32, 0x7e)
const identity = 'bench'
// The cipher that certificates lead to as well; a shared key spares making a certificate.
const common = { ciphers: 'PSK-AES256-GCM-SHA384', maxVersion: 'TLSv1.2' } as const

export const tlsOptions = {
  server: { ...common, pskCallback: () => key },
  client: {
    ...common,
    pskCallback: () => ({ psk: key, identity }),
    checkServerIdentity: () => undefined,
  },
}

/** Starts a receiving end; `close` ends its process. */
export async function startReceiver(
  kind: 'mesh' | 'tls' | 'net',
): Promise<Receiver & { readonly close: () => Promise<void> }> {
  const program = fileURLToPath(new URL('receiver-program.ts', import.meta.url))
  const child = fork(program, [kind], { execArgv: ['--conditions=fieldmesh-source'] })
  const exited = once(child, 'exit')
  const failed = exited.then(() => {
    throw new Error(`the receiving end ended before it listened`)
  })
  const [receiver] = (await Promise.race([once(child, 'message'), failed])) as [Receiver]
  failed.catch(() => {})
  return {
    ...receiver,
    async close() {
      child.disconnect()
      await exited
    },
  }
}
