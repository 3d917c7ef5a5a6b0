/** The WebSocket of the page. */

import { DialFailure } from '@fieldmesh/core/transport'
import { subprotocol } from './websocket-wire.ts'
import type { ConnectEvents, WebSocketEvents, WebSocketWire } from './websocket-wire.ts'

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
    events.opened(new NativeWire(socket))
  }
  socket.onclose = () => {
    events.failed(
      new DialFailure(
        'unreachable',
        `${url.href} was not reached. The browser does not say why: nobody may listen there, the ` +
          'certificate may not be trusted, or the page may lack the permission for local networks.',
      ),
    )
  }
  return () => {
    socket.onopen = null
    socket.onclose = null
    socket.close()
  }
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
  )
}

class NativeWire implements WebSocketWire {
  readonly #socket: WebSocket
  #drainTimer: ReturnType<typeof setTimeout> | undefined
  #checkDrain: (() => void) | undefined

  constructor(socket: WebSocket) {
    this.#socket = socket
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount
  }

  listen(events: WebSocketEvents): void {
    this.#socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      events.message(data instanceof ArrayBuffer ? new Uint8Array(data) : undefined)
      // A hidden page's timers fire once a minute; what arrives wakes it as well.
      this.#checkDrain?.()
    }
    this.#socket.onclose = ({ code }) => {
      clearTimeout(this.#drainTimer)
      // 1006 stands for no close frame (RFC 6455, section 7.1.5).
      events.closed(code !== 1006)
    }
  }

  send(bytes: Uint8Array): void {
    // The engine's bytes never lie in shared memory, which alone the type would allow besides.
    this.#socket.send(bytes as Uint8Array<ArrayBuffer>)
  }

  onceBelow(bytes: number, callback: () => void): void {
    const check = () => {
      clearTimeout(this.#drainTimer)
      if (this.#socket.bufferedAmount > bytes) {
        this.#drainTimer = setTimeout(check, drainPollMs)
        return
      }
      this.#checkDrain = undefined
      callback()
    }
    this.#checkDrain = check
    this.#drainTimer = setTimeout(check, drainPollMs)
  }

  close(code: number): void {
    clearTimeout(this.#drainTimer)
    this.#checkDrain = undefined
    this.#socket.close(code)
  }

  destroy(): void {
    // Pages can do no more than `close`: the browser drops the connection in its own time.
  }
}
