/**
 * `@fieldmesh/core` in browsers. The engine runs in the application's worker; nothing of engine,
 * cryptography, storage or documents is imported here, only types.
 */

import { createTaskQueue } from '../driver/task-queue.ts'
import { checkOptions, invalid } from './checked-options.ts'
import type { MeshOptions } from './mesh-options.ts'
import type { Mesh } from './mesh.ts'
import { pageEnvironment } from './page-environment.ts'
import { followPage } from './page-lifecycle.ts'
import { pagePlatform } from './page-platform.ts'
import { RunningMesh } from './running-mesh.ts'
import { WorkerAccess } from './worker-access.ts'

export * from './api.ts'

/**
 * Opens this device's peer of a mesh. Rejects with `MeshError`: `options-invalid`, `worker-failed`,
 * or a `store-` code when the store cannot be had; or with the reason of `options.signal`.
 */
export async function openMesh(options: MeshOptions): Promise<Mesh> {
  const checked = checkOptions(options)
  const { worker, storage, signal } = options
  if (!worker) {
    throw invalid(
      'worker is missing: in a browser the engine runs in a worker whose file calls serveEngine()',
    )
  }
  if (storage) throw invalid('storage is for Node; in a browser, hand it to serveEngine()')
  const broken: { tell: (error: Error) => void } = { tell: () => {} }
  const opening = { ...checked, platform: pagePlatform() }
  const access = await WorkerAccess.open(worker, opening, signal, (error) => broken.tell(error))
  const mesh = new RunningMesh({
    app: checked.app,
    access,
    environment: pageEnvironment(checked.transports.map(({ name }) => name)),
    tasks: createTaskQueue(),
  })
  broken.tell = ({ message }) => mesh.fail({ code: 'worker-failed', message })
  closeWithPage(mesh)
  followPage(mesh)
  return mesh
}

/** A page that goes away for good says farewell while it can. */
function closeWithPage(mesh: RunningMesh): void {
  const leave = (event: PageTransitionEvent) => {
    // Kept for the way back, with its worker: nothing is lost then.
    if (!event.persisted) mesh.abandon()
  }
  addEventListener('pagehide', leave)
  void mesh.ended.then(() => removeEventListener('pagehide', leave))
}
