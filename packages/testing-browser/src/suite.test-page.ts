import type { PageSuite } from './in-page.ts'

/** Tests that tell whether the harness runs what it says it runs. */
export const suite: PageSuite = (test) => {
  test('a test in the page sees the page', () => {
    if (typeof document !== 'object') throw new Error('there is no document')
  })
  test('a test in the page may wait', async () => {
    const estimate = await navigator.storage.estimate()
    if (estimate.quota === undefined) throw new Error('there is no storage')
  })
}

/** A suite whose only test fails after saying why. */
export const failingSuite: PageSuite = (test) => {
  test('a test that fails', () => {
    console.warn('the kettle is empty')
    throw new Error('no tea')
  })
}

export function add(left: number, right: number): number {
  return left + right
}

/** Fails after its caller has gone on. */
export async function failInTheBackground(): Promise<void> {
  await new Promise<void>((resolve) => {
    setTimeout(() => {
      setTimeout(resolve, 0)
      throw new Error('nobody catches this')
    }, 0)
  })
}

export function openLoopbackConnection(): Promise<string> {
  return new Promise((resolve, reject) => {
    const left = new RTCPeerConnection()
    const right = new RTCPeerConnection()
    const pass = (from: RTCPeerConnection, to: RTCPeerConnection) => {
      from.addEventListener('icecandidate', ({ candidate }) => {
        if (candidate) to.addIceCandidate(candidate).catch(reject)
      })
    }
    pass(left, right)
    pass(right, left)
    const channel = left.createDataChannel('test')
    channel.addEventListener('open', () => {
      resolve(channel.readyState)
      left.close()
      right.close()
    })
    const negotiate = async () => {
      await left.setLocalDescription()
      await right.setRemoteDescription(left.localDescription as RTCSessionDescription)
      await right.setLocalDescription()
      await left.setRemoteDescription(right.localDescription as RTCSessionDescription)
    }
    negotiate().catch(reject)
  })
}
