/** Our data channel of a page's peer connection, and the pipe that it becomes. */

import type { HandedOverPipe, HandOver } from '@fieldmesh/core/transport'
import { DataChannelPipe } from '@fieldmesh/core/transport-kit'
import {
  dataChannelId,
  dataChannelLabel,
  dataChannelProtocol,
  messageBytesMax,
} from './connection.ts'

/** Where the data channel is; a `ConnectionPipe`. */
export type PageDataPipe =
  | { readonly at: 'transport'; readonly pipe: DataChannelPipe }
  | { readonly at: 'engine'; readonly pipe: HandedOverPipe }

/**
 * Makes the data channel, in the task in which its connection was made, and hands it over where that
 * is possible: later it could not move any more.
 */
export function makeDataChannel(
  connection: RTCPeerConnection,
  handOver: HandOver | undefined,
  owner: { readonly opened: () => void; readonly over: () => void },
): PageDataPipe {
  const data = connection.createDataChannel(dataChannelLabel, {
    negotiated: true,
    id: dataChannelId,
    protocol: dataChannelProtocol,
  })
  const handedOver = handOver?.(data, messageBytesMax, owner.opened)
  if (!handedOver) return { at: 'transport', pipe: new DataChannelPipe(data, owner) }
  void handedOver.gone.then(owner.over)
  return { at: 'engine', pipe: handedOver }
}

/** The connection under it has ended. */
export function losePipe(data: PageDataPipe | undefined): void {
  // A farewell would have been told before.
  if (data?.at === 'transport') data.pipe.lose()
  else data?.pipe.destroy()
}

/** Largest message, in bytes, that both ends of an open connection take. */
export function messageBytesOf(connection: RTCPeerConnection): number {
  return Math.min(messageBytesMax, connection.sctp?.maxMessageSize ?? Infinity)
}
