// `pnpm sim routing [--peers N] [--degree N] [--minutes N] [--interval MS] [--seed S]`: routers alone,
// on model links. A mesh joins at once; then, for some minutes, a link goes or comes at each interval;
// then a peer dies. Ends with one line; exits 1 when a packet could have gone in a circle.

import { parseArgs } from 'node:util'
import { believers, churn, drawLink } from '../packages/core/src/testing/routing/churn.ts'
import { ModelMesh } from '../packages/core/src/testing/routing/model-mesh.ts'
import { randomTopology, type Edge } from '../packages/core/src/testing/sim/mesh/mesh-topology.ts'
import { reach } from '../packages/core/src/testing/sim/mesh/reach.ts'
import { Dice } from '../packages/core/src/testing/sim/world/dice.ts'

/** Long enough for what is told lazily. */
const settleMs = 30_000
/** Delivery is looked at so often; a prime, so as not to keep step with the link events. */
const sampleMs = 1_237

/** Runs what the arguments say; gives the exit code. */
export function runRouting(args: readonly string[]): number {
  const { values } = parseArgs({
    args: [...args],
    options: {
      peers: { type: 'string', default: '100' },
      degree: { type: 'string', default: '6' },
      minutes: { type: 'string', default: '10' },
      interval: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '1' },
    },
  })
  const peerCount = Number(values.peers)
  const mesh = new ModelMesh(peerCount)
  const dice = new Dice(`routing ${values.seed}`)
  const { edges } = randomTopology(dice, peerCount, Number(values.degree))

  const coldStartMs = joinAtOnce(mesh, dice, edges)
  mesh.runUntil(settleMs)
  const coldBytes = mesh.linkBytes / peerCount
  console.log(
    `cold start: all pairs after ${coldStartMs} ms, settled after ${mesh.changedAtMs.toFixed(0)} ms, ` +
      `${coldBytes.toFixed(0)} B a peer in the first ${settleMs / 1_000} s`,
  )
  const churnMs = Number(values.minutes) * 60_000
  console.log(liveThroughChurn(mesh, dice, edges, churnMs, Number(values.interval)))
  mesh.runUntil(mesh.nowMs + settleMs)
  const purgedMs = loseOne(mesh, dice)
  const { connected, delivered } = reach(mesh)
  for (const { atMs, path, destination } of mesh.loops.slice(0, 3)) {
    console.log(`circle at ${atMs.toFixed(0)} ms: ${path.join(' ')} towards ${destination}`)
  }
  console.log(
    `${peerCount} peers, ${edges.length} links, seed ${values.seed}: ` +
      `${mesh.nextHopChanges} next hops changed, ${mesh.loops.length} circles; ` +
      `cold start ${coldStartMs} ms; dead peer purged in ${purgedMs} ms; ` +
      `${connected - delivered} connected pairs apart at the end`,
  )
  return mesh.loops.length > 0 || connected > delivered ? 1 : 0
}

/** Time until every pair of peers can talk. */
function joinAtOnce(mesh: ModelMesh, dice: Dice, edges: readonly Edge[]): number {
  for (const edge of edges) mesh.link(...edge, drawLink(dice))
  for (;;) {
    mesh.runUntil(mesh.nowMs + 10)
    const { connected, delivered } = reach(mesh)
    if (connected === delivered || mesh.nowMs >= settleMs) return mesh.nowMs
  }
}

function liveThroughChurn(
  mesh: ModelMesh,
  dice: Dice,
  edges: readonly Edge[],
  churnMs: number,
  intervalMs: number,
): string {
  const { bytes, linkBytes, frames, peerCount } = mesh
  const untilMs = mesh.nowMs + churnMs
  churn(mesh, dice.fork('churn'), edges, { fromMs: mesh.nowMs, untilMs, intervalMs })
  let connectedSum = 0
  let deliveredSum = 0
  let shareMin = 1
  while (mesh.nowMs < untilMs) {
    mesh.runUntil(Math.min(untilMs, mesh.nowMs + sampleMs))
    const { connected, delivered } = reach(mesh)
    connectedSum += connected
    deliveredSum += delivered
    shareMin = Math.min(shareMin, delivered / connected)
  }
  const perPeerSecond = (amount: number): number => (amount * 1_000) / churnMs / peerCount
  return (
    `churn, a link event each ${intervalMs} ms: a peer and second ` +
    `${perPeerSecond(mesh.bytes - bytes).toFixed(0)} B of routes, ` +
    `${perPeerSecond(mesh.linkBytes - linkBytes).toFixed(0)} B with frames, ` +
    `${perPeerSecond(mesh.frames - frames).toFixed(1)} frames; ` +
    `${((100 * deliveredSum) / connectedSum).toFixed(3)} % of connected pairs deliverable, ` +
    `${(100 * shareMin).toFixed(1)} % at worst`
  )
}

/** Time until nobody believes in a dead peer any more. */
function loseOne(mesh: ModelMesh, dice: Dice): number {
  const victim = dice.integer(0, mesh.peerCount - 1)
  const diedAtMs = mesh.nowMs
  mesh.reboot(victim)
  while (believers(mesh, victim) > 0 && mesh.nowMs < diedAtMs + settleMs) {
    mesh.runUntil(mesh.nowMs + 10)
  }
  return mesh.nowMs - diedAtMs
}
