/** A line of Node processes, each of which dials the one before it over TCP. */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { openMesh } from '@fieldmesh/core'
import { tcp } from '@fieldmesh/transport-node'
import type { Measurement } from '../harness.ts'
import { meshTraffic } from '../transfer/mesh-traffic.ts'
import { meshOptions, type Receiver } from '../transfer/receiver.ts'
import { measureAsking, measureSending } from '../transfer/traffic.ts'
import { figuresOf, type TransferSize } from '../transfer/transfer-figures.ts'
import { untilReached } from './until-reached.ts'

/** Between this process and the last of a line of that many more. */
export async function measureNodeChain(
  hops: number,
  { bytes, requests }: TransferSize,
): Promise<Measurement> {
  const closers: (() => Promise<void>)[] = []
  try {
    let last: Receiver | undefined
    let first: Receiver | undefined
    for (let count = 0; count < hops; count += 1) {
      const link = await startLink(last?.port)
      closers.push(async () => link.close())
      last = link
      first ??= link
    }
    const transport = tcp({ addresses: [`tcp://127.0.0.1:${first?.port}`] })
    const mesh = await openMesh({ ...meshOptions(), transports: [transport] })
    closers.push(async () => mesh.close())
    const peer = last?.peer ?? ''
    await untilReached(mesh, peer, hops)
    const traffic = await meshTraffic(mesh, peer)
    const seconds = await measureSending(traffic, bytes)
    return figuresOf(bytes, seconds, await measureAsking(traffic, requests))
  } finally {
    await Promise.all(closers.map((close) => close()))
  }
}

/** Starts a peer that dials that port; `close` ends its process. */
async function startLink(port: number | undefined) {
  const program = fileURLToPath(new URL('link-program.ts', import.meta.url))
  const args = port === undefined ? [] : [`tcp://127.0.0.1:${port}`]
  const child = fork(program, args, { execArgv: ['--conditions=fieldmesh-source'] })
  const exited = once(child, 'exit')
  const [receiver] = (await once(child, 'message')) as [Receiver]
  return {
    ...receiver,
    async close() {
      child.disconnect()
      await exited
    },
  }
}
