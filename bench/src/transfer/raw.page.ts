/** A page with two raw data channels to another page, or to Node, and nothing else. */

import { openDataChannel } from './data-channel.ts'
import { rawTraffic, serveRaw } from './raw-traffic.ts'
import { measureAsking, measureAskingMeanwhile, measureSending, type Traffic } from './traffic.ts'

const connection = new RTCPeerConnection()
// Negotiated, so that neither end need wait to hear of them.
const channels = [1, 3].map((id) => connection.createDataChannel('', { negotiated: true, id }))
let ways: Traffic[] = []

/** The description to hand to the other end, with all candidates. */
export async function offer(): Promise<string> {
  await connection.setLocalDescription(await connection.createOffer())
  return described()
}

export async function answer(remote: string): Promise<string> {
  await connection.setRemoteDescription({ type: 'offer', sdp: remote })
  await connection.setLocalDescription(await connection.createAnswer())
  return described()
}

export async function accept(remote: string): Promise<void> {
  await connection.setRemoteDescription({ type: 'answer', sdp: remote })
}

/** Resolves when both channels are open. */
export async function open(serves: boolean): Promise<void> {
  const opened = await Promise.all(channels.map(openDataChannel))
  if (serves) opened.forEach(serveRaw)
  else ways = opened.map(rawTraffic)
}

export async function send(bytes: number): Promise<number> {
  return measureSending(ways[0]!, bytes)
}

export async function ask(count: number): Promise<number[]> {
  return measureAsking(ways[0]!, count)
}

export async function askMeanwhile(bytes: number, pauseMs: number): Promise<number[]> {
  return measureAskingMeanwhile(ways[0]!, ways[1]!, bytes, pauseMs)
}

/** Milliseconds of so many round trips of 100 bytes between this page and a worker. */
export async function askWorker(count: number): Promise<number[]> {
  const worker = new Worker(new URL('echo.worker.ts', import.meta.url), { type: 'module' })
  const { port1, port2 } = new MessageChannel()
  worker.postMessage(port2, [port2])
  let answered = () => {}
  port1.onmessage = () => {
    answered()
  }
  const ask = async () =>
    new Promise<void>((resolve) => {
      answered = resolve
      port1.postMessage(new Uint8Array(100))
    })
  const latencies = await measureAsking({ send: async () => {}, ask }, count)
  worker.terminate()
  return latencies
}

async function described(): Promise<string> {
  if (connection.iceGatheringState !== 'complete') {
    await new Promise<void>((resolve) => {
      connection.onicegatheringstatechange = () => {
        if (connection.iceGatheringState === 'complete') resolve()
      }
    })
  }
  return connection.localDescription?.sdp ?? ''
}
