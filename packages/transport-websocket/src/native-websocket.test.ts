import type { DialFailure } from '@fieldmesh/core/transport'
import { afterEach, expect, test, vi } from 'vitest'
import { connectNative } from './native-websocket.ts'

afterEach(() => {
  vi.unstubAllGlobals()
})

/** What dialling comes to at once, in a page of that protocol, or `tried` when a socket is made. */
function outcomeOf(pageProtocol: string, url: string): string {
  let outcome = 'nothing'
  vi.stubGlobal('location', { protocol: pageProtocol })
  vi.stubGlobal('WebSocket', function (): object {
    outcome = 'tried'
    return { close: () => undefined }
  })
  connectNative(new URL(url), {
    opened: () => undefined,
    failed: (failure: DialFailure) => {
      outcome = `${failure.reason} ${failure.obstacle}`
    },
  })
  return outcome
}

test.each([
  ['https:', 'ws://192.168.1.20:8787/', 'not-permitted mixed-content'],
  ['https:', 'ws://hub.local/', 'not-permitted mixed-content'],
  ['https:', 'wss://hub.local/', 'tried'],
  ['https:', 'ws://localhost:8787/', 'tried'],
  ['https:', 'ws://127.0.0.1:8787/', 'tried'],
  ['https:', 'ws://[::1]:8787/', 'tried'],
  ['http:', 'ws://192.168.1.20:8787/', 'tried'],
])('from a page over %s to %s: %s', (protocol, url, outcome) => {
  expect(outcomeOf(protocol, url)).toBe(outcome)
})

test.each([
  ['denied', 'ws://192.168.1.20/', 'local-network-denied'],
  ['prompt', 'ws://hub.local/', 'local-network-unanswered'],
  ['granted', 'ws://hub.local/', undefined],
  ['denied', 'ws://hub.example/', undefined],
])('with the local network %s, %s is not reached for %s', async (state, url, obstacle) => {
  vi.stubGlobal('navigator', { permissions: { query: async () => ({ state }) } })
  const sockets: { onclose?: () => void }[] = []
  vi.stubGlobal('WebSocket', function (this: object): void {
    sockets.push(this)
  })
  const failure = await new Promise<DialFailure>((failed) => {
    connectNative(new URL(url), { opened: () => undefined, failed })
    sockets[0]?.onclose?.()
  })
  expect(failure).toMatchObject({ reason: 'unreachable', obstacle })
})
