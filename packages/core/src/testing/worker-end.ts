/**
 * An end of a conformance test whose channels are used in a worker while its transport runs on the
 * page: as with a mesh, with broker and ports between, and with or without handing pipes over.
 *
 * The page makes ends with `workerEnds`; the worker's file calls `serveWorkerEnds`.
 */

import { AdoptingPort } from '../driver/adopting-port.ts'
import { MessageRecordPort } from '../driver/message-record-port.ts'
import type { PipeOrder, PipeReport } from '../driver/pipe-records.ts'
import { TransportBroker } from '../driver/transport-broker.ts'
import type { TransportOrder, TransportReport } from '../driver/transport-port.ts'
import type { PeerId } from '../engine/identity/peer-id.ts'
import type { Transport, TransportCapabilities } from '../transport/transport.ts'
import { localEnd } from './local-end.ts'
import { PortTransport } from './port-transport.ts'
import { EndServer, remoteEnd, type TransportEnd } from './transport-end.ts'

/** From the page. */
type WorkerRequest =
  | {
      readonly type: 'make'
      readonly end: number
      readonly peer: string
      readonly name: string
      readonly capabilities: TransportCapabilities
      readonly transports: MessagePort
      readonly pipes: MessagePort
    }
  | {
      readonly type: 'call'
      readonly call: number
      readonly end: number
      readonly method: string
      readonly args: readonly unknown[]
    }

/** To the page. */
interface WorkerAnswer {
  readonly call: number
  readonly result?: unknown
  readonly error?: string
}

/** Makes ends over transports of the page and one worker, which the caller terminates. */
export function workerEnds(worker: Worker): (transport: Transport, peer: string) => TransportEnd {
  let callCount = 0
  let endCount = 0
  const calls = new Map<number, (answer: WorkerAnswer) => void>()
  worker.addEventListener('message', ({ data }: MessageEvent<WorkerAnswer>) => {
    calls.get(data.call)?.(data)
    calls.delete(data.call)
  })
  return (transport, peer) => {
    const [transports, pipes] = [new MessageChannel(), new MessageChannel()]
    const end = endCount
    endCount += 1
    const { name, capabilities } = transport
    const ports = { transports: transports.port2, pipes: pipes.port2 }
    const make: WorkerRequest = { type: 'make', end, peer, name, capabilities, ...ports }
    worker.postMessage(make, [ports.transports, ports.pipes])
    const broker = new TransportBroker({
      transports: [transport],
      localPeer: peer as PeerId,
      port: new MessageRecordPort<TransportReport, TransportOrder>(transports.port1, {
        bytes: 'move',
      }),
      pipes: new MessageRecordPort<PipeOrder, PipeReport>(pipes.port1, { bytes: 'move' }),
    })
    return remoteEnd(peer, async (method, args) => {
      const started = method === 'start' ? broker.start() : undefined
      callCount += 1
      const call = callCount
      const answer = await new Promise<WorkerAnswer>((resolve) => {
        calls.set(call, resolve)
        worker.postMessage({ type: 'call', call, end, method, args } satisfies WorkerRequest)
      })
      await started
      if (answer.error !== undefined) throw new Error(answer.error)
      return answer.result
    })
  }
}

/** The whole of the worker's file; `scope` is its `self`. */
export function serveWorkerEnds(scope: {
  postMessage(message: unknown): void
  addEventListener(type: 'message', listener: (event: MessageEvent<WorkerRequest>) => void): void
}): void {
  const ends = new EndServer()
  const numbers = new Map<number, number>()
  scope.addEventListener('message', ({ data }) => {
    if (data.type === 'make') {
      const { transports, pipes, name, capabilities, peer } = data
      const port = new AdoptingPort(
        new MessageRecordPort<TransportOrder, TransportReport>(transports, { bytes: 'copy' }),
        new MessageRecordPort<PipeReport, PipeOrder>(pipes, { bytes: 'copy' }),
      )
      numbers.set(data.end, ends.add(localEnd(new PortTransport(name, capabilities, port), peer)))
      return
    }
    const { call, end, method, args } = data
    ends.call(numbers.get(end) ?? -1, method, args).then(
      (result) => scope.postMessage({ call, result } satisfies WorkerAnswer),
      (error: unknown) => scope.postMessage({ call, error: String(error) } satisfies WorkerAnswer),
    )
  })
}
