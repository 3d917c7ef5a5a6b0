import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { MemoryNetwork, memoryTransport } from '../testing/memory-transport.ts'
import type { PeerId } from '../engine/identity/peer-id.ts'
import { DialFailure, type Transport } from '../transport/transport.ts'
import { diagnose, type DiagnosisFacts } from './diagnose.ts'
import { remedies } from './diagnosis.ts'
import { openMesh } from './node.ts'
import { pageEnvironment } from './page-environment.ts'

const [us, other, far] = ['00', '01', '02'].map((end) => `00000000000000${end}`) as [
  PeerId,
  PeerId,
  PeerId,
]
const peer = (id: PeerId, transports: readonly string[], hopCount: number | undefined) => ({
  peer: id,
  publicKey: undefined,
  platform: 'node',
  libraryVersion: '1.0.0',
  name: `peer ${id.at(-1)}`,
  metadata: {},
  transports,
  hopCount,
})

const well: DiagnosisFacts = {
  environment: { host: 'node', secureContext: true, missing: [] },
  graph: { local: us, peers: [peer(us, ['tcp'], 0), peer(other, ['tcp'], 1)], connections: [] },
  failedDials: [],
  problems: [],
  localNetwork: undefined,
  isOnline: true,
  wallMs: Date.UTC(2027, 0, 1),
}

function codesOf(facts: Partial<DiagnosisFacts>): readonly string[] {
  return diagnose({ ...well, ...facts }).findings.map(({ severity, code }) => `${severity} ${code}`)
}

describe('a diagnosis', () => {
  test('finds nothing where all is well', () => {
    expect(diagnose(well)).toEqual({ findings: [], linkedPeerCount: 1, reachedPeerCount: 1 })
  })

  test('names the obstacle of a dial, and what a permission explains', () => {
    const dial = { address: 'a', reason: 'unreachable', obstacle: undefined, count: 2 } as const
    const failed = { ...dial, transport: 'websocket', message: 'a was not reached.' }
    expect(codesOf({ failedDials: [failed] })).toEqual(['fault unreachable'])
    expect(diagnose({ ...well, failedDials: [failed] }).findings).toMatchObject([
      { message: 'a was not reached. (2 times in a row)', address: 'a', transport: 'websocket' },
    ])
    const mixed = { ...failed, obstacle: 'mixed-content' } as const
    expect(codesOf({ failedDials: [mixed] })).toEqual(['fault mixed-content'])
    const denied = 'local-network-denied'
    const webrtc = { ...failed, transport: 'webrtc' }
    expect(codesOf({ failedDials: [webrtc], localNetwork: denied })).toEqual([`fault ${denied}`])
    const named = { ...webrtc, obstacle: 'mdns-unresolved' } as const
    const both = { failedDials: [named], localNetwork: denied } as const
    expect(codesOf(both)).toEqual(['fault mdns-unresolved'])
  })

  test('tells each refusal once, and those last that may be as they should', () => {
    const secret = { code: 'secret-mismatch', message: 'it has another secret' } as const
    const app = { code: 'app-mismatch', message: 'it belongs to another app' } as const
    const quota = { code: 'storage-quota', message: 'full' } as const
    expect(codesOf({ problems: [app, secret, quota, secret] })).toEqual([
      'fault secret-mismatch',
      'hint app-mismatch',
    ])
  })

  test('says of peers without a transport in common whether they are reached all the same', () => {
    const graph = {
      ...well.graph,
      peers: [peer(us, ['tcp'], 0), peer(other, ['webrtc'], 3), peer(far, ['udp'], undefined)],
    }
    expect(codesOf({ graph })).toEqual(['fault no-common-transport', 'hint no-common-transport'])
  })

  test('looks at the device itself', () => {
    const graph = { ...well.graph, peers: [peer(us, [], 0)] }
    const environment = pageEnvironment(['webrtc'], { isSecureContext: false, navigator: {} })
    const wallMs = Date.UTC(1970, 0, 1)
    expect(codesOf({ graph, environment, wallMs, isOnline: false })).toEqual([
      'fault clock-wrong',
      'fault no-transport',
      'fault webrtc-missing',
      'hint offline',
      'hint insecure-page',
    ])
  })

  test('has a heading in docs/diagnosis.md for each code, and no other', () => {
    const path = new URL('../../../../docs/diagnosis.md', import.meta.url)
    const headings = [...readFileSync(path, 'utf8').matchAll(/^### (.*)$/gm)]
    const codes = Object.keys(remedies)
    expect(headings).toHaveLength(codes.length)
    expect(new Set(headings.map(([, heading]) => heading))).toEqual(new Set(codes))
  })
})

test('a mesh tells of the dials that came to nothing, until one succeeds', async () => {
  const network = new MemoryNetwork()
  const options = { app: 'diagnosis', secret: 'ab'.repeat(32) }
  const hub = await openMesh({
    ...options,
    transports: [memoryTransport({ network, address: 'hub' })],
  })
  const transport: Transport = memoryTransport({ network, dial: ['hub'] })
  const dial = transport.dial.bind(transport)
  const obstacle = 'mixed-content'
  let isForbidden = true
  transport.dial = async (address, signal) => {
    if (isForbidden) throw new DialFailure('unreachable', 'forbidden', { obstacle })
    return dial(address, signal)
  }
  const mesh = await openMesh({ ...options, transports: [transport] })
  try {
    await until(async () => (await mesh.diagnose()).findings.length > 0)
    expect((await mesh.diagnose()).findings).toMatchObject([{ code: obstacle, address: 'hub' }])
    isForbidden = false
    await until(async () => (await mesh.diagnose()).linkedPeerCount === 1)
    expect(await mesh.diagnose()).toEqual({
      findings: [],
      linkedPeerCount: 1,
      reachedPeerCount: 1,
    })
  } finally {
    await Promise.all([mesh.close(), hub.close()])
  }
  await expect(mesh.diagnose()).rejects.toMatchObject({ code: 'mesh-closed' })
})

/** Looks again with each task until it is so. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) {
    await new Promise((resolve) => {
      setTimeout(resolve, 1)
    })
  }
}
