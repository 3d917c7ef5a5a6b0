/** The contests over WebRTC: a mesh of pages, or of a page and Node, beside raw data channels. */

import { openTestPage, webRtcPermissions } from '@fieldmesh/testing-browser'
import type { PageServer, TestPage } from '@fieldmesh/testing-browser'
import { openMesh, type Mesh } from '@fieldmesh/core'
import { webrtc } from '@fieldmesh/transport-webrtc'
import { websocket } from '@fieldmesh/transport-websocket'
import type { Browser, BrowserContext } from 'playwright-core'
import type { Contest, Figure, Measurement } from '../harness.ts'
import { serveTraffic } from './mesh-traffic.ts'
import type { TransferMeeting } from './mesh.page.ts'
import { serveRaw } from './raw-traffic.ts'
import { meshOptions } from './receiver.ts'
import { quantile } from './traffic.ts'
import { figuresOf, transferFigures, type TransferSize } from './transfer-figures.ts'
import { answerInNode } from './werift-channel.ts'

/** Where the pages come from. */
export interface Stage {
  readonly browser: Browser
  readonly meshPages: PageServer
  readonly rawPages: PageServer
}

/** What is measured between two ends that have met, from the first one. */
type Measure = (sender: TestPage) => Promise<Measurement>

export const keystrokeFigures: readonly Figure[] = [
  { name: 'keystroke p50', unit: 'ms', better: 'lower' },
  { name: 'keystroke p99', unit: 'ms', better: 'lower' },
]
/** Between an answered keystroke and the next: a fast typist, so that a short transfer meets many. */
const keystrokePauseMs = 20

export function webrtcContests(stage: Stage, size: TransferSize): readonly Contest[] {
  const measure: Measure = async (sender) => {
    const seconds = await sender.call<number>('send', size.bytes)
    return figuresOf(size.bytes, seconds, await sender.call<number[]>('ask', size.requests))
  }
  const keystrokes: Measure = async (sender) => {
    const bytes = (size.bytes * 100) / 64
    const latencies = await sender.call<number[]>('askMeanwhile', bytes, keystrokePauseMs)
    return { 'keystroke p50': quantile(latencies, 0.5), 'keystroke p99': quantile(latencies, 0.99) }
  }
  const rounds = { rounds: size.rounds, warmupRounds: 1 }
  const pages = 'webrtc chromium-chromium'
  return [
    {
      name: pages,
      figures: transferFigures,
      ...rounds,
      ours: { name: 'fieldmesh', run: async () => betweenMeshPages(stage, measure) },
      baselines: [
        { name: 'raw', run: async () => betweenRawPages(stage, measure) },
        {
          name: 'raw × 1.5 + worker hop',
          run: async () =>
            betweenRawPages(stage, async (sender) =>
              withWorkerHop(sender, await measure(sender), size),
            ),
        },
      ],
    },
    {
      name: 'webrtc chromium-node',
      figures: transferFigures,
      ...rounds,
      ours: { name: 'fieldmesh', run: async () => betweenMeshPageAndNode(stage, measure) },
      baselines: [{ name: 'raw', run: async () => betweenRawPageAndNode(stage, measure) }],
    },
    {
      name: `${pages} busy`,
      figures: keystrokeFigures,
      ...rounds,
      ours: { name: 'fieldmesh', run: async () => betweenMeshPages(stage, keystrokes) },
      baselines: [{ name: 'raw', run: async () => betweenRawPages(stage, keystrokes) }],
    },
  ]
}

/** The bar of a request: one and a half times the raw one, and a hop to the worker and back. */
async function withWorkerHop(
  sender: TestPage,
  raw: Measurement,
  { requests }: TransferSize,
): Promise<Measurement> {
  const hops = await sender.call<number[]>('askWorker', requests)
  const bar = (figure: string, share: number) => 1.5 * raw[figure]! + quantile(hops, share)
  return { ...raw, 'request p50': bar('request p50', 0.5), 'request p99': bar('request p99', 0.99) }
}

async function betweenMeshPages(stage: Stage, measure: Measure): Promise<Measurement> {
  const meetInPages = async (meeting: TransferMeeting, [sender, receiver]: readonly TestPage[]) => {
    const [, peer] = await Promise.all([
      sender!.call<string>('join', meeting),
      receiver!.call<string>('join', meeting),
    ])
    await sender!.call('meet', peer)
    const measurement = await measure(sender!)
    await Promise.all([sender!.call('leave'), receiver!.call('leave')])
    return measurement
  }
  return withHub(async (meeting) =>
    withPages(stage, stage.meshPages, 2, async (pages) => meetInPages(meeting, pages)),
  )
}

async function betweenMeshPageAndNode(stage: Stage, measure: Measure): Promise<Measurement> {
  const meetNode = async (meeting: TransferMeeting, node: Mesh, sender: TestPage) => {
    await sender.call('join', meeting)
    await sender.call('meet', node.peer)
    const measurement = await measure(sender)
    await sender.call('leave')
    return measurement
  }
  // The node meets the page through the hub, as another page would: linked to it by a socket of the
  // LAN already, it would not look for anything better.
  return withHub(async (meeting) => {
    const transports = [webrtc(), websocket({ urls: [meeting.hubUrl] })]
    const node = await openMesh({ ...meshOptions(), transports })
    serveTraffic(node)
    try {
      return await withPages(stage, stage.meshPages, 1, async ([sender]) =>
        meetNode(meeting, node, sender!),
      )
    } finally {
      await node.close()
    }
  })
}

async function betweenRawPages(stage: Stage, measure: Measure): Promise<Measurement> {
  return withPages(stage, stage.rawPages, 2, async ([sender, receiver]) => {
    const offer = await sender!.call<string>('offer')
    await sender!.call('accept', await receiver!.call<string>('answer', offer))
    await Promise.all([sender!.call('open', false), receiver!.call('open', true)])
    return measure(sender!)
  })
}

async function betweenRawPageAndNode(stage: Stage, measure: Measure): Promise<Measurement> {
  return withPages(stage, stage.rawPages, 1, async ([sender]) => {
    const node = await answerInNode(await sender!.call<string>('offer'))
    try {
      await sender!.call('accept', node.answer)
      const opened = await Promise.all([node.channels, sender!.call('open', false)])
      opened[0].forEach(serveRaw)
      return await measure(sender!)
    } finally {
      await node.close()
    }
  })
}

/** A Node peer through which others meet. */
async function withHub(
  use: (meeting: TransferMeeting) => Promise<Measurement>,
): Promise<Measurement> {
  const listener = websocket({ listen: { host: '127.0.0.1', port: 0 } })
  const options = meshOptions()
  const hub = await openMesh({ ...options, transports: [listener] })
  try {
    const hubUrl = `ws://127.0.0.1:${listener.listening?.port}`
    return await use({ secret: options.secret, hubUrl })
  } finally {
    await hub.close()
  }
}

/** Pages in profiles of their own: nothing goes from one to another but through the network. */
async function withPages(
  stage: Stage,
  server: PageServer,
  count: number,
  use: (pages: readonly TestPage[]) => Promise<Measurement>,
): Promise<Measurement> {
  return withProfiles(stage, count, async (profiles) =>
    use(await Promise.all(profiles.map(async (profile) => openTestPage(profile, server)))),
  )
}

/** Profiles that share nothing, as on devices of their own; closed afterwards. */
export async function withProfiles(
  { browser }: Stage,
  count: number,
  use: (profiles: readonly BrowserContext[]) => Promise<Measurement>,
): Promise<Measurement> {
  const open = async () => browser.newContext({ permissions: webRtcPermissions })
  const profiles = await Promise.all(Array.from({ length: count }, open))
  try {
    return await use(profiles)
  } finally {
    await Promise.all(profiles.map(async (profile) => profile.close()))
  }
}
