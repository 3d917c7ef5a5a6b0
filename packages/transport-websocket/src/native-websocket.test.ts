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
      outcome = failure.reason
    },
  })
  return outcome
}

test.each([
  ['https:', 'ws://192.168.1.20:8787/', 'not-permitted'],
  ['https:', 'ws://hub.local/', 'not-permitted'],
  ['https:', 'wss://hub.local/', 'tried'],
  ['https:', 'ws://localhost:8787/', 'tried'],
  ['https:', 'ws://127.0.0.1:8787/', 'tried'],
  ['https:', 'ws://[::1]:8787/', 'tried'],
  ['http:', 'ws://192.168.1.20:8787/', 'tried'],
])('from a page over %s to %s: %s', (protocol, url, outcome) => {
  expect(outcomeOf(protocol, url)).toBe(outcome)
})
