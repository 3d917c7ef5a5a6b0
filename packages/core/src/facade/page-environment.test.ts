import { expect, test } from 'vitest'
import { pageEnvironment, type BrowserGlobals } from './page-environment.ts'

const here = {}
const everything: BrowserGlobals = {
  isSecureContext: true,
  RTCPeerConnection: here,
  navigator: { locks: here, serviceWorker: here, bluetooth: here, storage: { persist: here } },
}

test('nothing is missing where everything is there', () => {
  expect(pageEnvironment(['webrtc', 'webbluetooth'], everything)).toEqual({
    host: 'browser',
    secureContext: true,
    missing: [],
  })
})

test('an insecure context is named with what it takes away', () => {
  const globals = { isSecureContext: false, RTCPeerConnection: here, navigator: {} }
  const { secureContext, missing } = pageEnvironment(['webrtc', 'websocket'], globals)
  expect(secureContext).toBe(false)
  expect(missing.map(({ feature }) => feature)).toEqual([
    'secure-context',
    'web-locks',
    'service-worker',
    'persistent-storage',
  ])
  for (const { consequence } of missing) expect(consequence).toMatch(/\.$/)
})

test('Bluetooth and WebRTC are missed only by who wants them', () => {
  const bare = {
    ...everything,
    RTCPeerConnection: undefined,
    navigator: { ...everything.navigator, bluetooth: undefined },
  }
  expect(pageEnvironment(['websocket'], bare).missing).toEqual([])
  const wanted = pageEnvironment(['webrtc', 'webbluetooth'], bare).missing
  expect(wanted.map(({ feature }) => feature)).toEqual(['web-bluetooth', 'webrtc'])
})
