/** Large meshes in virtual time. */

export { bluetooth, wifi } from '../network/profiles.ts'
export { MeshRun } from './mesh-run.ts'
export { diameterOf, longTopology, randomTopology } from './mesh-topology.ts'
