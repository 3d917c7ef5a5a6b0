/** The WebSocket of the page. */

import { DialFailure } from '@fieldmesh/core/transport'
import type { ChannelCloseReason } from '@fieldmesh/core/transport'
import { distanceOfHost, localNetworkObstacle, pipeMarks } from '@fieldmesh/core/transport-kit'
import type { Pipe, PipeEvents } from '@fieldmesh/core/transport-kit'
import { closeCodeOf, isFarewell, subprotocol } from './websocket-protocol.ts'
import type { ConnectEvents } from './websocket-protocol.ts'

/**
 * How often a full socket is looked at: pages hear of no event when buffered bytes have left. 4 ms
 * is the least that browsers grant to timers in a chain, and at 192 KiB between the marks enough
 * for 48 MB/s. Only a full socket is polled.
 */
const drainPollMs = 4

/** Begins to open a WebSocket from the page. */
export function connectNative(url: URL, events: ConnectEvents): () => void {
  const obstacle = mixedContent(url)
  if (obstacle) {
    events.failed(obstacle)
    return () => undefined
  }
  let socket: WebSocket
  try {
    socket = new WebSocket(url, subprotocol)
  } catch (error) {
    const reason = error instanceof DOMException && error.name === 'SecurityError'
    events.failed(
      new DialFailure(reason ? 'not-permitted' : 'bad-address', `The browser refuses ${url.href}`, {
        cause: error,
      }),
    )
    return () => undefined
  }
  socket.binaryType = 'arraybuffer'
  socket.onopen = () => {
    socket.onclose = null
    events.opened(new NativePipe(socket))
  }
  let isWanted = true
  socket.onclose = () => {
    void failureOf(url).then((failure) => {
      if (isWanted) events.failed(failure)
    })
  }
  return () => {
    isWanted = false
    socket.onopen = null
    socket.onclose = null
    socket.close()
  }
}

/** Browsers do not say why a socket did not open; a permission that is lacking can be asked for. */
async function failureOf(url: URL): Promise<DialFailure> {
  const isNear = distanceOfHost(url.hostname) === 'lan'
  const obstacle = isNear ? await localNetworkObstacle() : undefined
  const why =
    obstacle === undefined
      ? 'The browser does not say why: nobody may listen there, or its certificate is not trusted.'
      : 'This page has no permission for the local network.'
  return new DialFailure('unreachable', `${url.href} was not reached. ${why}`, { obstacle })
}

/** Secure pages may open insecure sockets to their own machine only. */
function mixedContent(url: URL): DialFailure | undefined {
  if (url.protocol !== 'ws:' || globalThis.location?.protocol !== 'https:') return undefined
  const { hostname } = url
  if (/^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)) return undefined
  return new DialFailure(
    'not-permitted',
    `A page loaded over https may not open ${url.href}. Reach the peer over wss:// or WebRTC, or ` +
      'load the page over http.',
    { obstacle: 'mixed-content' },
  )
}

class NativePipe implements Pipe {
  readonly #socket: WebSocket
  #events: PipeEvents | undefined
  #awaitsDrain = false
  #drainTimer: ReturnType<typeof setTimeout> | undefined

  constructor(socket: WebSocket) {
    this.#socket = socket
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount
  }

  get full(): boolean {
    return this.#socket.bufferedAmount >= pipeMarks.fullBytes
  }

  listen(events: PipeEvents): void {
    this.#events = events
    this.#socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      events.message(data instanceof ArrayBuffer ? new Uint8Array(data) : undefined)
      // A hidden page's timers fire once a minute; what arrives wakes it as well.
      this.#checkDrain()
    }
    this.#socket.onclose = ({ code }) => {
      clearTimeout(this.#drainTimer)
      events.closed(isFarewell(code) ? 'remote' : 'lost')
    }
  }

  send(bytes: Uint8Array): void {
    // The engine's bytes never lie in shared memory, which alone the type would allow besides.
    this.#socket.send(bytes as Uint8Array<ArrayBuffer>)
  }

  awaitDrain(): void {
    this.#awaitsDrain = true
    this.#drainTimer = setTimeout(() => {
      this.#checkDrain()
    }, drainPollMs)
  }

  close(reason: ChannelCloseReason): void {
    this.#awaitsDrain = false
    clearTimeout(this.#drainTimer)
    this.#socket.close(closeCodeOf(reason))
  }

  destroy(): void {
    // Pages can do no more than `close`: the browser drops the connection in its own time.
    this.#socket.onmessage = null
    this.#socket.onclose = null
  }

  #checkDrain(): void {
    if (!this.#awaitsDrain) return
    clearTimeout(this.#drainTimer)
    if (this.#socket.bufferedAmount > pipeMarks.drainedBytes) this.awaitDrain()
    else {
      this.#awaitsDrain = false
      this.#events?.drained()
    }
  }
}
