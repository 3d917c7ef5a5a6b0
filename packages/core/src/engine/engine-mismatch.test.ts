/** Peers that do not belong together, dialling for an hour: never linked, and not a flood of reports. */

import { expect, test } from 'vitest'

import { createYjsDocuments } from '../documents/yjs-documents.ts'
import { nodeCryptography } from '../driver/node-cryptography.ts'
import { wifi, World, type PeerPlan } from '../testing/sim/index.ts'
import type { CommandAnswer } from './command.ts'

test.each([
  ['[HS5] another secret', { secret: new Uint8Array(32).fill(8) }, 'secret-mismatch'],
  ['[HS4] another app', { app: 'another' }, 'app-mismatch'],
] as const)(
  '%s: refused at every redial, told once by the dialler and every ten minutes by the other [LK16]',
  (_what, membership, code) => {
    const world = new World({
      seed: 1,
      cryptography: nodeCryptography,
      documents: createYjsDocuments(),
    })
    const plan = (name: string, addresses: string[], more: Partial<PeerPlan>): PeerPlan => {
      const dials = addresses.map((to) => ({ transport: 'wire', to, profile: wifi() }) as const)
      return { name, dials, ...more }
    }
    const codes = { hub: [] as string[], stranger: [] as string[] }
    const peers = {
      hub: world.add(plan('hub', [], {})),
      stranger: world.add(plan('stranger', ['hub'], membership)),
    }
    for (const name of ['hub', 'stranger'] as const) {
      peers[name].onEvent = (event) => {
        if (event.type === 'problem') codes[name].push(event.problem.code)
      }
    }
    world.runFor(1_000)
    expect(codes).toEqual({ hub: [code], stranger: [code] })
    world.runFor(3_600_000)
    expect(codes.stranger).toEqual([code])
    expect(new Set(codes.hub)).toEqual(new Set([code]))
    expect(codes.hub.length).toBeGreaterThan(1)
    expect(codes.hub.length).toBeLessThanOrEqual(7)

    const answers: CommandAnswer[] = []
    for (const peer of Object.values(peers)) {
      peer.execute({ type: 'presence' }, (answer) => answers.push(answer))
    }
    expect(answers).toMatchObject([
      { ok: true, value: { peers: [{}], connections: [] } },
      { ok: true, value: { peers: [{}], connections: [] } },
    ])
  },
)
