/**
 * `@fieldmesh/core` in Node: the engine runs in this process. Also what a server that renders pages
 * imports, so nothing is loaded before a mesh is opened.
 */

import type { Cryptography } from '../engine/crypto/cryptography.ts'
import { abortable } from './abortable.ts'
import { checkOptions, invalid } from './checked-options.ts'
import type { MeshEnvironment } from './environment.ts'
import type { MeshOptions } from './mesh-options.ts'
import type { Mesh } from './mesh.ts'

export * from './api.ts'

/** From about there on `node:crypto` seals faster than libsodium, whose calls cost less. */
const sodiumBytesMax = 2_048

const environment: MeshEnvironment = { host: 'node', secureContext: true, missing: [] }

/**
 * Opens this device's peer of a mesh. Rejects with `MeshError`: `options-invalid`, or a `store-` code
 * when the store cannot be had; or with the reason of `options.signal`.
 */
export async function openMesh(options: MeshOptions): Promise<Mesh> {
  const checked = checkOptions(options)
  const { worker, signal } = options
  if (worker) throw invalid('worker is for browsers; in Node the engine runs in this process')
  signal?.throwIfAborted()
  const opening = openInProcess(options, checked)
  try {
    return await abortable(opening, signal)
  } catch (error) {
    if (signal?.aborted) opening.then((mesh) => mesh.close()).catch(() => {})
    throw error
  }
}

async function openInProcess(
  { storage }: MeshOptions,
  { app, secret, name, metadata, transports }: ReturnType<typeof checkOptions>,
): Promise<Mesh> {
  const [cryptography, { InProcessAccess }, { RunningMesh }, { createTaskQueue }, memory] =
    await Promise.all([
      fastCryptography(),
      import('./in-process-access.ts'),
      import('./running-mesh.ts'),
      import('../driver/task-queue.ts'),
      import('../storage/memory.ts'),
    ])
  const access = await InProcessAccess.open({
    app,
    secret,
    name,
    platform: 'node',
    metadata,
    transports,
    storage: storage ?? memory.memoryStorage(),
    cryptography,
  })
  return new RunningMesh({ app, access, environment, tasks: createTaskQueue() })
}

/** Each cipher for what it is best at. */
async function fastCryptography(): Promise<Cryptography> {
  const [{ nodeCryptography }, { withSodiumCipher }] = await Promise.all([
    import('../driver/node-cryptography.ts'),
    import('../driver/sodium-cipher.ts'),
  ])
  return withSodiumCipher(nodeCryptography, sodiumBytesMax)
}
