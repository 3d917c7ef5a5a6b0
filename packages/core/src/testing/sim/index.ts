/** The simulator: whole meshes in virtual time, from one seed. */

export { wifi } from './link-profile.ts'
export { runScenario } from './scenario.ts'
export type { ScenarioResult } from './scenario.ts'
export type { PeerPlan } from './simulated-peer.ts'
export { World } from './world.ts'
