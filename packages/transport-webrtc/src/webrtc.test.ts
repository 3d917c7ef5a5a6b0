import { localEnd, transportSuite } from '@fieldmesh/core/testing'
import { describe, test } from 'vitest'
import { webrtc } from './node.ts'

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
