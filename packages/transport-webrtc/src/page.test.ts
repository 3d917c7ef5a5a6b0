import { expect, test } from 'vitest'
import { webrtc } from './page.ts'

test('the page half can be imported and made where there is no WebRTC; it does not start', async () => {
  const transport = webrtc()
  const host = {
    localPeer: '00000000000000aa',
    accepted: () => undefined,
    addressFound: () => undefined,
    addressLost: () => undefined,
    networkChanged: () => undefined,
    sendSignal: () => undefined,
  }
  await expect(transport.start(host)).rejects.toThrow(/no WebRTC here/)
  await transport.stop()
})
