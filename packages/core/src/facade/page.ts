/** `@fieldmesh/core`, the types of it. */

import { MeshError } from './mesh-error.ts'
import type { MeshOptions } from './mesh-options.ts'
import type { Mesh } from './mesh.ts'

export * from './api.ts'

/** Opens this device's peer of a mesh. Rejects with `MeshError`. */
export async function openMesh(options: MeshOptions): Promise<Mesh> {
  return Promise.reject(new MeshError('engine-failed', `${options.app}: there is no engine yet`))
}
