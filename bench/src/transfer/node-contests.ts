/** The contests between Node programs: in memory, and over TCP to another process. */

import { once } from 'node:events'
import { connect as connectNet, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { openMesh, type Mesh } from '@fieldmesh/core'
import { MemoryNetwork, memoryTransport } from '@fieldmesh/core/testing'
import { tcp } from '@fieldmesh/transport-node'
import type { Contender, Contest, Measurement } from '../harness.ts'
import { openMemoryChannels } from './memory-channel.ts'
import { meshTraffic, serveTraffic } from './mesh-traffic.ts'
import { rawTraffic, serveRaw } from './raw-traffic.ts'
import { meshOptions, startReceiver, tlsOptions } from './receiver.ts'
import { socketChannel } from './socket-channel.ts'
import { measureAsking, measureSending, type Traffic } from './traffic.ts'
import { figuresOf, transferFigures, type TransferSize } from './transfer-figures.ts'

/** Two meshes of one process beside two ends of a memory transport's channel. */
export function memoryContest(size: TransferSize): Contest {
  return {
    name: 'memory',
    figures: transferFigures,
    rounds: size.rounds,
    warmupRounds: 1,
    ours: { name: 'fieldmesh', run: async () => measureMemoryMesh(size) },
    baselines: [{ name: 'raw memory channel', run: async () => measureMemoryChannel(size) }],
  }
}

/** A mesh of each of two processes beside `node:tls` and `node:net` between two processes. */
export function tcpContest(size: TransferSize): Contest {
  return {
    name: 'tcp node',
    figures: transferFigures,
    rounds: size.rounds,
    warmupRounds: 1,
    ours: { name: 'fieldmesh', run: async () => measureTcpMesh(size) },
    baselines: [socketContender('tls', size), socketContender('net', size)],
  }
}

async function measure(traffic: Traffic, { bytes, requests }: TransferSize): Promise<Measurement> {
  const seconds = await measureSending(traffic, bytes)
  return figuresOf(bytes, seconds, await measureAsking(traffic, requests))
}

async function measureMemoryMesh(size: TransferSize): Promise<Measurement> {
  const network = new MemoryNetwork()
  const open = async (end: { address?: string; dial?: string[] }): Promise<Mesh> =>
    openMesh({ ...meshOptions(), transports: [memoryTransport({ network, ...end })] })
  const right = await open({ address: 'right' })
  const left = await open({ dial: ['right'] })
  serveTraffic(right)
  try {
    return await measure(await meshTraffic(left, right.peer), size)
  } finally {
    await Promise.all([left.close(), right.close()])
  }
}

async function measureTcpMesh(size: TransferSize): Promise<Measurement> {
  const receiver = await startReceiver('mesh')
  const transport = tcp({ addresses: [`tcp://127.0.0.1:${receiver.port}`] })
  const mesh = await openMesh({ ...meshOptions(), transports: [transport] })
  try {
    return await measure(await meshTraffic(mesh, receiver.peer), size)
  } finally {
    await mesh.close()
    await receiver.close()
  }
}

async function measureMemoryChannel(size: TransferSize): Promise<Measurement> {
  const { ends, close } = await openMemoryChannels()
  serveRaw(ends[1])
  try {
    return await measure(rawTraffic(ends[0]), size)
  } finally {
    await close()
  }
}

function socketContender(kind: 'tls' | 'net', size: TransferSize): Contender {
  return {
    name: `node:${kind}`,
    async run() {
      const receiver = await startReceiver(kind)
      const socket = await openSocket(kind, receiver.port)
      socket.setNoDelay(true)
      try {
        return await measure(rawTraffic(socketChannel(socket)), size)
      } finally {
        socket.destroy()
        await receiver.close()
      }
    },
  }
}

async function openSocket(kind: 'tls' | 'net', port: number): Promise<Socket> {
  const address = { host: '127.0.0.1', port }
  if (kind === 'net') {
    const socket = connectNet(address)
    await once(socket, 'connect')
    return socket
  }
  const socket = connectTls({ ...address, ...tlsOptions.client })
  await once(socket, 'secureConnect')
  return socket
}
