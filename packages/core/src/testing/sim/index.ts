/** The simulator: whole meshes in virtual time, from one seed. */

export { bluetooth, wan, wifi, wifiCrowded } from './link-profile.ts'
export type { LinkProfile } from './link-profile.ts'
export { runScenario } from './scenario.ts'
export type { FaultCounts, ScenarioOptions, ScenarioResult } from './scenario.ts'
export { SimulatedPeer } from './simulated-peer.ts'
export type { PeerPlan } from './simulated-peer.ts'
export { World } from './world.ts'
export type { WorldOptions } from './world.ts'
