/** The connection of a Node peer that dials directly: werift's, as for the transport `webrtc`. */

import { loadWerift, WeriftConnection } from '../werift-connection.ts'
import type { WeriftOptions } from '../werift-connection.ts'
import { answerOf, midOf } from './direct-description.ts'
import type { DirectConnector } from './direct-dial.ts'

/** Gives the connector of Node; rejects where werift is not installed. */
export async function loadNodeConnector(options: WeriftOptions): Promise<DirectConnector> {
  const werift = await loadWerift()
  return (address, _handOver, events) => {
    let mid: string | undefined
    const connection = new WeriftConnection(
      werift,
      options,
      { initiator: true, iceServers: [] },
      {
        signal: (signal) => {
          if (signal.type === 'offer') mid = midOf(signal.sdp)
        },
        // Not before: werift gives up once it knows all of the other end's candidates, and has none.
        gathered: () => {
          connection.signal({ type: 'answer', sdp: answerOf(address, mid ?? '0') })
        },
        opened: (facts) => {
          events.opened(facts)
        },
        failed: (error) => {
          events.failed(error)
        },
      },
    )
    return {
      get stage() {
        if (!connection.hasPath) return 'checking'
        const { remoteFingerprint } = connection
        const isOther = remoteFingerprint && !remoteFingerprint.equals(address.fingerprint)
        return isOther ? 'other-certificate' : 'path'
      },
      destroy: () => {
        connection.destroy()
      },
    }
  }
}
