/** The simulator: whole meshes in virtual time, from one seed or script. */

export { profileOf, wifi } from './network/profiles.ts'
export type { ProfileName } from './network/profiles.ts'
export type { PeerPlan, SimulatedPeer } from './peers/simulated-peer.ts'
export { runScript, type RunResult } from './run/run-script.ts'
export { runTwice } from './run/run-twice.ts'
export { Report } from './run/report.ts'
export { isSameViolation, shrink } from './run/shrinking.ts'
export { formatScript, parseScript } from './script/script-text.ts'
export type { Script } from './script/script.ts'
export { drawScript } from './script/swarm.ts'
export type { Violation } from './world/violation.ts'
export { World } from './world/world.ts'
