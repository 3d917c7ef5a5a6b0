import { localEnd, transportSuite } from '@fieldmesh/core/testing'
import { describe, test, vi } from 'vitest'
import { webrtc } from './node.ts'

// werift does everything in JavaScript: megabytes take seconds on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

describe('webrtc transport from Node to Node', () => {
  transportSuite({
    test,
    bulkBytes: 1024 * 1024,
    capabilities: webrtc().capabilities,
    traits: { encrypted: true, costClass: 'lan' },
    factory: async () => ({
      dialler: localEnd(webrtc(), '00000000000000aa'),
      listener: localEnd(webrtc(), '00000000000000bb'),
      address: () => '00000000000000bb',
      malformedAddress: 'somebody',
    }),
  })
})
