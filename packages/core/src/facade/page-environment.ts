/** What a page finds missing in its browser. */

import type { EnvironmentFeature, MeshEnvironment, MissingFeature } from './environment.ts'

/** What the library looks at; a browser's `globalThis` has it. */
export interface BrowserGlobals {
  readonly isSecureContext?: boolean
  readonly RTCPeerConnection?: unknown
  readonly navigator: {
    readonly locks?: unknown
    readonly serviceWorker?: unknown
    readonly bluetooth?: unknown
    readonly storage?: { readonly persist?: unknown }
  }
}

const consequences: Record<EnvironmentFeature, string> = {
  'secure-context':
    'The page was opened by plain http from another machine, so the browser withholds several features; serve it over https, or open it as localhost.',
  'web-locks':
    'Whether the app is open in another tab is found out by asking around, which is slower and less certain.',
  'service-worker':
    'The app itself cannot be kept for use offline; its documents are kept all the same.',
  'persistent-storage':
    'The browser may delete documents when it needs room; other peers that hold them bring them back.',
  'web-bluetooth':
    'There are no Bluetooth links; use a browser with Web Bluetooth, such as Chrome.',
  webrtc: 'There are no direct links to other browsers; peers are reached by other transports.',
}

/** Looks around. Bluetooth and WebRTC count only if a transport of that name wants them. */
export function pageEnvironment(
  transportNames: readonly string[],
  globals: BrowserGlobals = globalThis,
): MeshEnvironment {
  const { navigator } = globals
  const secureContext = globals.isSecureContext === true
  const has: Record<EnvironmentFeature, boolean> = {
    'secure-context': secureContext,
    'web-locks': navigator.locks !== undefined,
    'service-worker': navigator.serviceWorker !== undefined,
    'persistent-storage': navigator.storage?.persist !== undefined,
    'web-bluetooth': navigator.bluetooth !== undefined || !transportNames.includes('webbluetooth'),
    webrtc: globals.RTCPeerConnection !== undefined || !transportNames.includes('webrtc'),
  }
  const features = Object.keys(has) as EnvironmentFeature[]
  const missing = features
    .filter((feature) => !has[feature])
    .map((feature): MissingFeature => ({ feature, consequence: consequences[feature] }))
  return { host: 'browser', secureContext, missing }
}
